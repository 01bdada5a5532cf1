//! What each latent dimension does, the most informative first.

use crate::Result;
use crate::data::Dataset;
use crate::model::{Form, Model, Support};

use super::Values;

/// How far a traversal goes, in standard deviations to each side.
const REACH: f32 = 3.0;

impl Model {
    /// Moves one dimension at a time through `steps` values around a start,
    /// the other dimensions held: a line of the picture for each dimension.
    ///
    /// Dimensions come in the order of their KL over `rows`, or of their
    /// variance where there is no KL. A dimension moves over +-3 of the
    /// standard deviations of N(0, I) where that is the prior, of its own elsewhere. The
    /// start is the code of `start`, or the mean code. A class variable starts at its likeliest class and moves to another;
    /// codes on a sphere stay there. Returns the order too.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn traverse(
        &self,
        data: &Dataset,
        rows: &[u32],
        start: Option<u32>,
        steps: usize,
        dims: usize,
    ) -> Result<(Values, Vec<usize>)> {
        let (_, stats) = self.evaluate(data, rows, 1)?;
        let weight = stats.kl.as_ref().unwrap_or(&stats.variance);
        let mut order: Vec<usize> = (0..weight.len()).collect();
        order.sort_by(|a, b| weight[*b].total_cmp(&weight[*a]).then(a.cmp(b)));
        order.truncate(dims);
        let support = self.vae().prior.support();
        let mut base: Vec<f32> = match start {
            Some(row) => self.encode(data, &[row])?.mean,
            None => stats.mean.iter().map(|&m| m as f32).collect(),
        };
        settle(support, &mut base);
        // Elsewhere than under N(0, I), where the codes lie says how far to go.
        let has_prior = self.vae().posterior.is_density() && matches!(self.vae().prior().form(), Form::Standard);
        let mut codes = Vec::with_capacity(order.len() * steps * base.len());
        for &d in &order {
            let (centre, reach) =
                if has_prior { (0.0, REACH) } else { (stats.mean[d] as f32, REACH * stats.variance[d].sqrt() as f32) };
            for i in 0..steps {
                let t = 2.0 * i as f32 / (steps.max(2) - 1) as f32 - 1.0;
                codes.extend(moved(support, &base, d, t, centre + t * reach));
            }
        }
        let given = match start {
            Some(row) => self.given_of_row(data, row)?.map(|given| given.repeat(order.len() * steps)),
            None => None,
        };
        Ok((self.decode(&codes, base.len(), steps, given.as_deref())?, order))
    }
}

/// Puts a code where the model's codes lie.
fn settle(support: Support, code: &mut [f32]) {
    match support {
        Support::Classes { reals, classes } => code[reals..].chunks_mut(classes).for_each(|variable| {
            let chosen = (0..variable.len()).fold(0, |best, i| if variable[i] > variable[best] { i } else { best });
            variable.fill(0.0);
            variable[chosen] = 1.0;
        }),
        Support::Sphere => {
            let length = code.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
            code.iter_mut().for_each(|v| *v /= length);
        }
        _ => {}
    }
}

/// `base` with dimension `d` moved: to `value`, or where z has no such freedom by `t` from -1 to 1.
fn moved(support: Support, base: &[f32], d: usize, t: f32, value: f32) -> Vec<f32> {
    let mut code = base.to_vec();
    match support {
        Support::Classes { reals, classes } if d >= reals => {
            let (first, share) = (reals + (d - reals) / classes * classes, (t + 1.0) / 2.0);
            code[first..first + classes].iter_mut().for_each(|v| *v *= 1.0 - share);
            code[d] += share;
        }
        Support::Sphere => {
            let others = (1.0 - base[d] * base[d]).sqrt().max(1e-6);
            code.iter_mut().for_each(|v| *v *= (1.0 - t * t).max(0.0).sqrt() / others);
            code[d] = t;
        }
        _ => code[d] = value,
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_variables_go_from_class_to_class_and_spheres_are_kept_to() {
        let support = Support::Classes { reals: 1, classes: 3 };
        let mut base = vec![0.5, 0.2, 0.5, 0.3];
        settle(support, &mut base);
        assert_eq!(base, [0.5, 0.0, 1.0, 0.0]);
        assert_eq!(moved(support, &base, 3, -1.0, 9.0), base);
        assert_eq!(moved(support, &base, 3, 1.0, 9.0), [0.5, 0.0, 0.0, 1.0]);
        assert_eq!(moved(support, &base, 0, 1.0, 9.0), [9.0, 0.0, 1.0, 0.0]);
        let mut base = vec![3.0, 0.0, 4.0];
        settle(Support::Sphere, &mut base);
        for t in [-1.0, -0.3, 0.0, 1.0] {
            let code = moved(Support::Sphere, &base, 2, t, 9.0);
            assert!((code.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5 && code[2] == t, "{code:?}");
        }
    }
}
