//! The pictures that a finished run leaves in its folder.

use std::path::PathBuf;

use crate::data::{Dataset, Splits};
use crate::plot::{Curve, ON_WHITE, curves_svg};
use crate::run::{EpochMetrics, Metrics, Run, write_atomically};
use crate::{Error, Result};

/// Where the pictures of a run are.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    /// None for a variant that does not sample.
    pub samples: Option<PathBuf>,
    /// None for a table of one column.
    pub reconstructions: Option<PathBuf>,
    /// The loss over training.
    pub curves: PathBuf,
}

/// Images in a picture of samples; points in a scatter.
const IMAGES: usize = 64;
const POINTS: usize = 2_000;

impl Run {
    /// Writes `samples.png`, `reconstructions.png` and `plots/loss.svg`.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write_pictures(&self, data: &Dataset, splits: &Splits) -> Result<Pictures> {
        let schema = self.schema();
        let (drawn, shown) = if schema.is_image() { (IMAGES, 20) } else { (POINTS, POINTS) };
        let mut pictures = Pictures { curves: self.dir().join("plots/loss.svg"), ..Pictures::default() };
        let rows = if splits.test.is_empty() { &splits.train } else { &splits.test };
        let rows = &rows[..shown.min(rows.len())];
        // A table of one column has no plane to show it in.
        if schema.is_image() || schema.width() >= 2 {
            if self.samples_from_prior() {
                let path = self.dir().join("samples.png");
                let mut samples = self.sample(drawn, self.default_observation(), self.rng())?;
                if !schema.is_image() {
                    let mut behind = Vec::new();
                    splits
                        .train
                        .iter()
                        .take(POINTS)
                        .try_for_each(|&r| data.extend_with_row(r as usize, &mut behind))?;
                    samples.put_behind(behind);
                }
                samples.write(&path)?;
                pictures.samples = Some(path);
            }
            let path = self.dir().join("reconstructions.png");
            self.reconstruct_beside(data, rows)?.write(&path)?;
            pictures.reconstructions = Some(path);
        }
        let svg = loss_curves(&Metrics::read(self.dir())?);
        std::fs::create_dir_all(self.dir().join("plots")).map_err(|e| Error::io("make", &pictures.curves, e))?;
        write_atomically(&pictures.curves, |out| out.write_all(svg.as_bytes()))?;
        Ok(pictures)
    }
}

fn loss_curves(metrics: &[EpochMetrics]) -> String {
    let curve = |name: &str, value: &dyn Fn(&EpochMetrics) -> Option<f64>| Curve {
        name: name.to_owned(),
        points: metrics.iter().filter_map(|m| value(m).map(|v| (m.epoch as f64, v))).collect(),
    };
    let curves = [
        curve("loss, training", &|m| Some(m.train.loss)),
        curve("-ELBO, validation", &|m| m.valid.as_ref().and_then(|v| v.elbo_nats).map(|e| -e)),
        curve("distortion", &|m| Some(m.train.distortion_nats)),
        curve("rate", &|m| m.train.rate_nats),
    ];
    let drawn: Vec<Curve> = curves.into_iter().filter(|c| !c.points.is_empty()).collect();
    curves_svg("Training", "epoch", "nats an example", &drawn, &ON_WHITE)
}
