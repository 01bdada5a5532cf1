//! Where codes for new rows come from: the prior, or a density fitted to the codes of training rows.

use vaekit_ops::optimizer::{Adam, adam};
use vaekit_ops::{Tensor, device, from_vec, scalar, to_vec};

use crate::data::{Batches, Dataset, Step};
use crate::eval::latents::Matrix;
use crate::eval::representation::fit_mixture;
use crate::model::prior::MaskedAutoregressive;
use crate::model::{Mode, Model, PriorFamily, Support};
use crate::nn::{Init, Parameters};
use crate::rng::{Purpose, Rng, below, pick, unit};
use crate::{Error, Result};

use super::BATCH;

/// A source of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// p(z).
    Prior,
    /// A mixture of ten Gaussians with full covariances, fitted to codes (Ghosh et al. 2020, section 4).
    Mixture,
    /// A masked autoregressive flow, fitted to codes.
    Flow,
    /// q(z given x) of training rows, drawn at random.
    Data,
}

/// Every source with the name that flags use.
pub const SOURCES: &[(&str, Source)] =
    &[("prior", Source::Prior), ("mixture", Source::Mixture), ("flow", Source::Flow), ("data", Source::Data)];

/// Codes that a density is fitted to.
const FITTED: usize = 10_000;
/// Components of the mixture.
const COMPONENTS: usize = 10;
/// Adam steps of the flow, rows of each, maps, hidden units.
const FLOW: (u64, usize, usize, usize) = (1_500, 256, 5, 64);

impl Model {
    /// Draws `n` codes, `[n, D]` on the host, from a source that looks at `train`ing rows.
    ///
    /// # Errors
    /// Codes of several groups, of classes or of a codebook, or a fit that breaks down.
    pub fn fitted_codes(&self, data: &Dataset, train: &[u32], n: usize, source: Source, rng: Rng) -> Result<Vec<f32>> {
        let support = self.vae().posterior.support();
        if support != Support::Reals && source != Source::Data {
            let name = self.vae().posterior.name();
            let problem = format!(
                "fits Gaussians and flows to codes, and those of '{name}' are others; use --from prior or data"
            );
            return Err(Error::unsupported("from", problem));
        }
        let rows = self.some(train, FITTED);
        let codes = self.drawn_codes(data, &rows)?;
        let width = codes.len() / rows.len();
        match source {
            Source::Prior => Err(Error::unsupported("from", "draws from the prior need no fit")),
            Source::Data => {
                let mut stream = rng.stream(Purpose::Choice, 0);
                let pick = |_| below(&mut stream, rows.len() as u64) as usize * width;
                let starts: Vec<usize> = (0..n).map(pick).collect();
                Ok(starts.into_iter().flat_map(|at| codes[at..at + width].to_vec()).collect())
            }
            Source::Mixture => mixture(&codes, width, n, rng),
            Source::Flow => flow(&codes, width, n, rng),
        }
    }

    /// A draw of q(z given x) for each row; the groups side by side.
    fn drawn_codes(&self, data: &Dataset, rows: &[u32]) -> Result<Vec<f32>> {
        self.check_fits(data)?;
        let mut codes = Vec::new();
        Batches::in_order(data, &self.preparation(), rows, BATCH).for_each(0, |_, host| {
            let batch = host.to_device(&device::here());
            let z = self.vae().encode(&batch, Mode::Infer).rsample(1, &batch.row_ids, self.rng()).z;
            let flat = |group: Tensor<3>| {
                let [_, b, d] = group.dims();
                group.reshape([b, d])
            };
            codes.extend(to_vec(Tensor::cat(z.into_iter().map(flat).collect(), 1)));
            Ok(Step::Continue)
        })?;
        Ok(codes)
    }
}

fn mixture(codes: &[f32], d: usize, n: usize, rng: Rng) -> Result<Vec<f32>> {
    let rows = codes.len() / d;
    let x = Matrix::from_shape_fn((rows, d), |(i, j)| f64::from(codes[i * d + j]));
    let seed = u64::from(rng.permutation(Purpose::Choice, 1 << 16)[0]);
    let fit = fit_mixture(&x, COMPONENTS.min(rows), 1, seed);
    let fit = fit.map_err(|e| Error::data("codes", format!("have no mixture: {e}; try --from flow")))?;
    let (weights, means, covariances) = (fit.weights(), fit.means(), fit.covariances());
    let factors: Vec<Vec<f64>> =
        covariances.outer_iter().map(|c| cholesky(&c.iter().copied().collect::<Vec<f64>>(), d)).collect();
    let ids: Vec<u64> = (0..n as u64).collect();
    let eps = rng.normal(Purpose::Prior, &ids, d);
    let mut out = Vec::with_capacity(n * d);
    for (row, id) in ids.iter().enumerate() {
        let u = unit(rand::Rng::next_u32(&mut rng.at_seed_of(1).stream(Purpose::Prior, *id)));
        let c = pick(u, weights.iter().map(|w| *w as f32));
        let noise = &eps[row * d..(row + 1) * d];
        out.extend((0..d).map(|i| {
            let moved: f64 = (0..=i).map(|j| factors[c][i * d + j] * f64::from(noise[j])).sum();
            (means[(c, i)] + moved) as f32
        }));
    }
    Ok(out)
}

/// The lower factor of a positive matrix; a pivot that rounding made negative counts as 0.
fn cholesky(m: &[f64], d: usize) -> Vec<f64> {
    let mut l = vec![0f64; d * d];
    for i in 0..d {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| l[i * d + k] * l[j * d + k]).sum();
            l[i * d + j] = match i == j {
                true => (m[i * d + i] - sum).max(0.0).sqrt(),
                false if l[j * d + j] > 0.0 => (m[i * d + j] - sum) / l[j * d + j],
                false => 0.0,
            };
        }
    }
    l
}

fn flow(codes: &[f32], d: usize, n: usize, rng: Rng) -> Result<Vec<f32>> {
    let rows = codes.len() / d;
    // In units of their spread, where the flow begins.
    let mean: Vec<f32> = (0..d).map(|j| codes.iter().skip(j).step_by(d).sum::<f32>() / rows as f32).collect();
    let variance = |j: usize| codes.iter().skip(j).step_by(d).map(|v| (v - mean[j]).powi(2)).sum::<f32>() / rows as f32;
    let spread: Vec<f32> = (0..d).map(|j| variance(j).sqrt().max(1e-4)).collect();
    let scaled: Vec<f32> = codes.iter().enumerate().map(|(i, v)| (v - mean[i % d]) / spread[i % d]).collect();
    let (steps, batch, maps, hidden) = FLOW;
    let mut family = MaskedAutoregressive::new(maps, d, hidden, &mut Init::new(rng.at(1)));
    let zeros: Vec<Vec<f32>> = family.parameters().iter().map(|p| vec![0.0; p.shape().iter().product()]).collect();
    let (mut m, mut v) = (zeros.clone(), zeros);
    family.parameters_mut().into_iter().for_each(|p| p.track(true));
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
        let mut found = loss.backward();
        let gradients: Vec<Option<Vec<f32>>> = family.parameters().iter().map(|p| p.gradient(&mut found)).collect();
        let lr = 2e-3 * (1.0 - (step - 1) as f64 / steps as f64);
        let rule = Adam { lr, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        for (i, parameter) in family.parameters_mut().into_iter().enumerate() {
            let Some(g) = &gradients[i] else { continue };
            let mut p = parameter.values();
            adam(&mut p, g, &mut m[i], &mut v[i], step, rule);
            parameter.set(p, true);
        }
    }
    family.parameters_mut().into_iter().for_each(|p| p.track(false));
    let ids: Vec<u64> = (0..n as u64).collect();
    let z = to_vec(family.prior(no_encoder()).sample(&ids, rng).swap_remove(0));
    Ok(z.iter().enumerate().map(|(i, v)| v * spread[i % d] + mean[i % d]).collect())
}

/// A flow asks no encoder.
fn no_encoder<'a>() -> crate::model::prior::Encode<'a> {
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
        check("mixture", &mixture(&codes(), 2, 4_000, Rng::new(1)).unwrap());
        check("flow", &flow(&codes(), 2, 4_000, Rng::new(1)).unwrap());
    }
}
