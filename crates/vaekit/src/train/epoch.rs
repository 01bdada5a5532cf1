//! The end of an epoch: validation, and a line of metrics.

use crate::Result;
use crate::data::Batches;
use crate::eval::{Figures, evaluate};
use crate::rng::Rng;
use crate::run::{EpochMetrics, EpochSums, TrainFigures};

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
