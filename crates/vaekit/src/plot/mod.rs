//! Pictures: grids of images and scatter plots as PNG, curves as SVG, and pages that hold them.

mod columns;
mod curves;
mod grid;
mod map;
pub mod page;
mod points;
mod scatter;

pub use columns::{Group, grouped_svg, heat_svg};
pub use curves::{Curve, Inks, ON_PAGE, ON_WHITE, curves_svg};
pub use grid::{image_grid, tiles};
pub use map::map_svg;
pub use points::{Dots, bars_svg, dots_svg};
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
