//! Convolutional networks: images halved stage by stage, and doubled on the way back.
//!
//! | net | a stage of the encoder | a stage of the decoder |
//! |---|---|---|
//! | `conv` | 4x4 convolution, stride 2 | its transpose, or resize and 3x3 convolution |
//! | `resnet` | the same, then a residual block | a residual block, then the same |
//!
//! Between the stages and the code stand the fully connected layers of `hidden`.

use vaekit_ops::conv::Geometry;
use vaekit_ops::resize::resize;
use vaekit_ops::{Activation, Tensor};

use crate::data::Batch;
use crate::nn::{Conv2d, ConvTranspose2d, GroupNorm, Init, Mlp, Parameter, Parameters, ResidualBlock};

use super::{Decoder, Encoder, Mode};

/// What both halves of a convolutional network are made from.
#[derive(Clone, Debug)]
pub struct Pyramid {
    /// C, H, W of the images.
    pub image: [usize; 3],
    /// Channels after each halving.
    pub channels: Vec<usize>,
    /// Layers between the last image and the code.
    pub hidden: Vec<usize>,
    /// The nonlinearity between layers.
    pub activation: Activation,
    /// Residual blocks at every size.
    pub residual: bool,
    /// Resize and convolve on the way back, instead of a transposed convolution.
    pub resize: bool,
}

impl Pyramid {
    /// Channels that suit an image: 32, 64, 128 and so on until a side is 7 or less.
    pub fn channels_for(height: usize, width: usize) -> Vec<usize> {
        let mut side = height.min(width);
        let mut channels = Vec::new();
        while side > 7 && channels.len() < 6 {
            channels.push((32 << channels.len()).min(256));
            side /= 2;
        }
        if channels.is_empty() { vec![32] } else { channels }
    }

    /// The convolution of each stage, from the largest image down, until an image is too small to halve.
    fn stages(&self) -> Vec<Geometry> {
        let [mut channels, mut height, mut width] = self.image;
        let mut stages = Vec::new();
        for &next in &self.channels {
            if height < 2 || width < 2 {
                break;
            }
            let stage = Geometry { height, width, channels, kernel: 4, stride: 2, padding: 1 };
            stages.push(stage);
            (height, width) = stage.small();
            channels = next;
        }
        stages
    }

    /// Height, width and channels of the smallest image.
    pub fn smallest(&self) -> [usize; 3] {
        let last = self.channels.last().copied().unwrap_or(self.image[0]);
        let (h, w) = self.stages().last().map_or((self.image[1], self.image[2]), Geometry::small);
        [h, w, last]
    }

    /// True when every stage has an image to work on.
    pub fn fits(&self) -> bool {
        self.stages().len() == self.channels.len()
    }

    fn block(&self, name: &str, size: [usize; 3], init: &mut Init) -> Option<ResidualBlock> {
        self.residual.then(|| ResidualBlock::new(name, size, self.activation, init))
    }

    /// The half from images to `outputs` raw posterior parameters.
    pub fn encoder(&self, outputs: usize, init: &mut Init) -> PyramidEncoder {
        let stages = self.stages().into_iter().zip(&self.channels).enumerate().map(|(i, (stage, &next))| {
            let conv = Conv2d::new(&format!("encoder.stage{i}.conv"), stage, next, init);
            let (height, width) = stage.small();
            (conv, self.block(&format!("encoder.stage{i}.block"), [height, width, next], init))
        });
        let stages = stages.collect();
        let [h, w, c] = self.smallest();
        let norm = self.residual.then(|| GroupNorm::new("encoder.norm", c, init));
        let sizes = [&[h * w * c], self.hidden.as_slice(), &[outputs]].concat();
        let head = Mlp::new("encoder.head", &sizes, self.activation, init);
        PyramidEncoder { image: self.image, stages, norm, head, activation: self.activation }
    }

    /// The half from z to raw outputs, `per_value` of them for each value of an image.
    pub fn decoder(&self, latent: usize, per_value: usize, init: &mut Init) -> PyramidDecoder {
        let [h, w, c] = self.smallest();
        let hidden: Vec<usize> = self.hidden.iter().rev().copied().collect();
        let sizes = [&[latent], hidden.as_slice(), &[h * w * c]].concat();
        let head = Mlp::new("decoder.head", &sizes, self.activation, init);
        let mut stages = Vec::new();
        let mut channels = c;
        for (i, stage) in self.stages().into_iter().enumerate().rev() {
            let (height, width) = stage.small();
            let block = self.block(&format!("decoder.stage{i}.block"), [height, width, channels], init);
            let next = if i == 0 { per_value * stage.channels } else { stage.channels };
            let name = format!("decoder.stage{i}.conv");
            let up = if self.resize {
                let same = Geometry { kernel: 3, stride: 1, padding: 1, channels, ..stage };
                Up::Resized(Conv2d::new(&name, same, next, init), stage)
            } else {
                Up::Transposed(ConvTranspose2d::new(&name, channels, Geometry { channels: next, ..stage }, init))
            };
            stages.push((block, up));
            channels = next;
        }
        PyramidDecoder { smallest: [h, w, c], head, stages, activation: self.activation }
    }
}

/// Images, halved stage by stage, then fully connected layers.
#[derive(Debug)]
pub struct PyramidEncoder {
    image: [usize; 3],
    stages: Vec<(Conv2d, Option<ResidualBlock>)>,
    norm: Option<GroupNorm>,
    head: Mlp,
    activation: Activation,
}

impl Encoder for PyramidEncoder {
    fn forward(&self, batch: &Batch, _mode: Mode) -> Vec<Tensor<2>> {
        let ([c, h, w], n) = (self.image, batch.x.dims()[0]);
        let x = batch.x.clone();
        let x = if c == 1 { x.reshape([n, h, w, 1]) } else { x.reshape([n, c, h, w]).permute([0, 2, 3, 1]) };
        let x = self.stages.iter().fold(x, |x, (conv, block)| match block {
            // A residual block starts with an activation of its own.
            Some(block) => block.forward(conv.forward(x, None)),
            None => conv.forward(x, Some(self.activation)),
        });
        let x = match &self.norm {
            Some(norm) => self.activation.apply(norm.forward(x)),
            None => x,
        };
        let [_, h, w, c] = x.dims();
        vec![self.head.forward(x.reshape([n, h * w * c]))]
    }
}

impl Parameters for PyramidEncoder {
    fn parameters(&self) -> Vec<&Parameter> {
        let mut all = Vec::new();
        for (conv, block) in &self.stages {
            all.extend(conv.parameters());
            all.extend(block.iter().flat_map(Parameters::parameters));
        }
        all.extend(self.norm.iter().flat_map(Parameters::parameters));
        all.extend(self.head.parameters());
        all
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = Vec::new();
        for (conv, block) in &mut self.stages {
            all.extend(conv.parameters_mut());
            all.extend(block.iter_mut().flat_map(Parameters::parameters_mut));
        }
        all.extend(self.norm.iter_mut().flat_map(Parameters::parameters_mut));
        all.extend(self.head.parameters_mut());
        all
    }
}

/// The way to an image of twice the size.
#[derive(Debug)]
enum Up {
    Transposed(ConvTranspose2d),
    /// To the large side of the geometry, then a convolution there.
    Resized(Conv2d, Geometry),
}

impl Up {
    fn forward(&self, x: Tensor<4>, act: Option<Activation>) -> Tensor<4> {
        match self {
            Self::Transposed(conv) => conv.forward(x, act),
            Self::Resized(conv, to) => conv.forward(resize(x, to.height, to.width), act),
        }
    }

    fn layer(&self) -> &dyn Parameters {
        match self {
            Self::Transposed(conv) => conv,
            Self::Resized(conv, _) => conv,
        }
    }

    fn layer_mut(&mut self) -> &mut dyn Parameters {
        match self {
            Self::Transposed(conv) => conv,
            Self::Resized(conv, _) => conv,
        }
    }
}

/// Fully connected layers, then images doubled stage by stage.
#[derive(Debug)]
pub struct PyramidDecoder {
    smallest: [usize; 3],
    head: Mlp,
    stages: Vec<(Option<ResidualBlock>, Up)>,
    activation: Activation,
}

impl Decoder for PyramidDecoder {
    fn forward(&self, z: &[Tensor<2>], _given: Option<&Tensor<2>>) -> Tensor<2> {
        let ([h, w, c], n) = (self.smallest, z[0].dims()[0]);
        let x = self.activation.apply(self.head.forward(z[0].clone())).reshape([n, h, w, c]);
        let last = self.stages.len().saturating_sub(1);
        let x = self.stages.iter().enumerate().fold(x, |x, (i, (block, up))| {
            let x = block.iter().fold(x, |x, block| block.forward(x));
            up.forward(x, (i < last).then_some(self.activation))
        });
        let [_, h, w, c] = x.dims();
        // Rows are [C, H, W]; with several parameters a value, channel after channel.
        if c == 1 { x.reshape([n, h * w]) } else { x.permute([0, 3, 1, 2]).reshape([n, c * h * w]) }
    }

    /// A channel has one bias: it gets the mean over its pixels.
    fn set_output_bias(&mut self, raw: Vec<f32>) {
        let Some((_, up)) = self.stages.last_mut() else { return };
        let channels = match up.layer().parameters().last() {
            Some(bias) => bias.shape()[0],
            None => return,
        };
        let pixels = (raw.len() / channels.max(1)).max(1);
        let mean = |v: &[f32]| (v.iter().map(|v| f64::from(*v)).sum::<f64>() / pixels as f64) as f32;
        let bias = raw.chunks(pixels).map(mean).collect();
        match up {
            Up::Transposed(conv) => conv.set_bias(bias),
            Up::Resized(conv, _) => conv.set_bias(bias),
        }
    }
}

impl Parameters for PyramidDecoder {
    fn parameters(&self) -> Vec<&Parameter> {
        let mut all = self.head.parameters();
        for (block, up) in &self.stages {
            all.extend(block.iter().flat_map(Parameters::parameters));
            all.extend(up.layer().parameters());
        }
        all
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.head.parameters_mut();
        for (block, up) in &mut self.stages {
            all.extend(block.iter_mut().flat_map(Parameters::parameters_mut));
            all.extend(up.layer_mut().parameters_mut());
        }
        all
    }
}
