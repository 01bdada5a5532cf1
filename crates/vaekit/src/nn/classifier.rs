//! A classifier whose features are compared: those of samples, or in a perceptual loss.

use vaekit_ops::{Activation, Tensor, device, from_vec, to_vec};

use crate::data::{Batches, Dataset, Labels, Preparation, Step};
use crate::rng::Rng;
use crate::{Error, Result};

use super::{Fit, Init, Mlp, Parameter, Parameters};

/// A network X - 512 - 128 - classes; its features are the 128.
pub struct Classifier {
    body: Mlp,
    head: Mlp,
    /// The seed of its weights and of the order of its rows.
    pub seed: u64,
    /// Sees log(1 + x), which keeps counts of very different sizes comparable.
    log: bool,
    /// Accuracy on test rows.
    pub accuracy: f64,
}

/// Widths of the layers before the classes; the last gives the features.
pub const LAYERS: [usize; 2] = [512, 128];
const HIDDEN: usize = LAYERS[0];
const FEATURES: usize = LAYERS[1];
const EPOCHS: u64 = 6;
const BATCH: usize = 128;

impl Classifier {
    /// An untrained classifier.
    pub fn new(width: usize, classes: usize, seed: u64) -> Self {
        let mut init = Init::new(Rng::new(seed));
        Self {
            body: Mlp::new("features", &[width, HIDDEN, FEATURES], Activation::Relu, &mut init),
            head: Mlp::new("classes", &[FEATURES, classes], Activation::Relu, &mut init),
            seed,
            log: false,
            accuracy: 0.0,
        }
    }

    /// The same for rows that are counts, if they are.
    #[must_use]
    pub fn of_counts(self, counts: bool) -> Self {
        Self { log: counts, ..self }
    }

    /// Trains on some rows and measures the accuracy on others.
    ///
    /// # Errors
    /// Data without classes.
    pub fn train(&mut self, data: &Dataset, preparation: &Preparation, train: &[u32], test: &[u32]) -> Result<()> {
        let Some(labels) = data.labels() else {
            return Err(Error::data(
                &data.name,
                "has no classes, which the classifier behind sample quality needs; name them with --label-column",
            ));
        };
        let (train, test) = (&labels.known(train)[..], &labels.known(test)[..]);
        let mut fit = Fit::begin(self);
        let own = Preparation { rng: Rng::new(self.seed), ..preparation.clone() };
        for epoch in 1..=EPOCHS {
            // The last passes settle.
            let lr = if epoch + 2 > EPOCHS { 2e-4 } else { 1e-3 };
            Batches::shuffled(data, &own, train, BATCH, epoch).for_each(0, |_, host| {
                let batch = host.to_device(&device::here());
                let label = classes(labels, &batch.row_ids);
                let logits = self.logits(batch.x);
                fit.descend(self, &cross_entropy(logits, &label), lr);
                Ok(Step::Continue)
            })?;
        }
        fit.end(self);
        let mut right = 0;
        Batches::in_order(data, preparation, test, 512).for_each(0, |_, host| {
            let batch = host.to_device(&device::here());
            let label = classes(labels, &batch.row_ids);
            let logits = to_vec(self.logits(batch.x));
            let classes = logits.len() / label.len().max(1);
            right += logits.chunks(classes).zip(&label).filter(|(row, l)| largest(row) == **l as usize).count();
            Ok(Step::Continue)
        })?;
        self.accuracy = right as f64 / test.len().max(1) as f64;
        Ok(())
    }

    /// The weights that make the features.
    pub fn body(&self) -> Vec<Vec<f32>> {
        self.body.parameters().iter().map(|p| p.values()).collect()
    }

    fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        self.head.forward(self.seen(x))
    }

    fn seen(&self, x: Tensor<2>) -> Tensor<2> {
        let x = if self.log { (x + 1.0).log() } else { x };
        Activation::Relu.apply(self.body.forward(x))
    }

    /// Features of rows in model values, `[N, X]` to `[N, 128]`.
    pub fn features(&self, values: &[f32], width: usize) -> Vec<f32> {
        let mut found = Vec::with_capacity(values.len() / width * FEATURES);
        for rows in values.chunks(512 * width) {
            let x = from_vec(rows.to_vec(), [rows.len() / width, width], &device::here());
            found.extend(to_vec(self.seen(x)));
        }
        found
    }
}

/// The classes of the rows of a batch.
fn classes(labels: Labels<'_>, rows: &[u64]) -> Vec<u32> {
    rows.iter().map(|row| labels.ids[*row as usize]).collect()
}

/// The place of the largest number.
fn largest(row: &[f32]) -> usize {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i)
}

/// Mean of log sum exp(logits) - logits[label]: `[1]`.
pub fn cross_entropy(logits: Tensor<2>, label: &[u32]) -> Tensor<1> {
    let [n, classes] = logits.dims();
    let chosen = (0..n * classes).map(|i| f32::from(i % classes == label[i / classes] as usize)).collect();
    let chosen = from_vec(chosen, [n, classes], &device::here());
    // Less its largest no exponential overflows.
    let shifted = logits.clone() - logits.max_dim(1).detach();
    let total = shifted.clone().exp().sum_dim(1).log();
    (total - (shifted * chosen).sum_dim(1)).mean()
}

impl Parameters for Classifier {
    fn parameters(&self) -> Vec<&Parameter> {
        [self.body.parameters(), self.head.parameters()].concat()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.body.parameters_mut();
        all.extend(self.head.parameters_mut());
        all
    }
}
