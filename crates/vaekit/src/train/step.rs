//! One training step: forward, backward, and a step of the optimizer.

use vaekit_ops::{device, to_vec};

use crate::Result;
use crate::data::HostBatch;
use crate::model::{Mode, Moment};
use crate::objective::Progress;
use crate::rng::Rng;

use super::gradient::{BatchLoss, Gradients, Pass, gradients};
use super::session::Session;
use super::{learning_rate, optim};

impl Session<'_> {
    /// One batch: forward, backward, and a step when `last_of_step`.
    pub fn learn(&mut self, host: HostBatch, done: f64, last_of_step: bool) -> Result<BatchLoss> {
        let host = self.trimmed(host);
        let c = &self.file.config;
        let epoch = self.state.epoch;
        // The noise of a row belongs to the epoch: how the epoch is cut into batches cannot change it.
        let rng = Rng::new(c.seed).at(epoch + 1);
        let batch = host.to_device(&device::here());
        let progress = Progress { epoch: epoch as f64 + done, rng };
        let Pass { loss: value, gradients, outputs } = gradients(&self.recipe, &batch, progress);
        self.outputs.extend(outputs);
        let Some(gradients) = gradients else {
            return Err(self.diverged(&format!("the loss became {}", value.loss)));
        };
        self.kl_weight = value.kl_weight;
        self.accumulate(gradients, batch.len());
        self.count(&value, batch.len());
        if last_of_step {
            self.step(epoch as f64 + done)?;
        }
        self.state.batch += 1;
        Ok(value)
    }

    /// A batch without its rows of lowest ELBO, where `trim` asks for it: the trimmed likelihood (Neykov & Neytchev 1990; with
    /// gradient steps, Shen & Sanghavi, ICML 2019). In the first epoch all rows count, for nothing is known of them yet.
    fn trimmed(&mut self, host: HostBatch) -> HostBatch {
        let (rows, c) = (host.row_ids.len(), &self.file.config);
        let least = self.recipe.objective.least_rows().min(rows);
        let kept = (rows - (c.trim * rows as f64) as usize).max(least);
        if self.state.epoch == 0 || kept == rows {
            return host;
        }
        let rng = Rng::new(c.seed).at(self.state.epoch + 1);
        let vae = &mut self.recipe.vae;
        vae.set_tracking(false);
        // Whatever the encoder is not shown in this epoch: rows are not strange for that.
        let whole = HostBatch { seen: None, ..host.clone() };
        let batch = whole.to_device(&device::here());
        let terms = vae.elbo_terms(&batch, 1, rng, Mode::Infer);
        let mut losses = to_vec(terms.distortion());
        if let Some(rate) = terms.rate() {
            losses.iter_mut().zip(to_vec(rate)).for_each(|(loss, rate)| *loss += rate);
        }
        drop(terms);
        if let Some(mask) = &host.mask {
            // A row of many known values has more to say, and is no stranger for that.
            let known = mask.chunks(mask.len() / rows).map(|row| row.iter().sum::<f32>().max(1.0));
            losses.iter_mut().zip(known).for_each(|(loss, known)| *loss /= known);
        }
        vae.set_tracking(true);
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]).then(a.cmp(b)));
        order.truncate(kept);
        order.sort_unstable();
        some_of(&host, &order)
    }

    /// Adds a batch's gradients, weighted by its rows, so that several small batches equal a large one.
    fn accumulate(&mut self, gradients: Gradients, rows: usize) {
        let weighted = |g: Vec<f32>, w: f32| g.into_iter().map(|v| v * w).collect::<Vec<f32>>();
        self.pending = Some(match self.pending.take() {
            None if self.file.config.accumulate == 1 => (gradients, 1),
            None => (gradients.into_iter().map(|g| g.map(|g| weighted(g, rows as f32))).collect(), rows),
            Some((mut sum, n)) => {
                for (sum, g) in sum.iter_mut().zip(gradients) {
                    match (sum.as_mut(), g) {
                        (Some(sum), Some(g)) => sum.iter_mut().zip(g).for_each(|(s, v)| *s += v * rows as f32),
                        (None, Some(g)) => *sum = Some(weighted(g, rows as f32)),
                        (_, None) => {}
                    }
                }
                (sum, n + rows)
            }
        });
    }

    fn step(&mut self, epoch: f64) -> Result<()> {
        let Some((mut gradients, rows)) = self.pending.take() else { return Ok(()) };
        if rows > 1 {
            let scale = 1.0 / rows as f32;
            gradients.iter_mut().flatten().flatten().for_each(|g| *g *= scale);
        }
        let norm = optim::clip(&mut gradients, self.file.config.clip);
        if !norm.is_finite() {
            return Err(self.diverged(&format!("the gradient's norm became {norm}")));
        }
        let lr = learning_rate::at(&self.file.config, epoch, &self.state.plateau);
        self.state.step += 1;
        self.optim.step(&mut self.recipe, &gradients, lr, self.state.step);
        self.recipe.vae.prior.begin(Moment::Step(&std::mem::take(&mut self.outputs)))
    }

    fn count(&mut self, value: &BatchLoss, rows: usize) {
        let n = rows as f64;
        let sums = &mut self.state.sums;
        sums.rows += rows as u64;
        sums.loss += n * value.loss;
        sums.rate += n * value.rate.unwrap_or(0.0);
        sums.distortion += n * value.distortion;
        sums.perceptual += n * value.perceptual.unwrap_or(0.0);
        self.is_perceptual |= value.perceptual.is_some();
        self.since.1 += rows as u64;
    }
}

/// The rows of a batch that stand at `places`.
fn some_of(host: &HostBatch, places: &[usize]) -> HostBatch {
    let rows = host.row_ids.len().max(1);
    let some = |values: &Vec<f32>| {
        let width = values.len() / rows;
        places.iter().flat_map(|at| values[at * width..][..width].iter().copied()).collect::<Vec<f32>>()
    };
    HostBatch {
        x: some(&host.x),
        mask: host.mask.as_ref().map(some),
        seen: host.seen.as_ref().map(some),
        given: host.given.as_ref().map(some),
        row_ids: places.iter().map(|at| host.row_ids[*at]).collect(),
    }
}
