//! `vaekit encode` and `vaekit decode`

use std::path::PathBuf;

use clap::Args;
use vaekit::data::{OpenOptions, Shape, open};
use vaekit::uses::check_output;
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part};
use crate::{Common, say};

/// Flags of `encode`.
#[derive(Args)]
pub struct Encode {
    #[command(flatten)]
    input: Input,
    /// A .npy or .csv file, a row for each row of the data
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write the log-variances of q(z|x) beside its means
    #[arg(long)]
    log_var: bool,
    #[command(flatten)]
    common: Common,
}

impl Encode {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        numbers_only(&self.out)?;
        let (run, data, rows) = self.input.open(Part::All, self.common.quiet)?;
        let codes = run.encode(&data, &rows)?;
        if self.log_var && codes.log_var.is_none() {
            return Err(Error::setting("log-var", "this model's codes have no log-variances; leave the flag out"));
        }
        codes.values(self.log_var).write(&self.out)?;
        say::wrote(&self.out, rows.len(), &self.common);
        Ok(())
    }
}

fn numbers_only(out: &std::path::Path) -> Result<()> {
    match check_output(out)? {
        "png" => Err(Error::setting("out", format!("{}: codes have no picture; expected .npy or .csv", out.display()))),
        _ => Ok(()),
    }
}

/// Flags of `decode`.
#[derive(Args)]
pub struct Decode {
    /// The folder that train made
    run: PathBuf,
    /// Codes as .npy or .csv, a row each, such as encode writes
    codes: PathBuf,
    /// The class of all rows, where the model is conditional [default: the column of classes that encode writes, else the first]
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// A .png, .npy or .csv file
    #[arg(long, value_name = "FILE", default_value = "decoded.png")]
    out: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Decode {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        check_output(&self.out)?;
        let run = Run::open(&self.run)?;
        let run = match &self.class {
            Some(class) => run.of_class(class)?,
            None => run,
        };
        let conditional = run.is_conditional();
        let label_column = Some(run.class_column().to_owned()).filter(|_| conditional);
        let options =
            OpenOptions { label_column, label_if_there: true, columns_are_fixed: true, ..OpenOptions::default() };
        let mut codes = open(&self.codes.to_string_lossy(), &options, &mut |_| ())?;
        run.number_classes(&mut codes);
        let Shape::Table { columns } = &codes.spec.shape else {
            return Err(Error::setting("codes", format!("{} holds images, expected a table", self.codes.display())));
        };
        // What `encode --log-var` writes beside the codes says nothing to a decoder.
        let width = columns.iter().position(|name| name == "log_var0").unwrap_or(columns.len());
        let (mut row_values, mut values) = (Vec::new(), Vec::new());
        for row in 0..codes.len() {
            row_values.clear();
            codes.extend_with_row(row, &mut row_values);
            values.extend_from_slice(&row_values[..width]);
        }
        let classes = codes.labels.as_ref().filter(|_| self.class.is_none());
        if let Some(labels) = classes.filter(|labels| labels.names != run.file().data.classes) {
            let (found, known) = (labels.names.join(", "), run.file().data.classes.join(", "));
            let problem = format!("column '{}' has {found}, expected classes of {known}", run.class_column());
            return Err(Error::setting(self.codes.display(), problem));
        }
        let unnamed = conditional && classes.is_none() && self.class.is_none();
        if let Some(first) = run.file().data.classes.first().filter(|_| unnamed) {
            say::warning(&format!(
                "these codes name no class, so all are decoded as '{first}': use --class, or codes in csv"
            ));
        }
        let tiles = codes.len().isqrt().clamp(1, 16);
        let decoded = run.decode(&values, width, tiles, classes.map(|labels| labels.ids.as_slice()))?;
        decoded.write(&self.out)?;
        say::wrote(&self.out, decoded.len(), &self.common);
        Ok(())
    }
}
