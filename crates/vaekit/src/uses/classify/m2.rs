//! The semi-supervised generative model M2: p(x, y, z) = p(y) p(z) p(x given y, z), with q(y given x) and q(z given x, y).

use vaekit_ops::{Activation, Tensor, device, from_vec, softplus};

use crate::data::Step;
use crate::nn::classifier::cross_entropy;
use crate::nn::{Fit, Init, Mlp, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::features::{Features, Rows};
use super::network::{Network, batch};

/// Hidden units, and dimensions of z.
const HIDDEN: usize = 256;
const LATENT: usize = 10;
/// Unlabelled and labelled rows of a step, and the size of steps.
const BATCH: usize = 128;
const LABELLED: usize = 64;
const RATE: f64 = 1e-3;
/// What the cross-entropy of a labelled row counts beside the nats of an unlabelled one.
const WEIGHT: f64 = 100.0;
/// log sigma^2 of p(x given y, z) stays within.
const LOG_VAR: (f32, f32) = (-6.0, 3.0);

/// All networks; the first is what tells classes.
struct M2 {
    class: Network,
    encoder: Mlp,
    decoder: Mlp,
    latent: usize,
    /// True where x goes from 0 to 1: Bernoulli; else Gaussian with a variance from the decoder.
    unit: bool,
}

impl Parameters for M2 {
    fn parameters(&self) -> Vec<&Parameter> {
        [self.class.parameters(), self.encoder.parameters(), self.decoder.parameters()].concat()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.class.parameters_mut();
        all.extend(self.encoder.parameters_mut());
        all.extend(self.decoder.parameters_mut());
        all
    }
}

impl M2 {
    /// log p(x given y, z) + log p(y) - KL(q(z given x, y) from p(z)) with one draw of z, `[N, 1]`.
    fn bound(&self, x: &Tensor<2>, y: &Tensor<2>, eps: Vec<f32>) -> Tensor<2> {
        let ([n, width], classes) = (x.dims(), y.dims()[1]);
        let q = self.encoder.forward(Tensor::cat(vec![x.clone(), y.clone()], 1));
        let mean = q.clone().narrow(1, 0, self.latent);
        let log_var = q.narrow(1, self.latent, self.latent).clamp(-10.0, 5.0);
        let kl = (mean.clone().square() + log_var.clone().exp() - log_var.clone() - 1.0).sum_dim(1).mul_scalar(0.5);
        let eps: Tensor<2> = from_vec(eps, [n, self.latent], &device::here());
        let z = mean + log_var.mul_scalar(0.5).exp() * eps;
        let raw = self.decoder.forward(Tensor::cat(vec![z, y.clone()], 1));
        let log_p = if self.unit {
            x.clone() * raw.clone() - softplus(raw)
        } else {
            let (mean, log_var) = (raw.clone().narrow(1, 0, width), raw.narrow(1, width, width));
            let log_var = log_var.clamp(LOG_VAR.0, LOG_VAR.1);
            let square = (x.clone() - mean).square() / log_var.clone().exp();
            (square + log_var + std::f64::consts::TAU.ln()).mul_scalar(-0.5)
        };
        log_p.sum_dim(1) - kl - (classes as f64).ln()
    }

    /// sum_y q(y given x) bound(x, y) + H(q(y given x)), a mean over rows: `[1]`.
    fn of_unlabelled(&self, x: &Tensor<2>, rng: Rng) -> Tensor<1> {
        let n = x.dims()[0];
        let logits = self.class.mlp.forward(x.clone());
        let classes = logits.dims()[1];
        let shifted = logits.clone() - logits.max_dim(1).detach();
        let log_q = shifted.clone() - shifted.exp().sum_dim(1).log();
        // Rows once for each class, the class changing slowest.
        let times = x.clone().repeat_dim(0, classes);
        let one_hot = (0..classes * n * classes).map(|i| f32::from(i % classes == i / classes / n)).collect();
        let y: Tensor<2> = from_vec(one_hot, [classes * n, classes], &device::here());
        let ids: Vec<u64> = (0..(classes * n) as u64).collect();
        let bounds = self.bound(&times, &y, rng.normal(Purpose::Objective, &ids, self.latent));
        let bounds = bounds.reshape([classes, n]).transpose();
        (log_q.clone().exp() * (bounds - log_q)).sum_dim(1).mean()
    }
}

/// The network q(y given x) of a model of all rows, and how many passes it learned for.
pub fn learn(
    features: &Features,
    (known, class): (&Rows, &[u32]),
    all: &Rows,
    classes: usize,
    epochs: usize,
    rng: Rng,
    progress: &mut dyn FnMut(usize) -> Step,
) -> (Network, usize) {
    let width = known.width;
    let latent = LATENT.min(width.max(2));
    let raw = if features.unit { width } else { 2 * width };
    let mut init = Init::new(rng.at_seed_of(1));
    let relu = Activation::Relu;
    let mut model = M2 {
        class: Network::new(vec![width, HIDDEN, classes], rng),
        encoder: Mlp::new("encoder", &[width + classes, HIDDEN, 2 * latent], relu, &mut init),
        decoder: Mlp::new("decoder", &[latent + classes, HIDDEN, raw], relu, &mut init),
        latent,
        unit: features.unit,
    };
    let steps = all.len().div_ceil(BATCH).max(1);
    let mut fit = Fit::begin(&mut model);
    let mut done = 0;
    for epoch in 0..epochs {
        let order = rng.at(epoch as u64).permutation(Purpose::Shuffle, all.len());
        for (step, part) in order.chunks(BATCH).enumerate() {
            let at = rng.at((1 << 32) + (epoch * steps + step) as u64);
            let part: Vec<usize> = part.iter().map(|row| *row as usize).collect();
            let chosen = batch(known.len(), LABELLED, at);
            let label: Vec<u32> = chosen.iter().map(|row| class[*row]).collect();
            let tensor = |rows: Vec<f32>| -> Tensor<2> {
                let n = rows.len() / width;
                from_vec(rows, [n, width], &device::here())
            };
            let (x, own) = (tensor(all.drawn(&part, at)), tensor(known.drawn(&chosen, at.at_seed_of(2))));
            let one_hot =
                label.iter().flat_map(|l| (0..classes).map(|c| f32::from(c == *l as usize)).collect::<Vec<_>>());
            let y = from_vec(one_hot.collect(), [label.len(), classes], &device::here());
            let ids: Vec<u64> = (0..label.len() as u64).collect();
            let of_labelled = model.bound(&own, &y, at.at_seed_of(3).normal(Purpose::Objective, &ids, latent)).mean();
            let share = known.len() as f64 / (known.len() + all.len()) as f64;
            let nats =
                model.of_unlabelled(&x, at.at_seed_of(4)).mul_scalar(1.0 - share) + of_labelled.mul_scalar(share);
            let loss = cross_entropy(model.class.mlp.forward(own), &label).mul_scalar(WEIGHT) - nats;
            // The last half settles.
            let left = (2.0 * (1.0 - epoch as f64 / epochs as f64)).min(1.0);
            fit.descend(&mut model, &loss, RATE * left);
        }
        done = epoch + 1;
        if progress(done) == Step::Stop {
            break;
        }
    }
    fit.end(&mut model);
    (model.class, done)
}
