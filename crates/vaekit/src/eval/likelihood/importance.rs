//! log p(x) by importance sampling from the encoder's posterior.

use crate::Result;
use crate::data::{Batch, Batches};
use crate::model::{Mode, Vae};
use crate::rng::Rng;

use super::{Evidence, Heard, LogMeanExp, STEP, batches, check, doubles, log_volumes};

/// Samples of a row that are drawn together. Their address is the number of
/// their block, so this is part of what a seed means.
const BLOCK: usize = 128;

/// log p(x) of each row by K samples z_k ~ q(z given x):
///
/// log 1/K sum_k p(x given z_k) p(z_k) / q(z_k given x).
///
/// Rezende et al. 2014, appendix E; Burda et al. 2016, equation 8. Memory does
/// not grow with K.
///
/// # Errors
/// A model without densities, or the errors of the batches.
pub fn importance(vae: &Vae, rows: &Batches<'_>, samples: usize, rng: Rng, heard: Heard<'_>) -> Result<Evidence> {
    check(vae)?;
    let volumes = log_volumes(vae, rows)?;
    let mut evidence = Evidence { samples, ..Evidence::default() };
    batches(rows, heard, |batch| {
        evidence.values += batch.known();
        for Row { weights, halves, sum } in of_batch(vae, batch, samples, rng) {
            evidence.push(&weights, &halves, sum / samples as f64);
        }
    })?;
    evidence.log_volume = volumes[..evidence.log_p.len()].to_vec();
    Ok(evidence)
}

/// The weights of a row, of both halves of its samples, and the sum of their logarithms.
#[derive(Clone, Default)]
struct Row {
    weights: LogMeanExp,
    halves: [LogMeanExp; 2],
    sum: f64,
}

fn of_batch(vae: &Vae, batch: &Batch, samples: usize, rng: Rng) -> Vec<Row> {
    let b = batch.len();
    let mut rows = vec![Row::default(); b];
    let (prior, posterior) = (vae.prior(), vae.encode(batch, Mode::Infer));
    for block in 0..samples.div_ceil(BLOCK) {
        let k = BLOCK.min(samples - block * BLOCK);
        let draws = posterior.rsample(k, &batch.row_ids, rng.at(STEP + block as u64));
        let raw = vae.decode_samples(&draws.z, batch.given.as_ref());
        let log_p_x = vae.likelihood.log_prob(&batch.x, &raw, batch.mask.as_ref());
        let log_w = doubles(log_p_x + prior.log_prob(&draws.z) - posterior.log_q(&draws)); // [K, B]
        for (i, term) in log_w.into_iter().enumerate() {
            let (row, sample) = (&mut rows[i % b], block * BLOCK + i / b);
            row.weights.push(term);
            row.halves[usize::from(2 * sample >= samples)].push(term);
            row.sum += term;
        }
    }
    rows
}
