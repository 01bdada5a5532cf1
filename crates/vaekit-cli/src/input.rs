//! The run and the rows that a verb works on.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use vaekit::data::{AskedColumn, Dataset, OpenOptions, Unknown, builtin::BUILTIN, open, public::PUBLIC, separator};
use vaekit::run::RunFile;
use vaekit::{Result, Run};

use crate::{progress, say};

/// Where data may come from.
#[derive(Args, Clone, Default)]
pub struct Places {
    /// Look for public data sets here first
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    pub data_dir: Option<PathBuf>,
    /// Never download
    #[arg(long, help_heading = "Data")]
    pub offline: bool,
}

impl Places {
    pub fn options(&self) -> OpenOptions {
        OpenOptions { data_dir: self.data_dir.clone(), offline: self.offline, ..OpenOptions::default() }
    }
}

/// What a conditional model is told of new rows.
#[derive(Args, Clone)]
pub struct Told {
    /// The class, of a conditional model [default: that of the rows; new rows take each in turn, codes the first]
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Conditions of a conditional model, such as site=north,dose=2.5 [default: those of the rows; new rows take each
    /// word in turn, codes the first; of a number the mean]
    #[arg(long, value_name = "COLUMN=VALUE", value_delimiter = ',')]
    given: Vec<String>,
}

impl Told {
    /// Says which conditions codes are decoded with, where neither the codes nor a person said so.
    pub fn warn(assumed: &[(String, String)]) {
        if assumed.is_empty() {
            return;
        }
        let values: Vec<String> = assumed.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        say::warning(&format!("decoded with {} throughout; pass --given or --class for others", values.join(", ")));
    }

    /// The run with these conditions.
    pub fn apply(&self, run: Run) -> Result<Run> {
        let run = match &self.class {
            Some(class) => run.of_class(class)?,
            None => run,
        };
        self.given.iter().try_fold(run, |run, pair| match pair.split_once('=') {
            Some((column, value)) => run.given(column.trim(), value.trim()),
            None => Err(vaekit::Error::setting("given", format!("found '{pair}', expected COLUMN=VALUE"))),
        })
    }
}

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Train,
    Valid,
    Test,
    All,
}

/// A run, and data that is the run's own unless said otherwise.
#[derive(Args, Clone)]
pub struct Input {
    /// The folder that train made
    pub run: PathBuf,
    /// A name or a path; the data of the run unless said
    pub data: Option<String>,
    #[command(flatten)]
    places: Places,
    /// Which rows [default: test rows of the run's own data (encode, score, impute: all), all rows of other data]
    #[arg(long, value_enum, help_heading = "Data")]
    pub part: Option<Part>,
    /// The array of an npz archive
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    key: Option<String>,
    /// Column of a table that holds classes
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    label_column: Option<String>,
    /// Column of a table that says what rows are called
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    id_column: Option<String>,
    /// How to treat values that training did not see, such as a new category
    #[arg(long, value_enum, default_value = "error", help_heading = "Data")]
    unknown: UnknownCells,
    #[command(flatten)]
    form: Form,
}

/// How the cells of a table are written.
#[derive(Args, Clone, Default)]
pub struct Form {
    /// Words of a table that stand for a missing value, beside NA, NaN, null, none, ? and nothing
    #[arg(long, value_name = "WORDS", value_delimiter = ',', allow_hyphen_values = true, help_heading = "Data")]
    missing: Vec<String>,
    /// Whether the first row of a csv table names the columns; found out unless said
    #[arg(long, value_parser = ["yes", "no"], help_heading = "Data")]
    header: Option<String>,
    /// The mark before decimals in a csv table; found out unless said
    #[arg(long, value_parser = [".", ","], help_heading = "Data")]
    decimal: Option<String>,
    /// What stands between the cells of a csv table; found out unless said
    #[arg(long, value_parser = ["comma", "semicolon", "tab", "bar"], help_heading = "Data")]
    separator: Option<String>,
}

impl Form {
    /// What is said here is stronger than what was known before.
    pub fn apply(&self, options: OpenOptions) -> OpenOptions {
        OpenOptions {
            missing: if self.missing.is_empty() { options.missing } else { self.missing.clone() },
            header: self.header.as_ref().map(|word| word == "yes").or(options.header),
            decimal: self.decimal.as_ref().and_then(|mark| mark.chars().next()).or(options.decimal),
            separator: self.separator.as_ref().map(|name| separator(name)).or(options.separator),
            ..options
        }
    }

    /// The first of its flags that is given.
    pub fn given(&self) -> Option<&'static str> {
        let flags = [
            ("missing", !self.missing.is_empty()),
            ("header", self.header.is_some()),
            ("decimal", self.decimal.is_some()),
            ("separator", self.separator.is_some()),
        ];
        flags.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }
}

/// What becomes of a cell that the model cannot have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum UnknownCells {
    /// It is an error
    #[default]
    Error,
    /// It is taken for missing
    Missing,
}

impl From<UnknownCells> for Unknown {
    fn from(cells: UnknownCells) -> Self {
        match cells {
            UnknownCells::Error => Self::Error,
            UnknownCells::Missing => Self::Missing,
        }
    }
}

impl Input {
    /// Opens run and data. `part` is what to take of the run's own data when nothing is said.
    pub fn open(&self, part: Part, quiet: bool) -> Result<(Run, Dataset, Vec<u32>)> {
        let run = Run::open(&self.run)?;
        let (data, rows) = self.rows(&run, part, quiet)?;
        Ok((run, data, rows))
    }

    /// Where data may come from.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The files that are read, which no output may replace: the data that is named, and the run's own.
    pub fn read_paths(&self) -> Vec<PathBuf> {
        let own = RunFile::read(&self.run).ok().map(|file| file.config.data);
        // A name of a set is no path, though a folder may be called so.
        let is_path = |name: &String| !is_known(name);
        self.data.iter().cloned().chain(own).filter(is_path).map(PathBuf::from).collect()
    }

    /// The file of a table and how it is read: DATA, else the run's own.
    pub fn table(&self, run: &Run) -> Result<(PathBuf, OpenOptions)> {
        let path = self.data.clone().unwrap_or_else(|| run.config().data.clone());
        Ok((PathBuf::from(path), self.options(run)))
    }

    /// How other data is read for a run.
    fn options(&self, run: &Run) -> OpenOptions {
        let config = run.config();
        OpenOptions {
            size: config.size,
            key: self.key.clone().or_else(|| config.key.clone()),
            roles: AskedColumn::by_settings(self.label_column.as_ref(), &[], self.id_column.as_ref()),
            schema: Some(run.schema().clone()),
            unknown: self.unknown.into(),
            ..self.form.apply(config.reading(self.places.options()))
        }
    }

    fn rows(&self, run: &Run, part: Part, quiet: bool) -> Result<(Dataset, Vec<u32>)> {
        let mut progress = progress::download(quiet);
        let options = self.places.options();
        let reads = [("key", &self.key), ("label-column", &self.label_column), ("id-column", &self.id_column)];
        let given = reads.iter().find(|(_, given)| given.is_some()).map(|(flag, _)| *flag).or(self.form.given());
        if let (None, Some(flag)) = (&self.data, given) {
            let problem = "says how to read DATA, and the run's own data is read as it was for training; name DATA";
            return Err(vaekit::Error::setting(flag, problem));
        }
        let data = match &self.data {
            None => run.open_data(&options, &mut progress)?.0,
            Some(name) => {
                let mut data = open(name, &self.options(run), &mut progress)?;
                data.notes().iter().for_each(|line| say::warning(line));
                run.number(&mut data);
                data
            }
        };
        let all = || (0..data.len() as u32).collect::<Vec<u32>>();
        let own = run.has_rows_of(&data)?;
        let rows = match (self.part.unwrap_or(if own { part } else { Part::All }), own) {
            (Part::All, _) => all(),
            (part, true) => {
                let splits = run.split(&data)?;
                if self.data.is_some() && self.part.is_none() && !quiet {
                    say::note(&format!(
                        "{} is the run's own data: its test rows are taken; --part all for all",
                        data.name
                    ));
                }
                match part {
                    Part::Train => splits.train,
                    Part::Valid => splits.valid,
                    // Without test rows the training rows are better than none.
                    _ if splits.test.is_empty() && self.part.is_none() => splits.train,
                    _ => splits.test,
                }
            }
            (Part::Test, false) if data.test_from.is_some() => {
                (data.test_from.unwrap_or(0) as u32..data.len() as u32).collect()
            }
            (_, false) => {
                return Err(vaekit::Error::setting(
                    "part",
                    format!("{} is other data than the run's; use all", data.name),
                ));
            }
        };
        if rows.is_empty() {
            return Err(vaekit::Error::setting(
                "part",
                format!("that part of {} holds no rows; choose another", data.name),
            ));
        }
        Ok((data, rows))
    }
}

/// True for the name of a built-in or a public set.
fn is_known(name: &str) -> bool {
    BUILTIN.iter().any(|set| set.name == name) || PUBLIC.iter().any(|set| set.name == name)
}

/// The path of a run's own data, where it is one.
pub fn data_path(run: &Run) -> Vec<PathBuf> {
    let data = &run.config().data;
    if is_known(data) { Vec::new() } else { vec![PathBuf::from(data)] }
}
