//! Settings that shape a model, shared by variants or special to one.

use serde::{Deserialize, Serialize};
use vaekit_ops::Activation;

use crate::data::{Encoding, Kind, Schema};
use crate::model::choice::{self, Parts};
use crate::model::likelihood::{self, Domain};
use crate::model::{Arrangement, NETS, Net, Network, Support, UPSAMPLES, Vae};
use crate::model::{ConditionalDecoder, GroupedEncoder, LogCounts, SummingDecoder, ToldEncoder};
use crate::nn::{INITS, Init};
use crate::objective::{ESTIMATORS, Elbo, Estimator, KlSchedule};
use crate::{Error, Result};

use super::Target;

/// With its gradient and the optimizer's memory, 16 GB.
const MAX_WEIGHTS: f64 = 1e9;

/// Settings that every variant understands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSettings {
    /// A name of [`NETS`](crate::model::NETS).
    pub net: String,
    /// Channels of a convolutional network after each halving; empty for those that suit the image.
    pub channels: Vec<usize>,
    /// How a convolutional decoder doubles an image, a name of [`UPSAMPLES`](crate::model::UPSAMPLES).
    pub upsample: String,
    /// A name of [`INITS`](crate::nn::INITS).
    pub init: String,
    /// Sizes of the encoder's hidden layers; the decoder has them reversed.
    pub hidden: Vec<usize>,
    /// Dimensions of z.
    pub latent: usize,
    pub activation: String,
    /// `auto` is bernoulli for images of bytes and for binary data, gaussian-shared otherwise.
    pub likelihood: String,
    /// L, the Monte Carlo samples a row in training.
    pub samples: usize,
    pub beta: f64,
    pub kl_schedule: KlSchedule,
    /// Length of the KL schedule in epochs.
    pub kl_period: f64,
    pub free_bits: f64,
    /// A name of [`POSTERIORS`](crate::model::choice::POSTERIORS).
    pub posterior: String,
    /// `auto`, or a name of [`PRIORS`](crate::model::choice::PRIORS).
    pub prior: String,
    /// A name of [`ESTIMATORS`](crate::objective::ESTIMATORS).
    pub estimator: String,
    pub flow_steps: usize,
    pub flow_hidden: usize,
    /// Components of a mixture, rows of a VampPrior, codes of a codebook.
    pub components: usize,
    /// Classes of a class variable.
    pub categories: usize,
    pub temperature: f64,
    /// Groups of a hierarchy.
    pub groups: usize,
    /// Pieces of z that have a code each.
    pub positions: usize,
    /// Codebooks, each for what those before it leave over.
    pub levels: usize,
    /// Weight of the distance between outputs and codes.
    pub commitment: f64,
    /// Share of the dimensions that a spike-and-slab prior expects in use.
    pub slab: f64,
    /// A name of [`PERCEPTUAL`](crate::objective::perceptual::PERCEPTUAL).
    pub perceptual: String,
    pub perceptual_weight: f64,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            net: "mlp".into(),
            channels: Vec::new(),
            upsample: "transposed".into(),
            init: "torch".into(),
            hidden: vec![400],
            latent: 20,
            activation: "relu".into(),
            likelihood: "auto".into(),
            samples: 1,
            beta: 1.0,
            kl_schedule: KlSchedule::Constant,
            kl_period: 10.0,
            free_bits: 0.0,
            posterior: "diagonal-gaussian".into(),
            prior: "auto".into(),
            estimator: "reparameterized".into(),
            flow_steps: 4,
            flow_hidden: 128,
            components: 64,
            categories: 10,
            temperature: 0.5,
            groups: 2,
            positions: 1,
            levels: 1,
            commitment: 0.25,
            slab: 0.2,
            perceptual: "none".into(),
            perceptual_weight: 100.0,
        }
    }
}

impl ModelSettings {
    /// The activation that the setting names.
    ///
    /// # Errors
    /// An unknown name.
    pub fn activation(&self) -> Result<Activation> {
        named("activation", &self.activation, &Activation::ALL)
    }

    /// The likelihood's name with `auto` resolved.
    pub fn likelihood_for(&self, schema: &Schema, encoding: &Encoding) -> String {
        let kind = schema.value_kind();
        let binary = kind == Kind::Binary || kind == Kind::Byte && schema.is_image();
        match self.likelihood.as_str() {
            "auto" if binary && encoding.gives_unit_interval(schema) => "bernoulli".into(),
            "auto" => "gaussian-shared".into(),
            name => name.into(),
        }
    }

    /// The network that the settings name.
    ///
    /// # Errors
    /// An unknown name.
    pub fn network(&self) -> Result<Network<'_>> {
        Ok(Network {
            net: named("net", &self.net, NETS)?,
            channels: &self.channels,
            hidden: &self.hidden,
            upsample: named("upsample", &self.upsample, UPSAMPLES)?,
            activation: self.activation()?,
        })
    }

    /// The numbers that posterior and prior are built from.
    fn parts(&self, target: &Target<'_>) -> Parts {
        Parts {
            latent: self.latent,
            width: target.schema.width(),
            flow_steps: self.flow_steps,
            flow_hidden: self.flow_hidden,
            components: self.components,
            categories: self.categories,
            temperature: self.temperature,
            groups: self.groups,
            positions: self.positions,
            levels: self.levels,
            commitment: self.commitment,
            slab: self.slab,
        }
    }

    /// The model of these settings, with the posterior and the prior that they name. Both networks see what rows are
    /// conditional on; where rows lack values, the encoder sees which.
    ///
    /// # Errors
    /// An unknown name, or a network that the data or memory does not allow.
    pub fn model(&self, target: &Target<'_>) -> Result<Vae> {
        let (rows, given) = (Arrangement::of(target.schema), target.encoding.given_width());
        let parts = &self.parts(target);
        let mut init = Init::new(target.rng).scheme(named("init", &self.init, INITS)?);
        // Streams of their own, so that networks begin alike whatever stands between them.
        let mut own = Init::new(target.rng.at(1));
        if parts.weights() > MAX_WEIGHTS {
            let problem = format!("together with latent and flow_hidden make more than {MAX_WEIGHTS:.0e} weights");
            return Err(Error::setting("components", problem));
        }
        let posterior = choice::posterior(&self.posterior, parts, &mut own)?;
        let prior = choice::prior(&self.prior, &*posterior, parts, &mut own)?;
        let network = self.network()?;
        let weights = network.weights(rows, self.latent + given)?;
        if weights > MAX_WEIGHTS {
            let problem = format!("these layers make {weights:.1e} weights, expected at most {MAX_WEIGHTS:.0e}");
            let key = if network.net == Net::Mlp { "hidden" } else { "channels" };
            return Err(Error::setting(key, problem));
        }
        let groups = posterior.groups(self.latent);
        let (first, last) = (self.hidden.first().copied().unwrap_or(1), self.hidden.last().copied().unwrap_or(1));
        if last as f64 * posterior.raw_width(self.latent) as f64 > MAX_WEIGHTS {
            let problem = format!(
                "'{}' with {} dimensions of z makes more than {MAX_WEIGHTS:.0e} weights",
                self.posterior, self.latent
            );
            return Err(Error::setting("latent", problem));
        }
        let masked = target.encoding.masked;
        let (seen, plane) = beside(rows, masked, given, network.net);
        let outputs = posterior.raw_width(self.latent);
        let mut encoder = match posterior.is_encoded_in_groups() {
            true => {
                let raw: Vec<usize> = groups.iter().map(|d| posterior.raw_width(*d)).collect();
                let features = self.hidden.last().copied().unwrap_or(outputs);
                if features as f64 * features as f64 / 2.0 > MAX_WEIGHTS {
                    let problem =
                        format!("a group above {features} features makes more than {MAX_WEIGHTS:.0e} weights");
                    return Err(Error::setting("hidden", problem));
                }
                let below = Network { hidden: &self.hidden[..self.hidden.len().saturating_sub(1)], ..network };
                let base = below.encoder(seen, features, &mut init)?;
                Box::new(GroupedEncoder::new(base, features, &raw, network.activation, &mut init))
            }
            false => network.encoder(seen, outputs, &mut init)?,
        };
        let name = self.likelihood_for(target.schema, target.encoding);
        let likelihood = likelihood::build(&name, target.schema, target.encoding, &mut init)?;
        let outputs = likelihood.raw_width(rows.width());
        if network.net == Net::Mlp && first as f64 * outputs as f64 > MAX_WEIGHTS {
            let problem =
                format!("'{}' makes more than {MAX_WEIGHTS:.0e} weights on rows this wide", likelihood.name());
            return Err(Error::setting("likelihood", problem));
        }
        let levels = if matches!(posterior.support(), Support::Codes { .. }) { self.levels } else { 1 };
        let mut decoder = network.decoder(rows, self.latent / levels + given, outputs, &mut init)?;
        if levels > 1 {
            decoder = Box::new(SummingDecoder { inner: decoder, levels });
        }
        if masked || given > 0 {
            encoder = Box::new(ToldEncoder { inner: encoder, masked, given, plane });
        }
        if given > 0 {
            decoder = Box::new(ConditionalDecoder { inner: decoder, given });
        }
        if likelihood.domain() == Domain::Counts {
            encoder = Box::new(LogCounts(encoder));
        }
        Ok(Vae { encoder, posterior, prior, decoder, likelihood, groups })
    }

    /// These settings, whose posterior must be the one that the variant is about.
    ///
    /// # Errors
    /// Another one was asked for.
    pub(super) fn fixed(&self, variant: &str, posterior: &str) -> Result<&Self> {
        if self.posterior == posterior {
            return Ok(self);
        }
        let problem = format!("'{variant}' has '{posterior}'; leave it out, or use another variant");
        Err(Error::setting("posterior", problem))
    }

    /// The same for variants that are older than the setting: their runs do not name it.
    ///
    /// # Errors
    /// Another one was asked for.
    pub(super) fn pointwise(&self, variant: &str) -> Result<Self> {
        super::no_prior(variant, self)?;
        let point = Self { posterior: "deterministic".into(), ..self.clone() };
        if self.posterior != Self::default().posterior {
            self.fixed(variant, "deterministic")?;
        }
        Ok(point)
    }

    /// The evidence lower bound of these settings.
    ///
    /// # Errors
    /// An unknown estimator, or one that does not go with free bits.
    pub fn elbo(&self) -> Result<Elbo> {
        if self.free_bits > 0.0 && self.estimator()? != Estimator::Reparameterized {
            return Err(Error::setting("free_bits", "goes with --estimator reparameterized alone"));
        }
        Ok(Elbo {
            estimator: self.estimator()?,
            beta: self.beta,
            samples: self.samples,
            schedule: self.kl_schedule,
            period: self.kl_period,
            free_bits: self.free_bits,
            pretrain: 0,
        })
    }

    /// The gradient estimator that the setting names.
    ///
    /// # Errors
    /// An unknown name.
    pub fn estimator(&self) -> Result<Estimator> {
        named("estimator", &self.estimator, ESTIMATORS)
    }

    /// Refuses settings that neither posterior nor prior looks at; `own` are the variant's defaults.
    ///
    /// # Errors
    /// The first of them.
    pub fn all_read(&self, own: &[(&str, &str)]) -> Result<()> {
        let plain = Self::default();
        if self.perceptual == plain.perceptual && self.perceptual_weight != plain.perceptual_weight {
            return Err(Error::setting("perceptual_weight", "weighs nothing without --perceptual; leave it out"));
        }
        if self.perceptual != plain.perceptual && self.perceptual_weight == 0.0 {
            return Err(Error::setting("perceptual_weight", "of 0 leaves the perceptual loss out; leave both out"));
        }
        let by_default = |key: &str| own.iter().any(|(k, _)| *k == key);
        let scaled =
            [("kl_schedule", self.kl_schedule != plain.kl_schedule), ("free_bits", self.free_bits != plain.free_bits)];
        if let Some((key, _)) = scaled.iter().find(|(key, given)| self.beta == 0.0 && *given && !by_default(key)) {
            return Err(Error::setting(key, "does nothing where beta is 0; leave it out"));
        }
        let weighed = [
            ("beta", self.beta != plain.beta),
            ("samples", self.samples != plain.samples),
            ("kl_schedule", self.kl_schedule != plain.kl_schedule),
            ("free_bits", self.free_bits != plain.free_bits),
        ];
        // Of codes that are points the KL trains the prior alone.
        let idle = weighed.iter().find(|(key, given)| *given && !by_default(key));
        if let (Some((key, _)), "quantized") = (idle, self.posterior.as_str()) {
            return Err(Error::setting(key, "has no meaning for codes of 'quantized'; leave it out"));
        }
        // Variants with a schedule of their own name the period among their defaults.
        let waits = by_default("kl_period");
        if self.kl_period != plain.kl_period && self.kl_schedule == KlSchedule::Constant && !waits {
            return Err(Error::setting(
                "kl_period",
                "does nothing with a constant KL; leave it out, or add --kl-schedule linear",
            ));
        }
        let numbers = |m: &Self| serde_json::to_value(m).unwrap_or_default();
        let (here, plain) = (numbers(self), numbers(&plain));
        for key in choice::SEAM {
            let default = own.iter().find(|(k, _)| *k == key).and_then(|(_, text)| text.parse::<f64>().ok());
            if here[key] != plain[key] && here[key].as_f64() != default {
                choice::is_read(key, &self.posterior, &self.prior)?;
            }
        }
        Ok(())
    }

    /// Refuses settings of the KL, for variants that have none.
    pub(super) fn without_kl(&self, variant: &str) -> Result<()> {
        self.without(variant, &["beta", "samples", "kl_schedule", "kl_period", "free_bits", "estimator"])
    }

    /// Refuses settings that a variant would not look at.
    pub(super) fn without(&self, variant: &str, keys: &[&str]) -> Result<()> {
        let plain = Self::default();
        let given = [
            ("beta", self.beta != plain.beta),
            ("samples", self.samples != plain.samples),
            ("kl_schedule", self.kl_schedule != plain.kl_schedule),
            ("kl_period", self.kl_period != plain.kl_period),
            ("free_bits", self.free_bits != plain.free_bits),
            ("estimator", self.estimator != plain.estimator),
        ];
        match given.iter().find(|(key, given)| *given && keys.contains(key)) {
            Some((key, _)) => Err(Error::setting(
                key,
                format!("has no meaning for '{variant}'; leave it out, or use another variant, vae for one"),
            )),
            None => Ok(()),
        }
    }
}

/// What an encoder sees of rows with a mask and conditions beside them, and how many values each condition has there: a
/// plane for convolutions, else one.
fn beside(rows: Arrangement, masked: bool, given: usize, net: Net) -> (Arrangement, usize) {
    let times = if masked { 2 } else { 1 };
    match rows {
        Arrangement::Image([c, h, w]) if net != Net::Mlp => (Arrangement::Image([times * c + given, h, w]), h * w),
        Arrangement::Image(_) if times == 1 && given == 0 => (rows, 1),
        _ => (Arrangement::Flat(times * rows.width() + given), 1),
    }
}

/// What a name stands for.
fn named<T: Copy>(key: &str, name: &str, all: &[(&str, T)]) -> Result<T> {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
        Error::setting(key, format!("'{name}' is unknown; expected one of {}", names.join(", ")))
    })
}
