//! `vaekit train`

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use vaekit::data::{Dataset, OpenOptions, builtin::BUILTIN, public::PUBLIC};
use vaekit::run::RunFile;
use vaekit::train::Changes;
use vaekit::{Error, Result, Run, TrainConfig, TrainEvent, Trainer};

use crate::input::Places;
use crate::progress::{self, Display};
use crate::settings::Settings;
use crate::{Common, evaluate, finish, say, signals};

/// Flags of `train`.
#[derive(Args)]
pub struct Train {
    /// A name (see `vaekit data`), a table (.csv, .tsv, .parquet, .arrow), a .npy or .npz file, a folder of pictures or of idx
    /// files [default: digits]; a table has defaults of its own, see docs/tables.md
    data: Option<String>,
    /// The run folder to make [default: the first free runs/DATA-VARIANT]
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Go on with a run from its last checkpoint; --epochs may be raised
    #[arg(long, value_name = "RUN", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Seconds between two saves [default: 5, inside an epoch 60]; the result does not depend on it
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    save_every: Option<f64>,
    /// Settings from a TOML file; flags are stronger
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, as key=value; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Save and end once standard input closes, as a sweep asks of its trainings
    #[arg(long, hide = true)]
    end_with_parent: bool,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    common: Common,
}

impl Train {
    pub fn run(self) -> ExitCode {
        match self.train() {
            Ok(Some(dir)) => {
                say::note(&format!("interrupted and saved; go on with: vaekit train --resume {}", dir.display()));
                ExitCode::FAILURE
            }
            Ok(None) => ExitCode::SUCCESS,
            Err(error) => finish(Err(error)),
        }
    }

    /// The folder when interrupted, none when the run is finished.
    fn train(self) -> Result<Option<PathBuf>> {
        self.common.start()?;
        if self.end_with_parent {
            signals::end_with_parent();
        }
        let given = self.layers()?;
        let trainer = match &self.resume {
            Some(dir) => resumed(dir, &given)?,
            None => {
                let mut config = TrainConfig::from_layers(std::slice::from_ref(&given))?;
                config.data = absolute(&config.data);
                Trainer::new(config)
            }
        };
        let config = trainer.config();
        config.check()?;
        // The columns of a run that goes on are those that it has.
        let schema = self.resume.as_ref().map(|dir| RunFile::read(dir)).transpose()?.map(|file| file.schema);
        let options = OpenOptions { schema, ..self.places.options() };
        let data = config.open_data(&options, &mut progress::download(self.common.quiet))?;
        let trainer = match self.resume {
            None if data.schema().is_mixed() => {
                let mut config = TrainConfig::from_layers(&[TrainConfig::for_table(&data, &given), given.clone()])?;
                config.data = absolute(&config.data);
                Trainer::new(config)
            }
            _ => trainer,
        };
        let trainer = match self.out.clone() {
            Some(out) => trainer.out(out),
            None => trainer,
        };
        let trainer = match self.save_every {
            Some(seconds) if (0.0..=1e6).contains(&seconds) => trainer.save_every(Duration::from_secs_f64(seconds)),
            Some(seconds) => {
                return Err(Error::setting(
                    "save-every",
                    format!("found {seconds}, expected seconds from 0 to 1000000"),
                ));
            }
            None => trainer,
        };
        let (run, stopped) = self.fit(trainer, &data)?;
        for member in 2..=run.config().members {
            if stopped || self.member(&run, member, &data)? {
                return Ok(Some(run.dir().to_path_buf()));
            }
        }
        if stopped {
            return Ok(Some(run.dir().to_path_buf()));
        }
        self.report(&run, &data)?;
        Ok(None)
    }

    /// Trains until the end or an interrupt; true for the latter.
    fn fit(&self, trainer: Trainer, data: &Dataset) -> Result<(Run, bool)> {
        let mut display = Display::new(self.common.quiet);
        // An interrupt that comes when all is done stops nothing.
        let stopped = Rc::new(Cell::new(false));
        let tell = Rc::clone(&stopped);
        let run = trainer
            .on_event(move |event| {
                tell.set(matches!(event, TrainEvent::Interrupted { .. }));
                display.hear(event);
            })
            .interrupt(signals::interrupts())
            .fit(data)?;
        Ok((run, stopped.get()))
    }

    /// Trains another member of an ensemble: the same settings with another seed, on the same training rows.
    fn member(&self, run: &Run, member: usize, data: &Dataset) -> Result<bool> {
        let dir = run.dir().join("members").join(member.to_string());
        let trainer = match dir.join("run.toml").is_file() {
            true => Trainer::resume(&dir, &Changes { epochs: Some(run.config().epochs), data: None })?,
            false => {
                let config = run.config();
                let (seed, split) = (config.seed + member as u64 - 1, config.split_seed.unwrap_or(config.seed));
                let config = TrainConfig { seed, split_seed: Some(split), members: 1, ..config.clone() };
                Trainer::new(config).out(dir)
            }
        };
        self.fit(trainer, data).map(|(_, stopped)| stopped)
    }

    /// What the configuration file, `--set`, flags and DATA say, the later the stronger.
    fn layers(&self) -> Result<toml::Table> {
        let mut typed = toml::Table::new();
        for pair in &self.set {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(Error::setting("set", format!("found '{pair}', expected key=value")));
            };
            TrainConfig::set(&mut typed, key.trim(), value.trim());
        }
        typed.extend(self.settings.0.clone());
        if let Some(path) = typed.get("schema").and_then(toml::Value::as_str).map(absolute) {
            typed.insert("schema".into(), path.into());
        }
        if let Some(data) = &self.data {
            typed.insert("data".into(), data.clone().into());
        }
        let Some(path) = &self.config else { return Ok(typed) };
        let mut given = TrainConfig::read_layer(path, typed.get("variant").and_then(toml::Value::as_str))?;
        given.extend(typed);
        Ok(given)
    }

    /// Test figures and pictures.
    fn report(&self, run: &Run, data: &Dataset) -> Result<()> {
        let splits = run.split(data)?;
        let figures = match splits.test.is_empty() {
            true => None,
            false => Some(run.evaluate(data, &splits.test, 1)?.0),
        };
        let pictures = run.write_pictures(data, &splits)?;
        let metrics = vaekit::run::Metrics::read(run.dir())?;
        let (epochs, seconds) = metrics.last().map_or((0, 0.0), |m| (m.epoch, m.seconds));
        if self.common.json {
            let mut object = serde_json::json!({"run": run.dir(), "epochs": epochs, "seconds": seconds});
            if let (Some(map), Some(figures)) = (object.as_object_mut(), &figures) {
                map.extend(evaluate::object(figures));
            }
            say::json(&object);
            return Ok(());
        }
        match &figures {
            Some(figures) => evaluate::print("test", figures, run),
            None => say::out("no rows were kept for testing"),
        }
        let shown = [
            ("run", Some(run.dir())),
            ("samples", pictures.samples.as_deref()),
            ("reconstructions", pictures.reconstructions.as_deref()),
            ("curves", Some(pictures.curves.as_path())),
        ];
        for (what, path) in shown {
            if let Some(path) = path {
                say::out(&format!("{what:<20}{}", path.display()));
            }
        }
        Ok(())
    }
}

/// A trainer that goes on, after checking that nothing given contradicts the run.
fn resumed(dir: &Path, given: &toml::Table) -> Result<Trainer> {
    let file = RunFile::read(dir)?;
    let table = |config: &TrainConfig| {
        toml::Table::try_from(config).map_err(|e| Error::setting("configuration", e.to_string()))
    };
    let before = table(&file.config)?;
    let after = TrainConfig::from_layers(&[before.clone(), given.clone()])?;
    // Other data is recognised by its content, so that a set may have moved.
    for (key, value) in table(&after)? {
        if !matches!(key.as_str(), "epochs" | "data") && before.get(&key) != Some(&value) {
            let had = before.get(&key).map_or_else(|| "nothing".to_owned(), ToString::to_string);
            return Err(Error::setting(
                key,
                format!("found {value}, but the run to resume has {had}; leave it out, or start a new run with --out"),
            ));
        }
    }
    let epochs = given.contains_key("epochs").then_some(after.epochs);
    let data = given.get("data").and_then(toml::Value::as_str).map(absolute);
    Trainer::resume(dir, &Changes { epochs, data })
}

/// A path that later verbs find from anywhere; names stay names.
fn absolute(data: &str) -> String {
    let known = BUILTIN.iter().any(|s| s.name == data) || PUBLIC.iter().any(|s| s.name == data);
    match std::fs::canonicalize(data) {
        Ok(path) if !known => path.to_string_lossy().into_owned(),
        _ => data.to_owned(),
    }
}
