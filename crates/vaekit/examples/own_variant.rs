//! A variant of one's own: an objective that charges the KL only beyond an allowance for the whole row.
//!
//! `cargo run --example own_variant`
#![allow(clippy::print_stdout, reason = "a program says what came of it")]
#![allow(clippy::unwrap_used, reason = "the test below")]

use vaekit::data::OpenOptions;
use vaekit::model::ElboTerms;
use vaekit::nn::Parameters;
use vaekit::objective::{Loss, Objective, Progress};
use vaekit::variants::{ModelSettings, Recipe, Target};
use vaekit::{Result, TrainConfig, Trainer};

/// value = distortion + max(KL - allowance, 0), the KL averaged over the batch.
struct Allowance {
    nats: f64,
}

impl Parameters for Allowance {}

impl Objective for Allowance {
    /// Samples of z a row.
    fn samples(&self) -> usize {
        1
    }

    /// Sees densities, never networks: `terms` has log p(x given z), log p(z), log q(z given x) and the KL.
    fn loss(&self, terms: &ElboTerms<'_>, _progress: Progress) -> Loss {
        let distortion = terms.distortion().mean();
        let value = match terms.rate() {
            Some(rate) => distortion + (rate.mean() - self.nats).clamp_min(0.0),
            None => distortion,
        };
        // Beside the value stands the plain ELBO, so that variants compare.
        Loss::new(value, terms)
    }
}

fn recipe(settings: &ModelSettings, target: &Target<'_>) -> Result<Recipe> {
    Ok(Recipe { vae: settings.model(target)?, objective: Box::new(Allowance { nats: 3.0 }) })
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut config = TrainConfig { data: "moons".into(), epochs: 20, ..TrainConfig::default() };
    config.model.latent = 2;
    let data = config.open_data(&OpenOptions::default(), &mut |_| ())?;
    let run = Trainer::new(config).with_recipe("allowance", recipe).out(folder.path().join("run")).fit(&data)?;
    let (figures, _) = run.evaluate(&data, &run.split(&data)?.test, 1)?;
    println!("KL {:.2} nats a row", figures.rate_nats.unwrap_or_default());
    // What costs nothing is used.
    assert!(figures.rate_nats.is_some_and(|kl| kl > 2.0));
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
