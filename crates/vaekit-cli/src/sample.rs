//! `vaekit sample`

use std::path::PathBuf;

use clap::Args;
use vaekit::model::Model;
use vaekit::rng::Rng;
use vaekit::uses::{Observation, SOURCES, Source, check_output};
use vaekit::{Result, Run};

use crate::input::{Places, Told, data_path};
use crate::out::Replace;
use crate::progress::download;
use crate::{Common, say};

/// More images than this are no picture that anybody looks at.
const MOST_TILES: u32 = 4096;

/// Flags of `sample`.
#[derive(Args)]
pub struct Sample {
    /// The folder that train made
    run: PathBuf,
    /// How many rows
    #[arg(short, long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    n: u32,
    /// Seed of the draws [default: the run's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where codes come from: prior, or fitted to the codes of training rows mixture, flow, data (draws of q)
    #[arg(long, value_name = "SOURCE", default_value = "prior")]
    from: String,
    #[command(flatten)]
    told: Told,
    /// Fix the values of any columns, such as species=Adelie,year=2008
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_delimiter = ',')]
    demanded: Vec<String>,
    /// Show the mean of p(x|z), which is what images do unless said
    #[arg(long, conflicts_with = "draw")]
    mean: bool,
    /// Draw x from p(x|z), which is what tables do unless said
    #[arg(long)]
    draw: bool,
    /// A .png, .npy or .csv file [default: samples.png for images, samples.csv for tables]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    common: Common,
}

impl Sample {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let run = self.told.apply(Run::open(&self.run)?)?;
        let cells = cells(&self.demanded)?;
        let Some((_, source)) = SOURCES.iter().find(|(name, _)| *name == self.from) else {
            let names: Vec<&str> = SOURCES.iter().map(|(name, _)| *name).collect();
            let problem = format!("'{}' is unknown; expected one of {}", self.from, names.join(", "));
            return Err(vaekit::Error::setting("from", problem));
        };
        let image = run.schema().is_image();
        let out = self.out.unwrap_or_else(|| if image { "samples.png".into() } else { "samples.csv".into() });
        self.replace.check(&out, &data_path(&run))?;
        if check_output(&out)? == "png" && image && self.n > MOST_TILES {
            let found = self.n;
            return Err(vaekit::Error::setting(
                "n",
                format!("found {found}, one picture shows at most {MOST_TILES}; write .npy"),
            ));
        }
        let observation = match (self.mean, self.draw) {
            (true, _) => Observation::Mean,
            (_, true) => Observation::Draw,
            _ => run.default_observation(),
        };
        let rng = self.seed.map_or_else(|| run.rng(), Rng::new);
        let n = self.n as usize;
        let drawn = if cells.is_empty() { n } else { Model::candidates(n) };
        let mut drawing = match source {
            Source::Prior => run.drawing(None, drawn, observation, rng)?,
            source => {
                let (data, splits) = run.open_data(&self.places.options(), &mut download(self.common.quiet))?;
                run.drawing(Some((&data, &splits.train, *source)), drawn, observation, rng)?
            }
        };
        if !cells.is_empty() {
            let (demanded, found) = run.demand(&drawing, n, &cells, rng)?;
            drawing = demanded;
            if found.effective < n as f64 / 4.0 {
                say::warning(&format!(
                    "only about {:.0} of {} candidates have these cells, so rows resemble each other",
                    found.effective, found.candidates
                ));
            }
        }
        run.write_samples(&out, &drawing)?;
        say::wrote(&out, n, &self.common);
        Ok(())
    }
}

/// Pairs of a column and a cell.
fn cells(demanded: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| match text.split_once('=') {
        Some((column, cell)) => Ok((column.trim().to_owned(), cell.trim().to_owned())),
        None => Err(vaekit::Error::setting("where", format!("found '{text}', expected COLUMN=VALUE"))),
    };
    demanded.iter().map(pair).collect()
}
