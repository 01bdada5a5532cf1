//! `vaekit denoise`

use std::path::{Path, PathBuf};

use clap::Args;
use vaekit::data::Dataset;
use vaekit::rng::Rng;
use vaekit::uses::denoise::{CLEANINGS, Cleaned, Cleaning, NOISES, Noise, Quality, quality};
use vaekit::uses::{Values, check_output};
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part};
use crate::out::{Replace, usual};
use crate::progress::Counter;
use crate::{Common, say};

/// Flags of `denoise`.
#[derive(Args)]
pub struct Denoise {
    #[command(flatten)]
    input: Input,
    /// The kind of noise, for --add and --by search [default: gaussian]
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(NOISES.iter().map(|(name, _)| *name)))]
    noise: Option<String>,
    /// Its standard deviation, where the range of a pixel and the standard deviation of a column are 1, or the share of values
    /// that it replaces [default: 0.3]
    #[arg(long, value_name = "LEVEL", allow_hyphen_values = true)]
    level: Option<f32>,
    /// The rows are clean: add noise, and report the error before and after
    #[arg(long)]
    add: bool,
    /// Through the encoder and the decoder (pass), or by the z that explains the noisy row best (search)
    #[arg(long, default_value = "pass", value_parser = clap::builder::PossibleValuesParser::new(CLEANINGS.iter().map(|(name, _)| *name)))]
    by: String,
    /// Of the noise that is added [default: 0]
    #[arg(long, requires = "add")]
    seed: Option<u64>,
    /// A .png (20 noisy rows above clean ones), .npy or .csv file, or a folder for a .png of each picture, called as its file
    /// [default: denoised.png of pictures, denoised.csv of tables]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

/// Rows in a picture.
const SHOWN: usize = 20;

impl Denoise {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let noise = Noise::by_name(self.noise.as_deref().unwrap_or("gaussian"), self.level.unwrap_or(0.3))?;
        let by = CLEANINGS.iter().find(|(name, _)| *name == self.by).map_or(Cleaning::Pass, |(_, by)| *by);
        let given = [("noise", self.noise.is_some()), ("level", self.level.is_some())];
        if let (Some((flag, _)), false, Cleaning::Pass) = (given.iter().find(|(_, given)| *given), self.add, by) {
            return Err(Error::setting(flag, "does nothing without --add where rows pass through; add --by search"));
        }
        let out = usual(self.out.clone(), &self.input.run, "denoised")?;
        let folder = out.extension().is_none();
        if !folder {
            check_output(&out)?;
            self.replace.check(&out, &self.input.read_paths())?;
        }
        let (run, data, rows) = self.input.open(if self.add { Part::Test } else { Part::All }, self.common.quiet)?;
        if folder && !data.schema().is_image() {
            return Err(Error::setting("out", format!("{}: rows of a table go to a .csv or .npy file", out.display())));
        }
        let files = if folder { files_of(&data, &rows, &out)? } else { Vec::new() };
        if folder {
            self.replace.check_folder(&out, &files, &self.input.read_paths())?;
        }
        if run.noisy_part() == Some(0) {
            return Err(Error::setting("data", "the table has no column of numbers, and words have no noise"));
        }
        let mut counter = Counter::new("denoising", rows.len(), self.common.quiet);
        let mut hear = |done| counter.at(done);
        let found = run.denoise(&data, &rows, (noise, self.add), by, Rng::new(self.seed.unwrap_or(0)), &mut hear)?;
        counter.finish();
        let figures = self.add.then(|| measured(&run, &found));
        if folder {
            run.cleaned_values(&data, &rows, found.clean, 1)?.write_pictures(&files)?;
        } else {
            shown(&run, &data, &rows, found, &out)?.write(&out)?;
        }
        if self.common.json {
            let figure = |q: &Quality| serde_json::json!({"mse": q.mse, "psnr": q.psnr, "ssim": q.ssim});
            let (before, after) = (figures.as_ref().map(|f| figure(&f[0])), figures.as_ref().map(|f| figure(&f[1])));
            say::json(&serde_json::json!({"out": out, "rows": rows.len(), "before": before, "after": after}));
            return Ok(());
        }
        if let Some([before, after]) = figures {
            say::out(&format!("before: {}", words(&before)));
            say::out(&format!("after:  {}", words(&after)));
        }
        let drawn = check_output(&out).is_ok_and(|kind| kind == "png") && data.schema().is_image();
        say::wrote(&out, if drawn { rows.len().min(SHOWN) } else { rows.len() }, &self.common);
        Ok(())
    }
}

/// Before and after.
fn measured(run: &Run, found: &Cleaned) -> [Quality; 2] {
    let (schema, part, width) = (run.schema(), run.noisy_part(), run.x_width());
    [&found.noisy, &found.clean].map(|x| quality(schema, run.units(), part, &found.given, x, width))
}

fn words(quality: &Quality) -> String {
    let psnr = quality.psnr.map(|psnr| format!(", PSNR {psnr:.2} dB")).unwrap_or_default();
    let ssim = quality.ssim.map(|ssim| format!(", SSIM {ssim:.4}")).unwrap_or_default();
    format!("mean squared error {:.5}{psnr}{ssim}", quality.mse)
}

/// What a file shows: of a picture noisy rows above clean ones, else the clean rows.
fn shown(run: &Run, data: &Dataset, rows: &[u32], found: Cleaned, out: &Path) -> Result<Values> {
    let image = run.schema().is_image();
    if check_output(out)? != "png" || !image {
        return run.cleaned_values(data, rows, found.clean, 10);
    }
    let width = run.x_width();
    let rows = &rows[..rows.len().min(SHOWN)];
    let (noisy, clean) = (&found.noisy[..rows.len() * width], &found.clean[..rows.len() * width]);
    let lines = noisy.chunks(10 * width).zip(clean.chunks(10 * width));
    let both = lines.flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
    Ok(Values { name: None, ..run.cleaned_values(data, rows, both, 10.min(rows.len()))? })
}

/// A .png for each picture, called as its file, else by its number.
fn files_of(data: &Dataset, rows: &[u32], folder: &Path) -> Result<Vec<PathBuf>> {
    let names = data.row_names();
    let named = |row: &u32| -> Result<PathBuf> {
        match names {
            Some((_, names)) => Ok(PathBuf::from(names.get(*row as usize)?).with_extension("png")),
            None => Ok(PathBuf::from(format!("{row}.png"))),
        }
    };
    let files: Vec<PathBuf> = rows.iter().map(named).map(|file| Ok(folder.join(file?))).collect::<Result<_>>()?;
    let mut sorted: Vec<&PathBuf> = files.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let problem = format!("two pictures would be called {}; rename one, or write .csv", pair[0].display());
            Err(Error::setting("out", problem))
        }
        None => Ok(files),
    }
}
