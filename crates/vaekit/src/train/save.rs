//! Checkpoints for exact resume.

use std::time::Instant;

use crate::Result;
use crate::nn::Parameters;
use crate::run::{Checkpoint, Named, Run};

use super::session::Session;

impl Session<'_> {
    /// Remembers the present weights as the best.
    pub fn keep_best(&mut self) {
        self.best = self.weights();
    }

    fn weights(&self) -> Vec<Named> {
        self.recipe.parameters().into_iter().map(|p| Named::of("", p, p.values())).collect()
    }

    /// Saves when the last save is long ago, or when `now`.
    pub fn save(&mut self, now: bool) -> Result<()> {
        self.clock();
        if !now && self.saved.elapsed() < self.save_every.ends {
            return Ok(());
        }
        let identity = self.file.identity();
        let weights = self.weights();
        let memory = self.optim.memory(&self.recipe);
        let finite = |t: &Named| t.values.iter().all(|v| v.is_finite());
        if !weights.iter().chain(memory.iter().flatten()).all(finite) {
            return Err(self.diverged("a weight or the optimizer's memory of it is not finite"));
        }
        let best = if self.best.is_empty() { &weights } else { &self.best };
        crate::run::save_model(&self.dir.join(crate::run::MODEL), &identity, best.clone())?;
        self.state.late = self.optim.late(&self.recipe);
        let checkpoint = Checkpoint { state: self.state.clone(), best: self.best.clone(), optimizer: memory, weights };
        self.metrics.sync()?;
        checkpoint.write(&self.dir)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Saves inside an epoch that takes long.
    pub fn save_if_due(&mut self) -> Result<()> {
        if self.saved.elapsed() < self.save_every.inside { Ok(()) } else { self.save(true) }
    }

    /// The trained run, with the weights that its file holds.
    pub fn into_run(mut self) -> Result<Run> {
        self.recipe.parameters_mut().into_iter().for_each(|p| p.track(false));
        if !self.best.is_empty() {
            crate::run::assign(&self.dir.join(crate::run::MODEL), self.best, &mut self.recipe)?;
        }
        drop(self.lock);
        Ok(Run::from_parts(self.dir, self.file, self.recipe, self.samples_from_prior))
    }
}
