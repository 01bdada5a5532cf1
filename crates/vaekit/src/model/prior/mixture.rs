//! Mixtures of diagonal Gaussians: learned ones, and the VampPrior's, which are posteriors of learned rows.

use std::cell::OnceCell;
use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec, mixture, to_vec};

use crate::Result;
use crate::model::Latents;
use crate::nn::{Init, Parameter, Parameters};
use crate::rng::{Purpose, Rng, pick, unit};

use super::{Encode, FittedMixture, Moment, Prior, PriorFamily};

/// Where log-variances of components stay.
const LOG_VAR: (f32, f32) = (-10.0, 10.0);

/// p(z) = sum_c w_c N(z; m_c, diag v_c), everything learned.
#[derive(Debug)]
pub struct Mixture {
    /// `[C]`
    logits: Parameter,
    /// `[C, D]`
    mean: Parameter,
    log_var: Parameter,
}

impl Mixture {
    /// Means start uniformly in [-1, 1]^D, variances at 1.
    pub fn new(components: usize, latent: usize, init: &mut Init) -> Self {
        let shape = [components, latent];
        Self {
            logits: init.constant("prior.logits".into(), &[components], 0.0),
            mean: init.uniform("prior.mean".into(), &shape, 1.0),
            log_var: init.constant("prior.log_var".into(), &shape, 0.0),
        }
    }
}

impl Parameters for Mixture {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.logits, &self.mean, &self.log_var]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.logits, &mut self.mean, &mut self.log_var]
    }
}

impl PriorFamily for Mixture {
    fn name(&self) -> &'static str {
        "mixture"
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        let c = self.logits.shape()[0];
        let log_weight = density::log_softmax(self.logits.tensor::<1>().reshape([1, c]), 1);
        let log_var = self.log_var.tensor::<2>().clamp(LOG_VAR.0, LOG_VAR.1);
        Rc::new(Components { log_weight, mean: self.mean.tensor(), log_var })
    }

    fn components(&self) -> Option<usize> {
        Some(self.logits.shape()[0])
    }

    fn begin(&mut self, moment: Moment<'_>) -> Result<()> {
        if let Moment::Pretrained(fit) = moment {
            let FittedMixture { weights, means, variances } = fit(self.logits.shape()[0])?;
            self.logits.set(weights.iter().map(|w| w.max(1e-6).ln()).collect(), true);
            self.mean.set(means, true);
            self.log_var.set(variances.iter().map(|v| v.max(1e-4).ln()).collect(), true);
        }
        Ok(())
    }
}

/// p(z) = 1/C sum_c q(z given u_c), with C learned rows u_c.
///
/// Tomczak & Welling, VAE with a VampPrior, AISTATS 2018, arXiv:1705.07120, equation 9. The rows start at training
/// rows. q stands for the encoder's diagonal Gaussian, the base where it is a flow.
#[derive(Debug)]
pub struct Vamp {
    /// `[C, X]`
    rows: Parameter,
    latent: usize,
}

impl Vamp {
    /// For rows of `width` values and codes of `latent` dimensions.
    pub fn new(components: usize, width: usize, latent: usize, init: &mut Init) -> Self {
        Self { rows: init.uniform("prior.rows".into(), &[components, width], 0.5), latent }
    }
}

impl Parameters for Vamp {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.rows]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.rows]
    }
}

impl PriorFamily for Vamp {
    fn name(&self) -> &'static str {
        "vamp"
    }

    fn prior<'a>(&'a self, encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(OfRows { family: self, encode, components: OnceCell::new() })
    }

    fn is_of_rows(&self) -> bool {
        true
    }

    fn begin(&mut self, moment: Moment<'_>) -> Result<()> {
        if let Moment::Start(rows) = moment {
            self.rows.set(rows(self.rows.shape()[0])?, false);
        }
        Ok(())
    }
}

/// Encodes its rows when first asked.
struct OfRows<'a> {
    family: &'a Vamp,
    encode: Encode<'a>,
    components: OnceCell<Components>,
}

impl OfRows<'_> {
    fn components(&self) -> &Components {
        self.components.get_or_init(|| {
            let raw = (self.encode)(self.family.rows.tensor()).swap_remove(0);
            let (c, d) = (raw.dims()[0], self.family.latent);
            let log_weight = from_vec(vec![-(c as f32).ln(); c], [1, c], &device::here());
            let log_var = raw.clone().narrow(1, d, d).clamp(LOG_VAR.0, LOG_VAR.1);
            Components { log_weight, mean: raw.narrow(1, 0, d), log_var }
        })
    }
}

impl Prior for OfRows<'_> {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        self.components().log_prob(z)
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        self.components().sample(rows, rng)
    }
}

struct Components {
    /// `[1, C]`
    log_weight: Tensor<2>,
    /// `[C, D]`
    mean: Tensor<2>,
    log_var: Tensor<2>,
}

impl Components {
    /// log of weight times density of each component at z `[N, D]`: `[N, C]`.
    ///
    /// The square is multiplied out, so that products do the work: sum z^2/v - 2 z m/v + m^2/v.
    fn joint(&self, z: Tensor<2>) -> Tensor<2> {
        let [c, d] = self.mean.dims();
        // Around the mean of the components, or far from 0 the square cancels.
        let centre = self.mean.clone().detach().mean_dim(0);
        let (z, mean) = (z - centre.clone(), self.mean.clone() - centre);
        let inverse = self.log_var.clone().neg().exp();
        let scaled = (mean.clone() * inverse.clone()).transpose(); // [D, C]
        let constant = (mean.square() * inverse.clone() + self.log_var.clone()).sum_dim(1).reshape([1, c]);
        let square = z.clone().square().matmul(inverse.transpose()) - z.matmul(scaled).mul_scalar(2.0) + constant;
        (square + d as f64 * density::log_two_pi()).mul_scalar(-0.5) + self.log_weight.clone()
    }
}

impl Prior for Components {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, d] = z[0].dims();
        let z = z[0].clone().reshape([k * b, d]);
        let mixture = mixture::Mixture { log_weight: &self.log_weight, mean: &self.mean, log_var: &self.log_var };
        if mixture::runs_here(&z, &mixture) {
            return from_vec(mixture::log_prob(&z, &mixture), [k, b], &z.device());
        }
        density::log_sum_exp(self.joint(z), 1).reshape([k, b])
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let d = self.mean.dims()[1];
        let weight = to_vec(self.log_weight.clone().exp());
        let (mean, log_var) = (to_vec(self.mean.clone()), to_vec(self.log_var.clone()));
        let eps = rng.normal(Purpose::Prior, rows, d);
        let mut out = Vec::with_capacity(eps.len());
        for (row, id) in rows.iter().enumerate() {
            // Another stream than the normal draws'.
            let u = unit(rand::Rng::next_u32(&mut rng.at_seed_of(1).stream(Purpose::Prior, *id)));
            let at = pick(u, weight.iter().copied()) * d;
            out.extend((0..d).map(|i| mean[at + i] + (0.5 * log_var[at + i]).exp() * eps[row * d + i]));
        }
        vec![from_vec(out, [rows.len(), d], &device::here())]
    }

    fn classes(&self, z: Tensor<2>) -> Option<Tensor<2>> {
        Some(density::log_softmax(self.joint(z), 1))
    }
}
