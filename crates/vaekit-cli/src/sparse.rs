//! `vaekit sparse`

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use vaekit::data::{Dataset, OpenOptions, Splits, open};
use vaekit::rng::Rng;
use vaekit::uses::sparse::{Fitted, LEARNERS, Learner, Learning, METHODS, Method, Solver, Source, learn};
use vaekit::{Error, Result, Run, TrainConfig};

use crate::input::{Form, Places};
use crate::out::Replace;
use crate::progress::{Counter, download};
use crate::{Common, say};

/// Flags of `sparse`.
#[derive(Args)]
pub struct Sparse {
    /// A run, whose latent codes get sparse codes, or data, whose values do: a name (see `vaekit data`), a file, a folder
    what: String,
    /// With a run: a name or a path; the data of the run unless said
    data: Option<String>,
    /// Number of atoms
    #[arg(long, value_name = "N", default_value_t = 256)]
    atoms: usize,
    /// The most atoms of a row, with omp and mp
    #[arg(short, long, value_name = "K", default_value_t = 10)]
    k: usize,
    /// What a unit of the codes' absolute values costs, with lasso, ista and fista
    #[arg(long, value_name = "COST", default_value_t = 0.1, allow_hyphen_values = true)]
    penalty: f64,
    /// How rows are coded: orthogonal matching pursuit, matching pursuit, the lasso by coordinate descent or thresholding
    #[arg(long, default_value = "omp", value_parser = names(METHODS.iter().map(|(name, _)| *name)))]
    method: String,
    /// No number of a code is below 0
    #[arg(long)]
    positive: bool,
    /// How atoms are learned
    #[arg(long, default_value = "online", value_parser = names(LEARNERS.iter().map(|(name, _)| *name)))]
    learner: String,
    /// Passes over the training rows
    #[arg(long, value_name = "N", default_value_t = 10)]
    passes: usize,
    /// Learn from at most so many training rows (0: all)
    #[arg(long, value_name = "N", default_value_t = 0)]
    limit: usize,
    /// Of a table only the mean is taken off; else columns are divided by their standard deviation too
    #[arg(long)]
    as_is: bool,
    /// Code with a dictionary that an earlier call wrote, in place of learning one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["atoms", "learner", "passes", "limit", "as_is", "k", "penalty", "method", "positive"])]
    dictionary: Option<PathBuf>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder to write: dictionary.safetensors, codes.csv and pictures
    #[arg(long, value_name = "FOLDER", default_value = "sparse")]
    out: PathBuf,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

/// Rows in a picture.
const SHOWN: usize = 40;

fn names(all: impl Iterator<Item = &'static str>) -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(all)
}

fn named<T: Copy>(all: &[(&str, T)], wanted: &str) -> Result<T> {
    let found = all.iter().find(|(name, _)| *name == wanted).map(|(_, found)| *found);
    found.ok_or_else(|| Error::setting(wanted, "is unknown"))
}

/// What is coded: a run with its data, or data alone.
struct Opened {
    run: Option<Run>,
    data: Dataset,
    splits: Splits,
}

impl Sparse {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let files = ["dictionary.safetensors", "codes.csv", "atoms.png", "reconstructions.png", "reconstructed.csv"];
        files.iter().try_for_each(|file| self.replace.check(&self.out.join(file), &[]))?;
        let known = self.dictionary.as_deref().map(Fitted::read).transpose()?;
        let opened = self.open(known.is_some())?;
        let (data, splits) = (&opened.data, &opened.splits);
        let source = match &opened.run {
            Some(run) => Source::codes(run, data)?,
            None => Source::values(data)?,
        };
        let begun = Instant::now();
        let fitted = match known {
            Some(fitted) if fitted.names == source.names() => fitted,
            Some(fitted) => {
                let (found, expected) = (source.names().len(), fitted.names.len());
                let problem = format!("is of {expected} columns from '{}' on, the rows have {found}", fitted.names[0]);
                return Err(Error::setting("dictionary", format!("{problem} from '{}' on", source.names()[0])));
            }
            None => self.learned(&source, &splits.train)?,
        };
        let learned = begun.elapsed().as_secs_f64();
        let all: Vec<u32> = (0..data.len() as u32).collect();
        // Rows that taught the dictionary flatter it.
        let judged = if self.dictionary.is_some() || splits.test.is_empty() { &all } else { &splits.test };
        let x = source.rows(judged)?;
        let begun = Instant::now();
        let coded = fitted.code(&x)?;
        let seconds = begun.elapsed().as_secs_f64();
        let made = source.made(&coded, judged, 10)?;
        let shown = fitted.shown_rows(&coded.codes);
        let errors =
            [source.error(judged, &made.values)?, shown.map(|x| source.error(judged, &x)).transpose()?.flatten()];
        std::fs::create_dir_all(&self.out)
            .map_err(|e| Error::setting("out", format!("{}: the folder cannot be made: {e}", self.out.display())))?;
        if self.dictionary.is_none() {
            fitted.write(&self.out.join("dictionary.safetensors"))?;
        }
        let every = if judged.len() == all.len() { coded.clone() } else { fitted.code(&source.rows(&all)?)? };
        every.write(&self.out.join("codes.csv"), &source.name(&all)?)?;
        self.pictures(&source, &fitted, judged)?;
        if source.is_image() {
            drop(made);
        } else {
            let mut made = source.made(&every, &all, 10)?;
            made.name = Some(source.name(&all)?);
            made.write(&self.out.join("reconstructed.csv"))?;
        }
        let (atoms, per_row, rows) = (fitted.dictionary.len(), coded.codes.per_row(), judged.len());
        let dead = every.codes.uses().iter().filter(|uses| **uses == 0).count();
        if self.common.json {
            say::json(&serde_json::json!({
                "out": self.out, "atoms": atoms, "rows": rows, "per_row": per_row, "mse": coded.mse, "explained": coded.explained,
                "decoded_mse": opened.run.as_ref().and(errors[0]), "linear_mse": errors[1], "unused_atoms": dead,
                "learn_seconds": learned, "code_seconds": seconds,
            }));
            return Ok(());
        }
        let which = if judged.len() == all.len() { "rows" } else { "test rows" };
        say::out(&format!(
            "{} {which}, {per_row:.2} of {atoms} atoms each: {:.2} % explained, mean squared error {:.5}",
            say::count(rows),
            100.0 * coded.explained,
            coded.mse
        ));
        if let (Some(_), Some(decoded)) = (&opened.run, errors[0]) {
            say::out(&format!("through the decoder: mean squared error a pixel {decoded:.5}"));
        }
        if let Some(linear) = errors[1] {
            say::out(&format!("as x = D a with atoms in pixels: mean squared error a pixel {linear:.5}"));
        }
        if dead > 0 {
            say::note(&format!("{dead} of {atoms} atoms are used by no row; --atoms with fewer, or more --passes"));
        }
        say::wrote(&self.out.join("codes.csv"), all.len(), &self.common);
        Ok(())
    }

    fn learned(&self, source: &Source<'_>, train: &[u32]) -> Result<Fitted> {
        let make: fn(usize, f64) -> Method = named(METHODS, &self.method)?;
        let learner: Learner = named(LEARNERS, &self.learner)?;
        let solver = Solver { method: make(self.k, self.penalty), positive: self.positive };
        let x = source.rows(train)?;
        let names = source.names();
        let scale = if self.as_is { source.scale().or(Some(1.0)) } else { source.scale() };
        let (shift, scale) = Fitted::measure(&x, names.len(), scale);
        let scaled = Fitted::scaled(&shift, &scale, &x);
        let how = Learning { atoms: self.atoms, passes: self.passes, solver, learner };
        let mut counter = Counter::new("learning the dictionary", self.passes * train.len(), self.common.quiet);
        let mut done = 0;
        let mut heard = |pass: usize, _: f64| {
            done = pass;
            counter.at(pass * train.len())
        };
        let dictionary = learn(&scaled, names.len(), how, Rng::new(self.seed), &mut heard)?;
        counter.finish();
        if done < self.passes {
            say::warning(&format!(
                "learning was interrupted: the dictionary is that of {done} of {} passes",
                self.passes
            ));
        }
        let mut fitted = Fitted { dictionary, shift, scale, names, solver, shown: None };
        let codes = fitted.code(&x)?.codes;
        source.show(&mut fitted, &codes, train)?;
        Ok(fitted)
    }

    fn pictures(&self, source: &Source<'_>, fitted: &Fitted, rows: &[u32]) -> Result<()> {
        if !source.is_image() {
            return Ok(());
        }
        if let Some(atoms) = source.atoms(fitted) {
            atoms.write(&self.out.join("atoms.png"))?;
        }
        let rows = &rows[..rows.len().min(SHOWN)];
        let made = source.made(&fitted.code(&source.rows(rows)?)?, rows, 10)?;
        source.beside(rows, &made)?.write(&self.out.join("reconstructions.png"))
    }

    /// All rows of what is named; those to learn from and those to judge by are the run's, or those that train would have.
    fn open(&self, known: bool) -> Result<Opened> {
        let mut progress = download(self.common.quiet);
        let options = self.places.options();
        if !Path::new(&self.what).join("run.toml").is_file() {
            if self.data.is_some() {
                return Err(Error::setting("data", format!("'{}' is no run; name one, or data alone", self.what)));
            }
            let data = open(&self.what, &self.form.apply(options), &mut progress)?;
            data.notes().iter().for_each(|line| say::warning(line));
            let usual = TrainConfig { limit: self.limit, seed: self.seed, ..TrainConfig::default() };
            let splits = match known {
                true => Splits { train: Vec::new(), valid: Vec::new(), test: Vec::new() },
                false => usual.split(&data)?,
            };
            return Ok(Opened { run: None, data, splits });
        }
        let run = Run::open(Path::new(&self.what))?;
        let (data, splits) = match &self.data {
            None => run.open_data(&options, &mut progress)?,
            Some(name) => {
                let config = run.config();
                let schema = Some(run.schema().clone());
                let own = OpenOptions { schema, size: config.size, ..self.form.apply(config.reading(options)) };
                let mut data = open(name, &own, &mut progress)?;
                data.notes().iter().for_each(|line| say::warning(line));
                run.number(&mut data);
                let splits = config.split(&data)?;
                (data, splits)
            }
        };
        let mut splits = splits;
        if self.limit > 0 {
            splits.train.truncate(self.limit);
        }
        Ok(Opened { run: Some(run), data, splits })
    }
}
