//! Which network stands on either side of the code.

use vaekit_ops::Activation;

use crate::data::{Encoding, Schema};
use crate::nn::Init;
use crate::{Error, Result};

use super::pyramid::Pyramid;
use super::{Decoder, Encoder, MlpDecoder, MlpEncoder};

/// The kind of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// Fully connected layers.
    Mlp,
    /// Convolutions that halve the image, then fully connected layers.
    Conv,
    /// The same with residual blocks and group normalisation.
    ResNet,
}

/// Every kind with the name that settings use.
pub const NETS: &[(&str, Net)] = &[("mlp", Net::Mlp), ("conv", Net::Conv), ("resnet", Net::ResNet)];

/// How a convolutional decoder doubles an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsample {
    /// A transposed convolution.
    Transposed,
    /// The nearest pixels, then a convolution.
    Resize,
}

/// Every way with the name that settings use.
pub const UPSAMPLES: &[(&str, Upsample)] = &[("transposed", Upsample::Transposed), ("resize", Upsample::Resize)];

/// How the numbers that a network sees are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// Numbers without an arrangement.
    Flat(usize),
    /// `[C, H, W]`
    Image([usize; 3]),
}

impl Arrangement {
    /// The coordinates of x.
    pub fn of(schema: &Schema, encoding: &Encoding) -> Self {
        schema.image_shape().map_or_else(|| Self::Flat(encoding.width(schema)), Self::Image)
    }

    /// Numbers in all.
    pub fn width(self) -> usize {
        match self {
            Self::Flat(width) => width,
            Self::Image([c, h, w]) => c * h * w,
        }
    }

    /// Channels of a pixel; 1 without pixels.
    pub fn channels(self) -> usize {
        match self {
            Self::Flat(_) => 1,
            Self::Image([c, ..]) => c,
        }
    }
}

/// A network's settings, its names resolved.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    /// The kind.
    pub net: Net,
    /// Channels after each halving; none for those that suit the image.
    pub channels: &'a [usize],
    /// Fully connected layers.
    pub hidden: &'a [usize],
    /// How a decoder doubles images.
    pub upsample: Upsample,
    /// The nonlinearity between layers.
    pub activation: Activation,
}

impl Network<'_> {
    /// From rows to `outputs` raw posterior parameters.
    ///
    /// # Errors
    /// Images that are too small, rows that are none, unknown names.
    pub fn encoder(&self, seen: Arrangement, outputs: usize, init: &mut Init) -> Result<Box<dyn Encoder>> {
        Ok(match self.pyramid(seen)? {
            Some(pyramid) => Box::new(pyramid.encoder(outputs, init)),
            None => Box::new(MlpEncoder::new(seen.width(), self.hidden, outputs, self.activation, init)),
        })
    }

    /// From z to `outputs` raw parameters of the likelihood.
    ///
    /// # Errors
    /// As [`encoder`](Self::encoder).
    pub fn decoder(
        &self,
        rows: Arrangement,
        latent: usize,
        outputs: usize,
        init: &mut Init,
    ) -> Result<Box<dyn Decoder>> {
        Ok(match self.pyramid(rows)? {
            Some(pyramid) => Box::new(pyramid.decoder(latent, outputs / rows.width().max(1), init)),
            None => Box::new(MlpDecoder::mirrored(latent, self.hidden, outputs, self.activation, init)),
        })
    }

    /// Weights of both halves together, roughly, before anything is allocated.
    ///
    /// # Errors
    /// As [`encoder`](Self::encoder).
    pub fn weights(&self, seen: Arrangement, latent: usize) -> Result<f64> {
        let pairs = |sizes: &[f64]| sizes.windows(2).map(|p| p[0] * p[1]).sum::<f64>();
        let reals = |sizes: &[usize]| sizes.iter().map(|n| *n as f64).collect::<Vec<f64>>();
        let head = |inputs: f64| pairs(&[vec![inputs], reals(self.hidden), vec![2.0 * latent as f64]].concat());
        Ok(2.0
            * match self.pyramid(seen)? {
                Some(pyramid) => {
                    let [h, w, c] = pyramid.smallest().map(|n| n as f64);
                    let channels = reals(&[&[seen.channels()], pyramid.channels.as_slice()].concat());
                    let blocks = channels[1..].iter().map(|c| 18.0 * c * c).sum::<f64>();
                    16.0 * pairs(&channels) + if pyramid.residual { blocks } else { 0.0 } + head(h * w * c)
                }
                None => head(seen.width() as f64),
            })
    }

    /// The convolutional network that is asked for, if one is.
    fn pyramid(&self, seen: Arrangement) -> Result<Option<Pyramid>> {
        if self.net == Net::Mlp {
            let given = if !self.channels.is_empty() { "channels" } else { "upsample" };
            return match self.channels.is_empty() && self.upsample == Upsample::Transposed {
                true => Ok(None),
                false => Err(Error::setting(given, "has no meaning for 'mlp'; leave it out or use --net conv")),
            };
        }
        let Arrangement::Image([channels, height, width]) = seen else {
            return Err(Error::setting("net", "convolutions need images, and this data has columns; use mlp"));
        };
        let stages = match self.channels {
            [] => Pyramid::channels_for(height, width),
            given => given.to_vec(),
        };
        let pyramid = Pyramid {
            image: [channels, height, width],
            channels: stages,
            hidden: self.hidden.to_vec(),
            activation: self.activation,
            residual: self.net == Net::ResNet,
            resize: self.upsample == Upsample::Resize,
        };
        match pyramid.fits() {
            true => Ok(Some(pyramid)),
            false if self.channels.is_empty() => {
                let problem =
                    format!("convolutions need images of 2x2 or more, and these are {height}x{width}; use mlp");
                Err(Error::setting("net", problem))
            }
            false => Err(Error::setting(
                "channels",
                format!(
                    "{} numbers halve images of {height}x{width} more often than they can be; give fewer",
                    pyramid.channels.len()
                ),
            )),
        }
    }
}
