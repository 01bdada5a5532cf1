//! Residual blocks with group normalisation.

use vaekit_ops::conv::Geometry;
use vaekit_ops::group_norm::group_norm;
use vaekit_ops::{Activation, Tensor};

use super::{Conv2d, Init, Parameter, Parameters};

/// The most groups that channels are normalised in.
const GROUPS: usize = 8;

/// [`group_norm`] with its parameters.
#[derive(Debug)]
pub struct GroupNorm {
    /// `[C]`
    gamma: Parameter,
    /// `[C]`
    beta: Parameter,
    groups: usize,
}

impl GroupNorm {
    /// Starts as the plain normalisation, in 8 groups or the next fewer that divide the channels.
    pub fn new(name: &str, channels: usize, init: &mut Init) -> Self {
        Self {
            gamma: init.constant(format!("{name}.gamma"), &[channels], 1.0),
            beta: init.constant(format!("{name}.beta"), &[channels], 0.0),
            groups: (1..=GROUPS).rev().find(|g| channels.is_multiple_of(*g)).unwrap_or(1),
        }
    }

    /// # Shapes
    /// `x` and result: `[N, H, W, C]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        group_norm(x, self.gamma.tensor(), self.beta.tensor(), self.groups)
    }
}

impl Parameters for GroupNorm {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.gamma, &self.beta]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.gamma, &mut self.beta]
    }
}

/// x + conv(act(norm(conv(act(norm(x)))))) (He et al. 2016, identity mappings), channels unchanged.
#[derive(Debug)]
pub struct ResidualBlock {
    norms: [GroupNorm; 2],
    convs: [Conv2d; 2],
    activation: Activation,
}

impl ResidualBlock {
    /// Two 3x3 convolutions over images of `height` x `width`.
    pub fn new(name: &str, [height, width, channels]: [usize; 3], activation: Activation, init: &mut Init) -> Self {
        let geometry = Geometry { height, width, channels, kernel: 3, stride: 1, padding: 1 };
        Self {
            norms: [0, 1].map(|i| GroupNorm::new(&format!("{name}.norm{i}"), channels, init)),
            convs: [0, 1].map(|i| Conv2d::new(&format!("{name}.conv{i}"), geometry, channels, init)),
            activation,
        }
    }

    /// # Shapes
    /// `x` and result: `[N, H, W, C]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self
            .norms
            .iter()
            .zip(&self.convs)
            .fold(x.clone(), |x, (norm, conv)| conv.forward(self.activation.apply(norm.forward(x)), None));
        x + inner
    }
}

impl Parameters for ResidualBlock {
    fn parameters(&self) -> Vec<&Parameter> {
        let norms = self.norms.iter().flat_map(GroupNorm::parameters);
        norms.chain(self.convs.iter().flat_map(Conv2d::parameters)).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let norms = self.norms.iter_mut().flat_map(GroupNorm::parameters_mut);
        norms.chain(self.convs.iter_mut().flat_map(Conv2d::parameters_mut)).collect()
    }
}
