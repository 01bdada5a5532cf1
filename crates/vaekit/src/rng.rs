//! Counter-based randomness: every draw has an address.
//!
//! Element i of the draw for (seed, purpose, step, row) is the same whatever
//! the batch, the thread count or the device, so a run can stop anywhere and
//! go on to the same bytes. ChaCha8 keyed with the first three, its stream
//! number the row, serves each address; nothing is ever advanced or stored.

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use vaekit_ops::pool;

/// What a draw is for. Two purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights; the row is the parameter's place in the model.
    Init = 1,
    /// Order of the training rows; the step is the epoch.
    Shuffle = 2,
    /// Division into training, validation and test rows.
    Split = 3,
    /// Binarisation of grey pixels.
    Binarize = 4,
    /// eps of the reparameterisation.
    Posterior = 5,
    /// z from the prior.
    Prior = 6,
    /// Noise that a denoising model adds to its input.
    Corrupt = 7,
    /// x from p(x given z).
    Likelihood = 8,
    /// Built-in data sets.
    Builtin = 9,
    /// Choice of rows to show or keep.
    Choice = 10,
    /// An objective's own draws.
    Objective = 11,
    /// Moves of a Markov chain.
    Chain = 12,
    /// Draws of a score: resampled rows, chosen factors, starts of a search.
    Score = 13,
    /// Cells that a training pass hides from the model.
    Hide = 14,
}

/// The address of a family of draws: a seed and a step. Copy it freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rng {
    seed: u64,
    step: u64,
}

impl Rng {
    /// Randomness for a whole run, at step 0.
    pub fn new(seed: u64) -> Self {
        Self { seed, step: 0 }
    }

    /// The same seed at another step.
    pub fn at(self, step: u64) -> Self {
        Self { step, ..self }
    }

    /// Randomness of another seed that belongs to this one and to `purpose`.
    pub fn at_seed_of(self, purpose: u64) -> Self {
        Self { seed: self.seed ^ purpose, ..self }
    }

    /// The generator of one row.
    pub fn stream(self, purpose: Purpose, row: u64) -> ChaCha8Rng {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&self.step.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(row);
        rng
    }

    /// Standard normal draws, `width` for each row.
    ///
    /// # Shapes
    /// Result: `[rows, width]`, row-major.
    pub fn normal(self, purpose: Purpose, rows: &[u64], width: usize) -> Vec<f32> {
        let mut out = vec![0.0; rows.len() * width];
        pool::each_row(&mut out, width, |i, draws| {
            let mut rng = self.stream(purpose, rows[i]);
            draws.iter_mut().for_each(|d| *d = StandardNormal.sample(&mut rng));
        });
        out
    }

    /// Uniform draws on [0, 1), `width` for each row, in steps of 2^-24.
    ///
    /// # Shapes
    /// Result: `[rows, width]`, row-major.
    pub fn uniform(self, purpose: Purpose, rows: &[u64], width: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            let mut rng = self.stream(purpose, row);
            out.extend((0..width).map(|_| unit(rng.next_u32())));
        }
        out
    }

    /// A permutation of `0..n` (Fisher-Yates).
    pub fn permutation(self, purpose: Purpose, n: usize) -> Vec<u32> {
        let mut rng = self.stream(purpose, 0);
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, below(&mut rng, i as u64 + 1) as usize);
        }
        order
    }
}

/// A 32-bit word as a number on [0, 1).
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Which of several weights a uniform number on [0, 1) falls to; the last takes what rounding leaves.
pub fn pick(u: f32, weights: impl IntoIterator<Item = f32>) -> usize {
    let mut left = u;
    let mut last = 0;
    for (i, weight) in weights.into_iter().enumerate() {
        left -= weight;
        last = i;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// An integer on `0..n`, unbiased to 2^-64 n.
pub fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(n)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_does_not_depend_on_the_batch_it_is_asked_in() {
        let rng = Rng::new(7).at(3);
        let together = rng.normal(Purpose::Posterior, &[5, 9, 2], 4);
        assert_eq!(together[4..8], rng.normal(Purpose::Posterior, &[9], 4)[..]);
        assert_eq!(together[8..9], rng.normal(Purpose::Posterior, &[2], 1)[..]);
    }

    #[test]
    fn seed_purpose_step_and_row_each_change_the_draw() {
        let base = Rng::new(1).at(1).uniform(Purpose::Prior, &[1], 2);
        assert_ne!(base, Rng::new(2).at(1).uniform(Purpose::Prior, &[1], 2));
        assert_ne!(base, Rng::new(1).at(2).uniform(Purpose::Prior, &[1], 2));
        assert_ne!(base, Rng::new(1).at(1).uniform(Purpose::Init, &[1], 2));
        assert_ne!(base, Rng::new(1).at(1).uniform(Purpose::Prior, &[2], 2));
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let rows: Vec<u64> = (0..1000).collect();
        let draws = Rng::new(0).normal(Purpose::Posterior, &rows, 100);
        let n = draws.len() as f64;
        let mean = draws.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = draws.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 4.0 / n.sqrt(), "{mean}");
        assert!((var - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "{var}");
    }

    #[test]
    fn a_permutation_holds_every_row_once() {
        let mut order = Rng::new(3).permutation(Purpose::Shuffle, 1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
