//! Kinds of noise: what they do to rows, and how likely a noisy row is.

use vaekit_ops::{Tensor, device, from_vec};

use crate::model::Corruption;
use crate::rng::Rng;
use crate::{Error, Result};

/// The spread of a value that the noise left alone, which no model gives exactly.
const KEPT: f64 = 0.1;

/// Noise of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the line above each names its numbers")]
pub enum Noise {
    /// Adds N(0, level^2), where the range of a pixel and the standard deviation of a column are 1.
    Gaussian { level: f32 },
    /// Sets a share of the values to 0: black, or the mean of a column.
    Masking { level: f32 },
    /// Sets a share of the values to 0 or 1, evenly: to black or white, or to the mean of a column or a standard deviation above.
    SaltAndPepper { level: f32 },
}

/// Makes noise of a level.
pub type MakeNoise = fn(f32) -> Noise;

/// Kinds of noise by their names.
pub const NOISES: &[(&str, MakeNoise)] = &[
    ("gaussian", |level| Noise::Gaussian { level }),
    ("masking", |level| Noise::Masking { level }),
    ("salt-and-pepper", |level| Noise::SaltAndPepper { level }),
];

impl Noise {
    /// Noise by its name.
    ///
    /// # Errors
    /// An unknown name, or a level that is not above 0 or, of a share, above 1.
    pub fn by_name(name: &str, level: f32) -> Result<Self> {
        let Some((_, make)) = NOISES.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = NOISES.iter().map(|(name, _)| *name).collect();
            return Err(Error::setting("noise", format!("'{name}' is unknown; expected one of {}", names.join(", "))));
        };
        let found = make(level);
        let most = if matches!(found, Self::Gaussian { .. }) { 1e3 } else { 1.0 };
        match level > 0.0 && level <= most {
            true => Ok(found),
            false => Err(Error::setting("level", format!("found {level}, expected a number above 0, at most {most}"))),
        }
    }

    /// Rows with the noise of each.
    pub(super) fn added(self, x: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let corruption = match self {
            Self::Gaussian { level } => Corruption::Gaussian { level },
            Self::Masking { level } => Corruption::Masking { level },
            Self::SaltAndPepper { level } => Corruption::SaltAndPepper { level, low: 0.0, high: 1.0 },
        };
        corruption.apply(x, rows, rng)
    }

    /// -log p(noisy given x) over all known values, `[1]`, constants left out. Where a share of the values is replaced, a value
    /// is either near x or one of the replaced: -log((1 - level) N(noisy; x, 0.1^2) / N(0; 0, 0.1^2) + level).
    pub(super) fn cost(self, noisy: &Tensor<2>, x: Tensor<2>, mask: Option<&Tensor<2>>) -> Tensor<1> {
        let squares = (x - noisy.clone()).square();
        let known = match mask {
            Some(mask) => mask.clone(),
            None => from_vec(vec![1.0; noisy.dims()[0] * noisy.dims()[1]], noisy.dims(), &device::here()),
        };
        let replaced = |level: f32, values: &[f32]| {
            // Pixels of a file are whole numbers, which are not quite these once they are scaled.
            let near_to = |v: &f32| (noisy.clone() - *v).abs().lower_elem(1e-4).float();
            let is_one = values.iter().map(near_to).reduce(|a, b| a + b);
            let share = is_one.map(|one| one.clamp_max(1.0).mul_scalar(level));
            let near = (squares.clone().mul_scalar(-0.5 / (KEPT * KEPT))).exp().mul_scalar(1.0 - level);
            match share {
                Some(share) => (near + share).clamp_min(1e-12).log().neg(),
                None => near.clamp_min(1e-12).log().neg(),
            }
        };
        let each = match self {
            Self::Gaussian { level } => squares.mul_scalar(0.5 / f64::from(level).powi(2)),
            Self::Masking { level } => replaced(level, &[0.0]),
            Self::SaltAndPepper { level } => replaced(level, &[0.0, 1.0]),
        };
        (each * known).sum()
    }
}
