//! Densities fitted to codes: a mixture of Gaussians, and a masked autoregressive flow.

use linfa_linalg::cholesky::Cholesky;
use ndarray::{Array2, ArrayView1};
use vaekit_ops::{device, from_vec, scalar, to_vec};

use crate::model::PriorFamily;
use crate::model::prior::{Encode, MaskedAutoregressive};
use crate::nn::{Fit, Init};
use crate::rng::{Purpose, Rng, below, pick, unit};
use crate::{Error, Result};

use super::latents::Matrix;
use super::representation::fit_mixture;

/// Adam steps of a flow, rows of each, maps, hidden units.
const FLOW: (u64, usize, usize, usize) = (1_500, 256, 5, 64);

/// sum_c w_c N(z; m_c, S_c), with full covariances.
#[derive(Clone, Debug)]
pub struct CodeMixture {
    weights: Vec<f32>,
    /// `[C, D]`
    means: Matrix,
    /// The lower Cholesky factor of each covariance.
    factors: Vec<Array2<f64>>,
}

impl CodeMixture {
    /// Fits at most `components` Gaussians to codes `[N, D]`, from the best of one start by k-means.
    ///
    /// # Errors
    /// Codes that have no such mixture.
    pub fn fit(codes: &[f32], d: usize, components: usize, seed: u64) -> Result<Self> {
        let rows = codes.len() / d;
        let x = Matrix::from_shape_fn((rows, d), |(i, j)| f64::from(codes[i * d + j]));
        Self::of(&x, components.min(rows), seed)
            .map_err(|e| Error::data("codes", format!("have no mixture: {e}; try --from flow")))
    }

    /// Fits so many Gaussians to codes `[N, D]`.
    ///
    /// # Errors
    /// Codes that have no such mixture.
    pub fn of(x: &Matrix, components: usize, seed: u64) -> Result<Self> {
        let none = |e: String| Error::data("codes", format!("have no mixture of {components} Gaussians: {e}"));
        let fit = fit_mixture(x, components, 1, seed).map_err(|e| none(e.to_string()))?;
        let factors = fit.covariances().outer_iter().map(|c| c.cholesky().map_err(|e| none(e.to_string())));
        Ok(Self {
            weights: fit.weights().iter().map(|w| *w as f32).collect(),
            means: fit.means().clone(),
            factors: factors.collect::<Result<_>>()?,
        })
    }

    /// log w_c + log N(z; m_c, S_c) of each component.
    pub fn log_joint(&self, z: ArrayView1<'_, f64>) -> Vec<f64> {
        let d = self.means.ncols();
        let of = |(c, factor): (usize, &Array2<f64>)| {
            // L y = z - m, so that |y|^2 is the squared distance in units of S.
            let (mut y, mut log_scale) = (vec![0f64; d], 0.0);
            for i in 0..d {
                let sum: f64 = (0..i).map(|j| factor[(i, j)] * y[j]).sum();
                y[i] = (z[i] - self.means[(c, i)] - sum) / factor[(i, i)];
                log_scale += factor[(i, i)].ln();
            }
            let square: f64 = y.iter().map(|v| v * v).sum();
            f64::from(self.weights[c]).ln() - 0.5 * (square + d as f64 * std::f64::consts::TAU.ln()) - log_scale
        };
        self.factors.iter().enumerate().map(of).collect()
    }

    /// Draws `n` codes, `[n, D]`.
    pub fn sample(&self, n: usize, rng: Rng) -> Vec<f32> {
        let d = self.means.ncols();
        let ids: Vec<u64> = (0..n as u64).collect();
        let eps = rng.normal(Purpose::Prior, &ids, d);
        let mut out = Vec::with_capacity(n * d);
        for (row, id) in ids.iter().enumerate() {
            let u = unit(rand::Rng::next_u32(&mut rng.at_seed_of(1).stream(Purpose::Prior, *id)));
            let c = pick(u, self.weights.iter().copied());
            let noise = &eps[row * d..(row + 1) * d];
            out.extend((0..d).map(|i| {
                let moved: f64 = (0..=i).map(|j| self.factors[c][(i, j)] * f64::from(noise[j])).sum();
                (self.means[(c, i)] + moved) as f32
            }));
        }
        out
    }
}

/// A masked autoregressive flow of codes in units of their spread.
pub struct CodeFlow {
    family: MaskedAutoregressive,
    mean: Vec<f32>,
    spread: Vec<f32>,
}

impl CodeFlow {
    /// Fits a flow to codes `[N, D]` by maximum likelihood.
    ///
    /// # Errors
    /// A fit that leaves the finite numbers.
    pub fn fit(codes: &[f32], d: usize, rng: Rng) -> Result<Self> {
        let rows = codes.len() / d;
        // In units of their spread, where the flow begins.
        let mean: Vec<f32> = (0..d).map(|j| codes.iter().skip(j).step_by(d).sum::<f32>() / rows as f32).collect();
        let variance =
            |j: usize| codes.iter().skip(j).step_by(d).map(|v| (v - mean[j]).powi(2)).sum::<f32>() / rows as f32;
        let spread: Vec<f32> = (0..d).map(|j| variance(j).sqrt().max(1e-4)).collect();
        let scaled: Vec<f32> = codes.iter().enumerate().map(|(i, v)| (v - mean[i % d]) / spread[i % d]).collect();
        let (steps, batch, maps, hidden) = FLOW;
        let mut family = MaskedAutoregressive::new(maps, d, hidden, &mut Init::new(rng.at(1)));
        let mut fit = Fit::begin(&mut family);
        for step in 1..=steps {
            let mut stream = rng.at(step).stream(Purpose::Choice, 1);
            let picked = (0..batch).flat_map(|_| {
                let at = below(&mut stream, rows as u64) as usize * d;
                scaled[at..at + d].to_vec()
            });
            let z = from_vec(picked.collect(), [1, batch, d], &device::here());
            let loss = family.prior(no_encoder()).log_prob(&vec![z]).mean().neg();
            if !scalar(loss.clone()).is_finite() {
                return Err(Error::data("codes", "have no flow: its fit left the finite numbers; try --from mixture"));
            }
            fit.descend(&mut family, &loss, 2e-3 * (1.0 - (step - 1) as f64 / steps as f64));
        }
        fit.end(&mut family);
        Ok(Self { family, mean, spread })
    }

    /// Draws `n` codes, `[n, D]`.
    pub fn sample(&self, n: usize, rng: Rng) -> Vec<f32> {
        let (ids, d): (Vec<u64>, usize) = ((0..n as u64).collect(), self.mean.len());
        let z = to_vec(self.family.prior(no_encoder()).sample(&ids, rng).swap_remove(0));
        z.iter().enumerate().map(|(i, v)| v * self.spread[i % d] + self.mean[i % d]).collect()
    }
}

/// A flow asks no encoder.
fn no_encoder<'a>() -> Encode<'a> {
    std::rc::Rc::new(|rows| vec![rows])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clumps, the second twice as heavy.
    fn codes() -> Vec<f32> {
        let rows: Vec<u64> = (0..3_000).collect();
        let eps = Rng::new(4).normal(Purpose::Prior, &rows, 2);
        let at = |row: usize| if row.is_multiple_of(3) { [-1.5, 0.0] } else { [1.5, 1.0] };
        eps.chunks(2)
            .enumerate()
            .flat_map(|(i, e)| [at(i)[0] + 0.5 * e[0], at(i)[1] + 0.5 * e[0] + 0.1 * e[1]])
            .collect()
    }

    fn check(name: &str, z: &[f32]) {
        let right: Vec<&[f32]> = z.chunks(2).filter(|z| z[0] > 0.0).collect();
        let share = right.len() as f32 / (z.len() / 2) as f32;
        assert!((share - 2.0 / 3.0).abs() < 0.06, "{name}: {share}");
        let mean = right.iter().map(|z| z[1]).sum::<f32>() / right.len() as f32;
        let covariance = right.iter().map(|z| (z[0] - 1.5) * (z[1] - mean)).sum::<f32>() / right.len() as f32;
        assert!((mean - 1.0).abs() < 0.15 && (covariance - 0.25).abs() < 0.12, "{name}: {mean} {covariance}");
    }

    #[test]
    fn fitted_densities_draw_what_they_were_fitted_to() {
        check("mixture", &CodeMixture::fit(&codes(), 2, 10, 1).unwrap().sample(4_000, Rng::new(1)));
        check("flow", &CodeFlow::fit(&codes(), 2, Rng::new(1)).unwrap().sample(4_000, Rng::new(1)));
    }
}
