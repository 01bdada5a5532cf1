//! Fully connected networks.

use vaekit_ops::{Activation, Tensor};

use super::{Init, Linear, Parameter, Parameters};

/// Linear layers with one activation between them and none after the last.
#[derive(Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
    activation: Activation,
}

impl Mlp {
    /// A layer for each pair of neighbouring sizes; `[784, 400, 20]` makes two.
    pub fn new(name: &str, sizes: &[usize], activation: Activation, init: &mut Init) -> Self {
        let layer = |(i, pair): (usize, &[usize])| Linear::new(&format!("{name}.{i}"), pair[0], pair[1], init);
        Self { layers: sizes.windows(2).enumerate().map(layer).collect(), activation }
    }

    /// # Shapes
    /// `x`: `[N, first size]`; result: `[N, last size]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len().saturating_sub(1);
        let act = |i| if i < last { Some(self.activation) } else { None };
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| layer.forward(x, act(i)))
    }

    /// The same without gradients of the weights: for an adversary that is played against.
    pub fn forward_frozen(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len().saturating_sub(1);
        let act = |i| if i < last { Some(self.activation) } else { None };
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| layer.forward_frozen(x, act(i)))
    }

    /// Replaces the bias of the last layer, `[last size]`.
    pub fn set_last_bias(&mut self, values: Vec<f32>) {
        if let Some(layer) = self.layers.last_mut() {
            layer.set_bias(values);
        }
    }
}

impl Parameters for Mlp {
    fn parameters(&self) -> Vec<&Parameter> {
        self.layers.iter().flat_map(Linear::parameters).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.layers.iter_mut().flat_map(Linear::parameters_mut).collect()
    }
}
