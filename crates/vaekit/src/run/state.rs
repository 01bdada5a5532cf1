//! `state/checkpoint.safetensors`: all that going on to the same bytes needs, in one file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::STATE;
use super::weights::{self, Named};

/// Where training stands. Numbers survive the file exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainState {
    /// The run that it belongs to.
    pub identity: String,
    /// Whole epochs done.
    pub epoch: u64,
    /// Batches done of the epoch under way.
    pub batch: usize,
    /// Optimizer steps done.
    pub step: u64,
    /// Training time so far.
    pub seconds: f64,
    /// Sums over the epoch under way.
    pub sums: EpochSums,
    /// The best validation value so far.
    pub best: Option<Best>,
    /// What the plateau schedule remembers.
    pub plateau: Plateau,
    /// Set when early stopping ended the run.
    pub stopped: bool,
    /// True where `best` and `plateau` are of the objective; builds before judged the ELBO. Younger than the format.
    #[serde(default)]
    pub judged_by_objective: bool,
    /// Parameters that began later than the first step: the step before. Younger than the format.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub late: BTreeMap<String, u64>,
}

/// Sums over examples, in f64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochSums {
    /// Examples so far.
    pub rows: u64,
    /// Of the loss.
    pub loss: f64,
    /// Of the KL.
    pub rate: f64,
    /// Of -E_q log p(x given z).
    pub distortion: f64,
    /// Younger than the format.
    #[serde(default)]
    pub perceptual: f64,
}

/// The best validation value so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The epoch that it was measured after.
    pub epoch: u64,
    /// Minus the objective on the validation rows.
    pub value: f64,
}

/// What the plateau schedule remembers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// The best validation value.
    pub best: Option<f64>,
    /// Epochs since then or since the last reduction.
    pub waited: u64,
    /// Product of the reductions so far.
    pub scale: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self { best: None, waited: 0, scale: 1.0 }
    }
}

/// A state with its tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Where training stands.
    pub state: TrainState,
    /// The weights as they stand.
    pub weights: Vec<Named>,
    /// The best weights, where early stopping keeps them.
    pub best: Vec<Named>,
    /// The optimizer's memory, a list for each of its slots.
    pub optimizer: Vec<Vec<Named>>,
}

impl Checkpoint {
    /// Writes the checkpoint of a run folder.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn write(self, dir: &Path) -> Result<()> {
        let path = dir.join(STATE);
        let meta = serde_json::to_string(&self.state).map_err(|e| Error::run(&path, e.to_string()))?;
        let prefixed = |prefix: String, list: Vec<Named>| {
            list.into_iter().map(move |t| Named { name: format!("{prefix}{}", t.name), ..t })
        };
        let mut all: Vec<Named> = prefixed("weights/".into(), self.weights).collect();
        all.extend(prefixed("best/".into(), self.best));
        for (slot, list) in self.optimizer.into_iter().enumerate() {
            all.extend(prefixed(format!("optimizer/{slot}/"), list));
        }
        weights::write(&path, all, meta)
    }

    /// Reads the checkpoint of a run folder, if it has one; `values` is the model's number of weights.
    ///
    /// # Errors
    /// A file that is damaged or belongs to another run.
    pub fn read(dir: &Path, identity: &str, values: usize) -> Result<Option<Self>> {
        let path = dir.join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        // Weights, best weights and at most four slots of an optimizer.
        let (tensors, meta) = weights::read(&path, 6 * values)?;
        let state: TrainState =
            serde_json::from_str(&meta).map_err(|e| Error::run(&path, format!("its state is not readable: {e}")))?;
        if state.identity != identity {
            return Err(Error::run(&path, "belongs to another run than the run.toml beside it"));
        }
        let mut checkpoint = Self { state, weights: Vec::new(), best: Vec::new(), optimizer: Vec::new() };
        for tensor in tensors {
            let (place, name) = match tensor.name.split_once('/') {
                Some(("optimizer", rest)) => match rest.split_once('/').map(|(s, n)| (s.parse::<usize>(), n)) {
                    Some((Ok(slot), name)) if slot < 4 => {
                        if checkpoint.optimizer.len() <= slot {
                            checkpoint.optimizer.resize(slot + 1, Vec::new());
                        }
                        (&mut checkpoint.optimizer[slot], name.to_owned())
                    }
                    _ => return Err(Error::run(&path, format!("tensor {} has no known place", tensor.name))),
                },
                Some(("weights", name)) => (&mut checkpoint.weights, name.to_owned()),
                Some(("best", name)) => (&mut checkpoint.best, name.to_owned()),
                _ => return Err(Error::run(&path, format!("tensor {} has no known place", tensor.name))),
            };
            place.push(Named { name, ..tensor });
        }
        Ok(Some(checkpoint))
    }
}
