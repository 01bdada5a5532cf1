//! Kinds of noise: what they do to rows, and how likely a noisy row is.

use vaekit_ops::{Tensor, device, from_vec};

use crate::model::Corruption;
use crate::{Error, Result};

/// The spread of a value that the noise left alone, which no model gives exactly.
const KEPT: f64 = 0.1;

/// Noise of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the line above each names its numbers")]
pub enum Noise {
    /// Adds N(0, level^2), in model units: of pixels the range is 1, of columns the standard deviation.
    Gaussian { level: f32 },
    /// Sets a share of the values to 0.
    Masking { level: f32 },
    /// Sets a share of the values to the least or the greatest, evenly.
    SaltAndPepper { level: f32 },
}

/// Kinds of noise by their names, made of a level.
pub const NOISES: &[(&str, fn(f32) -> Noise)] = &[
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

    /// What does the damage, to model values in a range.
    pub(super) fn corruption(self, (low, high): (f32, f32)) -> Corruption {
        match self {
            Self::Gaussian { level } => Corruption::Gaussian { level },
            Self::Masking { level } => Corruption::Masking { level },
            Self::SaltAndPepper { level } => Corruption::SaltAndPepper { level, low, high },
        }
    }

    /// -log p(noisy given x) over all known values, `[1]`, constants left out. Where a share of the values is replaced, a value
    /// is either near x or one of the replaced: -log((1 - level) N(noisy; x, 0.1^2) / N(0; 0, 0.1^2) + level).
    pub(super) fn cost(
        self,
        noisy: &Tensor<2>,
        x: Tensor<2>,
        mask: Option<&Tensor<2>>,
        (low, high): (f32, f32),
    ) -> Tensor<1> {
        let squares = (x - noisy.clone()).square();
        let known = match mask {
            Some(mask) => mask.clone(),
            None => from_vec(vec![1.0; noisy.dims()[0] * noisy.dims()[1]], noisy.dims(), &device::here()),
        };
        let replaced = |level: f32, values: &[f32]| {
            let is_one = values.iter().map(|v| noisy.clone().equal_elem(*v).float()).reduce(|a, b| a + b);
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
            Self::SaltAndPepper { level } => replaced(level, &[low, high]),
        };
        (each * known).sum()
    }
}
