//! The affine layer with its parameters.

use vaekit_ops::{Activation, Tensor, linear};

use super::{Init, Parameter, Parameters};

/// `act(x w + b)`.
#[derive(Debug)]
pub struct Linear {
    /// `[I, O]`
    weight: Parameter,
    /// `[O]`
    bias: Parameter,
}

impl Linear {
    /// Weight and bias uniform on +-1/sqrt(I), as torch.nn.Linear has them.
    pub fn new(name: &str, inputs: usize, outputs: usize, init: &mut Init) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        Self {
            weight: init.uniform(format!("{name}.weight"), &[inputs, outputs], bound),
            bias: init.uniform(format!("{name}.bias"), &[outputs], bound),
        }
    }

    /// # Shapes
    /// `x`: `[N, I]`; result: `[N, O]`.
    pub fn forward(&self, x: Tensor<2>, act: Option<Activation>) -> Tensor<2> {
        linear(x, self.weight.tensor(), self.bias.tensor(), act)
    }

    /// Replaces the bias, `[O]`.
    pub fn set_bias(&mut self, values: Vec<f32>) {
        self.bias.set(values, false);
    }
}

impl Parameters for Linear {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.weight, &self.bias]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight, &mut self.bias]
    }
}
