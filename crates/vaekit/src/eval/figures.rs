//! The evidence lower bound over many rows, its parts, and what the latents do.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};
use vaekit_ops::{device, to_vec};

use crate::Result;
use crate::data::{Batches, Step};
use crate::model::likelihood::Domain;
use crate::model::{Mode, Support, Vae};
use crate::rng::Rng;

/// A dimension is active when the mean of its posterior varies by more than
/// this over the data (Burda et al. 2016, section 5.2).
const ACTIVE: f64 = 0.01;

/// The figures that every report shows, means over rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The evidence lower bound, nats an example, higher is better; none for an autoencoder.
    pub elbo_nats: Option<f64>,
    /// KL(q || p); none for an autoencoder.
    pub rate_nats: Option<f64>,
    /// -E_q log p(x given z).
    pub distortion_nats: f64,
    /// -ELBO / log 2 a known value, of the values as the model sees them; none where
    /// grey values under a Bernoulli make it meaningless.
    pub bits_per_dim: Option<f64>,
    /// The bound of the values as the file holds them: the bound less the mean log scale of rows. None for probabilities,
    /// which have no unit, for an autoencoder, and in files of builds before.
    #[serde(default)]
    pub elbo_stored_nats: Option<f64>,
    /// Squared error a known value of the reconstruction from the mean code.
    pub mse: f64,
    /// The same of the values as the file holds them; none in files of builds before.
    #[serde(default)]
    pub mse_stored: Option<f64>,
    /// Known values beyond 0 and 1 under a likelihood of values between, which has no density there: nats mean nothing
    /// unless this is 0.
    #[serde(default)]
    pub outside: usize,
    /// Dimensions whose mean varies by more than 0.01 (Burda et al. 2016, section 5.2); none for choices and directions.
    pub active_units: Option<usize>,
    /// Rows that were measured.
    pub rows: usize,
}

/// What each latent dimension does over the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentStats {
    /// Mean KL of each dimension; none where it does not factorise.
    pub kl: Option<Vec<f64>>,
    /// Mean and variance of the posterior's mean.
    pub mean: Vec<f64>,
    /// Variance of the posterior's mean.
    pub variance: Vec<f64>,
}

/// Measures a model on rows, with `samples` draws of z a row.
///
/// The draws belong to (seed, row), so the figures do not depend on the batch
/// size beyond rounding, nor on threads at all. The model must not be recording
/// gradients, which would only cost time.
///
/// # Errors
/// None of its own; those of the batches.
pub fn evaluate(vae: &Vae, batches: &Batches<'_>, samples: usize, rng: Rng) -> Result<(Figures, LatentStats)> {
    let mut sums = Sums::default();
    let (encoding, unit) = (batches.encoding(), matches!(vae.likelihood.domain(), Domain::Unit | Domain::Binary));
    batches.for_each(0, |_, host| {
        sums.log_volume += host.log_volumes(encoding).iter().sum::<f64>();
        if unit {
            // Rounding of the last digit is not meant.
            sums.outside += host.x.iter().filter(|v| !(-1e-5..=1.0 + 1e-5).contains(*v)).count();
        }
        let batch = host.to_device(&device::here());
        // Step 0 is the one that training never uses.
        let terms = vae.elbo_terms(&batch, samples, rng.at(0), Mode::Infer);
        let raw = vae.decode_samples(&terms.posterior.centre(), batch.given.as_ref());
        let [_, b, r] = raw.dims();
        let raw = vae.likelihood.with_known(raw.reshape([b, r]), &batch.x, batch.mask.as_ref());
        let mean = vae.likelihood.mean(raw);
        let error = mean.clone() - terms.rows_beside(&mean);
        sums.values += batch.known();
        sums.rows += b;
        sums.distortion += total(to_vec(terms.distortion()));
        let squares = to_vec(error.square());
        sums.error += total_of(&squares, &[1.0]);
        sums.error_stored += total_of(&squares, &encoding.scale);
        sums.rate = terms.rate().map(|rate| sums.rate.unwrap_or(0.0) + total(to_vec(rate)));
        if let Some(per_dim) = terms.analytic_kl.as_ref().and_then(|kl| kl.per_dim.clone()) {
            let d = per_dim.dims()[1];
            add_columns(sums.kl.get_or_insert_default(), &to_vec(per_dim), d, |v| v);
        }
        let mean = terms.posterior.mean();
        let d = mean.dims()[1];
        let mean = to_vec(mean);
        add_columns(&mut sums.mean, &mean, d, |v| v);
        add_columns(&mut sums.mean_squared, &mean, d, |v| v * v);
        Ok(Step::Continue)
    })?;
    let (mut figures, stats) = sums.finish();
    if vae.likelihood.is_mass() {
        figures.elbo_stored_nats = None;
    }
    // The mean of a choice or a direction varies without saying anything.
    if !matches!(vae.prior.support(), Support::Reals | Support::Spikes | Support::Groups) {
        figures.active_units = None;
    }
    Ok((figures, stats))
}

#[derive(Default)]
struct Sums {
    rows: usize,
    /// Known values of all rows.
    values: f64,
    distortion: f64,
    error: f64,
    error_stored: f64,
    /// Log scales of all known values.
    log_volume: f64,
    outside: usize,
    rate: Option<f64>,
    kl: Option<Vec<f64>>,
    mean: Vec<f64>,
    mean_squared: Vec<f64>,
}

impl Sums {
    fn finish(self) -> (Figures, LatentStats) {
        let n = self.rows.max(1) as f64;
        let scaled = |v: Vec<f64>| v.into_iter().map(|s| s / n).collect::<Vec<f64>>();
        let (mean, squared) = (scaled(self.mean), scaled(self.mean_squared));
        let variance: Vec<f64> = mean.iter().zip(&squared).map(|(m, s)| (s - m * m).max(0.0)).collect();
        let rate = self.rate.map(|r| r / n);
        let distortion = self.distortion / n;
        let elbo = rate.map(|r| -distortion - r);
        let figures = Figures {
            elbo_nats: elbo,
            rate_nats: rate,
            distortion_nats: distortion,
            bits_per_dim: elbo.map(|e| -e * n / (self.values.max(1.0) * LN_2)),
            elbo_stored_nats: elbo.map(|e| e - self.log_volume / n),
            mse: self.error / self.values.max(1.0),
            mse_stored: Some(self.error_stored / self.values.max(1.0)),
            outside: self.outside,
            active_units: rate.map(|_| variance.iter().filter(|v| **v > ACTIVE).count()),
            rows: self.rows,
        };
        (figures, LatentStats { kl: self.kl.map(scaled), mean, variance })
    }
}

fn total(values: Vec<f32>) -> f64 {
    values.into_iter().map(f64::from).sum()
}

/// The sum of squares, each times the square of its column's scale; one scale serves all columns.
fn total_of(squares: &[f32], scale: &[f32]) -> f64 {
    let weights: Vec<f64> = scale.iter().map(|s| f64::from(*s).powi(2)).collect();
    let rows = squares.chunks(if weights.len() == 1 { squares.len().max(1) } else { weights.len() });
    let row = |row: &[f32]| match weights.as_slice() {
        [one] => one * row.iter().map(|v| f64::from(*v)).sum::<f64>(),
        each => row.iter().zip(each).map(|(v, w)| f64::from(*v) * w).sum(),
    };
    rows.map(row).sum()
}

fn add_columns(sums: &mut Vec<f64>, values: &[f32], width: usize, f: impl Fn(f64) -> f64) {
    sums.resize(width, 0.0);
    for row in values.chunks(width.max(1)) {
        sums.iter_mut().zip(row).for_each(|(s, &v)| *s += f(f64::from(v)));
    }
}
