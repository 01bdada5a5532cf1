//! What codes that are choices choose: clusters of a mixture prior, rows of a codebook.

use serde::Serialize;
use vaekit_ops::{device, to_vec};

use crate::Result;
use crate::data::{Batches, Dataset, Step};
use crate::eval::representation::{Clusters, adjusted_rand, best_accuracy, normalized_information};
use crate::model::{Mode, Support};
use crate::run::Run;

use super::BATCH;

/// What the prior's own parts do over rows; each where the model has it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chosen {
    /// Components of the mixture that are the likeliest of some row, and how many there are.
    pub components_used: Option<(usize, usize)>,
    /// The likeliest component of each row against its class, where rows have classes.
    pub clusters: Option<Clusters>,
    /// exp of the entropy of the codes over rows, positions and levels, and how many codes there are.
    pub perplexity: Option<(f64, usize)>,
}

impl Run {
    /// Clusters of a mixture prior and the perplexity of a codebook, over rows.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn chosen(&self, data: &Dataset, rows: &[u32]) -> Result<Chosen> {
        self.check_fits(data)?;
        let mut found = Chosen::default();
        let support = self.vae().prior.support();
        if self.vae().prior.components().is_none() && !matches!(support, Support::Codes { .. }) {
            return Ok(found);
        }
        let prior = self.vae().prior();
        let (mut likeliest, mut components) = (Vec::new(), 0);
        let (mut counts, mut size) = (Vec::new(), 0);
        Batches::in_order(data, &self.preparation(), rows, BATCH).for_each(0, |_, host| {
            let z = self.vae().encode(&host.to_device(&device::here()), Mode::Infer).mean();
            if let Some(log_p) = prior.classes(z.clone()) {
                components = log_p.dims()[1];
                let best = |row: &[f32]| (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
                likeliest.extend(to_vec(log_p).chunks(components).map(best));
            }
            if let Some((codes, n)) = prior.chosen(&z) {
                size = n;
                counts.resize(n, 0u64);
                codes.into_iter().for_each(|code| counts[code as usize] += 1);
            }
            Ok(Step::Continue)
        })?;
        if components > 0 {
            let used: std::collections::BTreeSet<&usize> = likeliest.iter().collect();
            found.components_used = Some((used.len(), components));
            found.clusters = data.labels.as_ref().map(|labels| {
                let truth: Vec<usize> = rows.iter().map(|&r| labels.ids[r as usize] as usize).collect();
                Clusters {
                    accuracy: best_accuracy(&likeliest, &truth),
                    nmi: normalized_information(&likeliest, &truth),
                    ari: adjusted_rand(&likeliest, &truth),
                }
            });
        }
        if size > 0 {
            let n = counts.iter().sum::<u64>().max(1) as f64;
            let entropy: f64 = counts.iter().filter(|c| **c > 0).map(|c| *c as f64 / n).map(|p| -p * p.ln()).sum();
            found.perplexity = Some((entropy.exp(), size));
        }
        Ok(found)
    }
}
