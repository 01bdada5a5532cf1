//! Class variables, relaxed in training, with or without real dimensions beside them.

use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec, to_vec};

use crate::model::{Form, Latents, Mode, Prior, Support};
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::diagonal::Gaussian;
use super::{Draws, Kl, Posterior, PosteriorFamily};

/// Real dimensions with a diagonal Gaussian, then class variables as one-hot vectors side by side.
///
/// In training a class variable is a Gumbel-softmax draw, softmax((logits + Gumbel noise) / temperature); in use it
/// is one-hot. Raw outputs are the means and log-variances of the real dimensions, then a logit a class. Jang et al.,
/// ICLR 2017, arXiv:1611.01144; Maddison et al., arXiv:1611.00712; with real dimensions Dupont, arXiv:1804.00104.
#[derive(Debug)]
pub struct Mixed {
    /// Real dimensions before the class variables.
    pub reals: usize,
    /// Classes a variable.
    pub classes: usize,
    /// Of the relaxation; smaller is sharper.
    pub temperature: f64,
}

impl Parameters for Mixed {}

impl PosteriorFamily for Mixed {
    fn name(&self) -> &'static str {
        if self.reals == 0 { "categorical" } else { "joint" }
    }

    fn raw_width(&self, latent: usize) -> usize {
        latent + self.reals
    }

    fn support(&self) -> Support {
        Support::Classes { reals: self.reals, classes: self.classes }
    }

    fn is_exact_in_training(&self) -> bool {
        false
    }

    fn posterior<'a>(&'a self, mut raw: Vec<Tensor<2>>, _: Rc<dyn Prior + 'a>, mode: Mode) -> Box<dyn Posterior + 'a> {
        let raw = raw.swap_remove(0);
        let [b, width] = raw.dims();
        let logits = raw.clone().narrow(1, 2 * self.reals, width - 2 * self.reals);
        let variables = logits.dims()[1] / self.classes;
        let log_pi = density::log_softmax(logits.reshape([b, variables, self.classes]), 2);
        let gaussian = (self.reals > 0).then(|| Gaussian::new(raw.narrow(1, 0, 2 * self.reals)));
        let temperature = matches!(mode, Mode::Train(_)).then_some(self.temperature);
        Box::new(Drawn { gaussian, log_pi, temperature })
    }
}

/// What sets the draws of classes apart from those of real dimensions.
const CLASSES: u64 = 0x434c_4153_5345_5300;

struct Drawn {
    gaussian: Option<Gaussian>,
    /// log-probabilities, `[B, V, C]`.
    log_pi: Tensor<3>,
    /// Of the relaxation; none for one-hot draws.
    temperature: Option<f64>,
}

impl Drawn {
    /// The likeliest class of each variable as one-hot vectors, `[B, V C]`.
    fn likeliest(&self) -> Tensor<2> {
        let [b, v, c] = self.log_pi.dims();
        from_vec(one_hot(&to_vec(self.log_pi.clone()), c), [b, v * c], &device::here())
    }

    /// Real dimensions and classes side by side along the last dimension.
    fn beside<const D: usize>(reals: Option<Tensor<D>>, classes: Tensor<D>) -> Tensor<D> {
        match reals {
            Some(reals) => Tensor::cat(vec![reals, classes], D - 1),
            None => classes,
        }
    }
}

/// One-hot vectors of the largest of each `classes` numbers; of equal ones the first.
fn one_hot(scores: &[f32], classes: usize) -> Vec<f32> {
    let mut out = vec![0.0; scores.len()];
    for (scores, out) in scores.chunks(classes).zip(out.chunks_mut(classes)) {
        let best = (0..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best });
        out[best] = 1.0;
    }
    out
}

impl Posterior for Drawn {
    fn mean(&self) -> Tensor<2> {
        Self::beside(self.gaussian.as_ref().map(Posterior::mean), self.likeliest())
    }

    fn log_var(&self) -> Option<Tensor<2>> {
        None
    }

    fn rsample(&self, k: usize, rows: &[u64], rng: Rng) -> Draws {
        let [b, v, c] = self.log_pi.dims();
        let uniform = rng.at_seed_of(CLASSES).uniform(Purpose::Posterior, rows, k * v * c);
        // -log(-log u), with u kept off both ends.
        let gumbel = uniform.iter().map(|u| -(-(f64::from(*u) + 3e-8).ln()).ln() as f32).collect();
        let noise = from_vec(gumbel, [b, k, v * c], &device::here()).swap_dims(0, 1);
        let scores = noise + self.log_pi.clone().reshape([1, b, v * c]);
        let classes = match self.temperature {
            Some(temperature) => {
                let scores = scores.mul_scalar(1.0 / temperature).reshape([k * b, v, c]);
                density::log_softmax(scores, 2).exp().reshape([k, b, v * c])
            }
            None => from_vec(one_hot(&to_vec(scores), c), [k, b, v * c], &device::here()),
        };
        let reals = self.gaussian.as_ref().map(|g| g.rsample(k, rows, rng).z.remove(0));
        vec![Self::beside(reals, classes)].into()
    }

    /// Of one-hot codes; for relaxed ones the same formula is no density.
    fn log_prob(&self, z: &Latents) -> Option<Tensor<2>> {
        let [k, b, d] = z[0].dims();
        let [_, v, c] = self.log_pi.dims();
        let reals = d - v * c;
        let classes = z[0].clone().narrow(2, reals, v * c);
        let of_classes = (classes * self.log_pi.clone().reshape([1, b, v * c])).sum_dim(2).reshape([k, b]);
        match &self.gaussian {
            Some(g) => Some(g.log_prob(&vec![z[0].clone().narrow(2, 0, reals)])? + of_classes),
            None => Some(of_classes),
        }
    }

    fn centre(&self) -> Latents {
        vec![self.mean().unsqueeze()]
    }

    /// sum pi log(pi C) of each variable, a term a class, beside the Gaussian's.
    fn kl(&self, prior: &dyn Prior) -> Option<Kl> {
        let Form::Uniform = prior.form() else { return None };
        let [b, v, c] = self.log_pi.dims();
        let each = (self.log_pi.clone().exp() * (self.log_pi.clone() + (c as f64).ln())).reshape([b, v * c]);
        let of_reals = self.gaussian.as_ref().map(|g| {
            let (mean, log_var) = g.parts();
            density::standard_normal_kl(mean, log_var)
        });
        Some(Kl::of_dimensions(Self::beside(of_reals, each)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(temperature: Option<f64>) -> Drawn {
        let logits = from_vec(vec![0.0, 1.0, -1.0, 2.0, 0.0, 0.0], [1, 2, 3], &device::cpu());
        Drawn { gaussian: None, log_pi: density::log_softmax(logits, 2), temperature }
    }

    #[test]
    fn one_hot_draws_have_the_probabilities() {
        let q = drawn(None);
        let z = to_vec(q.rsample(20_000, &[7], Rng::new(1)).z.remove(0));
        let pi = to_vec(q.log_pi.clone().exp());
        for (i, p) in pi.iter().enumerate() {
            let share = z.chunks(6).map(|row| row[i]).sum::<f32>() / 20_000.0;
            assert!((share - p).abs() < 0.02, "{share} is not {p}");
        }
    }

    #[test]
    fn relaxed_draws_sum_to_one_and_sharpen_as_the_temperature_falls() {
        let sharpest = |t| {
            let z = to_vec(drawn(Some(t)).rsample(500, &[7], Rng::new(1)).z.remove(0));
            assert!(z.chunks(3).all(|v| (v.iter().sum::<f32>() - 1.0).abs() < 1e-5));
            z.chunks(3).map(|v| v.iter().copied().fold(0.0, f32::max)).sum::<f32>() / 1000.0
        };
        assert!(sharpest(0.03) > 0.97 && sharpest(0.03) > sharpest(2.0) + 0.2);
    }
}
