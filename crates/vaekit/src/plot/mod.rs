//! Pictures: grids of images and scatter plots as PNG, curves as SVG.

mod curves;
mod grid;
mod scatter;

pub use curves::{Curve, curves_svg};
pub use grid::image_grid;
pub use scatter::scatter;

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// Encodes a picture as PNG.
///
/// # Errors
/// A picture that the encoder refuses, which is one without pixels.
pub fn png(picture: &RgbImage) -> std::io::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(std::io::Error::other)?;
    Ok(bytes.into_inner())
}
