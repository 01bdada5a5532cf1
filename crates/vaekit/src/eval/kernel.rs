//! A Gaussian kernel density over rows, with the bandwidth of the best leave-one-out likelihood.

use vaekit_ops::{device, from_vec, pool, to_vec};

/// Training rows that the density is made of.
pub const MOST: usize = 5_000;
/// Bandwidths that are tried, as factors of one to the next.
const BANDWIDTHS: [f64; 2] = [0.05, 3.0];
const TRIED: usize = 25;

/// p(x) = 1/N sum_n N(x; x_n, h^2 I).
///
/// Duin, On the choice of smoothing parameters for Parzen estimators, IEEE Transactions on Computers 1976 (leave one
/// out). Rows that equal the one left out are left out with it: else copies draw h to 0.
#[derive(Clone, Debug)]
pub struct KernelDensity {
    rows: Vec<f32>,
    /// What each row is called, so that it can be left out of its own density.
    ids: Vec<u32>,
    squares: Vec<f32>,
    width: usize,
    bandwidth: f64,
}

impl KernelDensity {
    /// Over rows `[N, D]` with these numbers.
    pub fn fit(rows: Vec<f32>, ids: Vec<u32>, width: usize) -> Self {
        let squares = squares(&rows, width);
        let mut density = Self { rows, ids, squares, width, bandwidth: 1.0 };
        let n = density.squares.len();
        // Ten thousand pairs a row would be slow; some rows tell as much.
        let judged = &density.rows[..n.min(1_000) * width];
        let distances = density.distances(judged);
        let ratio = (BANDWIDTHS[1] / BANDWIDTHS[0]).powf(1.0 / (TRIED - 1) as f64);
        let tried = (0..TRIED).map(|i| BANDWIDTHS[0] * ratio.powi(i as i32) * (width as f64).sqrt().max(1.0).sqrt());
        let likelihood = |h: f64| -> f64 {
            let of = |i: usize| {
                let row = &distances[i * n..(i + 1) * n];
                let same = 1e-5 * (1.0 + density.squares[i]);
                let others = row.iter().enumerate().filter(|(j, d)| *j != i && **d > same);
                log_sum(others.map(|(_, d)| *d), h).max(-1e6)
            };
            pool::map(distances.len() / n.max(1), of).into_iter().sum::<f64>()
                - (distances.len() / n.max(1)) as f64 * width as f64 * h.ln()
        };
        let best = tried.map(|h| (likelihood(h), h)).max_by(|a, b| a.0.total_cmp(&b.0));
        density.bandwidth = best.map_or(1.0, |(_, h)| h);
        density
    }

    /// -log p of rows `[M, D]`. Rows that are those of the density have their numbers, and are left out of their own.
    pub fn surprise(&self, rows: &[f32], own: Option<&[u32]>) -> Vec<f64> {
        let n = self.squares.len();
        let h = self.bandwidth;
        let constant = (n as f64).ln() + self.width as f64 * (h.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln());
        let mut all = Vec::with_capacity(rows.len() / self.width.max(1));
        // Distances are held for so many rows at once.
        for (b, block) in rows.chunks(256 * self.width).enumerate() {
            let distances = self.distances(block);
            let of = |i: usize| {
                let id = own.and_then(|own| own.get(256 * b + i).copied());
                let row = distances[i * n..(i + 1) * n].iter().zip(&self.ids);
                constant - log_sum(row.filter(|(_, other)| id != Some(**other)).map(|(d, _)| *d), h).max(-1e6)
            };
            all.extend(pool::map(block.len() / self.width, of));
        }
        all
    }

    /// Squared distances to every row of the density, `[M, N]`.
    fn distances(&self, rows: &[f32]) -> Vec<f32> {
        let (m, n) = (rows.len() / self.width, self.squares.len());
        let here = device::here();
        let a = from_vec::<2>(rows.to_vec(), [m, self.width], &here);
        let b = from_vec::<2>(self.rows.clone(), [n, self.width], &here);
        let mut products = to_vec(a.matmul(b.transpose()));
        let own = squares(rows, self.width);
        pool::each_row(&mut products, n, |i, row| {
            row.iter_mut().zip(&self.squares).for_each(|(p, s)| {
                let d = own[i] + s - 2.0 * *p;
                *p = if d.is_nan() { f32::INFINITY } else { d.max(0.0) };
            });
        });
        products
    }
}

fn squares(rows: &[f32], width: usize) -> Vec<f32> {
    rows.chunks(width.max(1)).map(|row| row.iter().map(|v| v * v).sum()).collect()
}

/// log of the sum of e^(-d / 2 h^2) over squared distances. Terms of less than e^-20 of the largest change nothing that a
/// score shows, and are left out.
fn log_sum(distances: impl Iterator<Item = f32> + Clone, h: f64) -> f64 {
    let scale = (0.5 / (h * h)) as f32;
    let nearest = distances.clone().fold(f32::INFINITY, f32::min);
    if nearest == f32::INFINITY {
        return f64::NEG_INFINITY;
    }
    let far = nearest + 20.0 / scale;
    let near = distances.filter(|d| *d <= far).map(|d| f64::from((-(d - nearest) * scale).exp()));
    near.sum::<f64>().ln() - f64::from(nearest) * f64::from(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Rng};

    #[test]
    fn the_density_of_gaussian_rows_comes_near_theirs_and_far_rows_surprise() {
        let ids: Vec<u64> = (0..2_000).collect();
        let rows = Rng::new(1).normal(Purpose::Builtin, &ids, 2);
        let density = KernelDensity::fit(rows, (0..2_000).collect(), 2);
        let found = density.surprise(&[0.0, 0.0, 1.0, 1.0, 8.0, 8.0], None);
        let exact = |x: f64, y: f64| (2.0 * std::f64::consts::PI).ln() + 0.5 * (x * x + y * y);
        assert!((found[0] - exact(0.0, 0.0)).abs() < 0.25, "{} {}", found[0], exact(0.0, 0.0));
        assert!((found[1] - exact(1.0, 1.0)).abs() < 0.35, "{} {}", found[1], exact(1.0, 1.0));
        assert!(found[2] > found[1] + 20.0);
    }
}
