//! How good samples are, in the features of a classifier that the run keeps.

use crate::data::{Binarize, Dataset, Kind};
use crate::eval::latents::Matrix;
use crate::eval::quality::{Quality, frechet, kernel_distance, manifold};
use crate::eval::representation::nearest;
use crate::model::likelihood::Domain;
use crate::nn::Classifier;
use crate::run::Run;
use crate::uses::Observation;
use crate::{Error, Result};

use super::allowed::{apart, no_classes};

/// Samples, and rows to compare them with.
const JUDGED: usize = 10_000;

impl Run {
    /// Samples (of a mixture fitted to codes, where there is no prior) against test rows in the features of a
    /// classifier, which is trained on the training rows first unless the run has it already.
    ///
    /// # Errors
    /// Data without classes, or too few rows.
    pub fn quality(&self, data: &Dataset, train: &[u32], test: &[u32]) -> Result<Quality> {
        let Some(labels) = data.labels() else {
            return Err(no_classes(data, "the classifier behind sample quality"));
        };
        apart(train, test)?;
        let (train, test) = (&labels.known(train)[..], &labels.known(test)[..]);
        let test = &self.some(test, JUDGED)[..];
        if test.len() < 100 || train.len() < 100 {
            let fewest = test.len().min(train.len());
            return Err(Error::data("quality", format!("{fewest} rows are too few to judge samples by; at least 100")));
        }
        let width = self.x_width();
        // What is compared with black and white must be so too.
        let binary = data.schema().value_kind() == Kind::Binary || self.encoding().binarize != Binarize::None;
        let shown = if binary || !data.schema().is_image() { Observation::Draw } else { Observation::Mean };
        let samples = self.usual_model_values(data, train, test, shown)?;
        let counts = self.vae().likelihood.domain() == Domain::Counts;
        // Training rows that the classifier does not see: its features fit those that it sees too well. As many as there
        // are samples, as far as a quarter of the rows goes, for the distance depends on their number.
        let train_part = self.some(train, train.len());
        let (floor, taught) = train_part.split_at(test.len().min(train.len() / 4));
        let mut classifier = Classifier::new(width, labels.names.len(), self.seed()).of_counts(counts);
        if !self.load_classifier(&mut classifier, taught.len())? {
            classifier.train(data, &self.preparation(), taught, test)?;
            self.save_classifier(&classifier, taught.len())?;
        }
        let train_part = &train_part[..train_part.len().min(JUDGED)];
        let values = |rows: &[u32]| self.preparation().prepare(data, rows, 0).map(|batch| batch.x);
        let features = |x: &[f32]| classifier.features(x, width);
        let (test_x, train_x) = (values(test)?, values(train_part)?);
        let (real, made, seen) = (features(&test_x), features(&samples), features(&values(floor)?));
        let wide = real.len() / test.len();
        let matrix = |v: &[f32]| Matrix::from_shape_fn((v.len() / wide, wide), |(i, j)| f64::from(v[i * wide + j]));
        let (kernel, kernel_se) = kernel_distance(&matrix(&made), &matrix(&real));
        let near = |x: &[f32]| {
            let found = nearest(&x[..x.len().min(2_000 * width)], &train_x, width, 1);
            found.iter().map(|n| f64::from(n[0].0).sqrt()).sum::<f64>() / found.len() as f64
        };
        Ok(Quality {
            frechet: frechet(&matrix(&made), &matrix(&real))?,
            frechet_floor: frechet(&matrix(&seen), &matrix(&real))?,
            kernel,
            kernel_se,
            manifold: manifold(&real, &made, wide),
            nearest_ratio: near(&samples) / near(&test_x).max(1e-12),
            classifier_accuracy: classifier.accuracy,
            classifier_seed: classifier.seed,
            samples: test.len(),
            floor_rows: floor.len(),
            rows: test.len(),
        })
    }
}
