//! A likelihood of one's own, in a model that vaekit trains, saves and uses like any other.
//!
//! `cargo run --example own_likelihood`
#![allow(clippy::print_stdout, reason = "a program says what came of it")]
#![allow(clippy::unwrap_used, reason = "the test below")]

use std::f64::consts::PI;

use ndarray::Array2;
use vaekit::data::Dataset;
use vaekit::model::Likelihood;
use vaekit::model::likelihood::Domain;
use vaekit::nn::Parameters;
use vaekit::ops::{device, from_vec};
use vaekit::rng::{Purpose, Rng};
use vaekit::variants::{ModelSettings, Recipe, Target};
use vaekit::{Result, Run, Tensor, TrainConfig, Trainer};

/// The Cauchy distribution with scale 1: log p(x) = -log(pi (1 + (x - m)^2)), the location m from the decoder.
struct Cauchy;

/// It learns nothing beside the networks.
impl Parameters for Cauchy {}

impl Likelihood for Cauchy {
    fn name(&self) -> &'static str {
        "cauchy"
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    /// A location for each value.
    fn raw_width(&self, x_width: usize) -> usize {
        x_width
    }

    /// `x`: `[B, X]`; `raw`: `[K, B, X]`; result: `[K, B, X]`. Rows, masks and samples of z are left to the trait.
    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let apart = x.clone().unsqueeze::<3>() - raw.clone();
        (apart.square() + 1.0).log().neg() - PI.ln()
    }

    /// The distribution has no mean; its centre serves for reconstructions.
    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        raw
    }

    /// Where the decoder starts, for training rows with this mean.
    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        mean.to_vec()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let shape = raw.dims();
        let uniform = rng.uniform(Purpose::Likelihood, rows, shape[1]);
        let tails = uniform.iter().map(|u| (std::f32::consts::PI * (u - 0.5)).tan()).collect();
        raw + from_vec(tails, shape, &device::here())
    }
}

/// The model of the settings, with another likelihood, and the evidence lower bound for an objective.
fn recipe(settings: &ModelSettings, target: &Target<'_>) -> Result<Recipe> {
    let mut vae = settings.model(target)?;
    // The likelihood of the settings decides the width of the decoder. `auto` is one of one number a value here; for two
    // numbers a value, set `config.model.likelihood` to "gaussian-learned".
    vae.likelihood = Box::new(Cauchy);
    Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // A line in the plane with a few wild points.
    let points = Array2::from_shape_fn((600, 2), |(i, j)| {
        let at = (i as f32 * 0.37).sin();
        let wild = if i % 29 == 0 { 8.0 } else { 0.0 };
        if j == 0 { at } else { 2.0 * at + wild }
    });
    let data = Dataset::from_array("points", points.view())?;
    let config = TrainConfig { epochs: 20, ..TrainConfig::default() };
    let trained = Trainer::new(config).with_recipe("cauchy-vae", recipe).out(folder.path().join("run")).fit(&data)?;

    // The run opens again with the same function; names and shapes of the weights are checked.
    let run = Run::open_with(trained.dir(), recipe)?;
    let (figures, _) = run.evaluate(&data, &run.split(&data)?.test, 1)?;
    println!("ELBO {:.2} nats a row", figures.elbo_nats.unwrap_or_default());
    assert!(figures.elbo_nats.is_some_and(f64::is_finite));
    assert_eq!(run.sample(3, run.default_observation(), run.rng())?.len(), 3);
    assert!(Run::open(trained.dir()).is_err());
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
