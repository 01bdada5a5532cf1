//! Autoencoders whose decoder is kept smooth instead of their codes being drawn.

use vaekit_ops::{Tensor, device, from_vec};

use crate::model::ElboTerms;
use crate::nn::Parameters;
use crate::rng::Purpose;

use super::{Loss, Objective, Progress};

/// What keeps the decoder smooth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Penalty {
    /// Half the sum of squares of its weights.
    Weights,
    /// Half the sum of its weights' squared largest singular values (Yoshida & Miyato 2017, arXiv:1705.10941).
    Spectral,
    /// |dx/dz|^2 along a random direction for each row, whose mean is the squared norm of the Jacobian over D.
    Gradient,
}

/// value = distortion + codes |z|^2 / 2 + decoder penalty.
///
/// Ghosh et al., From Variational to Deterministic Autoencoders, ICLR 2020, arXiv:1903.12436, equations 4 to 7. The
/// gradient is taken by central differences of the decoded means.
#[derive(Clone, Debug)]
pub struct Regularized {
    /// Weight of half the squared length of codes.
    pub codes: f64,
    /// Weight of the penalty.
    pub decoder: f64,
    /// What keeps the decoder smooth.
    pub penalty: Penalty,
}

/// Half the distance of a difference, in units of z.
const STEP: f64 = 0.05;

impl Parameters for Regularized {}

impl Objective for Regularized {
    fn samples(&self) -> usize {
        1
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let [_, b, d] = terms.z()[0].dims();
        let z = terms.z()[0].clone().narrow(0, 0, 1).reshape([b, d]);
        let length = z.clone().square().sum_dim(1).mean().mul_scalar(0.5);
        let penalty: Option<Tensor<1>> = match self.penalty {
            Penalty::Weights => terms.decoder_size(),
            Penalty::Spectral => terms.decoder_norms(),
            Penalty::Gradient => {
                let draws = progress.rng.normal(Purpose::Objective, &terms.batch.row_ids, d);
                let direction = from_vec(draws, [b, d], &device::here());
                let size = direction.clone().square().sum_dim(1).sqrt() + 1e-12;
                let step = (direction / size).mul_scalar(STEP);
                let apart = terms.means_at(&[z.clone() + step.clone()]) - terms.means_at(&[z - step]);
                Some(apart.square().sum_dim(1).mean().mul_scalar(1.0 / (4.0 * STEP * STEP)))
            }
        };
        let mut value = terms.distortion().mean() + length.mul_scalar(self.codes);
        if let Some(penalty) = penalty {
            value = value + penalty.mul_scalar(self.decoder);
        }
        Loss::new(value, terms)
    }

    /// Power iteration ends before the last digit.
    fn is_slope_of_value(&self) -> bool {
        self.penalty != Penalty::Spectral
    }
}
