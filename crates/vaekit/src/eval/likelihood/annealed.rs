//! log p(x) by annealed importance sampling: for posteriors that q misses.

use vaekit_ops::{Tensor, device, from_vec, to_vec};

use crate::data::{Batch, Batches};
use crate::model::{Latents, Mode, Posterior, Prior, Support, Vae};
use crate::rng::{Purpose, Rng};
use crate::{Error, Result};

use super::{Evidence, Heard, LogMeanExp, STEP, batches, check, doubles, log_volumes};

/// How far and how finely to anneal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annealing {
    /// Chains a row.
    pub chains: usize,
    /// Temperatures between q(z given x) and p(x, z).
    pub steps: usize,
}

/// Leapfrog steps of a move.
const LEAPS: usize = 8;
/// What the pilot's draws differ by.
const PILOT: u64 = 0x5049_4c4f_5400_0000;
/// The share of moves that should be accepted (Neal 2011, section 5.4.4.3).
const WANTED: f64 = 0.65;
/// Where this file's draws begin, above those of [`super::split_gap`].
const FIRST: u64 = STEP + (1 << 31);

/// log p(x) of each row by chains that go from q(z given x) to p(z given x)
/// through f_t = q^(1 - t) p(x, z)^t, t from 0 to 1, by Hamiltonian moves:
///
/// log 1/C sum_c prod_i f_{t_i}(z_{i-1}) / f_{t_{i-1}}(z_{i-1}).
///
/// Neal 2001, equation 9; Wu et al. 2017 for decoders. The temperatures are
/// spaced as a sigmoid's values, closer at both ends. Step sizes are found by a
/// pilot on the first batch and then held, so that the estimate of p(x) stays
/// unbiased.
///
/// # Errors
/// A model without densities or with several latent groups, or the errors of the batches.
pub fn annealed(vae: &Vae, rows: &Batches<'_>, how: Annealing, rng: Rng, heard: Heard<'_>) -> Result<Evidence> {
    check(vae)?;
    let mut evidence = Evidence { samples: how.chains, ..Evidence::default() };
    if vae.prior.support() != Support::Reals {
        return Err(Error::unsupported("annealing", "moves real codes of one group; use importance sampling"));
    }
    let (mut sizes, mut known) = (None, true);
    batches(rows, heard, |batch| {
        let (prior, posterior) = (vae.prior(), vae.encode(batch, Mode::Infer));
        let start = posterior.rsample(how.chains, &batch.row_ids, rng.at(FIRST)).z;
        let Some(log_q) = posterior.log_prob(&start) else {
            known = false;
            return;
        };
        let elbo = doubles(log_joint(vae, &*prior, batch, &start) - log_q);
        let path = Path { vae, prior: &*prior, batch, posterior: &*posterior, how };
        let sizes = sizes.get_or_insert_with(|| path.pilot(rng));
        let log_w = path.walk(start, rng, Some(sizes)).0;
        evidence.values += batch.known();
        let b = batch.len();
        for row in 0..b {
            let (mut weights, mut halves) = (LogMeanExp::default(), [LogMeanExp::default(); 2]);
            for c in 0..how.chains {
                weights.push(log_w[c * b + row]);
                halves[usize::from(2 * c >= how.chains)].push(log_w[c * b + row]);
            }
            let mean = (0..how.chains).map(|c| elbo[c * b + row]).sum::<f64>() / how.chains as f64;
            evidence.push(&weights, &halves, mean);
        }
    })?;
    if !known {
        let problem = "needs q(z given x) at any z, and a flow knows that of its own draws; use importance sampling";
        return Err(Error::unsupported("annealing", problem));
    }
    evidence.log_volume = log_volumes(vae, rows)?[..evidence.log_p.len()].to_vec();
    Ok(evidence)
}

/// log p(x, z), `[K, B]`.
fn log_joint(vae: &Vae, prior: &dyn Prior, batch: &Batch, z: &Latents) -> Tensor<2> {
    let raw = vae.decode_samples(z, batch.given.as_ref());
    vae.likelihood.log_prob(&batch.x, &raw, batch.mask.as_ref()) + prior.log_prob(z)
}

/// The temperature after `i` of `n` steps: a sigmoid from -4 to 4, stretched to [0, 1].
fn temperature(i: usize, n: usize) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (low, high) = (sigmoid(-4.0), sigmoid(4.0));
    (sigmoid(8.0 * i as f64 / n as f64 - 4.0) - low) / (high - low)
}

/// The way of the chains of one batch.
struct Path<'a> {
    vae: &'a Vae,
    prior: &'a dyn Prior,
    batch: &'a Batch,
    posterior: &'a dyn Posterior,
    how: Annealing,
}

/// log f_0 and log f_1 of each chain, and the slope of log f_t.
struct Place {
    q: Vec<f64>,
    joint: Vec<f64>,
    slope: Vec<f32>,
}

impl Path<'_> {
    /// Step sizes from a walk of its own, whose draws the estimate does not share.
    fn pilot(&self, rng: Rng) -> Vec<f32> {
        let rng = rng.at_seed_of(PILOT);
        let start = self.posterior.rsample(self.how.chains, &self.batch.row_ids, rng.at(FIRST)).z;
        self.walk(start, rng, None).1
    }

    /// Goes from t = 0 to 1; gives the log-weights and the step sizes used.
    /// Without sizes it looks for good ones on the way.
    fn walk(&self, start: Latents, rng: Rng, sizes: Option<&Vec<f32>>) -> (Vec<f64>, Vec<f32>) {
        let [c, b, d] = start[0].dims();
        let mut z = to_vec(start[0].clone());
        let mut log_w = vec![0f64; c * b];
        let (mut size, mut used) = (0.1f32, Vec::with_capacity(self.how.steps));
        let mut place = self.look(&z, [c, b, d], 0.0);
        for i in 1..=self.how.steps {
            let (before, t) = (temperature(i - 1, self.how.steps), temperature(i, self.how.steps));
            for (w, (joint, q)) in log_w.iter_mut().zip(place.joint.iter().zip(&place.q)) {
                *w += (t - before) * (joint - q);
            }
            if let Some(sizes) = sizes {
                size = sizes[i - 1];
            }
            used.push(size);
            let (accepted, at) = self.hop(&mut z, [c, b, d], t, size, |half| rng.at(FIRST + 2 * i as u64 + half));
            place = at;
            if sizes.is_none() {
                size = (size * if accepted > WANTED { 1.05 } else { 0.92 }).clamp(1e-4, 2.0);
            }
        }
        (log_w, used)
    }

    /// A Hamiltonian move of every chain at temperature `t`; the share accepted, and where they are.
    fn hop(&self, z: &mut [f32], dims: [usize; 3], t: f64, size: f32, address: impl Fn(u64) -> Rng) -> (f64, Place) {
        let [c, b, d] = dims;
        let rows = &self.batch.row_ids;
        // A row draws for all its chains: [B, C, D] turned to [C, B, D].
        let draws = address(0).normal(Purpose::Chain, rows, c * d);
        let at = |i: usize| (i / d % b) * c * d + (i / d / b) * d + i % d;
        let mut momentum: Vec<f32> = (0..z.len()).map(|i| draws[at(i)]).collect();
        let energy = |place: &Place, momentum: &[f32]| -> Vec<f64> {
            let kinetic = momentum.chunks(d).map(|m| m.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 2.0);
            let potential = place.q.iter().zip(&place.joint).map(|(q, j)| -(1.0 - t) * q - t * j);
            kinetic.zip(potential).map(|(k, p)| k + p).collect()
        };
        let kick = |momentum: &mut [f32], slope: &[f32]| {
            momentum.iter_mut().zip(slope).for_each(|(m, s)| *m += 0.5 * size * s);
        };
        let old = self.look(z, dims, t);
        let before = energy(&old, &momentum);
        let mut moved = z.to_vec();
        let mut place = Place { q: Vec::new(), joint: Vec::new(), slope: old.slope };
        for _ in 0..LEAPS {
            kick(&mut momentum, &place.slope);
            moved.iter_mut().zip(&momentum).for_each(|(z, m)| *z += size * m);
            place = self.look(&moved, dims, t);
            kick(&mut momentum, &place.slope);
        }
        let after = energy(&place, &momentum);
        let uniform = address(1).uniform(Purpose::Chain, rows, c);
        let mut accepted = 0;
        for chain in 0..c * b {
            let u = f64::from(uniform[(chain % b) * c + chain / b]).max(1e-12);
            let part = chain * d..(chain + 1) * d;
            // A NaN refuses.
            if u.ln() < before[chain] - after[chain] {
                z[part.clone()].copy_from_slice(&moved[part]);
                accepted += 1;
            } else {
                place.q[chain] = old.q[chain];
                place.joint[chain] = old.joint[chain];
            }
        }
        (accepted as f64 / (c * b) as f64, place)
    }

    /// Densities and slope at a place.
    fn look(&self, z: &[f32], dims: [usize; 3], t: f64) -> Place {
        let z: Tensor<3> = from_vec(z.to_vec(), dims, &device::here_training()).require_grad();
        let latents = vec![z.clone()];
        let joint = log_joint(self.vae, self.prior, self.batch, &latents);
        let q = self.posterior.log_prob(&latents).expect("it was asked at the start");
        let mut gradients = (joint.clone().mul_scalar(t) + q.clone().mul_scalar(1.0 - t)).sum().backward();
        let slope = z.grad_remove(&mut gradients).map(to_vec).unwrap_or_else(|| vec![0.0; dims.iter().product()]);
        Place { q: doubles(q), joint: doubles(joint), slope }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperatures_go_from_zero_to_one_and_never_back() {
        let all: Vec<f64> = (0..=50).map(|i| temperature(i, 50)).collect();
        assert!(all[0].abs() < 1e-12 && (all[50] - 1.0).abs() < 1e-12);
        assert!(all.windows(2).all(|w| w[0] < w[1]));
    }
}
