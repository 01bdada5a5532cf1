//! The end of an epoch: validation, and a line of metrics.

use vaekit_ops::{device, scalar};

use crate::Result;
use crate::data::{Batches, Step};
use crate::eval::{Figures, evaluate};
use crate::model::Mode;
use crate::objective::Progress;
use crate::rng::Rng;
use crate::run::{EpochMetrics, EpochSums, TrainFigures};
use crate::settings::LrSchedule;

use super::learning_rate;
use super::session::Session;

/// Rows that evaluation takes at once.
const EVAL_BATCH: usize = 512;

impl Session<'_> {
    /// Closes an epoch: validates, and writes its line of metrics.
    pub fn finish_epoch(&mut self) -> Result<EpochMetrics> {
        let speed = self.speed();
        self.clock();
        let valid = if self.splits.valid.is_empty() { None } else { Some(self.measure(&self.splits.valid.clone())?) };
        if let Some(v) = &valid
            && !(v.distortion_nats.is_finite() && v.elbo_nats.is_none_or(f64::is_finite))
        {
            return Err(self.diverged("the validation value is not finite"));
        }
        let valid_loss = self.judged()?;
        let sums = std::mem::take(&mut self.state.sums);
        let lr = learning_rate::at(&self.file.config, self.state.epoch as f64, &self.state.plateau);
        self.state.epoch += 1;
        self.state.batch = 0;
        let pretrain = self.recipe.objective.schedule().map_or(0, |schedule| schedule.pretrain);
        if pretrain > 0 && pretrain == self.state.epoch {
            self.fit_prior()?;
        }
        let metrics = EpochMetrics {
            epoch: self.state.epoch,
            step: self.state.step,
            seconds: self.state.seconds,
            samples_per_second: speed,
            lr,
            kl_weight: self.kl_weight,
            train: self.train_figures(sums),
            valid,
            valid_loss,
        };
        self.metrics.push(&metrics)?;
        Ok(metrics)
    }

    fn train_figures(&self, sums: EpochSums) -> TrainFigures {
        let n = sums.rows.max(1) as f64;
        let density = self.recipe.vae.posterior.is_density();
        TrainFigures {
            loss: sums.loss / n,
            elbo_nats: density.then_some(-(sums.distortion + sums.rate) / n),
            rate_nats: density.then_some(sums.rate / n),
            distortion_nats: sums.distortion / n,
            perceptual: self.is_perceptual.then_some(sums.perceptual / n),
        }
    }

    /// The objective on the validation rows, where early stopping or `plateau` asks for it. It waits until warm-up and
    /// pretraining are over, for before that the model is trained for something else.
    fn judged(&mut self) -> Result<Option<f64>> {
        let c = &self.file.config;
        let is_asked = c.patience > 0 || c.lr_schedule == LrSchedule::Plateau;
        let schedule = self.recipe.objective.schedule();
        let is_over = schedule.is_none_or(|schedule| schedule.is_over((self.state.epoch + 1) as f64));
        if !is_asked || !is_over || self.splits.valid.is_empty() {
            return Ok(None);
        }
        let (least, rng) = (self.recipe.objective.least_rows(), Rng::new(c.seed).at(0));
        let (mut sum, mut rows) = (0.0, 0usize);
        self.recipe.vae.set_tracking(false);
        let batches = Batches::in_order(self.data, &self.preparation, &self.splits.valid, c.batch);
        let judged = batches.for_each(0, |_, host| {
            // What compares rows has nothing to say of too few.
            if host.row_ids.len() >= least {
                let batch = host.to_device(&device::here());
                let objective = &self.recipe.objective;
                let terms = self.recipe.vae.elbo_terms(&batch, objective.samples(), rng, Mode::Infer);
                sum += batch.len() as f64 * f64::from(scalar(objective.judged(&terms, Progress::at_the_end(rng))));
                rows += batch.len();
            }
            Ok(Step::Continue)
        });
        self.recipe.vae.set_tracking(true);
        judged?;
        let loss = sum / rows.max(1) as f64;
        if rows > 0 && !loss.is_finite() {
            return Err(self.diverged("the objective on validation rows is not finite"));
        }
        Ok((rows > 0).then_some(loss))
    }

    /// Figures of some rows, with the present weights.
    fn measure(&mut self, rows: &[u32]) -> Result<Figures> {
        self.recipe.vae.set_tracking(false);
        let batches = Batches::in_order(self.data, &self.preparation, rows, EVAL_BATCH);
        let figures = evaluate(&self.recipe.vae, &batches, 1, Rng::new(self.file.config.seed));
        self.recipe.vae.set_tracking(true);
        Ok(figures?.0)
    }

    /// Active latent dimensions and rate of the model as it stands, on
    /// validation rows or else on some training rows; each where the model has it.
    pub fn activity(&mut self) -> Result<(Option<usize>, Option<f64>)> {
        let rows = if self.splits.valid.is_empty() { &self.splits.train } else { &self.splits.valid };
        let rows = rows[..rows.len().min(2_000)].to_vec();
        let figures = self.measure(&rows)?;
        Ok((figures.active_units, figures.rate_nats))
    }
}
