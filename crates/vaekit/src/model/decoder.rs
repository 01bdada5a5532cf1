//! From z to the raw parameters of p(x given z).

use vaekit_ops::{Activation, Tensor};

use crate::nn::{Init, Mlp, Parameter, Parameters};

/// A network from latents to raw outputs: logits, never probabilities.
pub trait Decoder: Parameters + Send + Sync {
    /// # Shapes
    /// `z`: `[N, D]` for each group; `given`: `[N, C]` where the model is conditional; result: `[N, R]`.
    fn forward(&self, z: &[Tensor<2>], given: Option<&Tensor<2>>) -> Tensor<2>;

    /// Sets what the last layer adds, `[R]`: where the outputs lie before z says anything.
    fn set_output_bias(&mut self, raw: Vec<f32>);
}

/// Fully connected, one latent group.
#[derive(Debug)]
pub struct MlpDecoder(Mlp);

impl MlpDecoder {
    /// `latent`, then the encoder's `hidden` sizes reversed, then `outputs`.
    pub fn mirrored(latent: usize, hidden: &[usize], outputs: usize, act: Activation, init: &mut Init) -> Self {
        let hidden: Vec<usize> = hidden.iter().rev().copied().collect();
        let sizes = [&[latent], hidden.as_slice(), &[outputs]].concat();
        Self(Mlp::new("decoder", &sizes, act, init))
    }
}

impl Decoder for MlpDecoder {
    fn forward(&self, z: &[Tensor<2>], _given: Option<&Tensor<2>>) -> Tensor<2> {
        self.0.forward(z[0].clone())
    }

    fn set_output_bias(&mut self, raw: Vec<f32>) {
        self.0.set_last_bias(raw);
    }
}

impl Parameters for MlpDecoder {
    fn parameters(&self) -> Vec<&Parameter> {
        self.0.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.0.parameters_mut()
    }
}
