//! How near rows are to clean ones.

use vaekit_ops::{device, from_vec, to_vec};

use crate::data::Schema;
use crate::objective::perceptual::Structure;

/// Means over rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Mean squared error a value, in units of the range of a pixel or the standard deviation of a column.
    pub mse: f64,
    /// 10 log10(1 / MSE) decibels of a picture whose pixels have a range of 1.
    pub psnr: Option<f64>,
    /// Structural similarity, at most 1 (Wang et al. 2004; windows of 11 x 11 pixels, of smaller pictures as many as fit).
    pub ssim: Option<f64>,
}

/// Compares rows with clean ones, both model values `[rows, X]` that are (x - b) / a with `units` [a, b] where the range of a
/// pixel is from 0 to 1; of a table the first `part` values. Missing values take no part. SSIM is that of pixels cut off at 0
/// and 1.
pub fn quality(
    schema: &Schema,
    [a, b]: [f32; 2],
    part: Option<usize>,
    clean: &[f32],
    found: &[f32],
    width: usize,
) -> Quality {
    let part = part.unwrap_or(width);
    let error = |(clean, found): (&[f32], &[f32])| {
        let pairs = clean.iter().zip(found).take(part).filter(|(clean, _)| !clean.is_nan());
        let square = |(clean, found): (&f32, &f32)| f64::from((clean - found) / a).powi(2);
        let (sum, n) = pairs.fold((0.0, 0.0), |(sum, n), pair| (sum + square(pair), n + 1.0));
        sum / f64::max(n, 1.0)
    };
    let errors: Vec<f64> = clean.chunks(width).zip(found.chunks(width)).map(error).collect();
    let rows = errors.len().max(1) as f64;
    let mse = errors.iter().sum::<f64>() / rows;
    let Some([c, h, w]) = schema.image_shape() else { return Quality { mse, psnr: None, ssim: None } };
    let decibels = |mse: &f64| -10.0 * mse.max(1e-12).log10();
    let psnr = Some(errors.iter().map(decibels).sum::<f64>() / rows);
    let ssim = (h >= Structure::LEAST && w >= Structure::LEAST).then(|| {
        let measure = Structure::new(c, h, w);
        let scaled = |x: &[f32]| {
            let values = x.iter().map(|v| ((v - b) / a).clamp(0.0, 1.0)).collect();
            from_vec(values, [x.len() / width, width], &device::here())
        };
        let blocks = clean.chunks(256 * width).zip(found.chunks(256 * width));
        let each = blocks.flat_map(|(a, b)| to_vec(measure.ssim(scaled(a), scaled(b))));
        each.map(f64::from).sum::<f64>() / rows
    });
    Quality { mse, psnr, ssim }
}
