//! `vaekit classify`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use vaekit::rng::Rng;
use vaekit::run::RunFile;
use vaekit::uses::check_output;
use vaekit::uses::classify::{Classified, Classifier, Labelling, Learning, METHODS, Method};
use vaekit::{Error, Result};

use crate::input::{Input, Part, Places};
use crate::out::Replace;
use crate::progress::{Counter, download};
use crate::{Common, say};

/// `classify train` and `classify predict`.
#[derive(Args)]
pub struct Classify {
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Learn classes from the labelled rows of a run's data
    Train(Train),
    /// Say the class of each row
    Predict(Predict),
}

#[derive(Args)]
struct Train {
    /// The folder that train made
    run: PathBuf,
    /// A csv file with two columns, the row's id (or its number from 0) and its class; an empty class is no label
    /// [default: the classes of the run's data]
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Keep so many labels of each class, chosen by the seed, and take all other rows as unlabelled
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    labels_per_class: Option<u32>,
    /// m1: a linear classifier of codes; m2: a semi-supervised model of values, m1+m2 of codes; supervised: a network of labelled
    /// rows alone; propagation: labels spread over neighbouring codes
    #[arg(long, default_value = "propagation", value_parser = clap::builder::PossibleValuesParser::new(METHODS.iter().map(|(name, _)| *name)))]
    method: String,
    /// Passes over the training rows, with m2 and m1+m2 [default: 30]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    epochs: Option<usize>,
    /// Of weights, noise, order and the choice of labels
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "classifier.safetensors")]
    out: PathBuf,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Predict {
    #[command(flatten)]
    input: Input,
    /// What classify train wrote
    #[arg(long, value_name = "FILE", default_value = "classifier.safetensors")]
    classifier: PathBuf,
    /// A .csv or .npy file: the probability of each class, and in csv the row's name and the likeliest class
    #[arg(long, value_name = "FILE", default_value = "classes.csv")]
    out: PathBuf,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

impl Classify {
    pub fn run(self) -> Result<()> {
        match self.step {
            Step::Train(train) => train.run(),
            Step::Predict(predict) => predict.run(),
        }
    }
}

impl Train {
    fn run(self) -> Result<()> {
        self.common.start()?;
        if self.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("safetensors")) {
            return Err(Error::setting("out", format!("{}: expected a .safetensors file", self.out.display())));
        }
        self.replace.check(&self.out, self.labels.as_slice())?;
        let run = vaekit::Run::open(&self.run)?;
        let (data, splits) = run.open_data(&self.places.options(), &mut download(self.common.quiet))?;
        let mut labels = match &self.labels {
            Some(file) => Labelling::of_file(file, &data, &splits.train)?,
            None => Labelling::of_data(&data, &splits.train)?,
        };
        if let Some(n) = self.labels_per_class {
            labels = labels.balanced(n as usize, Rng::new(self.seed))?;
        }
        let method = METHODS.iter().find(|(name, _)| *name == self.method).map_or(Method::M1, |(_, method)| *method);
        if self.epochs.is_some() && !matches!(method, Method::M2 { .. }) {
            return Err(Error::setting("epochs", format!("'{}' makes no passes; leave it out", self.method)));
        }
        let epochs = self.epochs.unwrap_or(30);
        let how = Learning { method, epochs, seed: self.seed };
        let rows = splits.train.len();
        let mut counter = Counter::new("learning classes", rows * epochs, self.common.quiet);
        let mut done = 0;
        let mut hear = |epoch: usize| {
            done = epoch;
            counter.at(epoch * rows)
        };
        let identity = RunFile::read(&self.run)?.identity();
        let found = Classifier::learn(run.model(), identity.clone(), (&data, &splits.train), &labels, how, &mut hear)?;
        counter.finish();
        if matches!(method, Method::M2 { .. }) && done < epochs {
            say::warning(&format!("interrupted: the classifier is that of {done} of {epochs} passes"));
        }
        found.write(&self.out)?;
        let test = match &self.labels {
            Some(file) => Labelling::of_file(file, &data, &splits.test)?,
            None => Labelling::of_data(&data, &splits.test)?,
        };
        let judged = found.classify(run.model(), &identity, &data, &test.rows)?;
        let figures = Figures::of(&found, &judged, &test);
        if self.common.json {
            say::json(&serde_json::json!({
                "out": self.out, "labelled": labels.rows.len(), "training_rows": rows, "classes": found.classes,
                "temperature": found.temperature, "test_rows": figures.rows, "error": figures.error,
                "log_loss": figures.log_loss, "calibration_error": figures.calibration,
            }));
            return Ok(());
        }
        let (labelled, classes) = (say::count(labels.rows.len()), found.classes.len());
        say::out(&format!("{labelled} of {} training rows have a label, of {classes} classes", say::count(rows)));
        if figures.rows > 0 {
            say::out(&format!(
                "{} labelled test rows: {:.2} % in the wrong class, log loss {:.4} nats, calibration error {:.4}",
                say::count(figures.rows),
                100.0 * figures.error,
                figures.log_loss,
                figures.calibration
            ));
        }
        say::out(&format!("{}", self.out.display()));
        Ok(())
    }
}

impl Predict {
    fn run(self) -> Result<()> {
        self.common.start()?;
        if check_output(&self.out)? == "png" {
            return Err(Error::setting("out", format!("{}: expected .csv or .npy", self.out.display())));
        }
        self.replace.check(&self.out, &[self.input.read_paths(), vec![self.classifier.clone()]].concat())?;
        let classifier = Classifier::read(&self.classifier)?;
        let (run, data, rows) = self.input.open(Part::All, self.common.quiet)?;
        let identity = RunFile::read(Path::new(&self.input.run))?.identity();
        let found = classifier.classify(run.model(), &identity, &data, &rows)?;
        found.values().write(&self.out)?;
        say::wrote(&self.out, rows.len(), &self.common);
        Ok(())
    }
}

/// How well classes are told.
struct Figures {
    rows: usize,
    error: f64,
    log_loss: f64,
    /// The mean distance between how sure and how often right, over ten equal ranges of how sure (Guo et al. 2017).
    calibration: f64,
}

impl Figures {
    fn of(classifier: &Classifier, found: &Classified, truth: &Labelling) -> Self {
        let classes = classifier.classes.len();
        let place = |class: &u32| classifier.classes.iter().position(|name| *name == truth.classes[*class as usize]);
        let (mut wrong, mut log_loss, mut ranges) = (0usize, 0.0, [[0f64; 3]; 10]);
        for ((row, class), p) in truth.class.iter().zip(&found.class).zip(found.probabilities.chunks(classes)) {
            let right = place(row) == Some(*class);
            wrong += usize::from(!right);
            log_loss -= place(row).map_or(0.0, |at| f64::from(p[at])).max(1e-12).ln();
            let sure = f64::from(p[*class]);
            let range = &mut ranges[((10.0 * sure) as usize).min(9)];
            *range = [range[0] + 1.0, range[1] + sure, range[2] + f64::from(u8::from(right))];
        }
        let n = truth.rows.len().max(1) as f64;
        let calibration = ranges.iter().map(|[_, sure, right]| (sure - right).abs() / n).sum();
        Self { rows: truth.rows.len(), error: wrong as f64 / n, log_loss: log_loss / n, calibration }
    }
}
