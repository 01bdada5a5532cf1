//! What a plane of codes decodes to.

use vaekit_ops::math;

use crate::model::{Form, Model};
use crate::{Error, Result};

use super::Values;

impl Model {
    /// Means of p(x given z) on a grid of `steps` by `steps` codes of two
    /// dimensions, at even quantiles of N(0, 1) from 2.5 % to 97.5 % (Kingma &
    /// Welling 2014, appendix A).
    ///
    /// # Errors
    /// Codes of another number of dimensions.
    pub fn manifold(&self, steps: usize) -> Result<Values> {
        let latent = self.vae().latent();
        if latent != 2 {
            return Err(Error::unsupported(
                "manifold",
                format!(
                    "shows a plane, but these codes have {latent} dimensions; train with --latent 2, or use traverse"
                ),
            ));
        }
        if !matches!(self.vae().prior().form(), Form::Standard) {
            let name = self.vae().prior.name();
            return Err(Error::unsupported(
                "manifold",
                format!("shows N(0, I), and this prior is '{name}'; use traverse"),
            ));
        }
        let at = |i: usize| quantile(0.025 + 0.95 * i as f32 / (steps.max(2) - 1) as f32);
        let codes: Vec<f32> = (0..steps * steps).flat_map(|i| [at(i % steps), at(steps - 1 - i / steps)]).collect();
        self.decode(&codes, 2, steps, None)
    }
}

/// The quantile of N(0, 1), by halving [-8, 8].
fn quantile(p: f32) -> f32 {
    let (mut low, mut high) = (-8f32, 8f32);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        let below = 0.5 * (1.0 + math::erf(middle * std::f32::consts::FRAC_1_SQRT_2));
        if below < p { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (p, z) in [(0.5, 0.0), (0.025, -1.959_964), (0.975, 1.959_964), (0.841_344_7, 1.0)] {
            assert!((quantile(p) - z).abs() < 1e-4, "{p}: {}", quantile(p));
        }
    }
}
