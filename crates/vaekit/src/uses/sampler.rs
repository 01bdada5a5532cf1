//! Where codes for new rows come from: the prior, or a density fitted to the codes of training rows.

use vaekit_ops::{Tensor, device, to_vec};

use crate::data::{Batches, Dataset, Step};
use crate::eval::density::{CodeFlow, CodeMixture};
use crate::model::{Mode, Model, Support};
use crate::rng::{Purpose, Rng, below};
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
            Source::Mixture => {
                let seed = u64::from(rng.permutation(Purpose::Choice, 1 << 16)[0]);
                Ok(CodeMixture::fit(&codes, width, COMPONENTS, seed)?.sample(n, rng))
            }
            Source::Flow => Ok(CodeFlow::fit(&codes, width, rng)?.sample(n, rng)),
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
