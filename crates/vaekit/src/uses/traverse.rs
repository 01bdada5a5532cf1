//! What each latent dimension does, the most informative first.

use crate::Result;
use crate::data::Dataset;
use crate::model::Form;
use crate::run::Run;

use super::{Values, encode::class_of};

/// How far a traversal goes, in standard deviations to each side.
const REACH: f32 = 3.0;

impl Run {
    /// Moves one dimension at a time through `steps` values around a start,
    /// the other dimensions held: a line of the picture for each dimension.
    ///
    /// Dimensions come in the order of their KL over `rows`, or of their
    /// variance where there is no KL. A dimension moves over +-3 of the
    /// standard deviations of N(0, I) where that is the prior, of its own elsewhere. The
    /// start is the code of `start`, or the mean code. Returns the order too.
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
        let base: Vec<f32> = match start {
            Some(row) => self.encode(data, &[row])?.mean,
            None => stats.mean.iter().map(|&m| m as f32).collect(),
        };
        // Elsewhere than under N(0, I), where the codes lie says how far to go.
        let has_prior = self.vae().posterior.is_density() && matches!(self.vae().prior().form(), Form::Standard);
        let mut codes = Vec::with_capacity(order.len() * steps * base.len());
        for &d in &order {
            let (centre, reach) =
                if has_prior { (0.0, REACH) } else { (stats.mean[d] as f32, REACH * stats.variance[d].sqrt() as f32) };
            for i in 0..steps {
                let t = 2.0 * i as f32 / (steps.max(2) - 1) as f32 - 1.0;
                let mut code = base.clone();
                code[d] = centre + t * reach;
                codes.extend(code);
            }
        }
        let class = self.class().or_else(|| start.and_then(|row| class_of(data, row)));
        let classes = class.map(|class| vec![class; order.len() * steps]);
        Ok((self.decode(&codes, base.len(), steps, classes.as_deref())?, order))
    }
}
