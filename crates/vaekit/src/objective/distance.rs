//! All codes of a batch against draws from the prior.

use vaekit_ops::{Tensor, device, from_vec, to_vec};

use crate::model::ElboTerms;
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng};

use super::{Elbo, Loss, Objective, Progress, Schedule};

/// A kernel on codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// exp(-|a - b|^2 / (2 D)), summed over widths of 1/4, 1 and 4 times that.
    Rbf,
    /// sum_s 2 D s / (2 D s + |a - b|^2) for s = 0.1, 0.2, 0.5, 1, 2, 5, 10 (Tolstikhin et al. 2018, section 4).
    InverseMultiquadratic,
}

/// A distance between two sets of codes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distance {
    /// The maximum mean discrepancy, unbiased.
    Mmd(Kernel),
    /// Squared Wasserstein distances along random lines, so many (Kolouri et al., ICLR 2019, equation 8).
    Sliced(usize),
}

/// value = distortion + kl KL(q || p) + weight distance(codes, draws from p).
///
/// With kl = 0 it is a Wasserstein autoencoder's (Tolstikhin et al., ICLR 2018, arXiv:1711.01558, algorithm 2); with
/// kl = 1 - alpha and weight = alpha + lambda - 1 InfoVAE's (Zhao et al., AAAI 2019, arXiv:1706.02262, equation 6).
#[derive(Clone, Debug)]
pub struct OnCodes {
    /// Samples and schedule of the KL.
    pub elbo: Elbo,
    /// How codes are compared with the prior.
    pub distance: Distance,
    /// Weight of the distance.
    pub weight: f64,
    /// Weight of the KL; without density there is none.
    pub kl: f64,
}

impl Kernel {
    /// k(a, b) of all pairs, from squared distances `[N, M]` in `d` dimensions.
    fn of(self, squares: Tensor<2>, d: usize) -> Tensor<2> {
        let scale = 2.0 * d as f64;
        let terms: Vec<Tensor<2>> = match self {
            Self::Rbf => [0.25, 1.0, 4.0].map(|s| squares.clone().mul_scalar(-1.0 / (s * scale)).exp()).into(),
            Self::InverseMultiquadratic => {
                let term = |s: f64| (squares.clone() + s * scale).recip().mul_scalar(s * scale);
                [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].map(term).into()
            }
        };
        terms.into_iter().reduce(|a, b| a + b).expect("a kernel has terms")
    }
}

/// |a_i - b_j|^2, `[N, M]`.
fn squares(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
    let ([n, _], [m, _]) = (a.dims(), b.dims());
    let length = |t: &Tensor<2>| t.clone().square().sum_dim(1);
    let sum = length(a) + length(b).reshape([1, m]) - a.clone().matmul(b.clone().transpose()).mul_scalar(2.0);
    sum.clamp_min(0.0).reshape([n, m])
}

/// MMD^2 of two sets of as many codes, `[1]`: the mean of k over pairs within, less twice that across.
pub fn mmd(kernel: Kernel, a: &Tensor<2>, b: &Tensor<2>) -> Tensor<1> {
    let [n, d] = a.dims();
    let others: Vec<f32> = (0..n * n).map(|i| f32::from(i / n != i % n)).collect();
    let others = from_vec(others, [n, n], &device::here());
    let pairs = (n * (n - 1)).max(1) as f64;
    let within = |t: &Tensor<2>| (kernel.of(squares(t, t), d) * others.clone()).sum().mul_scalar(1.0 / pairs);
    let across = kernel.of(squares(a, b), d).mean();
    within(a) + within(b) - across.mul_scalar(2.0)
}

/// The mean squared distance of sorted projections on `lines` random directions, `[1]`.
pub fn sliced(lines: usize, a: &Tensor<2>, b: &Tensor<2>, rng: Rng) -> Tensor<1> {
    let [n, d] = a.dims();
    let ids: Vec<u64> = (0..lines as u64).collect();
    let mut directions = rng.normal(Purpose::Objective, &ids, d);
    for line in directions.chunks_mut(d) {
        let length = line.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
        line.iter_mut().for_each(|v| *v /= length);
    }
    let directions = from_vec(directions, [lines, d], &device::here()).transpose();
    let (a, b) = (a.clone().matmul(directions.clone()), b.clone().matmul(directions)); // [N, L]
    (sorted(a, n, lines) - sorted(b, n, lines)).square().mean()
}

/// Columns in rising order.
fn sorted(t: Tensor<2>, n: usize, lines: usize) -> Tensor<2> {
    let values = to_vec(t.clone());
    let mut order = vec![0f32; n * lines];
    for line in 0..lines {
        let mut rows: Vec<usize> = (0..n).collect();
        rows.sort_by(|i, j| values[i * lines + line].total_cmp(&values[j * lines + line]).then(i.cmp(j)));
        rows.into_iter().enumerate().for_each(|(place, row)| order[place * lines + line] = row as f32);
    }
    t.gather(0, from_vec(order, [n, lines], &device::here()).int())
}

impl Parameters for OnCodes {}

impl Objective for OnCodes {
    fn schedule(&self) -> Option<Schedule> {
        let schedule = self.elbo.over_time();
        (self.kl != 0.0).then(|| Schedule { beta: schedule.beta.map(|beta| self.kl * beta), ..schedule })
    }

    fn pairs(&self) -> usize {
        if let Distance::Mmd(_) = self.distance { 16 } else { 0 }
    }

    fn least_rows(&self) -> usize {
        2
    }

    fn samples(&self) -> usize {
        self.elbo.samples
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let [_, b, d] = terms.z()[0].dims();
        let z = terms.z()[0].clone().narrow(0, 0, 1).reshape([b, d]);
        let drawn = terms.prior.sample(&terms.batch.row_ids, progress.rng).swap_remove(0);
        let apart = match self.distance {
            Distance::Mmd(kernel) => mmd(kernel, &z, &drawn),
            Distance::Sliced(lines) => {
                // Other lines for each batch: rows of the batch say which it is.
                let first = terms.batch.row_ids.first().copied().unwrap_or(0);
                sliced(lines, &z, &drawn, progress.rng.at_seed_of(first + 1))
            }
        };
        let mut value = terms.distortion().mean() + apart.mul_scalar(self.weight);
        if let Some(rate) = terms.rate().filter(|_| self.kl != 0.0) {
            value = value + rate.mean().mul_scalar(self.kl * self.elbo.weight(progress));
        }
        Loss::new(value, terms)
    }
}
