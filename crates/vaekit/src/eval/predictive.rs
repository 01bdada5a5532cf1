//! What a model says of rows and of each column given the others: samples of z with importance weights.
//!
//! For z_k ~ q(z given x), w_k = p(x given z_k) p(z_k) / q(z_k given x):
//!
//! | quantity | estimate |
//! |---|---|
//! | log p(x) | log 1/K sum_k w_k |
//! | log p(x_j given the rest) | log sum_k w_k - log sum_k w_k / p(x_j given z_k) |
//! | E[f(x_j) given the rest] | sum_k (w_k / p(x_j given z_k)) E[f(x_j) given z_k], normalised |
//!
//! Every row meets the same noise, so that a row alone and a row among others have the same numbers.

use vaekit_ops::{Tensor, device, pool, to_vec};

use crate::data::Batch;
use crate::model::{Mode, Vae};
use crate::rng::Rng;
use crate::{Result, budget};

/// Where the addresses of these draws begin, apart from those of training and of evidence.
const STEP: u64 = 1 << 41;
/// Bytes of a block that are taken without a question, as for a batch in training.
const SMALL: u64 = 64 << 20;

/// What to keep of each sample beside its weight.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keep {
    /// log p of each event.
    pub events: bool,
    /// The mean of p(x given z).
    pub means: bool,
    /// A draw of p(x given z).
    pub draws: bool,
    /// What the mask hides is there all the same: that it is hidden says nothing.
    pub open: bool,
}

/// K samples of z for each of B rows.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// K.
    pub k: usize,
    /// B.
    pub rows: usize,
    /// E, events of a row.
    pub events: usize,
    /// X, coordinates of a row.
    pub width: usize,
    /// log p(x given z), log p(z), log q(z given x): `[K, B]` each.
    pub log_p_x: Vec<f32>,
    /// See `log_p_x`.
    pub log_p_z: Vec<f32>,
    /// See `log_p_x`.
    pub log_q: Vec<f32>,
    /// log p of each event, `[K, B, E]`; where one is not known 0, or what its being missing says.
    pub each: Vec<f32>,
    /// `[K, B, X]`
    pub means: Vec<f32>,
    /// `[K, B, X]`
    pub draws: Vec<f32>,
}

impl Samples {
    /// About how many bytes K samples of so many rows take while they are computed, `width` coordinates each.
    pub fn bytes(vae: &Vae, rows: usize, k: usize, width: usize) -> u64 {
        // Raw outputs with two results of their size, values, and the units of small networks.
        let each = 3 * vae.likelihood.raw_width(width) + (2 + vae.likelihood.held()) * width + 512;
        4u64.saturating_mul(each as u64).saturating_mul((rows * k) as u64)
    }

    /// log w of a sample of a row.
    pub fn log_weight(&self, k: usize, row: usize) -> f64 {
        let at = k * self.rows + row;
        f64::from(self.log_p_x[at]) + f64::from(self.log_p_z[at]) - f64::from(self.log_q[at])
    }

    /// log w of the samples of a row.
    pub fn log_weights(&self, row: usize) -> Vec<f64> {
        (0..self.k).map(|k| self.log_weight(k, row)).collect()
    }

    /// log p of an event under a sample of a row.
    pub fn event(&self, k: usize, row: usize, event: usize) -> f64 {
        f64::from(self.each[(k * self.rows + row) * self.events + event])
    }

    /// A coordinate of `means` or of `draws`.
    pub fn coordinate(&self, of: &[f32], k: usize, row: usize, at: usize) -> f32 {
        of[(k * self.rows + row) * self.width + at]
    }
}

/// Draws K samples of z for each row of a batch, whose noise depends on nothing but `rng`.
pub fn samples(vae: &Vae, batch: &Batch, k: usize, rng: Rng, keep: Keep) -> Samples {
    let b = batch.len();
    // The same address for all rows.
    let alike = vec![0; b];
    let (prior, posterior) = (vae.prior(), vae.encode(batch, Mode::Infer));
    let rng = rng.at(STEP);
    let draws = posterior.rsample(k, &alike, rng);
    let raw = vae.decode_samples(&draws.z, batch.given.as_ref()); // [K, B, R]
    let [_, _, r] = raw.dims();
    let width = batch.x.dims()[1];
    let mut found = Samples { k, rows: b, width, ..Samples::default() };
    if keep.events || keep.open {
        let each = match &batch.mask {
            Some(mask) if keep.open => vae.likelihood.log_prob_open(&batch.x, &raw, mask),
            Some(mask) => vae.likelihood.log_prob_known(&batch.x, &raw, mask),
            None => vae.likelihood.log_prob_each(&batch.x, &raw),
        };
        found.events = each.dims()[2];
        found.log_p_x = to_vec(each.clone().sum_dim(2));
        found.each = to_vec(each);
    } else {
        found.log_p_x = to_vec(vae.likelihood.log_prob(&batch.x, &raw, batch.mask.as_ref()));
    }
    found.log_p_z = to_vec(prior.log_prob(&draws.z));
    found.log_q = to_vec(posterior.log_q(&draws));
    if !keep.means && !keep.draws {
        return found;
    }
    let likelihood = &vae.likelihood;
    let raw = likelihood.with_known(raw.reshape([k * b, r]), &batch.x, batch.mask.as_ref());
    // Where a family knows what its being missing says of a value, missing values follow that.
    let gaps = batch.mask.as_ref().filter(|_| !keep.open).map(|mask| mask.clone().equal_elem(0.0).repeat_dim(0, k));
    let joined = |all: Tensor<2>, missing: &dyn Fn() -> Option<Tensor<2>>| match &gaps {
        Some(gaps) => missing().map_or(all.clone(), |missing| all.mask_where(gaps.clone(), missing)),
        None => all,
    };
    if keep.means {
        let mean = likelihood.mean(raw.clone());
        found.means = to_vec(joined(mean, &|| likelihood.mean_missing(raw.clone())));
    }
    if keep.draws {
        let ids: Vec<u64> = (0..k as u64).flat_map(|k| std::iter::repeat_n(k, b)).collect();
        let draws = likelihood.sample(raw.clone(), &ids, rng);
        found.draws = to_vec(joined(draws, &|| likelihood.sample_missing(raw.clone(), &ids, rng)));
    }
    found
}

/// log of the mean of e^v.
pub fn log_mean_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count() as f64;
    log_sum_exp(values) - n.ln()
}

/// log of the sum of e^v.
pub fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + values.map(|v| (v - most).exp()).sum::<f64>().ln()
}

/// Weights of samples that sum to 1.
pub fn normalized(log_weights: &[f64]) -> Vec<f64> {
    let sum = log_sum_exp(log_weights.iter().copied());
    log_weights.iter().map(|w| (w - sum).exp()).collect()
}

/// The same to the largest power up to 1 at which the effective number of samples, 1 / sum of w^2, is `least` or more
/// (tempered weights; Koblents & Miguez, Statistics and Computing 2015): where one sample has nearly all the weight, ranges
/// would shrink to a point.
pub fn tempered(log_weights: &[f64], least: f64) -> Vec<f64> {
    let at = |power: f64| normalized(&log_weights.iter().map(|w| power * w).collect::<Vec<f64>>());
    let enough = |weights: &[f64]| 1.0 / weights.iter().map(|w| w * w).sum::<f64>() >= least;
    let plain = at(1.0);
    if enough(&plain) {
        return plain;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if enough(&at(middle)) { low = middle } else { high = middle }
    }
    // Samples without any weight gain none by a power.
    if low > 0.0 { at(low) } else { plain }
}

/// The value below which a share of the weight lies.
pub fn quantile(values: &mut [(f32, f64)], share: f64) -> f32 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = values.iter().map(|(_, w)| w).sum();
    let mut below = 0.0;
    for (value, weight) in values.iter() {
        below += weight;
        if below >= share * total {
            return *value;
        }
    }
    values.last().map_or(f32::NAN, |(value, _)| *value)
}

/// Batches on the device as they are scored: always of so many rows, so that a row's numbers do not depend on how many
/// stand beside it. The last row fills what is left.
pub fn filled(rows: &[u32], size: usize) -> Vec<u32> {
    let last = rows.last().copied().unwrap_or_default();
    rows.iter().copied().chain(std::iter::repeat_n(last, size.saturating_sub(rows.len()))).collect()
}

/// What `of` makes of each block of `size` rows, in their order. Blocks are shared out among the threads where the memory
/// allows one for each of them; `held` are the bytes of one.
///
/// # Errors
/// A block that is larger than 64 MiB and than the memory, and the first error of `of`.
pub fn by_blocks<T: Send>(
    rows: &[u32],
    size: usize,
    held: u64,
    of: impl Fn(&[u32]) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    if held > SMALL {
        budget::ask("samples", &format!("the samples of z of {size} rows (see --samples)"), held)?;
    }
    let blocks: Vec<&[u32]> = rows.chunks(size.max(1)).collect();
    let fits = held.saturating_mul(pool::threads() as u64) <= budget::memory();
    match device::is_cpu() && fits {
        true => pool::map(blocks.len(), |i| of(blocks[i])).into_iter().collect(),
        false => blocks.into_iter().map(of).collect(),
    }
}

/// The device of these computations.
pub fn here() -> vaekit_ops::Device {
    device::here()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_quantiles_are_those_of_the_definition() {
        let cut = tempered(&[0.0, -50.0, -60.0, -70.0], 2.0);
        assert!((1.0 / cut.iter().map(|w| w * w).sum::<f64>() - 2.0).abs() < 1e-6 && cut[1] > cut[2], "{cut:?}");
        assert_eq!(tempered(&[0.0, f64::NEG_INFINITY, f64::NEG_INFINITY], 2.0), [1.0, 0.0, 0.0]);
        assert_eq!(tempered(&[0.0, -0.1], 1.5), normalized(&[0.0, -0.1]));
        let p = normalized(&[1000.0, 1000.0 + 3f64.ln()]);
        assert!((p[0] - 0.25).abs() < 1e-12 && (p[1] - 0.75).abs() < 1e-12);
        assert!((log_mean_exp([0.0, 3f64.ln()].into_iter()) - 2f64.ln()).abs() < 1e-12);
        let mut values = vec![(3.0, 0.2), (1.0, 0.3), (2.0, 0.5)];
        assert_eq!(
            (quantile(&mut values, 0.1), quantile(&mut values, 0.5), quantile(&mut values, 0.95)),
            (1.0, 2.0, 3.0)
        );
    }
}
