//! `vaekit data`

use clap::Args;
use vaekit::Result;
use vaekit::data::{AskedColumn, OpenOptions, READERS, Role, builtin::BUILTIN, open, public::PUBLIC};

use crate::input::Places;
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
    /// Columns of a csv table to model; all unless said
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    columns: Vec<String>,
    /// Column of a csv table that holds classes
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    label_column: Option<String>,
    #[command(flatten)]
    common: Common,
    /// Columns of a csv table that a conditional model is conditioned on
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    condition: Vec<String>,
    /// Column of a csv table that says what rows are called
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    id_column: Option<String>,
    /// Words of a csv table that stand for a missing value, beside NA, NaN, null, none, ? and nothing
    #[arg(long, value_name = "WORDS", value_delimiter = ',', allow_hyphen_values = true, help_heading = "Data")]
    missing: Vec<String>,
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
        let options = OpenOptions {
            size: self.size,
            key: self.key.clone(),
            columns: self.columns.clone(),
            roles: AskedColumn::by_settings(self.label_column.as_ref(), &self.condition, self.id_column.as_ref()),
            missing: self.missing.clone(),
            ..self.places.options()
        };
        let data = open(name, &options, &mut progress::download(self.common.quiet))?;
        let test = data.test_from.map_or(0, |t| data.len() - t);
        let classes = data.schema().classes();
        if self.common.json {
            say::json(&serde_json::json!({
                "name": data.name, "schema": data.schema(), "rows": data.len(), "test_rows": test,
                "missing": data.missing(), "classes": classes, "fingerprint": data.fingerprint(),
            }));
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
