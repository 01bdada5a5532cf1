//! The range of every setting.

use crate::variants::{self, Params};
use crate::{Error, Result};

use super::TrainConfig;

impl TrainConfig {
    /// Checks every value that no data is needed for.
    ///
    /// # Errors
    /// The first setting that is out of range or contradicts another.
    pub fn check(&self) -> Result<()> {
        let (c, m) = (self, &self.model);
        let count = |key: &str, value: u64, min: u64, max: u64| match value {
            v if (min..=max).contains(&v) => Ok(()),
            v => Err(Error::setting(key, format!("found {v}, expected a whole number from {min} to {max}"))),
        };
        let range = |key: &str, value: f64, min: f64, max: f64| match value {
            v if (min..=max).contains(&v) => Ok(()),
            v => Err(Error::setting(key, format!("found {v}, expected a number from {min} to {max}"))),
        };
        count("epochs", c.epochs, 1, 1_000_000)?;
        count("batch", c.batch as u64, 1, 1 << 20)?;
        count("accumulate", c.accumulate as u64, 1, 1 << 16)?;
        count("latent", m.latent as u64, 1, 1 << 16)?;
        count("samples", m.samples as u64, 1, 10_000)?;
        count("flow_steps", m.flow_steps as u64, 1, 64)?;
        count("flow_hidden", m.flow_hidden as u64, 1, 1 << 14)?;
        count("components", m.components as u64, 1, 1 << 16)?;
        count("categories", m.categories as u64, 2, 1 << 12)?;
        count("groups", m.groups as u64, 2, 16)?;
        count("positions", m.positions as u64, 1, 1 << 16)?;
        count("levels", m.levels as u64, 1, 16)?;
        range("commitment", m.commitment, 0.0, 1e4)?;
        range("slab", m.slab, 0.001, 0.999)?;
        range("perceptual_weight", m.perceptual_weight, 0.0, 1e6)?;
        range("temperature", m.temperature, 1e-3, 1e3)?;
        m.hidden.iter().try_for_each(|&h| count("hidden", h as u64, 1, 1 << 20))?;
        count("hidden", m.hidden.len() as u64, 0, 64)?;
        if c.lr <= 0.0 {
            return Err(Error::setting("lr", format!("found {}, expected a number above 0", c.lr)));
        }
        range("lr", c.lr, 0.0, 1e3)?;
        range("lr_min", c.lr_min, 0.0, c.lr)?;
        range("lr_factor", c.lr_factor, 1e-6, 1.0)?;
        range("epsilon", c.epsilon, 1e-30, 1.0)?;
        range("momentum", c.momentum, 0.0, 1.0)?;
        range("weight_decay", c.weight_decay, 0.0, 1e3)?;
        range("clip", c.clip, 0.0, 1e12)?;
        range("beta", m.beta, 0.0, 1e6)?;
        range("free_bits", m.free_bits, 0.0, 1e3)?;
        range("kl_period", m.kl_period, 1e-3, 1e6)?;
        range("test", c.test, 0.0, 0.99)?;
        if let Some(valid) = c.valid {
            range("valid", valid, 0.0, 0.99)?;
        }
        if let Some(size) = c.size {
            count("size", u64::from(size), 1, 4096)?;
        }
        if c.batch.saturating_mul(m.samples) > 1 << 24 {
            let product = c.batch.saturating_mul(m.samples);
            return Err(Error::setting(
                "samples",
                format!("batch times samples is {product}, expected at most {}", 1 << 24),
            ));
        }
        m.channels.iter().try_for_each(|&n| count("channels", n as u64, 1, 1 << 14))?;
        count("channels", m.channels.len() as u64, 0, 12)?;
        m.network()?;
        let variant = variants::find(&c.variant)?;
        Params::check(variant.params(), &c.params)?;
        Ok(())
    }
}
