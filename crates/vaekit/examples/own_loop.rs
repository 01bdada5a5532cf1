//! A training loop of one's own, over the public `gradients` and `Optim`; no folder is written.
//!
//! `cargo run --example own_loop`
#![allow(clippy::print_stdout, reason = "a program says what came of it")]
#![allow(clippy::unwrap_used, reason = "the test below")]

use vaekit::data::{Batches, Encoding, OpenOptions, Preparation, Step, Transform};
use vaekit::model::{Identity, Model, Moment};
use vaekit::nn::Parameters;
use vaekit::objective::Progress;
use vaekit::ops::device;
use vaekit::rng::Rng;
use vaekit::train::{Optim, gradients};
use vaekit::variants::{self, Params, Target};
use vaekit::{Result, TrainConfig};

fn main() -> Result<()> {
    let config = TrainConfig { data: "pinwheel".into(), ..TrainConfig::default() };
    let data = config.open_data(&OpenOptions::default(), &mut |_| ())?;
    let train: Vec<u32> = (0..3_000).collect();
    let test: Vec<u32> = (3_000..4_000).collect();

    // Typed rows become numbers by what is measured on the training rows.
    let encoding = Encoding::fit(Transform::Standardize, &data, &train)?;
    let rng = Rng::new(config.seed);
    let target = Target { schema: data.schema(), encoding: &encoding, rows: train.len(), rng };
    let mut recipe = variants::find("vae")?.build(&config.model, &Params::default(), &target)?;
    recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
    let mut optim = Optim::new(&config, &recipe);

    let preparation = Preparation { encoding: encoding.clone(), rng, hide: 0.0 };
    let (mut step, mut losses) = (0, Vec::new());
    for epoch in 1..=10 {
        let mut sum = 0.0;
        Batches::shuffled(&data, &preparation, &train, 100, epoch).for_each(0, |i, host| {
            let batch = host.to_device(&device::here());
            let progress = Progress { epoch: epoch as f64 - 1.0 + i as f64 / 30.0, rng: rng.at(epoch) };
            let pass = gradients(&recipe, &batch, progress);
            sum += pass.loss.loss / 30.0;
            if let Some(found) = pass.gradients {
                step += 1;
                optim.step(&mut recipe, &found, 1e-3, step);
                // Some priors follow the encoder without gradients.
                let outputs: Vec<Vec<f32>> = pass.outputs.into_iter().collect();
                recipe.vae.prior.begin(Moment::Step(&outputs))?;
            }
            Ok(Step::Continue)
        })?;
        losses.push(sum);
    }
    println!("loss {:.3} in the first epoch, {:.3} in the last", losses[0], losses[9]);
    assert!(losses[9] < losses[0]);

    // What was trained is a model, and every use is a method of it.
    recipe.parameters_mut().into_iter().for_each(|p| p.track(false));
    let identity = Identity { variant: "vae".into(), seed: config.seed, samples_from_prior: true };
    let model = Model::new(recipe.vae, data.schema().clone(), encoding, identity);
    let (figures, _) = model.evaluate(&data, &test, 1)?;
    assert!(figures.elbo_nats.is_some_and(f64::is_finite));
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
