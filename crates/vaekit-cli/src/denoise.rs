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
    /// The kind of noise
    #[arg(long, default_value = "gaussian", value_parser = clap::builder::PossibleValuesParser::new(NOISES.iter().map(|(name, _)| *name)))]
    noise: String,
    /// Its standard deviation, where the range of a pixel and the standard deviation of a column are 1, or the share of values
    /// that it replaces
    #[arg(long, value_name = "LEVEL", default_value_t = 0.3, allow_hyphen_values = true)]
    level: f32,
    /// The rows are clean: add the noise first, and say how well it was taken off
    #[arg(long)]
    add: bool,
    /// Through the encoder and the decoder (pass), or by the z that explains the noisy row best (search)
    #[arg(long, default_value = "pass", value_parser = clap::builder::PossibleValuesParser::new(CLEANINGS.iter().map(|(name, _)| *name)))]
    by: String,
    /// Of the noise that is added
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A .png (noisy rows above clean ones), .npy or .csv file, or a folder for a .png of each picture
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
        let noise = Noise::by_name(&self.noise, self.level)?;
        let by = CLEANINGS.iter().find(|(name, _)| *name == self.by).map_or(Cleaning::Pass, |(_, by)| *by);
        let out = usual(self.out.clone(), &self.input.run, "denoised")?;
        let folder = out.extension().is_none();
        if !folder {
            check_output(&out)?;
            self.replace.check(&out, &self.input.read_paths())?;
        }
        let (run, data, rows) = self.input.open(if self.add { Part::Test } else { Part::All }, self.common.quiet)?;
        if folder && !data.schema().is_image() {
            return Err(Error::setting("out", format!("{}: expected a .csv, .npy or .png file", out.display())));
        }
        if run.noisy_part() == Some(0) {
            return Err(Error::setting("data", "the table has no column of numbers, and words have no noise"));
        }
        let mut counter = Counter::new("denoising", rows.len(), self.common.quiet);
        let mut hear = |done| counter.at(done);
        let found = run.denoise(&data, &rows, (noise, self.add), by, Rng::new(self.seed), &mut hear)?;
        counter.finish();
        let figures = self.add.then(|| measured(&run, &found));
        if folder {
            write_each(&run, &data, &rows, found.clean, &out, &self.replace)?;
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
        say::wrote(&out, rows.len(), &self.common);
        Ok(())
    }
}

/// Before and after.
fn measured(run: &Run, found: &Cleaned) -> [Quality; 2] {
    let (schema, part, width) = (run.schema(), run.noisy_part(), run.x_width());
    let range = run.encoding().range(schema);
    [&found.noisy, &found.clean].map(|x| quality(schema, range, part, &found.given, x, width))
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
        return run.stored_values(data, rows, found.clean, 10);
    }
    let width = run.x_width();
    let rows = &rows[..rows.len().min(SHOWN)];
    let (noisy, clean) = (&found.noisy[..rows.len() * width], &found.clean[..rows.len() * width]);
    let lines = noisy.chunks(10 * width).zip(clean.chunks(10 * width));
    let both = lines.flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
    Ok(Values { name: None, ..run.stored_values(data, rows, both, 10.min(rows.len()))? })
}

/// A .png for each picture, called as its file.
fn write_each(
    run: &Run,
    data: &Dataset,
    rows: &[u32],
    clean: Vec<f32>,
    folder: &Path,
    replace: &Replace,
) -> Result<()> {
    let values = run.stored_values(data, rows, clean, 1)?;
    let named = |(i, row): (usize, &u32)| match &values.name {
        Some(name) => PathBuf::from(&name.values[i]).with_extension("png"),
        None => PathBuf::from(format!("{row}.png")),
    };
    let files: Vec<PathBuf> = rows.iter().enumerate().map(named).map(|file| folder.join(file)).collect();
    let mut sorted: Vec<&PathBuf> = files.iter().collect();
    sorted.sort();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        let problem = format!("two pictures would be called {}; write a .npy file", pair[0].display());
        return Err(Error::setting("out", problem));
    }
    files.iter().try_for_each(|file| replace.check(file, &[]))?;
    values.write_pictures(&files)
}
