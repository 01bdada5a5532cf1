//! `vaekit encode` and `vaekit decode`

use std::path::{Path, PathBuf};

use clap::Args;
use vaekit::uses::{REDUCTIONS, check_output, write_map};
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part, Told};
use crate::out::{Replace, usual};
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
    /// Write what codes choose in their place: clusters of a mixture, rows of a codebook, class variables; each from 0
    #[arg(long, conflicts_with = "log_var")]
    choices: bool,
    /// Write codes in fewer dimensions: principal axes (pca), or a plane where near rows stay near (tsne)
    #[arg(long, conflicts_with_all = ["log_var", "choices"], value_parser = clap::builder::PossibleValuesParser::new(REDUCTIONS.iter().map(|(name, _)| *name)))]
    reduce: Option<String>,
    /// How many, with --reduce
    #[arg(long, value_name = "N", default_value_t = 2, requires = "reduce")]
    dims: usize,
    /// With --reduce: also draw the first two as a map with axes and classes, an .svg file
    #[arg(long, value_name = "FILE", requires = "reduce")]
    map: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

/// Refuses a map that is no .svg file.
pub fn svg_only(map: &Path) -> Result<()> {
    match map.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg")) {
        true => Ok(()),
        false => Err(Error::setting("map", format!("{}: expected an .svg file", map.display()))),
    }
}

impl Encode {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        numbers_only(&self.out)?;
        self.replace.check(&self.out, &self.input.read_paths())?;
        self.map
            .iter()
            .try_for_each(|map| svg_only(map).and_then(|()| self.replace.check(map, &self.input.read_paths())))?;
        let (run, data, rows) = self.input.open(Part::All, self.common.quiet)?;
        if self.choices {
            run.choices(&data, &rows)?.write(&self.out)?;
            say::wrote(&self.out, rows.len(), &self.common);
            return Ok(());
        }
        let codes = run.encode(&data, &rows)?;
        if let Some((name, by)) =
            self.reduce.as_ref().and_then(|name| REDUCTIONS.iter().find(|(known, _)| known == name))
        {
            let reduced = run.reduce(&codes, *by, self.dims)?;
            reduced.write(&self.out)?;
            if let Some(map) = &self.map {
                write_map(map, &format!("{}, codes by {name}", data.name), &reduced, (&data, &rows), None)?;
            }
            say::wrote(&self.out, rows.len(), &self.common);
            return Ok(());
        }
        if self.log_var && codes.log_var.is_none() {
            return Err(Error::setting("log-var", "this model's codes have no log-variances; leave the flag out"));
        }
        codes.values(self.log_var).write(&self.out)?;
        say::wrote(&self.out, rows.len(), &self.common);
        Ok(())
    }
}

fn numbers_only(out: &Path) -> Result<()> {
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
    #[command(flatten)]
    told: Told,
    /// A .png, .npy or .csv file [default: decoded.png of images, decoded.csv of tables]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

impl Decode {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let out = usual(self.out.clone(), &self.run, "decoded")?;
        check_output(&out)?;
        self.replace.check(&out, std::slice::from_ref(&self.codes))?;
        let run = self.told.apply(Run::open(&self.run)?)?;
        let codes = run.read_codes(&self.codes)?;
        let given = run.given_of(&codes)?;
        let assumed: Vec<String> = run.assumed(Some(&codes)).iter().map(|(c, v)| format!("{c} = {v}")).collect();
        if !assumed.is_empty() {
            say::warning(&format!(
                "the codes file lacks condition columns, so every row is decoded with {}; pass --given or --class, or decode the \
                 csv that encode writes",
                assumed.join(", ")
            ));
        }
        if let Some((n, place)) = run.strays(&codes) {
            say::warning(&format!(
                "{n} of these codes are none of this model's, which lie {place}: it never learned them"
            ));
        }
        let tiles = (codes.mean.len() / codes.latent).isqrt().clamp(1, 16);
        let mut decoded = run.decode(&codes.mean, codes.latent, tiles, given.as_deref())?;
        decoded.name = codes.name;
        decoded.write(&out)?;
        say::wrote(&out, decoded.len(), &self.common);
        Ok(())
    }
}
