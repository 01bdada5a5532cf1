//! From rows to the parameters of q(z given x).

use vaekit_ops::{Activation, Tensor, device, from_vec};

use crate::data::Batch;
use crate::nn::{Init, Mlp, Parameter, Parameters};
use crate::rng::{Purpose, Rng};

/// Whether a pass is for training, and with what randomness.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Training, with the randomness of the pass.
    Train(Rng),
    /// Use: nothing is random.
    Infer,
}

/// A network from a batch to raw posterior parameters, a tensor `[B, width]` for each latent group.
pub trait Encoder: Parameters + Send + Sync {
    /// # Shapes
    /// `batch.x`: `[B, X]`; result: `[B, R]` for each latent group.
    fn forward(&self, batch: &Batch, mode: Mode) -> Vec<Tensor<2>>;
}

impl Encoder for Box<dyn Encoder> {
    fn forward(&self, batch: &Batch, mode: Mode) -> Vec<Tensor<2>> {
        (**self).forward(batch, mode)
    }
}

impl Parameters for Box<dyn Encoder> {
    fn parameters(&self) -> Vec<&Parameter> {
        (**self).parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        (**self).parameters_mut()
    }
}

/// Fully connected, one latent group.
#[derive(Debug)]
pub struct MlpEncoder(Mlp);

impl MlpEncoder {
    /// `inputs`, then `hidden`, then `outputs` raw parameters.
    pub fn new(inputs: usize, hidden: &[usize], outputs: usize, act: Activation, init: &mut Init) -> Self {
        let sizes = [&[inputs], hidden, &[outputs]].concat();
        Self(Mlp::new("encoder", &sizes, act, init))
    }
}

impl Encoder for MlpEncoder {
    fn forward(&self, batch: &Batch, _mode: Mode) -> Vec<Tensor<2>> {
        vec![self.0.forward(batch.x.clone())]
    }
}

impl Parameters for MlpEncoder {
    fn parameters(&self) -> Vec<&Parameter> {
        self.0.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.0.parameters_mut()
    }
}

/// Damage that a denoising model learns to undo.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the line above each names its numbers")]
pub enum Corruption {
    /// Adds N(0, level^2).
    Gaussian { level: f32 },
    /// Sets a share `level` of the values to zero.
    Masking { level: f32 },
    /// Sets a share `level` of the values to `low` or `high`, evenly.
    SaltAndPepper { level: f32, low: f32, high: f32 },
}

impl Corruption {
    /// Damages rows; each row's noise is its own.
    ///
    /// # Shapes
    /// `x` and result: `[B, X]`.
    pub fn apply(self, x: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let shape = x.dims();
        let tensor = |values| from_vec(values, shape, &device::here());
        let uniform = || rng.uniform(Purpose::Corrupt, rows, shape[1]);
        match self {
            Self::Gaussian { level } => x + tensor(rng.normal(Purpose::Corrupt, rows, shape[1])).mul_scalar(level),
            Self::Masking { level } => x * tensor(uniform().into_iter().map(|u| f32::from(u >= level)).collect()),
            Self::SaltAndPepper { level, low, high } => {
                let draws = uniform();
                let keep = draws.iter().map(|&u| f32::from(u >= level)).collect();
                let spots = draws.iter().map(|&u| match u {
                    u if u >= level => 0.0,
                    u if u < level / 2.0 => low,
                    _ => high,
                });
                x * tensor(keep) + tensor(spots.collect())
            }
        }
    }
}

/// An encoder that sees damaged rows in training, and whole ones otherwise.
pub struct Corrupting<E> {
    /// The encoder of damaged rows.
    pub inner: E,
    /// The damage.
    pub corruption: Corruption,
}

impl<E: Encoder> Encoder for Corrupting<E> {
    fn forward(&self, batch: &Batch, mode: Mode) -> Vec<Tensor<2>> {
        match mode {
            Mode::Infer => self.inner.forward(batch, mode),
            Mode::Train(rng) => {
                let x = self.corruption.apply(batch.x.clone(), &batch.row_ids, rng);
                self.inner.forward(&Batch { x, ..batch.clone() }, mode)
            }
        }
    }
}

impl<E: Parameters> Parameters for Corrupting<E> {
    fn parameters(&self) -> Vec<&Parameter> {
        self.inner.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.inner.parameters_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vaekit_ops::to_vec;

    fn damaged(corruption: Corruption) -> Vec<f32> {
        let x = from_vec(vec![0.5; 10_000], [10, 1000], &device::cpu());
        to_vec(corruption.apply(x, &(0..10).collect::<Vec<_>>(), Rng::new(1)))
    }

    #[test]
    fn each_corruption_damages_the_share_it_is_asked_to() {
        let share = |v: &[f32], value: f32| v.iter().filter(|x| **x == value).count() as f64 / v.len() as f64;
        let v = damaged(Corruption::Masking { level: 0.3 });
        assert!((share(&v, 0.0) - 0.3).abs() < 0.02 && (share(&v, 0.5) - 0.7).abs() < 0.02);
        let v = damaged(Corruption::SaltAndPepper { level: 0.4, low: -1.0, high: 2.0 });
        assert!((share(&v, -1.0) - 0.2).abs() < 0.02 && (share(&v, 2.0) - 0.2).abs() < 0.02);
        let v = damaged(Corruption::Gaussian { level: 0.2 });
        let var = v.iter().map(|x| f64::from(x - 0.5).powi(2)).sum::<f64>() / v.len() as f64;
        assert!((var.sqrt() - 0.2).abs() < 0.01, "{var}");
    }
}
