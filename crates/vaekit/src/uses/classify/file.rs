//! Classifiers in files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::nn::Parameters;
use crate::rng::Rng;
use crate::run::{Named, assign, read_tensors, write_tensors};
use crate::{Error, Result};

use super::features::{Features, Of};
use super::network::Network;
use super::propagation::Neighbours;
use super::{Classifier, Rule};

/// The most numbers that a file may hold, and of one layer.
const MOST: usize = 1 << 28;
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    form: u32,
    classes: Vec<String>,
    method: String,
    temperature: f64,
    codes: bool,
    unit: bool,
    /// Sizes of the layers of a network; none of neighbours.
    sizes: Option<Vec<usize>>,
    identity: String,
}

impl Classifier {
    /// Writes a safetensors file.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write(&self, path: &Path) -> Result<()> {
        let width = self.features.shift.len();
        let named = |name: &str, shape: Vec<usize>, values: &[f32]| Named {
            name: name.to_owned(),
            shape,
            values: values.to_vec(),
        };
        let mut tensors =
            vec![named("scale", vec![width], &self.features.scale), named("shift", vec![width], &self.features.shift)];
        let sizes = match &self.rule {
            Rule::Network(network) => {
                tensors.extend(network.parameters().iter().map(|p| Named::of("", p, p.values())));
                Some(network.sizes.clone())
            }
            Rule::Neighbours(found) => {
                let rows = found.codes.len() / found.width;
                tensors.push(named("codes", vec![rows, found.width], &found.codes));
                tensors.push(named("shares", vec![rows, found.classes], &found.shares));
                None
            }
        };
        let meta = Meta {
            form: FORM,
            classes: self.classes.clone(),
            method: self.method.clone(),
            temperature: self.temperature,
            codes: self.features.of == Of::Codes,
            unit: self.features.unit,
            sizes,
            identity: self.identity.clone(),
        };
        let meta = serde_json::to_string(&meta).map_err(|e| Error::run(path, e.to_string()))?;
        write_tensors(path, tensors, meta)
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or is no classifier.
    pub fn read(path: &Path) -> Result<Self> {
        let (mut tensors, meta) = read_tensors(path, MOST)?;
        let bad = |problem: &str| Error::run(path, format!("is no classifier of vaekit: {problem}"));
        let meta: Meta = serde_json::from_str(&meta).map_err(|_| bad("it does not say what it is"))?;
        if meta.form != FORM || meta.classes.len() < 2 || !(meta.temperature.is_finite() && meta.temperature > 0.0) {
            return Err(bad("its form, classes or temperature are not sound"));
        }
        let mut take = |name: &str| {
            let at = tensors.iter().position(|t| t.name == name);
            at.map(|at| tensors.remove(at)).ok_or_else(|| bad(&format!("tensor {name} is missing")))
        };
        let (scale, shift) = (take("scale")?.values, take("shift")?.values);
        let (width, classes) = (shift.len(), meta.classes.len());
        if width == 0 || scale.len() != width || scale.iter().any(|v| *v <= 0.0) {
            return Err(bad("scale and shift do not go together"));
        }
        let rule = match meta.sizes {
            None => {
                let (codes, shares) = (take("codes")?, take("shares")?);
                let rows = codes.values.len() / width;
                if rows == 0 || codes.shape != [rows, width] || shares.shape != [rows, classes] {
                    return Err(bad("codes and shares do not go together"));
                }
                Rule::Neighbours(Neighbours { codes: codes.values, shares: shares.values, width, classes })
            }
            Some(sizes) => {
                let ends = sizes.first() == Some(&width) && sizes.last() == Some(&classes) && sizes.len() <= 8;
                // The file has as many numbers: no more memory is taken than it holds.
                let wanted =
                    sizes.windows(2).map(|pair| (pair[0] + 1).saturating_mul(pair[1])).fold(0, usize::saturating_add);
                if !ends || wanted != tensors.iter().map(|t| t.values.len()).sum::<usize>() {
                    return Err(bad("its layers do not go together"));
                }
                let mut network = Network::new(sizes, Rng::new(0));
                assign(path, tensors, &mut network)?;
                Rule::Network(network)
            }
        };
        let of = if meta.codes { Of::Codes } else { Of::Values };
        let features = Features { of, shift, scale, unit: meta.unit };
        let (method, temperature, identity) = (meta.method, meta.temperature, meta.identity);
        Ok(Self { classes: meta.classes, method, temperature, features, rule, identity })
    }
}
