//! Discrete codes: clusters of a mixture prior, codebook and class indices.

use serde::Serialize;
use vaekit_ops::{device, to_vec};

use crate::data::{Batches, Dataset, MISSING, Step};
use crate::eval::representation::{Clusters, adjusted_rand, best_accuracy, normalized_information};
use crate::model::{Mode, Model, Support};
use crate::{Error, Result};

use super::given::names_of;
use super::{BATCH, Values};

/// What the prior's own parts do over rows; each where the model has it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DiscreteUse {
    /// Components of the mixture that are the likeliest of some row, and how many there are.
    pub components_used: Option<(usize, usize)>,
    /// The likeliest component of each row against its class, where rows have classes.
    pub clusters: Option<Clusters>,
    /// exp of the entropy of the codes over rows, positions and levels, and how many codes there are.
    pub perplexity: Option<(f64, usize)>,
}

impl Model {
    /// What the code of each row chooses, in place of the code: `cluster`, the likeliest component of a mixture prior;
    /// `code0` and on, rows of a codebook, each level counting from 0; `class0` and on, of class variables.
    ///
    /// # Errors
    /// Codes that choose nothing, or rows of another shape than the model's.
    pub fn choices(&self, data: &Dataset, rows: &[u32]) -> Result<Values> {
        self.check_fits(data)?;
        let (prior, support) = (self.vae().prior(), self.vae().prior.support());
        let mut values: Vec<f32> = Vec::new();
        let mut name = "";
        Batches::in_order(data, &self.preparation(), rows, BATCH).for_each(0, |_, host| {
            let z = self.vae().encode(&host.to_device(&device::here()), Mode::Infer).mean();
            if let Support::Classes { reals, classes } = support {
                name = "class";
                let wide = z.dims()[1];
                let of_row =
                    |row: &[f32]| row[reals..].chunks(classes).map(|c| likeliest(c) as f32).collect::<Vec<_>>();
                values.extend(to_vec(z).chunks(wide).flat_map(of_row));
            } else if let (Some((codes, all)), Support::Codes { levels, .. }) = (prior.chosen(&z), support) {
                name = "code";
                let size = (all / levels.max(1)) as u32;
                values.extend(codes.into_iter().map(|code| (code % size) as f32));
            } else if let Some(log_p) = prior.classes(z) {
                name = "cluster";
                let components = log_p.dims()[1];
                values.extend(to_vec(log_p).chunks(components).map(|row| likeliest(row) as f32));
            }
            Ok(Step::Continue)
        })?;
        let width = values.len() / rows.len().max(1);
        if width == 0 {
            let problem = "choose nothing: no clusters, no codebook, no class variables; leave the flag out";
            return Err(Error::unsupported("choices", format!("codes of '{}' {problem}", self.variant_name())));
        }
        let columns = match name {
            "cluster" => vec![name.to_owned()],
            _ => (0..width).map(|i| format!("{name}{i}")).collect(),
        };
        let beside = self.conditions_of(data, rows)?;
        Ok(Values {
            shape: vec![width],
            columns,
            values,
            look: None,
            name: names_of(data, rows)?,
            beside,
            typed: Vec::new(),
        })
    }

    /// Clusters of a mixture prior and the perplexity of a codebook, over rows.
    ///
    /// # Errors
    /// Rows of another shape than the model's.
    pub fn discrete_use(&self, data: &Dataset, rows: &[u32]) -> Result<DiscreteUse> {
        self.check_fits(data)?;
        let mut found = DiscreteUse::default();
        let support = self.vae().prior.support();
        if self.vae().prior.components().is_none() && !matches!(support, Support::Codes { .. }) {
            return Ok(found);
        }
        let prior = self.vae().prior();
        let (mut clusters, mut components) = (Vec::new(), 0);
        let (mut counts, mut size) = (Vec::new(), 0);
        Batches::in_order(data, &self.preparation(), rows, BATCH).for_each(0, |_, host| {
            let z = self.vae().encode(&host.to_device(&device::here()), Mode::Infer).mean();
            if let Some(log_p) = prior.classes(z.clone()) {
                components = log_p.dims()[1];
                clusters.extend(to_vec(log_p).chunks(components).map(likeliest));
            }
            if let Some((codes, n)) = prior.chosen(&z) {
                size = n;
                counts.resize(n, 0u64);
                codes.into_iter().for_each(|code| counts[code as usize] += 1);
            }
            Ok(Step::Continue)
        })?;
        if components > 0 {
            let used: std::collections::BTreeSet<&usize> = clusters.iter().collect();
            found.components_used = Some((used.len(), components));
            found.clusters = data.labels().map(|labels| {
                let known = rows.iter().zip(clusters).filter(|(r, _)| labels.ids[**r as usize] != MISSING);
                let (truth, clusters): (Vec<usize>, Vec<usize>) =
                    known.map(|(r, cluster)| (labels.ids[*r as usize] as usize, cluster)).unzip();
                Clusters {
                    accuracy: best_accuracy(&clusters, &truth),
                    nmi: normalized_information(&clusters, &truth),
                    ari: adjusted_rand(&clusters, &truth),
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

/// The place of the greatest.
fn likeliest(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}
