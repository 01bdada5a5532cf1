//! Networks around networks: for what a model is told beside the rows, for counts, and for groups or levels of latents.

use vaekit_ops::{Activation, Tensor, device, full};

use crate::data::Batch;
use crate::nn::{Init, Linear, Parameter, Parameters};

use super::{Decoder, Encoder, Mode};

/// An encoder that sees more than a row: which of its values are known, and what the model is conditional on. In images
/// these are planes of their own, after those of the row. A value that is not known is 0.
pub struct ToldEncoder {
    /// The network inside.
    pub inner: Box<dyn Encoder>,
    /// True where the encoder is told which values are known.
    pub masked: bool,
    /// Numbers of `given`.
    pub given: usize,
    /// Values of a plane; 1 without pixels.
    pub plane: usize,
}

impl Encoder for ToldEncoder {
    fn forward(&self, batch: &Batch, mode: Mode) -> Vec<Tensor<2>> {
        let [n, width] = batch.x.dims();
        let mut seen = match (batch.seen.as_ref().or(batch.mask.as_ref()), self.masked) {
            (Some(mask), true) => vec![batch.x.clone().mask_fill(mask.clone().equal_elem(0.0), 0.0), mask.clone()],
            (None, true) => vec![batch.x.clone(), full([n, width], 1.0, &device::here())],
            (_, false) => vec![batch.x.clone()],
        };
        if self.given > 0 {
            let given = batch.given.clone().unwrap_or_else(|| full([n, self.given], 0.0, &device::here()));
            let planes = given.reshape([n, self.given, 1]).repeat_dim(2, self.plane);
            seen.push(planes.reshape([n, self.given * self.plane]));
        }
        self.inner.forward(&Batch { x: Tensor::cat(seen, 1), ..batch.clone() }, mode)
    }
}

impl Parameters for ToldEncoder {
    fn parameters(&self) -> Vec<&Parameter> {
        self.inner.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.inner.parameters_mut()
    }
}

/// A decoder that sees z and what the model is conditional on.
pub struct ConditionalDecoder {
    /// The network inside.
    pub inner: Box<dyn Decoder>,
    /// Numbers of `given`.
    pub given: usize,
}

impl Decoder for ConditionalDecoder {
    fn forward(&self, z: &[Tensor<2>], given: Option<&Tensor<2>>) -> Tensor<2> {
        let n = z[0].dims()[0];
        let given = given.cloned().unwrap_or_else(|| full([n, self.given], 0.0, &device::here()));
        self.inner.forward(&[Tensor::cat(vec![z[0].clone(), given], 1)], None)
    }

    fn set_output_bias(&mut self, raw: Vec<f32>) {
        self.inner.set_output_bias(raw);
    }
}

impl Parameters for ConditionalDecoder {
    fn parameters(&self) -> Vec<&Parameter> {
        self.inner.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.inner.parameters_mut()
    }
}

/// A decoder of the sum of several levels of z.
pub struct SummingDecoder {
    /// The network inside.
    pub inner: Box<dyn Decoder>,
    /// Levels whose codes are added.
    pub levels: usize,
}

impl Decoder for SummingDecoder {
    fn forward(&self, z: &[Tensor<2>], given: Option<&Tensor<2>>) -> Tensor<2> {
        let [n, d] = z[0].dims();
        let wide = d / self.levels;
        let sum = z[0].clone().reshape([n, self.levels, wide]).sum_dim(1).reshape([n, wide]);
        self.inner.forward(&[sum], given)
    }

    fn set_output_bias(&mut self, raw: Vec<f32>) {
        self.inner.set_output_bias(raw);
    }
}

impl Parameters for SummingDecoder {
    fn parameters(&self) -> Vec<&Parameter> {
        self.inner.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.inner.parameters_mut()
    }
}

/// An encoder that sees log(1 + x): counts reach over decades.
pub struct LogCounts(pub Box<dyn Encoder>);

impl Encoder for LogCounts {
    fn forward(&self, batch: &Batch, mode: Mode) -> Vec<Tensor<2>> {
        self.0.forward(&Batch { x: batch.x.clone().clamp_min(0.0).log1p(), ..batch.clone() }, mode)
    }
}

impl Parameters for LogCounts {
    fn parameters(&self) -> Vec<&Parameter> {
        self.0.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.0.parameters_mut()
    }
}

/// An encoder that sees numbers far out less far: beyond 3 standard deviations by the logarithm of what is beyond. What an
/// outlier may do to a code is bounded so; its likelihood is of the number itself.
pub struct Squashed(pub Box<dyn Encoder>);

/// Where the logarithm begins.
const ORDINARY: f32 = 3.0;

impl Encoder for Squashed {
    fn forward(&self, batch: &Batch, mode: Mode) -> Vec<Tensor<2>> {
        let x = &batch.x;
        let inside = x.clone().clamp(-ORDINARY, ORDINARY);
        let beyond = (x.clone() - inside.clone()).abs().log1p() * x.clone().sign();
        self.0.forward(&Batch { x: inside + beyond, ..batch.clone() }, mode)
    }
}

impl Parameters for Squashed {
    fn parameters(&self) -> Vec<&Parameter> {
        self.0.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.0.parameters_mut()
    }
}

/// Groups from one network: its outputs are features of the lowest, which has a head for them; each group above has a
/// layer on the features below and a head for that.
pub struct GroupedEncoder {
    base: Box<dyn Encoder>,
    head: Linear,
    /// Features and head of each group above the lowest.
    above: Vec<[Linear; 2]>,
    activation: Activation,
}

impl GroupedEncoder {
    /// `base` gives `features` numbers; `outputs` are the raw parameters of each group.
    pub fn new(base: Box<dyn Encoder>, features: usize, outputs: &[usize], act: Activation, init: &mut Init) -> Self {
        let head = Linear::new("encoder.lower", features, outputs[0], init);
        let mut below = features;
        let above = outputs.iter().enumerate().skip(1).map(|(g, outputs)| {
            let name = if g == 1 { "encoder.upper".to_owned() } else { format!("encoder.upper{g}") };
            let hidden = (below / 2).max(8);
            let layers = [
                Linear::new(&format!("{name}.0"), below, hidden, init),
                Linear::new(&format!("{name}.1"), hidden, *outputs, init),
            ];
            below = hidden;
            layers
        });
        Self { above: above.collect(), base, head, activation: act }
    }
}

impl Encoder for GroupedEncoder {
    fn forward(&self, batch: &Batch, mode: Mode) -> Vec<Tensor<2>> {
        let mut features = self.activation.apply(self.base.forward(batch, mode).swap_remove(0));
        let mut raw = vec![self.head.forward(features.clone(), None)];
        for [layer, head] in &self.above {
            features = layer.forward(features, Some(self.activation));
            raw.push(head.forward(features.clone(), None));
        }
        raw
    }
}

impl Parameters for GroupedEncoder {
    fn parameters(&self) -> Vec<&Parameter> {
        let mut all = self.base.parameters();
        all.extend(self.head.parameters());
        all.extend(self.above.iter().flatten().flat_map(Parameters::parameters));
        all
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.base.parameters_mut();
        all.extend(self.head.parameters_mut());
        all.extend(self.above.iter_mut().flatten().flat_map(Parameters::parameters_mut));
        all
    }
}
