//! Mixtures fitted to small bags of rows: a density that a few strange rows among many cannot shape.

use vaekit_ops::pool;

use super::statistics::median_and_spread;
use crate::rng::{Purpose, Rng, below, pick, unit};

/// Bags, and rows of each.
const BAGS: u64 = 25;
const ROWS: usize = 256;
/// Rows from which bags are drawn; more tell no more.
pub const MOST: usize = BAGS as usize * ROWS;
/// Rows that say how large surprises are.
const SCALED: usize = 2_000;
/// Gaussians of a mixture.
const COMPONENTS: usize = 5;
/// Least variance of standardised coordinates: a clump of a few rows gets no peak of its own.
const LEAST: f64 = 0.1;
/// Steps of expectation and maximisation at most, and the gain in nats a row below which they end.
const STEPS: usize = 50;
const GAIN: f64 = 1e-3;

/// The mean over bags of -log p(x), each in standard deviations, p a mixture of Gaussians with diagonal covariances that
/// learned from the rows of its bag alone.
///
/// Anomalies are few, so that most bags hold hardly any of a clump of them: subsampling as in the isolation forest
/// (Liu, Ting & Zhou, ICDM 2008), with densities as in Aggarwal & Sathe, SIGKDD Explorations 2015.
#[derive(Clone, Debug)]
pub struct Bags {
    mixtures: Vec<Mixture>,
    /// Median and spread of the surprise of each.
    scales: Vec<(f64, f64)>,
    width: usize,
}

/// sum_c w_c N(x; m_c, diag(v_c)).
#[derive(Clone, Debug, Default)]
struct Mixture {
    /// log w_c - 1/2 sum_d log(2 pi v_cd)
    constants: Vec<f64>,
    /// `[C, D]`
    means: Vec<f64>,
    /// 1 / v, `[C, D]`
    precisions: Vec<f64>,
}

impl Bags {
    /// Over rows `[N, D]` of standardised coordinates.
    pub fn fit(rows: &[f32], width: usize, rng: Rng) -> Self {
        let n = rows.len() / width.max(1);
        let size = ROWS.min(n.div_ceil(2).max(16)).min(n);
        let bag = |i: usize| {
            let rng = rng.at(i as u64 + 1);
            let mut chosen = rng.permutation(Purpose::Choice, n);
            chosen.truncate(size);
            let x: Vec<f64> =
                chosen.iter().flat_map(|r| &rows[*r as usize * width..][..width]).map(|v| f64::from(*v)).collect();
            Mixture::fit(&x, width, COMPONENTS.min(size / 16).max(1), rng)
        };
        let mixtures = pool::map(BAGS as usize, bag);
        let some = &rows[..n.min(SCALED) * width];
        let scales = pool::map(mixtures.len(), |i| {
            median_and_spread(&some.chunks(width.max(1)).map(|row| mixtures[i].surprise(row)).collect::<Vec<f64>>())
        });
        Self { mixtures, scales, width }
    }

    /// How strange rows `[M, D]` are.
    pub fn surprise(&self, rows: &[f32]) -> Vec<f64> {
        pool::map(rows.len() / self.width.max(1), |i| {
            let row = &rows[i * self.width..][..self.width];
            let each = self.mixtures.iter().zip(&self.scales);
            each.map(|(mixture, (median, spread))| (mixture.surprise(row) - median) / spread).sum::<f64>()
                / self.mixtures.len().max(1) as f64
        })
    }
}

impl Mixture {
    /// By expectation and maximisation, from centres far apart (k-means++, Arthur & Vassilvitskii, SODA 2007).
    fn fit(x: &[f64], d: usize, components: usize, rng: Rng) -> Self {
        let n = x.len() / d.max(1);
        let row = |i: usize| &x[i * d..][..d];
        let mut stream = rng.stream(Purpose::Choice, 1);
        let mut nearest = vec![f64::INFINITY; n];
        let mut own = vec![0usize; n];
        let mut at = below(&mut stream, n.max(1) as u64) as usize;
        for c in 0..components {
            for i in 0..n {
                let far: f64 = row(i).iter().zip(row(at)).map(|(a, b)| (a - b).powi(2)).sum();
                if far < nearest[i] {
                    (nearest[i], own[i]) = (far, c);
                }
            }
            let total = nearest.iter().sum::<f64>().max(1e-300);
            at = pick(unit(rand::Rng::next_u32(&mut stream)), nearest.iter().map(|v| (v / total) as f32));
        }
        let mut shares = vec![0f64; n * components];
        (0..n).for_each(|i| shares[i * components + own[i]] = 1.0);
        let mut found = Self::default();
        let mut before = f64::NEG_INFINITY;
        for _ in 0..STEPS {
            found = Self::of_shares(x, d, &shares, components);
            let mut sum = 0.0;
            for (i, shares) in shares.chunks_mut(components).enumerate() {
                found.logs(row(i).iter().copied(), shares);
                let all = super::predictive::log_sum_exp(shares.iter().copied());
                shares.iter_mut().for_each(|v| *v = (*v - all).exp());
                sum += all / n as f64;
            }
            if sum - before < GAIN {
                break;
            }
            before = sum;
        }
        found
    }

    fn of_shares(x: &[f64], d: usize, shares: &[f64], components: usize) -> Self {
        let n = x.len() / d.max(1);
        let (mut constants, mut means, mut precisions) = (Vec::new(), Vec::new(), Vec::new());
        for c in 0..components {
            let share = |i: usize| shares[i * components + c];
            let weight = (0..n).map(share).sum::<f64>() + 1e-9;
            let mut mean = vec![0f64; d];
            let mut squares = vec![0f64; d];
            for i in 0..n {
                for (k, v) in x[i * d..][..d].iter().enumerate() {
                    mean[k] += share(i) * v / weight;
                    squares[k] += share(i) * v * v / weight;
                }
            }
            let variances = squares.iter().zip(&mean).map(|(s, m)| (s - m * m).max(0.0) + LEAST);
            let variances: Vec<f64> = variances.collect();
            let logs: f64 = variances.iter().map(|v| (2.0 * std::f64::consts::PI * v).ln()).sum();
            constants.push((weight / n.max(1) as f64).ln() - 0.5 * logs);
            means.extend(mean);
            precisions.extend(variances.iter().map(|v| 1.0 / v));
        }
        Self { constants, means, precisions }
    }

    /// log w_c N(x; m_c, v_c) of each component.
    fn logs(&self, x: impl Iterator<Item = f64> + Clone, out: &mut [f64]) {
        let d = self.means.len() / self.constants.len().max(1);
        for (c, out) in out.iter_mut().enumerate() {
            let (means, precisions) = (&self.means[c * d..][..d], &self.precisions[c * d..][..d]);
            let far: f64 = x.clone().zip(means).zip(precisions).map(|((x, m), p)| (x - m).powi(2) * p).sum();
            *out = self.constants[c] - 0.5 * far;
        }
    }

    fn surprise(&self, row: &[f32]) -> f64 {
        let mut logs = [f64::NEG_INFINITY; COMPONENTS];
        let logs = &mut logs[..self.constants.len()];
        self.logs(row.iter().map(|v| f64::from(*v)), logs);
        -super::predictive::log_sum_exp(logs.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two wide clumps, and a narrow one of a fiftieth of the rows that lies apart.
    fn rows() -> Vec<f32> {
        let ids: Vec<u64> = (0..2_000).collect();
        let eps = Rng::new(5).normal(Purpose::Builtin, &ids, 2);
        let at = |i: usize| match i {
            _ if i.is_multiple_of(50) => ([0.0, 2.5], 0.05),
            _ if i.is_multiple_of(2) => ([-1.0, 0.0], 0.4),
            _ => ([1.0, 0.0], 0.4),
        };
        eps.chunks(2)
            .enumerate()
            .flat_map(|(i, e)| {
                let (centre, spread) = at(i);
                [centre[0] + spread * e[0], centre[1] + spread * e[1]]
            })
            .collect()
    }

    #[test]
    fn a_clump_of_strange_rows_is_strange_though_it_was_learned_from() {
        let rows = rows();
        let found = Bags::fit(&rows, 2, Rng::new(1)).surprise(&rows);
        let strange = found.iter().step_by(50).fold(f64::INFINITY, |a, b| a.min(*b));
        let below = found.iter().filter(|v| **v < strange).count();
        assert!(below > 1_900, "{below} of 1960 ordinary rows are less strange than every planted one");
        let alone = Bags::fit(&rows, 2, Rng::new(1)).surprise(&rows[100..102]);
        assert_eq!(alone[0], found[50]);
    }

    #[test]
    fn a_mixture_of_one_is_the_gaussian_of_its_rows() {
        let x = [1.0, 3.0, 5.0, 7.0];
        let one = Mixture::fit(&x, 1, 1, Rng::new(0));
        let variance: f64 = 5.0 + LEAST;
        let expected = 0.5 * ((2.0 * std::f64::consts::PI * variance).ln() + (2.0f64 - 4.0).powi(2) / variance);
        assert!((one.surprise(&[2.0]) - expected).abs() < 1e-6);
    }

    #[test]
    fn few_rows_and_equal_rows_have_a_density_too() {
        for n in [1usize, 3, 40] {
            let found = Bags::fit(&vec![0.5; 2 * n], 2, Rng::new(0)).surprise(&[0.5, 0.5, 4.0, 4.0]);
            assert!(found.iter().all(|v| v.is_finite()) && found[1] > found[0], "{n}: {found:?}");
        }
    }
}
