//! Networks from features to classes.

use vaekit_ops::{Activation, Tensor, device, from_vec, to_vec};

use crate::nn::classifier::cross_entropy;
use crate::nn::{Fit, Init, Mlp, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

use super::features::Rows;

/// Hidden units of a network of values.
pub const HIDDEN: usize = 256;
/// Steps of a network of labelled rows, the rows of each, and their size at first.
const STEPS: usize = 600;
const BATCH: usize = 128;
const RATE: f64 = 3e-3;
/// What the squares of all weights cost, of a mean over rows.
const DECAY: f64 = 1e-3;
/// Rows that logits are computed of at once.
const BLOCK: usize = 1_024;
/// Folds that the temperature is measured by, and the temperatures that are tried.
pub const FOLDS: usize = 5;
const TEMPERATURES: [f64; 16] = [0.01, 0.03, 0.06, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0];

/// A network of features, linear where there are no hidden units.
#[derive(Debug)]
pub struct Network {
    pub mlp: Mlp,
    pub sizes: Vec<usize>,
}

impl Network {
    /// An untrained network.
    pub fn new(sizes: Vec<usize>, rng: Rng) -> Self {
        Self { mlp: Mlp::new("classes", &sizes, Activation::Relu, &mut Init::new(rng)), sizes }
    }

    /// Learns labelled rows: cross-entropy, of codes with a new draw each time, and a cost of large weights.
    pub fn of_labels(rows: &Rows, class: &[u32], classes: usize, hidden: Option<usize>, rng: Rng) -> Self {
        let sizes = [rows.width].into_iter().chain(hidden).chain([classes]).collect();
        let mut network = Self::new(sizes, rng);
        let mut fit = Fit::begin(&mut network);
        for step in 0..STEPS {
            let at = rng.at(step as u64);
            let chosen = batch(rows.len(), BATCH, at);
            let label: Vec<u32> = chosen.iter().map(|row| class[*row]).collect();
            let x = from_vec(rows.drawn(&chosen, at), [chosen.len(), rows.width], &device::here());
            let squares = network.parameters().iter().map(|p| p.flat().square().sum()).reduce(|a, b| a + b);
            let mut loss = cross_entropy(network.mlp.forward(x), &label);
            if let Some(squares) = squares {
                loss = loss + squares.mul_scalar(DECAY);
            }
            // The last half settles.
            let left = (2.0 * (1.0 - step as f64 / STEPS as f64)).min(1.0);
            fit.descend(&mut network, &loss, RATE * left.max(0.02));
        }
        fit.end(&mut network);
        network
    }

    /// `[rows, width]` to `[rows, classes]`.
    pub fn logits(&self, x: &[f32]) -> Vec<f32> {
        let width = self.sizes[0];
        let of = |part: &[f32]| {
            let x: Tensor<2> = from_vec(part.to_vec(), [part.len() / width, width], &device::here());
            to_vec(self.mlp.forward(x))
        };
        x.chunks(BLOCK * width).flat_map(of).collect()
    }
}

impl Parameters for Network {
    fn parameters(&self) -> Vec<&Parameter> {
        self.mlp.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.mlp.parameters_mut()
    }
}

/// Rows of a step, drawn with the others that came before forgotten.
pub fn batch(rows: usize, most: usize, rng: Rng) -> Vec<usize> {
    rng.permutation(Purpose::Shuffle, rows).into_iter().take(most).map(|row| row as usize).collect()
}

/// The temperature of networks fitted to four of five folds each.
pub fn temperature(rows: &Rows, class: &[u32], fit: impl Fn(&Rows, &[u32]) -> Network) -> f64 {
    temperature_of_folds(rows.len(), |fold| {
        let part = |own: bool| (0..rows.len()).filter(|row| (row % FOLDS == fold) == own).collect::<Vec<usize>>();
        let (out, rest) = (part(true), part(false));
        let label: Vec<u32> = rest.iter().map(|row| class[*row]).collect();
        let network = fit(&rows.some(&rest), &label);
        let classes = network.sizes[network.sizes.len() - 1];
        let logits = network.logits(&rows.some(&out).mean);
        logits.chunks(classes).map(<[f32]>::to_vec).zip(out.iter().map(|row| class[*row] as usize)).collect()
    })
}

/// The temperature at which labelled rows that took no part in a fit have the highest log-likelihood (Guo, Pleiss, Sun &
/// Weinberger, ICML 2017); 1 for too few rows. `judged` gives the logits and the class of each row of a fold.
pub fn temperature_of_folds(rows: usize, judged: impl FnMut(usize) -> Vec<(Vec<f32>, usize)>) -> f64 {
    if rows < 4 * FOLDS {
        return 1.0;
    }
    let judged: Vec<(Vec<f32>, usize)> = (0..FOLDS).flat_map(judged).collect();
    let cost =
        |t: f64| judged.iter().map(|(row, class)| -f64::from(softmax(row, t)[*class]).max(1e-12).ln()).sum::<f64>();
    TEMPERATURES.into_iter().min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(1.0)
}

/// Probabilities of logits at a temperature.
pub fn softmax(logits: &[f32], temperature: f64) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let parts: Vec<f64> = logits.iter().map(|l| (f64::from(l - most) / temperature).exp()).collect();
    let sum: f64 = parts.iter().sum();
    parts.into_iter().map(|p| (p / sum) as f32).collect()
}

/// The place of the largest number.
pub fn largest(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}
