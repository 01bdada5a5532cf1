//! Which network stands on either side of the code.

use vaekit_ops::Activation;

use crate::data::{DataSpec, Shape};
use crate::nn::Init;
use crate::{Error, Result};

use super::pyramid::Pyramid;
use super::{Decoder, Encoder, MlpDecoder, MlpEncoder};

/// Every network by name, with a line of help.
pub const NETS: &[(&str, &str)] = &[
    ("mlp", "fully connected layers"),
    ("conv", "convolutions that halve the image, then fully connected layers"),
    ("resnet", "the same with residual blocks and group normalisation"),
];

/// Every way in which a convolutional decoder doubles an image, by name.
pub const UPSAMPLES: &[&str] = &["transposed", "resize"];

/// Settings of a network.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    pub net: &'a str,
    /// Channels after each halving; none for those that suit the image.
    pub channels: &'a [usize],
    pub hidden: &'a [usize],
    pub upsample: &'a str,
    pub activation: Activation,
}

impl Network<'_> {
    /// Checks the names.
    ///
    /// # Errors
    /// An unknown one.
    pub fn check(&self) -> Result<()> {
        let known = |key: &str, value: &str, names: Vec<&str>| match names.contains(&value) {
            true => Ok(()),
            false => Err(Error::setting(key, format!("'{value}' is unknown; expected one of {}", names.join(", ")))),
        };
        known("net", self.net, NETS.iter().map(|(name, _)| *name).collect())?;
        known("upsample", self.upsample, UPSAMPLES.to_vec())
    }

    /// From rows to `outputs` raw posterior parameters.
    ///
    /// # Errors
    /// Images that are too small, rows that are none, unknown names.
    pub fn encoder(&self, spec: &DataSpec, outputs: usize, init: &mut Init) -> Result<Box<dyn Encoder>> {
        Ok(match self.pyramid(spec)? {
            Some(pyramid) => Box::new(pyramid.encoder(outputs, init)),
            None => Box::new(MlpEncoder::new(spec.width(), self.hidden, outputs, self.activation, init)),
        })
    }

    /// From z to `outputs` raw parameters of the likelihood.
    ///
    /// # Errors
    /// As [`encoder`](Self::encoder).
    pub fn decoder(&self, spec: &DataSpec, latent: usize, outputs: usize, init: &mut Init) -> Result<Box<dyn Decoder>> {
        Ok(match self.pyramid(spec)? {
            Some(pyramid) => Box::new(pyramid.decoder(latent, outputs / spec.width().max(1), init)),
            None => Box::new(MlpDecoder::mirrored(latent, self.hidden, outputs, self.activation, init)),
        })
    }

    /// Weights of both halves together, roughly, before anything is allocated.
    ///
    /// # Errors
    /// As [`encoder`](Self::encoder).
    pub fn weights(&self, spec: &DataSpec, latent: usize) -> Result<f64> {
        let pairs = |sizes: &[usize]| sizes.windows(2).map(|p| p[0] as f64 * p[1] as f64).sum::<f64>();
        Ok(2.0
            * match self.pyramid(spec)? {
                Some(pyramid) => {
                    let [h, w, c] = pyramid.smallest();
                    let channels = [&[spec.channels()], pyramid.channels.as_slice()].concat();
                    16.0 * pairs(&channels) + pairs(&[&[h * w * c], self.hidden, &[2 * latent]].concat())
                }
                None => pairs(&[&[spec.width()], self.hidden, &[2 * latent]].concat()),
            })
    }

    /// The convolutional network that is asked for, if one is.
    fn pyramid(&self, spec: &DataSpec) -> Result<Option<Pyramid>> {
        self.check()?;
        if self.net == "mlp" {
            if !self.channels.is_empty() {
                return Err(Error::setting("channels", "has no meaning for 'mlp'; leave it out or use --net conv"));
            }
            return Ok(None);
        }
        let Shape::Image { channels, height, width } = spec.shape else {
            return Err(Error::setting(
                "net",
                format!("'{}' needs images, and this data has columns; use mlp", self.net),
            ));
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
            residual: self.net == "resnet",
            resize: self.upsample == "resize",
        };
        if pyramid.fits() {
            return Ok(Some(pyramid));
        }
        Err(Error::setting(
            "channels",
            format!(
                "{} halvings are too many for images of {height}x{width}; give fewer or use --net mlp",
                pyramid.channels.len()
            ),
        ))
    }
}
