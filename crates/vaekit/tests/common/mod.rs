//! Small data and small models for tests.
#![allow(dead_code, reason = "each test uses what it needs")]

use vaekit::TrainConfig;
use vaekit::data::{Dataset, Encoding, Kind, Rows, Schema, Transform};
use vaekit::model::likelihood::{self, Domain, LIKELIHOODS};
use vaekit::model::registry::is_read;
use vaekit::rng::Rng;
use vaekit::variants::{Params, Recipe, Target, VARIANTS, Variant, find};

/// Settings of parts that make small models.
const SMALL: [(&str, &str); 10] = [
    ("flow_steps", "2"),
    ("flow_hidden", "8"),
    ("components", "4"),
    ("categories", "2"),
    ("groups", "3"),
    ("positions", "2"),
    ("levels", "2"),
    ("temperature", "0.5"),
    ("commitment", "0.25"),
    ("slab", "0.2"),
];

/// `n` grey 4x4 images: a bright bar that is upright or level, class by class, with a shade of its own.
pub fn bars(n: usize) -> Dataset {
    let mut bytes = Vec::new();
    for i in 0..n {
        let (place, shade) = (i / 2 % 4, 155 + (i * 37 % 100) as u8);
        for y in 0..4 {
            for x in 0..4 {
                let on = if i % 2 == 0 { x == place } else { y == place };
                bytes.push(if on { shade } else { (i * 7 % 20) as u8 });
            }
        }
    }
    let data = Dataset::new("bars", Schema::images([1, 4, 4], Kind::Byte), Rows::U8(bytes)).unwrap();
    data.labelled("class", (0..n as u32).map(|i| i % 2).collect(), vec!["up".into(), "level".into()]).unwrap()
}

/// [`bars`] for a likelihood, and which of its values are known: one that learns from gaps gets some.
pub fn bars_for(likelihood: &str, n: usize) -> (Dataset, Vec<bool>) {
    let data = bars(n);
    let gaps = likelihood::find(likelihood).unwrap().needs_gaps();
    let known: Vec<bool> = (0..data.len() * data.width()).map(|i| !gaps || i % 7 != 3).collect();
    if gaps { (data.masked(&known).unwrap(), known) } else { (data, known) }
}

/// Settings of a small model for [`bars`], with `given` over them.
pub fn layer(variant: &dyn Variant, likelihood: &str, given: &[(&str, &str)]) -> toml::Table {
    let counts = likelihood::find(likelihood).unwrap().domain() == Domain::Counts;
    let latent = match variant.name() {
        "cat-vae" | "joint-vae" | "vq-vae" => "4",
        "sphere-vae" => "3",
        _ => "2",
    };
    let mut layer = toml::Table::new();
    for (key, value) in [
        ("variant", variant.name()),
        ("likelihood", likelihood),
        ("hidden", "8"),
        ("latent", latent),
        ("activation", "tanh"),
        ("epochs", "2"),
        ("batch", "16"),
        ("normalize", if counts { "none" } else { "0..1" }),
    ] {
        TrainConfig::set(&mut layer, key, value);
    }
    for param in variant.params() {
        let small = match param.key {
            "bounds" => "3",
            "discriminator" | "lines" => "8",
            // Far from where the KL is, for |KL - C| has a corner there.
            "capacity" => "30",
            "adversary" => "0.5",
            "pretrain" => "1",
            _ => continue,
        };
        TrainConfig::set(&mut layer, param.key, small);
    }
    let give = |layer: &mut toml::Table| given.iter().for_each(|(key, value)| TrainConfig::set(layer, key, value));
    give(&mut layer);
    let parts = TrainConfig::from_layers(&[layer.clone()]).unwrap().model;
    for (key, small) in SMALL {
        if is_read(key, &parts.posterior, &parts.prior).is_ok() {
            TrainConfig::set(&mut layer, key, small);
        }
    }
    give(&mut layer);
    layer
}

/// The same as a configuration.
pub fn config(variant: &dyn Variant, likelihood: &str) -> TrainConfig {
    TrainConfig::from_layers(&[layer(variant, likelihood, &[])]).unwrap()
}

/// Calls `test` for every variant with every likelihood.
pub fn for_each(test: impl Fn(&'static dyn Variant, &'static str)) {
    for variant in VARIANTS {
        LIKELIHOODS.iter().for_each(|likelihood| test(*variant, likelihood.name));
    }
}

/// The same for what takes long: every variant with two likelihoods, and `vae` with every one.
pub fn for_some(test: impl Fn(&'static dyn Variant, &'static str)) {
    for_each(|variant, likelihood| {
        if variant.name() == "vae" || ["bernoulli", "gaussian-shared"].contains(&likelihood) {
            test(variant, likelihood);
        }
    });
}

/// How the bytes of [`bars`] become numbers for a likelihood.
pub fn encoding(likelihood: &str) -> Encoding {
    match likelihood::find(likelihood).unwrap().domain() {
        Domain::Counts => Encoding::none(),
        _ => Encoding { transform: Transform::Unit, scale: vec![255.0], ..Encoding::none() },
    }
}

/// The same, and what a conditional variant is told.
pub fn told(encoding: Encoding) -> Encoding {
    encoding.conditional(&bars(2), &[0, 1]).unwrap()
}

/// The encoding for a variant: one that is conditional is told the classes.
pub fn encoding_for(variant: &dyn Variant, likelihood: &str) -> Encoding {
    let plain = encoding(likelihood);
    if variant.is_conditional() { told(plain) } else { plain }
}

/// What a row of [`bars`] is.
pub fn schema() -> Schema {
    bars(2).schema().clone()
}

/// The model of a configuration, as it begins.
pub fn built(config: &TrainConfig) -> Recipe {
    let variant = find(&config.variant).unwrap();
    let params = Params::check(variant.params(), &config.params).unwrap();
    let (schema, encoding) = (schema(), encoding_for(variant, &config.model.likelihood));
    let target = Target { schema: &schema, encoding: &encoding, rows: 60, rng: Rng::new(1) };
    variant.build(&config.model, &params, &target).unwrap().perceiving(&config.model, &target).unwrap()
}

/// The small model of a variant with a likelihood.
pub fn build(variant: &dyn Variant, likelihood: &str) -> Recipe {
    built(&config(variant, likelihood))
}
