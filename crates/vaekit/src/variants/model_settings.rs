//! Settings that shape a model, shared by variants or special to one.

use serde::{Deserialize, Serialize};
use vaekit_ops::Activation;

use crate::data::{Encoding, Kind, Schema};
use crate::declare::{Read, Takes, declare};
use crate::model::likelihood::{self, Domain, MIXED};
use crate::model::registry::{self, PartSettings};
use crate::model::{Arrangement, NETS, Net, Network, Support, UPSAMPLES, Vae};
use crate::model::{ConditionalDecoder, GroupedEncoder, LogCounts, Squashed, SummingDecoder, ToldEncoder};
use crate::nn::{INITS, Init};
use crate::objective::{ESTIMATORS, Elbo, Estimator, KlSchedule};
use crate::{Error, Result, budget};

use super::{Target, Variant};

/// Bytes of a weight in training: itself, its gradient and what the optimizer remembers of it.
const BYTES: f64 = 16.0;

/// Refuses more weights than memory is allowed for.
fn ask(key: &str, what: &str, weights: f64) -> Result<()> {
    budget::ask(
        key,
        &format!("{weights:.1e} weights of {what}, with gradients and the optimizer's memory,"),
        (BYTES * weights) as u64,
    )
}

declare! {
/// Settings that every variant understands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSettings {
    net: String = "mlp".into(); Takes::Name, Model, Read::Always,
        "mlp, or for images conv or resnet";
    channels: Vec<usize> = Vec::new(); Takes::Counts(1, 1 << 14, 12), Model, Read::When("net", CONVOLUTIONS),
        "Channels of a convolutional net after each halving; they follow the image unless said";
    upsample: String = "transposed".into(); Takes::Name, Model, Read::When("net", CONVOLUTIONS),
        "How a convolutional decoder doubles an image: transposed or resize";
    init: String = "torch".into(); Takes::Name, Model, Read::Always,
        "Initial weights: torch (as torch.nn.Linear has them) or glorot (and biases of 0)";
    hidden: Vec<usize> = vec![400]; Takes::Counts(1, 1 << 20, 64), Model, Read::Always,
        "Hidden layers of the encoder, 512,256 for two; the decoder mirrors them";
    latent: usize = 20; Takes::Count(1, 1 << 16), Latent, Read::Always,
        "Dimensions of the latent code z";
    activation: String = "relu".into(); Takes::Name, Model, Read::Always,
        "relu, tanh, sigmoid, softplus, gelu, elu or leaky-relu";
    likelihood: String = "auto".into(); Takes::Name, Likelihood, Read::Always,
        "p(x given z), a name that `vaekit variants likelihoods` lists; auto follows the data";
    samples: usize = 1; Takes::Count(1, 10_000), Objective, Read::Always,
        "L, Monte Carlo samples of z a row in training";
    beta: f64 = 1.0; Takes::Number(0.0, 1e6), Objective, Read::Always,
        "Weight of the KL";
    kl_schedule: KlSchedule = KlSchedule::Constant; Takes::Choice(KlSchedule::NAMES), Objective, Read::Always,
        "constant, linear (warm-up) or cyclical";
    kl_period: f64 = 10.0; Takes::Number(1e-3, 1e6), Objective, Read::When("kl_schedule", &["linear", "cyclical"]),
        "Length of the KL warm-up or of a cycle, in epochs";
    free_bits: f64 = 0.0; Takes::Number(0.0, 1e3), Objective, Read::Always,
        "KL in nats that each latent dimension has for free; in a hierarchy for a group together";
    posterior: String = "diagonal-gaussian".into(); Takes::Name, Latent, Read::Always,
        "q(z given x), a name that `vaekit variants posteriors` lists";
    prior: String = "auto".into(); Takes::Name, Latent, Read::Always,
        "p(z), a name that `vaekit variants priors` lists; auto follows the posterior";
    estimator: String = "reparameterized".into(); Takes::Name, Objective, Read::Always,
        "Gradient of the encoder: reparameterized, score, sticking-the-landing or doubly-reparameterized";
    flow_steps: usize = 4; Takes::Count(1, 64), Latent, Read::ByParts,
        "Maps of a flow, posterior or prior";
    flow_hidden: usize = 128; Takes::Count(1, 1 << 14), Latent, Read::ByParts,
        "Hidden units of a flow's networks and of other small ones";
    components: usize = 64; Takes::Count(1, 1 << 16), Latent, Read::ByParts,
        "Components of a mixture, rows of a VampPrior, codes of a codebook";
    categories: usize = 10; Takes::Count(2, 1 << 12), Latent, Read::ByParts,
        "Classes of a class variable in z";
    temperature: f64 = 0.5; Takes::Number(1e-3, 1e3), Latent, Read::ByParts,
        "Of relaxed class variables; smaller is sharper";
    groups: usize = 2; Takes::Count(2, 16), Latent, Read::ByParts,
        "Groups of latents of a hierarchy, each with half the dimensions of the one below";
    positions: usize = 1; Takes::Count(1, 1 << 16), Latent, Read::ByParts,
        "Pieces of z that have a code of the codebook each";
    levels: usize = 1; Takes::Count(1, 16), Latent, Read::ByParts,
        "Codebooks, each for what those before it leave over";
    commitment: f64 = 0.25; Takes::Number(0.0, 1e4), Latent, Read::ByParts,
        "Weight of the distance between the encoder's outputs and their codes";
    slab: f64 = 0.2; Takes::Number(0.001, 0.999), Latent, Read::ByParts,
        "Share of the dimensions that a spike-and-slab prior expects in use";
    perceptual: String = "none".into(); Takes::Name, Objective, Read::Always,
        "A loss beside the likelihood: none, ms-ssim or features (of a classifier)";
    perceptual_weight: f64 = 100.0; Takes::Number(0.0, 1e6), Objective, Read::When("perceptual", PERCEIVING),
        "Weight of the perceptual loss";
}
}

/// Networks with convolutions.
const CONVOLUTIONS: &[&str] = &["conv", "resnet"];
/// Perceptual losses other than none.
const PERCEIVING: &[&str] = &["ms-ssim", "features"];

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
            "auto" if !encoding.columns.is_empty() => MIXED.into(),
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
    fn parts(&self, target: &Target<'_>) -> PartSettings {
        PartSettings {
            latent: self.latent,
            width: target.encoding.width(target.schema),
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
        let (rows, given) = (Arrangement::of(target.schema, target.encoding), target.encoding.given_width());
        let parts = &self.parts(target);
        let mut init = Init::new(target.rng).scheme(named("init", &self.init, INITS)?);
        // Streams of their own, so that networks begin alike whatever stands between them.
        let mut own = Init::new(target.rng.at(1));
        ask("components", "components, latent and flow_hidden", parts.weights())?;
        let posterior = registry::posterior(&self.posterior, parts, &mut own)?;
        let prior = registry::prior(&self.prior, &*posterior, parts, &mut own)?;
        let network = self.network()?;
        let masked = target.encoding.masked;
        let (seen, plane) = beside(rows, masked, given, network.net);
        let key = if network.net == Net::Mlp { "hidden" } else { "channels" };
        ask(key, "these layers", network.weights(seen, self.latent + given)?)?;
        let groups = posterior.groups(self.latent);
        let (first, last) = (self.hidden.first().copied().unwrap_or(1), self.hidden.last().copied().unwrap_or(1));
        let what = format!("'{}' with {} dimensions of z", self.posterior, self.latent);
        ask("latent", &what, last as f64 * posterior.raw_width(self.latent) as f64)?;
        let outputs = posterior.raw_width(self.latent);
        let mut encoder = match posterior.is_encoded_in_groups() {
            true => {
                let raw: Vec<usize> = groups.iter().map(|d| posterior.raw_width(*d)).collect();
                let features = self.hidden.last().copied().unwrap_or(outputs);
                let what = format!("a group above {features} features");
                ask("hidden", &what, features as f64 * features as f64 / 2.0)?;
                let below = Network { hidden: &self.hidden[..self.hidden.len().saturating_sub(1)], ..network };
                let base = below.encoder(seen, features, &mut init)?;
                Box::new(GroupedEncoder::new(base, features, &raw, network.activation, &mut init))
            }
            false => network.encoder(seen, outputs, &mut init)?,
        };
        let name = self.likelihood_for(target.schema, target.encoding);
        let likelihood = likelihood::build(&name, target.schema, target.encoding, &mut init)?;
        let outputs = likelihood.raw_width(rows.width());
        if network.net == Net::Mlp {
            let what = format!("'{}' on rows this wide", likelihood.name());
            ask("likelihood", &what, first as f64 * outputs as f64)?;
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
        if !target.encoding.columns.is_empty() {
            encoder = Box::new(Squashed(encoder));
        }
        if likelihood.domain() == Domain::Counts {
            encoder = Box::new(LogCounts(encoder));
        }
        Ok(Vae { encoder, posterior, prior, decoder, likelihood, groups })
    }

    /// Weights of the encoder and the decoder, roughly, before any of them is made.
    ///
    /// # Errors
    /// A network that the rows do not allow.
    pub(crate) fn network_weights(&self, schema: &Schema, encoding: &Encoding) -> Result<f64> {
        let (rows, given) = (Arrangement::of(schema, encoding), encoding.given_width());
        let network = self.network()?;
        let (seen, _) = beside(rows, encoding.masked, given, network.net);
        network.weights(seen, self.latent + given)
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

    /// Refuses weights that weigh nothing, and what they would scale.
    ///
    /// # Errors
    /// The first of them.
    pub(crate) fn all_weighed(&self, variant: &dyn Variant) -> Result<()> {
        let plain = Self::default();
        if self.perceptual != plain.perceptual && self.perceptual_weight == 0.0 {
            return Err(Error::setting("perceptual_weight", "of 0 leaves the perceptual loss out; leave both out"));
        }
        let given = |key: &str| {
            let own = variant.defaults().iter().any(|(k, _)| *k == key);
            !own && self.values().into_iter().zip(plain.values()).any(|((k, a), (_, b))| k == key && a != b)
        };
        let scaled = ["kl_schedule", "free_bits"].into_iter().find(|key| given(key));
        if let (Some(key), true) = (scaled, self.beta == 0.0) {
            return Err(Error::setting(key, "does nothing where beta is 0; leave it out"));
        }
        // Of codes that are points the KL trains the prior alone.
        let idle = ["beta", "samples", "kl_schedule", "free_bits"].into_iter().find(|key| given(key));
        if let (Some(key), true) = (idle, registry::is_of_points(&self.posterior)) {
            let problem = format!("has no meaning for codes of '{}'; leave it out", self.posterior);
            return Err(Error::setting(key, problem));
        }
        Ok(())
    }

    /// Refuses settings of the KL, for variants that have none.
    pub(super) fn without_kl(&self, variant: &str) -> Result<()> {
        self.without(variant, &["beta", "samples", "kl_schedule", "kl_period", "free_bits", "estimator"])
    }

    /// Refuses settings that a variant would not look at.
    pub(super) fn without(&self, variant: &str, keys: &[&str]) -> Result<()> {
        let plain = Self::default().values();
        let given = self.values().into_iter().zip(plain).find(|((key, a), (_, b))| keys.contains(key) && a != b);
        match given {
            Some(((key, _), _)) => Err(Error::setting(
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
