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
    /// Begins as `init` says.
    pub fn new(name: &str, inputs: usize, outputs: usize, init: &mut Init) -> Self {
        let (weight, bias) = init.affine(name, inputs, outputs);
        Self { weight, bias }
    }

    /// # Shapes
    /// `x`: `[N, I]`; result: `[N, O]`.
    pub fn forward(&self, x: Tensor<2>, act: Option<Activation>) -> Tensor<2> {
        linear(x, self.weight.tensor(), self.bias.tensor(), act)
    }

    /// The same without gradients of weight and bias.
    pub fn forward_frozen(&self, x: Tensor<2>, act: Option<Activation>) -> Tensor<2> {
        linear(x, self.weight.tensor().detach(), self.bias.tensor().detach(), act)
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
