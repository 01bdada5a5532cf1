//! `vaekit sparse`

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use vaekit::data::split::split;
use vaekit::data::{AskedColumn, Dataset, OpenOptions, Splits, open};
use vaekit::rng::Rng;
use vaekit::run::RunFile;
use vaekit::uses::sparse::{Coded, Fitted, From, LEARNERS, Learner, Learning, METHODS, Solver, Source, learn};
use vaekit::{Error, Result, Run};

use crate::input::{Form, Places, data_path};
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
    /// Number of atoms [default: 256, at most four times the columns and a quarter of the training rows]
    #[arg(long, value_name = "N")]
    atoms: Option<usize>,
    /// The most atoms of a row, with omp and mp [default: 10, of fewer atoms all]
    #[arg(short, long, value_name = "K")]
    k: Option<usize>,
    /// The weight of the L1 penalty, with lasso, ista and fista [default: 0.1]
    #[arg(long, value_name = "WEIGHT", allow_hyphen_values = true)]
    penalty: Option<f64>,
    /// How rows are coded: orthogonal matching pursuit, matching pursuit, the lasso by coordinate descent or thresholding
    #[arg(long, default_value = "omp", value_parser = names(METHODS.iter().map(|(name, _)| *name)))]
    method: String,
    /// Non-negative codes
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
    /// The share of the rows that are kept apart to judge by, where the data has no test rows of its own [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    test: Option<f64>,
    /// Of a table: subtract the mean only; do not divide by the standard deviation
    #[arg(long)]
    as_is: bool,
    /// Code with a dictionary that an earlier call wrote, by the method of that call
    #[arg(long, value_name = "FILE", conflicts_with_all = ["atoms", "learner", "passes", "limit", "as_is", "k", "penalty", "method", "positive", "test", "seed", "columns"])]
    dictionary: Option<PathBuf>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder to write: dictionary.safetensors, codes.csv and pictures
    #[arg(long, value_name = "FOLDER", default_value = "sparse")]
    out: PathBuf,
    /// Columns of a table to code [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    columns: Vec<String>,
    /// Column of a table that says what rows are called
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    id_column: Option<String>,
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
        self.check_settings()?;
        let known = self.dictionary.as_deref().map(Fitted::read).transpose()?;
        let files = ["codes.csv", "atoms.png", "reconstructions.png", "reconstructed.csv", "dictionary.safetensors"];
        let written = &files[..if known.is_some() { 4 } else { 5 }];
        let written: Vec<PathBuf> = written.iter().map(|file| self.out.join(file)).collect();
        let named = [Some(&self.what), self.data.as_ref()].into_iter().flatten().map(PathBuf::from);
        let mut reads: Vec<PathBuf> = named.chain(self.dictionary.clone()).collect();
        self.replace.check_folder(&self.out, &written, &reads)?;
        let opened = self.open(known.as_ref())?;
        reads.extend(opened.run.as_ref().map(data_path).unwrap_or_default());
        self.replace.check_folder(&self.out, &written, &reads)?;
        let (data, splits) = (&opened.data, &opened.splits);
        let source = match &opened.run {
            Some(run) => Source::codes(run, data)?,
            None => Source::values(data)?,
        };
        let identity = match &opened.run {
            Some(run) => Some(RunFile::read(run.dir())?.identity()),
            None => None,
        };
        let begun = Instant::now();
        let fitted = match known {
            Some(fitted) => {
                let same = match (&fitted.from, identity.as_deref()) {
                    (From::Codes(of), Some(identity)) => of == identity,
                    (From::Values(schema), None) => schema.value_kind() == data.schema().value_kind(),
                    _ => false,
                };
                if !same || fitted.names != source.names() {
                    let what = match &fitted.from {
                        From::Values(_) => {
                            format!("is of {} columns of files ({}, ..)", fitted.names.len(), fitted.names[0])
                        }
                        From::Codes(_) => "is of the latent codes of another run".to_owned(),
                    };
                    let problem = format!("{what}; '{}' gives others ({}, ..)", self.what, source.names()[0]);
                    return Err(Error::setting("dictionary", problem));
                }
                fitted
            }
            None => self.learned(&source, source.from(identity.as_deref()), &splits.train)?,
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
        let every = if judged.len() == all.len() { coded.clone() } else { self.coded(&source, &fitted, &all)? };
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
                "out": self.out, "atoms": atoms, "rows": rows, "per_row": per_row, "mse": coded.mse(), "explained": coded.explained(),
                "decoded_mse": opened.run.as_ref().and(errors[0]), "linear_mse": errors[1], "unused_atoms": dead,
                "learn_seconds": learned, "code_seconds": seconds,
            }));
            return Ok(());
        }
        let which = if judged.len() == all.len() { "rows" } else { "test rows" };
        say::out(&format!(
            "{} {which}, {per_row:.2} of {atoms} atoms each: {:.2} % explained, mean squared error {:.5}",
            say::count(rows),
            100.0 * coded.explained(),
            coded.mse()
        ));
        if let (Some(_), Some(decoded)) = (&opened.run, errors[0]) {
            say::out(&format!("through the decoder: mean squared error a pixel {decoded:.5}"));
        }
        if let Some(linear) = errors[1] {
            say::out(&format!("as x = D a with atoms in pixels: mean squared error a pixel {linear:.5}"));
        }
        if dead > 0 && self.dictionary.is_none() {
            say::note(&format!("{dead} of {atoms} atoms are used by no row; --atoms with fewer, or more --passes"));
        }
        let codes = self.out.join("codes.csv");
        let none = (0..every.codes.len()).filter(|row| every.codes.row(*row).next().is_none()).count();
        if none > 0 {
            say::note(&format!("{} of {} rows have no number that is not 0, and no line", say::count(none), all.len()));
        }
        say::out(&format!("{} ({} lines)", codes.display(), say::count(every.codes.uses().iter().sum())));
        Ok(())
    }

    /// All rows, with word of how far it is.
    fn coded(&self, source: &Source<'_>, fitted: &Fitted, rows: &[u32]) -> Result<Coded> {
        let mut counter = Counter::new("coding rows", rows.len(), self.common.quiet);
        let coded = source.coded(fitted, rows, !source.is_image(), &mut |done| counter.at(done))?;
        counter.finish();
        Ok(coded)
    }

    /// Refuses settings that the method does not use.
    fn check_settings(&self) -> Result<()> {
        let pursues = matches!(self.method.as_str(), "omp" | "mp");
        match (self.k, self.penalty) {
            (Some(_), _) if !pursues => {
                Err(Error::setting("k", format!("'{}' has a --penalty in its place", self.method)))
            }
            (_, Some(_)) if pursues => Err(Error::setting("penalty", format!("'{}' has -k in its place", self.method))),
            _ => Ok(()),
        }
    }

    fn learned(&self, source: &Source<'_>, from: From, train: &[u32]) -> Result<Fitted> {
        let make = named(METHODS, &self.method)?;
        let learner: Learner = named(LEARNERS, &self.learner)?;
        let most = 256.min(4 * source.names().len());
        let atoms = self.atoms.unwrap_or_else(|| (train.len() / 4).clamp(1, most));
        let k = self.k.unwrap_or_else(|| atoms.clamp(1, 10));
        let solver = Solver { method: make(k, self.penalty.unwrap_or(0.1)), positive: self.positive };
        let x = source.rows(train)?;
        let names = source.names();
        let scale = if self.as_is { source.scale().or(Some(1.0)) } else { source.scale() };
        let (shift, scale) = Fitted::measure(&x, names.len(), scale);
        let scaled = Fitted::scaled(&shift, &scale, &x);
        let how = Learning { atoms, passes: self.passes, solver, learner };
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
        let mut fitted = Fitted { dictionary, shift, scale, names, solver, from, shown: None };
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

    /// All rows of what is named; those to learn from and those to judge by are the run's, or a share that the seed chooses.
    fn open(&self, known: Option<&Fitted>) -> Result<Opened> {
        let mut progress = download(self.common.quiet);
        let options = self.places.options();
        if !Path::new(&self.what).join("run.toml").is_file() {
            if self.data.is_some() {
                return Err(Error::setting("data", format!("'{}' is no run; name one, or data alone", self.what)));
            }
            let schema = known.and_then(|fitted| match &fitted.from {
                From::Values(schema) => Some(schema.clone()),
                From::Codes(_) => None,
            });
            let roles = AskedColumn::by_settings(None, &[], self.id_column.as_ref());
            let options = OpenOptions { schema, roles, columns: self.columns.clone(), ..self.form.apply(options) };
            let data = open(&self.what, &options, &mut progress)?;
            if !self.common.quiet {
                data.notes().iter().for_each(|line| say::note(line));
            }
            let (none, test) = (Splits { train: Vec::new(), valid: Vec::new(), test: Vec::new() }, self.test);
            let splits = match known {
                Some(_) => none,
                None => split(&data, 0.0, share(test.unwrap_or(0.1))?, self.limit, self.seed)?,
            };
            return Ok(Opened { run: None, data, splits });
        }
        let unused = [("columns", !self.columns.is_empty()), ("test", self.test.is_some()), ("as-is", self.as_is)];
        if let Some((flag, _)) = unused.iter().find(|(_, given)| *given) {
            return Err(Error::setting(flag, "goes with data; a run says which of its rows and columns these are"));
        }
        let reads = self.form.given().or(self.id_column.as_ref().map(|_| "id-column"));
        if let (None, Some(flag)) = (&self.data, reads) {
            let problem = "says how to read DATA, and the run's own data is read as it was for training; name DATA";
            return Err(Error::setting(flag, problem));
        }
        let run = Run::open(Path::new(&self.what))?;
        let (data, mut splits) = match &self.data {
            None => run.open_data(&options, &mut progress)?,
            Some(name) => {
                let config = run.config();
                let roles = AskedColumn::by_settings(None, &[], self.id_column.as_ref());
                let (schema, size) = (Some(run.schema().clone()), config.size);
                let own = OpenOptions { schema, size, roles, ..self.form.apply(config.reading(options)) };
                let mut data = open(name, &own, &mut progress)?;
                data.notes().iter().for_each(|line| say::warning(line));
                run.number(&mut data);
                let splits = config.split(&data)?;
                (data, splits)
            }
        };
        if self.limit > 0 {
            splits.train = run.some(&splits.train, self.limit);
        }
        Ok(Opened { run: Some(run), data, splits })
    }
}

fn share(test: f64) -> Result<f64> {
    match (0.0..1.0).contains(&test) {
        true => Ok(test),
        false => Err(Error::setting("test", format!("found {test}, expected a share from 0 to below 1"))),
    }
}
