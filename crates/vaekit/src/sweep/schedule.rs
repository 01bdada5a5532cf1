//! The runs of a plan trained: several at a time by a caller's processes, or one after another here.

use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::data::Dataset;
use crate::run::{Metrics, RunFile};
use crate::settings::{Read, TrainConfig};
use crate::train::{Changes, Trainer};
use crate::{Error, Result};

use super::{Plan, Point};

/// What a schedule tells while it runs.
#[derive(Debug)]
#[allow(missing_docs, reason = "the fields of an event are named for what they are")]
pub enum SweepEvent<'a> {
    /// So many of all runs are trained, this one the last.
    Trained { done: usize, total: usize, name: &'a str },
    /// A run could not be started; no more are.
    NotStarted(Error),
}

/// What became of a plan.
#[derive(Clone, Debug, Default)]
pub struct Trained {
    /// Runs that are trained to the end.
    pub done: usize,
    /// Names of the runs that failed.
    pub failed: Vec<String>,
}

impl Plan {
    /// Refuses settings that do not fit the data or each other, before hours of training. Data that is read alike is
    /// opened once.
    ///
    /// # Errors
    /// The first run that would be refused, by name.
    pub fn check(&self, open: &mut dyn FnMut(&TrainConfig) -> Result<Dataset>) -> Result<()> {
        let mut last: Option<(TrainConfig, Dataset)> = None;
        let reading = |c: &TrainConfig| {
            let of_data =
                |key: &str| key == "data" || crate::settings::setting(key).is_some_and(|s| s.read == Read::ByReader);
            c.values().into_iter().filter(|(key, _)| of_data(key)).collect::<Vec<_>>()
        };
        for point in &self.points {
            let config = point.config()?;
            let data = match last.take().filter(|(before, _)| reading(before) == reading(&config)) {
                Some((_, data)) => data,
                None => open(&config).map_err(|e| e.of(&point.name))?,
            };
            Trainer::new(config.clone()).check(&data).map_err(|e| e.of(&point.name))?;
            last = Some((config, data));
        }
        Ok(())
    }

    /// Trains what is not finished below `out`, at most `jobs` at a time. `start` trains a run in another process; once
    /// `interrupt` is set no more are started, and the standard input of those that run is closed.
    ///
    /// # Errors
    /// A folder that holds a run of other settings.
    pub fn train(
        &self,
        out: &Path,
        jobs: usize,
        interrupt: &AtomicBool,
        start: &mut dyn FnMut(&Point, &Path) -> Result<Child>,
        hear: &mut dyn FnMut(SweepEvent<'_>),
    ) -> Result<Trained> {
        let mut waiting: Vec<&Point> = Vec::new();
        for point in &self.points {
            if !point.is_finished(&out.join(&point.name))? {
                waiting.push(point);
            }
        }
        let total = self.points.len();
        let mut found = Trained { done: total - waiting.len(), failed: Vec::new() };
        waiting.reverse();
        let mut running: Vec<(&Point, Child)> = Vec::new();
        while !running.is_empty() || !waiting.is_empty() {
            if interrupt.load(Ordering::SeqCst) {
                waiting.clear();
                // What was started with its input open hears that it should end.
                running.iter_mut().for_each(|(_, job)| drop(job.stdin.take()));
            }
            while running.len() < jobs.max(1)
                && let Some(point) = waiting.pop()
            {
                match start(point, &out.join(&point.name)) {
                    Ok(job) => running.push((point, job)),
                    // What runs already is waited for.
                    Err(error) => {
                        hear(SweepEvent::NotStarted(error));
                        found.failed.push(point.name.clone());
                        waiting.clear();
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(50));
            let mut still = Vec::new();
            for (point, mut job) in running {
                match job.try_wait() {
                    Ok(None) => still.push((point, job)),
                    Ok(Some(status)) if status.success() => {
                        found.done += 1;
                        hear(SweepEvent::Trained { done: found.done, total, name: &point.name });
                    }
                    // The others may still do well.
                    Ok(Some(_)) | Err(_) => found.failed.push(point.name.clone()),
                }
            }
            running = still;
        }
        Ok(found)
    }

    /// Trains what is not finished below `out`, one run after another in this process.
    ///
    /// # Errors
    /// The first run that fails, by name.
    pub fn train_here(&self, out: &Path, open: &mut dyn FnMut(&TrainConfig) -> Result<Dataset>) -> Result<()> {
        for point in &self.points {
            let dir = out.join(&point.name);
            if point.is_finished(&dir)? {
                continue;
            }
            let config = point.config()?;
            let data = open(&config).map_err(|e| e.of(&point.name))?;
            let trainer = match RunFile::read(&dir) {
                Ok(_) => Trainer::resume(&dir, &Changes::default())?,
                Err(_) => Trainer::new(config).out(&dir),
            };
            let run = trainer.fit(&data).map_err(|e| e.of(&point.name))?;
            run.write_pictures(&data, &run.split(&data)?)?;
        }
        Ok(())
    }
}

impl Point {
    /// The settings of this run.
    ///
    /// # Errors
    /// Settings that cannot be put together.
    pub fn config(&self) -> Result<TrainConfig> {
        TrainConfig::from_layers(std::slice::from_ref(&self.layer))
    }

    /// Whether a folder holds this run, trained to the end.
    ///
    /// # Errors
    /// A run of other settings there.
    pub fn is_finished(&self, dir: &Path) -> Result<bool> {
        let Ok(file) = RunFile::read(dir) else { return Ok(false) };
        let table = |config: &TrainConfig| toml::Table::try_from(config).unwrap_or_default();
        let (had, wants) = (table(&file.config), table(&self.config()?));
        // What a run completes by itself (`auto`, shares of rows) is not in the file; a set may have moved.
        for key in self.layer.keys().filter(|key| *key != "data") {
            if had.get(key) != wants.get(key) && wants.get(key) != Some(&"auto".into()) {
                let word = |v: Option<&toml::Value>| v.map_or_else(|| "nothing".into(), ToString::to_string);
                let (dir, had, wants) = (dir.display(), word(had.get(key)), word(wants.get(key)));
                let problem = format!("{dir} holds a run of other settings: {key} is {had}, the file asks for {wants}");
                return Err(Error::setting("out", format!("{problem}; choose another --out")));
            }
        }
        // Pictures are the last that a run leaves.
        Ok(dir.join("plots/loss.svg").exists() && Metrics::read(dir)?.last().is_some())
    }
}
