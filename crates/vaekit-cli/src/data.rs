//! `vaekit data`

use std::path::PathBuf;

use clap::Args;
use vaekit::Result;
use vaekit::data::{
    AskedColumn, Dataset, Finding, OpenOptions, Overrides, READERS, Role, builtin::BUILTIN, open, public::PUBLIC,
};

use crate::input::{Form, Places};
use crate::{Common, progress, say};

/// Flags of `data`.
#[derive(Args)]
pub struct Data {
    /// A name or a path to describe; a public set is fetched if need be
    name: Option<String>,
    #[command(flatten)]
    places: Places,
    /// Resize pictures of a folder to SIDE x SIDE; the aspect ratio is not kept
    #[arg(long, value_name = "SIDE", help_heading = "Data", value_parser = clap::value_parser!(u32).range(1..=4096))]
    size: Option<u32>,
    /// The array of an npz archive
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    key: Option<String>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    table: Table,
}

/// How a table is read; the flags of `train` of the same names.
#[derive(Args)]
struct Table {
    /// Columns of a table to model; all unless said
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    columns: Vec<String>,
    /// Column of a table that holds classes
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    label_column: Option<String>,
    /// Columns of a table that a conditional model is conditioned on
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    condition: Vec<String>,
    /// Column of a table that says what rows are called
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    id_column: Option<String>,
    /// A TOML file that says what columns are; see docs/tables.md
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    schema: Option<PathBuf>,
    /// The role of a column: model, ignore, condition, label or id
    #[arg(long, value_name = "COLUMN=ROLE", value_delimiter = ',', help_heading = "Data")]
    role: Vec<String>,
    #[command(flatten)]
    form: Form,
}

impl Table {
    fn options(&self, options: OpenOptions) -> Result<OpenOptions> {
        let overrides = self.schema.as_deref().map_or_else(|| Ok(Overrides::default()), Overrides::read)?;
        Ok(OpenOptions {
            columns: self.columns.clone(),
            roles: AskedColumn::by_settings(self.label_column.as_ref(), &self.condition, self.id_column.as_ref()),
            overrides: overrides.with_roles(&self.role)?,
            ..self.form.apply(options)
        })
    }
}

impl Data {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        if let Some(name) = &self.name {
            return self.describe(name);
        }
        let builtin = BUILTIN.iter().map(|s| (s.name, s.summary, "built in"));
        let all: Vec<_> = builtin.chain(PUBLIC.iter().map(|s| (s.name, s.summary, "public"))).collect();
        if self.common.json {
            let list = all
                .iter()
                .map(|(name, summary, kind)| serde_json::json!({"name": name, "summary": summary, "kind": kind}));
            say::json(&list.collect());
        } else {
            all.iter().for_each(|(name, summary, kind)| say::out(&format!("{name:<20}{kind:<10}{summary}")));
            say::out("");
            READERS.iter().for_each(|reader| say::out(&format!("{:<30}{}", reader.name, reader.reads)));
        }
        Ok(())
    }

    fn describe(&self, name: &str) -> Result<()> {
        let options = OpenOptions { size: self.size, key: self.key.clone(), ..self.places.options() };
        let options = self.table.options(options)?;
        let data = open(name, &options, &mut progress::download(self.common.quiet))?;
        let test = data.test_from.map_or(0, |t| data.len() - t);
        let classes = data.schema().classes();
        if self.common.json {
            say::json(&serde_json::json!({
                "name": data.name, "schema": data.schema(), "rows": data.len(), "test_rows": test,
                "missing": data.missing(), "classes": classes, "fingerprint": data.fingerprint()?,
                "columns": data.findings().iter().map(column).collect::<Vec<_>>(), "notes": data.notes(),
            }));
            return Ok(());
        }
        if !data.findings().is_empty() {
            table(&data);
            return Ok(());
        }
        say::out(&format!("{}: {} {}", data.name, say::count(data.len()), data.schema()));
        if test > 0 {
            say::out(&format!("{} of them are its own test rows", say::count(test)));
        }
        if data.has_missing() {
            let share = 100.0 * data.missing() as f64 / (data.len() * data.width()) as f64;
            say::out(&format!("{} values are missing ({share:.1} %)", say::count(data.missing())));
        }
        for column in data.schema().beside().filter(|column| column.role != Role::Label) {
            say::out(&format!("{}: {} '{}'", column.role.name(), column.kind.name(), column.name));
        }
        if !classes.is_empty() {
            say::out(&format!("classes: {}", classes.join(", ")));
        }
        if let Some(factors) = &data.factors {
            say::out(&format!("factors: {}", factors.names.join(", ")));
        }
        Ok(())
    }
}

/// A table of the columns: what each is, what it holds, and why.
fn table(data: &Dataset) {
    let findings = data.findings();
    say::out(&format!("{}: {} rows, {} columns", data.name, say::count(data.len()), findings.len()));
    let lines: Vec<[String; 6]> = findings.iter().map(|f| line(f, data.len())).collect();
    let head = ["column", "kind", "role", "missing", "holds", "why"].map(str::to_owned);
    let width = |i: usize| {
        let cells = std::iter::once(&head).chain(&lines).map(|line| line[i].chars().count());
        cells.max().unwrap_or(0).min(WIDEST)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    for line in std::iter::once(&head).chain(&lines) {
        let cells = line.iter().zip(&widths).map(|(cell, width)| {
            let shown: String = cell.chars().take(*width).collect();
            format!("{shown:<width$}  ")
        });
        say::out(&(cells.collect::<String>() + &line[5]));
    }
    data.notes().iter().for_each(|line| say::note(line));
}

/// Characters of a cell that are shown.
const WIDEST: usize = 44;

fn line(finding: &Finding, rows: usize) -> [String; 6] {
    let column = &finding.column;
    let missing = match finding.missing {
        None | Some(0) => String::new(),
        Some(n) => format!("{n} ({:.1} %)", 100.0 * n as f64 / rows.max(1) as f64),
    };
    let kind = if column.role == Role::Label { "category" } else { column.kind.name() };
    [column.name.clone(), kind.into(), column.role.name().into(), missing, column.holds(), finding.why.clone()]
}

fn column(finding: &Finding) -> serde_json::Value {
    serde_json::json!({
        "name": finding.column.name, "kind": finding.column.kind, "role": finding.column.role,
        "levels": finding.column.levels, "numbers": finding.column.numbers, "missing": finding.missing,
        "why": finding.why,
    })
}
