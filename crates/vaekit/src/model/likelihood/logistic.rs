//! Bytes under a logistic distribution cut into 256 bins, or a mixture of several.

use vaekit_ops::{Tensor, density, device, from_vec, to_vec};

use crate::data::Schema;
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng, pick};

use super::{Domain, Likelihood};

/// Raw outputs 0 stand for this log-scale: a scale of 0.1, with means from 0 to 1.
const START: f32 = -2.3;
/// A scale of a tenth of a level: smaller ones change nothing.
const SMALLEST: f64 = -7.8;

/// log(F(x + 1/510) - F(x - 1/510)) with F the logistic distribution of mean m and
/// scale s, or the logarithm of a weighted sum of several such masses.
///
/// Kingma et al. 2016 (one logistic); Salimans et al., PixelCNN++, ICLR 2017, equations 1 to 3 (mixtures; on
/// colour images the channels share the weights, and the means of green and blue follow the channels before them).
///
/// Raw outputs: for each of M components X weights (none for M = 1), X means, X log-scales, and on colour X
/// coefficients, whose three channels are those of green on red, of blue on red and of blue on green.
#[derive(Debug)]
pub struct DiscretizedLogistic {
    components: usize,
    /// Red, green and blue: three planes of a row.
    colour: bool,
}

/// The parameters of all components, `[K, B, M, X]` each.
struct Parts {
    log_weight: Tensor<4>,
    mean: Tensor<4>,
    log_scale: Tensor<4>,
    coefficient: Option<Tensor<4>>,
}

impl DiscretizedLogistic {
    /// A mixture of `components`.
    pub fn new(components: usize, schema: &Schema) -> Self {
        let colour = components > 1 && schema.is_image() && schema.channels() == 3;
        Self { components, colour }
    }

    /// Blocks of X raw outputs a component.
    fn blocks(&self) -> usize {
        match (self.components, self.colour) {
            (1, _) => 2,
            (_, false) => 3,
            (_, true) => 4,
        }
    }

    fn parts(&self, raw: &Tensor<3>) -> Parts {
        let [k, b, r] = raw.dims();
        let (m, blocks) = (self.components, self.blocks());
        let x = r / (m * blocks);
        let all = raw.clone().reshape([k, b, m * blocks, x]);
        let block = |i: usize| all.clone().slice([0..k, 0..b, i * m..(i + 1) * m, 0..x]);
        let log_scale = (block(1) + START).clamp_min(SMALLEST);
        let log_weight = match (m, self.colour) {
            (1, _) => block(0).mul_scalar(0.0),
            (_, false) => density::log_softmax(block(2), 2),
            // A pixel has one weight: that of its channels together.
            (_, true) => {
                let pixels = block(2).reshape([k * b * m, 3, x / 3]).sum_dim(1).repeat_dim(1, 3);
                density::log_softmax(pixels.reshape([k, b, m, x]), 2)
            }
        };
        let coefficient = self.colour.then(|| block(3).tanh());
        Parts { log_weight, mean: block(0) + 0.5, log_scale, coefficient }
    }

    /// Means given the channels before, `x`: `[K or 1, B, 1, X]`.
    fn conditioned(mean: Tensor<4>, coefficient: &Tensor<4>, x: &Tensor<4>) -> Tensor<4> {
        let [k, b, m, width] = mean.dims();
        let pixels = |t: Tensor<4>| t.expand([k, b, m, width]).reshape([k * b * m, 3, width / 3]);
        let (mean, c, x) = (pixels(mean), pixels(coefficient.clone()), pixels(x.clone()) - 0.5);
        let channel = |t: &Tensor<3>, i: usize| t.clone().narrow(1, i, 1);
        let (red, green) = (channel(&x, 0), channel(&x, 1));
        let of_green = channel(&mean, 1) + channel(&c, 0) * red.clone();
        let of_blue = channel(&mean, 2) + channel(&c, 1) * red + channel(&c, 2) * green;
        Tensor::cat(vec![channel(&mean, 0), of_green, of_blue], 1).reshape([k, b, m, width])
    }

    /// log of weight times mass of each component, `[K, B, M, X]`.
    fn log_masses(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<4> {
        let parts = self.parts(raw);
        let [b, width] = x.dims();
        let x = x.clone().reshape([1, b, 1, width]);
        let mean = match &parts.coefficient {
            Some(coefficient) => Self::conditioned(parts.mean, coefficient, &x),
            None => parts.mean,
        };
        density::discretized_logistic(x, mean, parts.log_scale) + parts.log_weight
    }
}

impl Parameters for DiscretizedLogistic {}

impl Likelihood for DiscretizedLogistic {
    fn name(&self) -> &'static str {
        if self.components == 1 { "logistic" } else { "logistic-mixture" }
    }

    fn domain(&self) -> Domain {
        Domain::Bytes
    }

    fn raw_width(&self, x_width: usize) -> usize {
        self.components * self.blocks() * x_width
    }

    fn is_mass(&self) -> bool {
        true
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let [k, b, _] = raw.dims();
        let width = x.dims()[1];
        let masses = self.log_masses(x, raw);
        if !self.colour {
            return density::log_sum_exp(masses, 2).reshape([k, b, width]);
        }
        // The channels of a pixel come from one component: their masses multiply before the sum over components.
        let m = self.components;
        let weight = self.parts(raw).log_weight;
        let pixels = |t: Tensor<4>| t.reshape([k * b, m, 3, width / 3]);
        let of_pixel = (pixels(masses) - pixels(weight.clone())).sum_dim(2) + pixels(weight).narrow(2, 0, 1);
        density::log_sum_exp(of_pixel, 1).reshape([k, b, width / 3])
    }

    /// A pixel is known where its three channels are: one alone has no density apart from the others.
    fn known_events(&self, mask: &Tensor<2>) -> Tensor<2> {
        if !self.colour {
            return mask.clone();
        }
        let [b, width] = mask.dims();
        mask.clone().reshape([b, 3, width / 3]).min_dim(1).reshape([b, width / 3])
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        let [n, r] = raw.dims();
        let parts = self.parts(&raw.reshape([1, n, r]));
        let [_, _, _, width] = parts.mean.dims();
        let mut of_components = parts.mean;
        if let Some(coefficient) = &parts.coefficient {
            let own = of_components.clone();
            // Green first, for blue follows it.
            for _ in 0..2 {
                of_components = Self::conditioned(own.clone(), coefficient, &of_components);
            }
        }
        (of_components.clamp(0.0, 1.0) * parts.log_weight.exp()).sum_dim(2).reshape([n, width])
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        let m = self.components;
        // Components begin apart, or they would stay alike.
        let spread = |i: usize| if m == 1 { 0.0 } else { 0.4 * (i as f32 / (m - 1) as f32 - 0.5) };
        let means = (0..m).flat_map(|i| mean.iter().map(move |v| v - 0.5 + spread(i)));
        means.chain(std::iter::repeat_n(0.0, (self.blocks() - 1) * m * mean.len())).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let [n, r] = raw.dims();
        let parts = self.parts(&raw.reshape([1, n, r]));
        let [_, _, m, width] = parts.mean.dims();
        let host = |t: Tensor<4>| to_vec(t); // [N, M, X]
        let (weight, mean, scale) = (host(parts.log_weight.exp()), host(parts.mean), host(parts.log_scale.exp()));
        let coefficient = parts.coefficient.map(host);
        let draws = rng.uniform(Purpose::Likelihood, rows, 2 * width);
        let mut out = vec![0f32; n * width];
        for row in 0..n {
            for value in 0..width {
                let at = |c: usize| (row * m + c) * width + value;
                let plane = if self.colour { width / 3 } else { width };
                let (channel, pixel) = (value / plane, value % plane);
                let c = pick(draws[row * 2 * width + pixel], (0..m).map(|c| weight[at(c)]));
                let mut centre = mean[at(c)];
                if let Some(coefficient) = &coefficient {
                    let k = |i: usize| coefficient[(row * m + c) * width + pixel + i * plane];
                    let known = |i: usize| out[row * width + pixel + i * plane] - 0.5;
                    centre += match channel {
                        1 => k(0) * known(0),
                        2 => k(1) * known(0) + k(2) * known(1),
                        _ => 0.0,
                    };
                }
                let u = draws[row * 2 * width + width + value].clamp(1e-6, 1.0 - 1e-6);
                let drawn = centre + scale[at(c)] * (u / (1.0 - u)).ln();
                out[row * width + value] = (drawn.clamp(0.0, 1.0) * 255.0).round() / 255.0;
            }
        }
        from_vec(out, [n, width], &device::here())
    }
}
