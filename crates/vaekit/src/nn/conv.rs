//! Convolutions with their parameters, on images `[N, H, W, C]`.

use vaekit_ops::conv::{Geometry, conv_transpose2d, conv2d};
use vaekit_ops::{Activation, Tensor};

use super::{Init, Parameter, Parameters};

/// From the large side of a [`Geometry`] to the small one.
#[derive(Debug)]
pub struct Conv2d {
    /// `[K K C, O]`
    weight: Parameter,
    /// `[O]`
    bias: Parameter,
    geometry: Geometry,
}

impl Conv2d {
    /// Weight and bias uniform on +-1/sqrt(K K C), as torch.nn.Conv2d has them.
    pub fn new(name: &str, geometry: Geometry, outputs: usize, init: &mut Init) -> Self {
        let inputs = geometry.kernel * geometry.kernel * geometry.channels;
        let bound = 1.0 / (inputs as f64).sqrt();
        Self {
            weight: init.uniform(format!("{name}.weight"), &[inputs, outputs], bound),
            bias: init.uniform(format!("{name}.bias"), &[outputs], bound),
            geometry,
        }
    }

    /// # Shapes
    /// `x`: `[N, H, W, C]`; result: `[N, h, w, O]`.
    pub fn forward(&self, x: Tensor<4>, act: Option<Activation>) -> Tensor<4> {
        conv2d(x, self.weight.tensor(), self.bias.tensor(), self.geometry, act)
    }

    /// Replaces the bias, `[O]`.
    pub fn set_bias(&mut self, values: Vec<f32>) {
        self.bias.set(values, false);
    }
}

impl Parameters for Conv2d {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.weight, &self.bias]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight, &mut self.bias]
    }
}

/// From the small side of a [`Geometry`] to the large one.
#[derive(Debug)]
pub struct ConvTranspose2d {
    /// `[I, K K C]`
    weight: Parameter,
    /// `[C]`
    bias: Parameter,
    geometry: Geometry,
}

impl ConvTranspose2d {
    /// Weight and bias uniform on +-1/sqrt(K K C), as torch.nn.ConvTranspose2d has them.
    pub fn new(name: &str, inputs: usize, geometry: Geometry, init: &mut Init) -> Self {
        let patch = geometry.kernel * geometry.kernel * geometry.channels;
        let bound = 1.0 / (patch as f64).sqrt();
        Self {
            weight: init.uniform(format!("{name}.weight"), &[inputs, patch], bound),
            bias: init.uniform(format!("{name}.bias"), &[geometry.channels], bound),
            geometry,
        }
    }

    /// # Shapes
    /// `x`: `[N, h, w, I]`; result: `[N, H, W, C]`.
    pub fn forward(&self, x: Tensor<4>, act: Option<Activation>) -> Tensor<4> {
        conv_transpose2d(x, self.weight.tensor(), self.bias.tensor(), self.geometry, act)
    }

    /// Replaces the bias, `[C]`.
    pub fn set_bias(&mut self, values: Vec<f32>) {
        self.bias.set(values, false);
    }
}

impl Parameters for ConvTranspose2d {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.weight, &self.bias]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight, &mut self.bias]
    }
}
