//! log p(x) of rows, and why the ELBO lies below it.

use crate::Result;
use crate::data::{Batches, Binarize, Dataset, Kind};
use crate::eval::likelihood::{Annealing, Evidence, Gap, Heard, annealed, importance, split_gap};
use crate::model::Model;
use crate::model::likelihood::Domain;

/// Rows whose samples are decoded together; with 128 samples each, 4,096.
const ROWS: usize = 32;
/// No more rows than this would be decoded together, however narrow.
const CHAIN_VALUES: usize = 1 << 24;

impl Model {
    /// log p(x) of rows by `samples` importance samples each.
    ///
    /// # Errors
    /// Rows of another shape than the model's, or a model without densities.
    pub fn importance(&self, data: &Dataset, rows: &[u32], samples: usize, heard: Heard<'_>) -> Result<Evidence> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        let batch = (self.at_once(CHAIN_VALUES) / 128).clamp(1, ROWS);
        importance(self.vae(), &Batches::in_order(data, &preparation, rows, batch), samples, self.rng(), heard)
    }

    /// log p(x) of rows by annealed importance sampling.
    ///
    /// # Errors
    /// Those of [`importance`](Self::importance), and several latent groups.
    pub fn annealed(&self, data: &Dataset, rows: &[u32], how: Annealing, heard: Heard<'_>) -> Result<Evidence> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        let batch = (self.at_once(CHAIN_VALUES) / how.chains.max(1)).clamp(1, 100);
        annealed(self.vae(), &Batches::in_order(data, &preparation, rows, batch), how, self.rng(), heard)
    }

    /// Why the ELBO of rows lies below `evidence`, which was measured on the same rows.
    ///
    /// # Errors
    /// Those of [`importance`](Self::importance).
    pub fn gap(&self, data: &Dataset, rows: &[u32], evidence: &Evidence, heard: Heard<'_>) -> Result<Gap> {
        self.check_fits(data)?;
        let preparation = self.preparation();
        let batch = (self.at_once(CHAIN_VALUES) / 500).clamp(1, 8);
        split_gap(self.vae(), &Batches::in_order(data, &preparation, rows, batch), evidence, self.rng(), heard)
    }

    /// Why bits a dimension are not given; none where they are.
    pub fn why_no_bits(&self) -> Option<&'static str> {
        let binary = self.schema().value_kind() == Kind::Binary || self.encoding().binarize != Binarize::None;
        match (binary, self.vae().likelihood.domain()) {
            (false, Domain::Binary) => Some("grey values under a Bernoulli are no likelihood of the data"),
            (true, Domain::Reals | Domain::Unit) => Some("zeros and ones under a density have no bits"),
            (false, Domain::Reals | Domain::Unit) => Some("nats of a density depend on the unit of the values"),
            (true, Domain::Bytes) => Some("zeros and ones under a likelihood of bytes leave 254 values unused"),
            _ => None,
        }
    }
}
