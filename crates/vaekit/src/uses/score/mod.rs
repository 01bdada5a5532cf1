//! How strange rows are, calibrated on rows that no training saw.

mod calibrate;
mod maps;
mod reasons;
mod table;

pub use calibrate::{Calibration, Threshold};
pub use reasons::{Reason, Reasons};
pub use table::ScoredTable;

use vaekit_ops::{Tensor, to_vec};

use crate::data::{Dataset, Splits};
use crate::eval::bags::{self, Bags};
use crate::eval::kernel::{self, KernelDensity};
use crate::eval::median_and_spread;
use crate::eval::predictive::{Keep, Samples, by_blocks, filled, here, log_mean_exp, samples};
use crate::model::{Mode, Model};
use crate::{Error, Result};

/// Rows that are scored together: a constant, so that a row's score does not depend on others.
const ROWS: usize = 128;
/// Samples of z a row, unless more are asked for.
pub const SAMPLES: usize = 64;

/// What a score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The mean of two, each in standard deviations of held-out rows: `Importance`, and `Density` of the same rows.
    Joined,
    /// -log p(x), by importance sampling.
    Importance,
    /// -ELBO.
    Elbo,
    /// -E_q log p(x given z).
    Reconstruction,
    /// KL(q(z given x) || p(z)).
    Kl,
    /// -log p(z) at the mean of q.
    Latent,
    /// -log of a kernel density over training rows: no network takes part.
    Density,
    /// As `Joined`, with `Bags` in the place of `Density`: for training rows that hold anomalies.
    Robust,
    /// -log of mixtures of small bags of training rows: no network takes part.
    Bags,
}

/// Every score with the name that flags use.
pub const SCORES: &[(&str, By)] = &[
    ("joined", By::Joined),
    ("importance", By::Importance),
    ("elbo", By::Elbo),
    ("reconstruction", By::Reconstruction),
    ("kl", By::Kl),
    ("latent", By::Latent),
    ("density", By::Density),
    ("robust", By::Robust),
    ("bags", By::Bags),
];

/// How rows are scored.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Which score.
    pub by: By,
    /// Samples of z a row.
    pub samples: usize,
}

impl By {
    /// The usual score of rows: of those that were learned from, which may hold anomalies, the robust one.
    pub fn usual(learned_from: bool) -> Self {
        if learned_from { Self::Robust } else { Self::Joined }
    }
}

impl Default for How {
    fn default() -> Self {
        Self { by: By::Joined, samples: SAMPLES }
    }
}

/// Members of an ensemble, and what scores are measured against.
pub struct Scorer<'a> {
    members: Vec<&'a Model>,
    how: How,
    density: Option<Density>,
    /// Median and spread over held-out rows of each score that is joined.
    scales: Vec<(f64, f64)>,
    /// Scores of held-out rows.
    pub calibration: Calibration,
}

impl<'a> Scorer<'a> {
    /// Measures the scores of held-out rows: validation and test rows of the data of the run, which no member saw. Where
    /// there are none, training rows stand in, and `Calibration::held_out` is false.
    ///
    /// # Errors
    /// An autoencoder, which has no likelihood, or data that does not fit.
    pub fn new(members: Vec<&'a Model>, data: &Dataset, splits: &Splits, how: How) -> Result<Self> {
        let Some(first) = members.first() else {
            return Err(Error::unsupported("score", "needs a model; name a run folder"));
        };
        for model in &members {
            if !model.vae().posterior.is_density() {
                let problem = "an autoencoder's rows have no likelihood; train --variant vae";
                return Err(Error::unsupported("score", problem));
            }
            if model.vae().latent() == 0 {
                return Err(Error::unsupported("score", "the model has no latent variables"));
            }
        }
        let held: Vec<u32> = splits.valid.iter().chain(&splits.test).copied().collect();
        let held_out = !held.is_empty();
        let held = first.some(if held_out { &held } else { &splits.train }, HELD);
        let how = match (how.by, first.schema().is_image()) {
            (By::Joined | By::Robust, true) => How { by: By::Importance, ..how },
            (By::Density | By::Bags, true) => {
                let problem = "is measured between rows of tables, and these are pictures; choose importance";
                return Err(Error::setting("by", problem));
            }
            _ => how,
        };
        let coordinates_of = |n: usize| -> Result<(Vec<f32>, Vec<u32>)> {
            let rows = first.some(&splits.train, n);
            Ok((coordinates(first, data, &rows)?, rows))
        };
        let density = match how.by {
            By::Joined | By::Density => {
                let (x, rows) = coordinates_of(kernel::MOST)?;
                Some(Density::Kernel(KernelDensity::fit(x, rows, first.x_width())))
            }
            By::Robust | By::Bags => {
                let (x, _) = coordinates_of(bags::MOST)?;
                Some(Density::Bags(Bags::fit(&x, first.x_width(), first.rng())))
            }
            _ => None,
        };
        let mut scorer = Self { members, how, density, scales: Vec::new(), calibration: Calibration::default() };
        let parts = scorer.parts(data, &held, true)?;
        scorer.scales = parts.iter().map(|part| median_and_spread(part)).collect();
        scorer.calibration = Calibration::new(scorer.join(parts), held_out);
        Ok(scorer)
    }

    /// The score of each row; higher is stranger. `own` says that these are the rows of the data of the run: a training row is
    /// left out of the kernel density then, in which nothing would be nearer to it than itself.
    ///
    /// # Errors
    /// Rows that do not fit the model.
    pub fn scores(&self, data: &Dataset, rows: &[u32], own: bool) -> Result<Vec<f64>> {
        Ok(self.join(self.parts(data, rows, own)?))
    }

    /// What the score is made of, for people.
    pub fn doc(&self) -> String {
        let members = match self.members.len() {
            1 => String::new(),
            n => format!(", the mean of {n} members"),
        };
        let k = self.how.samples;
        match self.how.by {
            By::Joined => format!(
                "mean of -log p(x) by {k} importance samples{members} and of a kernel density over training rows, each in \
                 standard deviations of held-out rows"
            ),
            By::Importance => format!("-log p(x) in nats, by {k} importance samples{members}"),
            By::Elbo => format!("-ELBO in nats, {k} samples{members}"),
            By::Reconstruction => format!("-E log p(x|z) in nats, {k} samples{members}"),
            By::Kl => format!("KL(q(z|x) || p(z)) in nats{members}"),
            By::Latent => format!("-log p(z) in nats at the mean code{members}"),
            By::Density => "-log of a kernel density over training rows; no network takes part".into(),
            By::Robust => format!(
                "mean of -log p(x) by {k} importance samples{members} and of mixtures over small bags of training rows, each \
                 in standard deviations of held-out rows"
            ),
            By::Bags => "-log of mixtures over small bags of training rows; no network takes part".into(),
        }
    }

    /// The first member, whose reasons are told.
    pub fn model(&self) -> &'a Model {
        self.members[0]
    }

    /// The scores that are joined, each of all rows.
    fn parts(&self, data: &Dataset, rows: &[u32], own: bool) -> Result<Vec<Vec<f64>>> {
        let mut parts = Vec::new();
        if !matches!(self.how.by, By::Density | By::Bags) {
            let mut sum = vec![0f64; rows.len()];
            for model in &self.members {
                let found = by_model(model, data, rows, self.how)?;
                sum.iter_mut().zip(found).for_each(|(sum, v)| *sum += v / self.members.len() as f64);
            }
            parts.push(sum);
        }
        if let Some(density) = &self.density {
            let mut found = Vec::with_capacity(rows.len());
            for rows in rows.chunks(8192) {
                let x = coordinates(self.members[0], data, rows)?;
                found.extend(match density {
                    Density::Kernel(kernel) => kernel.surprise(&x, own.then_some(rows)),
                    Density::Bags(bags) => bags.surprise(&x),
                });
            }
            parts.push(found);
        }
        Ok(parts)
    }

    fn join(&self, mut parts: Vec<Vec<f64>>) -> Vec<f64> {
        let n = parts.len();
        if n < 2 {
            return parts.pop().unwrap_or_default();
        }
        let mut joined = parts.remove(0);
        let scaled = |v: f64, (mean, spread): (f64, f64)| (v - mean) / spread;
        joined.iter_mut().for_each(|v| *v = scaled(*v, self.scales[0]));
        for (part, scale) in parts.iter().zip(self.scales.iter().skip(1)) {
            joined.iter_mut().zip(part).for_each(|(sum, v)| *sum += scaled(*v, *scale));
        }
        joined.iter_mut().for_each(|sum| *sum /= n as f64);
        joined
    }
}

/// A density over training rows, without a network.
enum Density {
    Kernel(KernelDensity),
    Bags(Bags),
}

/// Held-out rows that are scored for calibration.
const HELD: usize = 10_000;

/// The coordinates of rows that distances are measured in, 0 for what is missing. One-hot coordinates are halved, so that
/// two categories are as far apart as numbers one standard deviation from each other.
fn coordinates(model: &Model, data: &Dataset, rows: &[u32]) -> Result<Vec<f32>> {
    let mut x = model.preparation().prepare(data, rows, 0)?.x;
    let codes = &model.encoding().columns;
    let numbers: usize = crate::data::columns::numbers(codes).iter().sum();
    if !codes.is_empty() {
        for row in x.chunks_mut(model.x_width().max(1)) {
            row[numbers..].iter_mut().for_each(|v| *v *= std::f32::consts::FRAC_1_SQRT_2);
        }
    }
    Ok(x)
}

/// The scores of rows by one model.
fn by_model(model: &Model, data: &Dataset, rows: &[u32], how: How) -> Result<Vec<f64>> {
    model.check_fits(data)?;
    let mut all = Vec::with_capacity(rows.len());
    let preparation = model.preparation();
    let size = model.at_once(ROWS * how.samples).div_ceil(how.samples).clamp(1, ROWS);
    let scored = |rows: &[u32]| -> Result<Vec<f64>> {
        let host = preparation.prepare(data, &filled(rows, size), 0)?;
        let batch = host.to_device(&here());
        let mut found: Vec<f64> = match how.by {
            By::Latent => {
                let q = model.vae().encode(&batch, Mode::Infer);
                let log_p: Tensor<2> = model.vae().prior().log_prob(&q.centre());
                to_vec(log_p).into_iter().map(|v| -f64::from(v)).collect()
            }
            _ => {
                let s = samples(model.vae(), &batch, how.samples, model.rng(), Keep::default());
                (0..size).map(|row| of_samples(&s, row, how.by)).collect()
            }
        };
        found.truncate(rows.len());
        Ok(found)
    };
    // Activations of convolutions are many times a picture: pictures are scored a block at a time.
    match model.schema().is_image() {
        true => rows.chunks(size).try_for_each(|rows| scored(rows).map(|found| all.extend(found)))?,
        false => {
            let held = Samples::bytes(model.vae(), size, how.samples, model.x_width());
            all.extend(by_blocks(rows, size, held, scored)?.into_iter().flatten());
        }
    }
    Ok(all)
}

fn of_samples(s: &Samples, row: usize, by: By) -> f64 {
    let mean = |f: &dyn Fn(usize) -> f64| (0..s.k).map(f).sum::<f64>() / s.k as f64;
    let at = |of: &[f32], k: usize| f64::from(of[k * s.rows + row]);
    match by {
        By::Elbo => -mean(&|k| s.log_weight(k, row)),
        By::Reconstruction => -mean(&|k| at(&s.log_p_x, k)),
        By::Kl => mean(&|k| at(&s.log_q, k) - at(&s.log_p_z, k)),
        _ => -log_mean_exp((0..s.k).map(|k| s.log_weight(k, row))),
    }
}
