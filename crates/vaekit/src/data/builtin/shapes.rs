//! Sprites whose causes are known and independent, for judging disentanglement.

use std::f32::consts::PI;

use crate::Result;
use crate::rng::{Purpose, Rng, unit};

use super::super::{Dataset, Factors, Kind, Rows, Schema};
use super::Builtin;

const SIDE: usize = 64;
const ROWS: u64 = 9_600;
const SHAPES: [&str; 3] = ["square", "ellipse", "heart"];

/// Each row draws its five factors independently: the shape in turn, the
/// others uniformly.
pub fn make(set: &Builtin, seed: u64) -> Result<Dataset> {
    let (mut bytes, mut ids, mut values) = (Vec::with_capacity(ROWS as usize * SIDE * SIDE), Vec::new(), Vec::new());
    for row in 0..ROWS {
        let mut rng = Rng::new(seed).stream(Purpose::Builtin, row);
        let mut draw = |low: f32, high: f32| low + (high - low) * unit(rand::Rng::next_u32(&mut rng));
        let shape = (row % SHAPES.len() as u64) as u32;
        let (scale, turn) = (draw(0.5, 1.0), draw(0.0, 2.0 * PI));
        let (x, y) = (draw(0.0, 1.0), draw(0.0, 1.0));
        bytes.extend(render(shape, 11.0 * scale, turn, 16.0 + 32.0 * x, 16.0 + 32.0 * y));
        ids.push(shape);
        values.extend([shape as f32, scale, turn, x, y]);
    }
    let data = Dataset::new(set.name, Schema::images([1, SIDE, SIDE], Kind::Byte), Rows::U8(bytes))?;
    let mut data = data.labelled("class", ids, SHAPES.map(str::to_owned).to_vec())?;
    let names = ["shape", "scale", "rotation", "x", "y"].map(str::to_owned).to_vec();
    data.factors = Some(Factors { names, values });
    Ok(data)
}

/// White on black, edges smoothed by 3x3 samples a pixel.
fn render(shape: u32, radius: f32, turn: f32, cx: f32, cy: f32) -> Vec<u8> {
    let (sin, cos) = turn.sin_cos();
    let inside = |px: f32, py: f32| -> bool {
        let (dx, dy) = (px - cx, py - cy);
        let (u, v) = ((cos * dx + sin * dy) / radius, (cos * dy - sin * dx) / radius);
        match shape {
            0 => u.abs() <= 0.8 && v.abs() <= 0.8,
            1 => u * u + (v / 0.55).powi(2) <= 1.0,
            _ => {
                // The cubic heart curve, its point downwards.
                let (x, y) = (1.15 * u, 0.15 - 1.15 * v);
                let a = x * x + y * y - 0.6;
                a * a * a - x * x * y * y * y <= 0.0
            }
        }
    };
    let mut out = vec![0; SIDE * SIDE];
    for (i, pixel) in out.iter_mut().enumerate() {
        let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
        // Most pixels are far from the sprite.
        if (x - cx).abs() > radius + 2.0 && (y - cy).abs() > radius + 2.0 {
            continue;
        }
        let hits = (0..9).filter(|k| inside(x + (k % 3) as f32 / 3.0, y + (k / 3) as f32 / 3.0)).count();
        *pixel = (hits * 255 / 9) as u8;
    }
    out
}
