//! An encoder network of one's own: a row is seen beside its squares.
//!
//! `cargo run --example own_encoder`
#![allow(clippy::unwrap_used, reason = "the test below")]

use vaekit::data::{Batch, OpenOptions};
use vaekit::model::{Encoder, Mode};
use vaekit::nn::{Linear, Mlp, Parameter, Parameters};
use vaekit::ops::Activation;
use vaekit::variants::{ModelSettings, Recipe, Target};
use vaekit::{Result, Run, Tensor, TrainConfig, Trainer};

/// x and x^2 through 32 hidden units, each with a way around them.
struct WithSquares {
    net: Mlp,
    around: Linear,
}

impl Encoder for WithSquares {
    /// `batch.x`: `[B, X]`; result: raw posterior parameters `[B, R]` of the one group of latents. For rows with missing
    /// values put `batch.mask` beside `batch.x`, for a conditional model `batch.given`; here there are none.
    fn forward(&self, batch: &Batch, _mode: Mode) -> Vec<Tensor<2>> {
        let seen = Tensor::cat(vec![batch.x.clone(), batch.x.clone().square()], 1);
        vec![self.net.forward(seen.clone()) + self.around.forward(seen, None)]
    }
}

/// Both lists name the same parameters in the same order: files, optimizers and gradients go by it.
impl Parameters for WithSquares {
    fn parameters(&self) -> Vec<&Parameter> {
        [self.net.parameters(), self.around.parameters()].concat()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.net.parameters_mut();
        all.extend(self.around.parameters_mut());
        all
    }
}

fn recipe(settings: &ModelSettings, target: &Target<'_>) -> Result<Recipe> {
    let mut vae = settings.model(target)?;
    let (inputs, outputs) = (2 * target.schema.width(), vae.posterior.raw_width(settings.latent));
    let mut init = target.own_init();
    vae.encoder = Box::new(WithSquares {
        net: Mlp::new("encoder", &[inputs, 32, outputs], Activation::Gelu, &mut init),
        around: Linear::new("encoder.around", inputs, outputs, &mut init),
    });
    Ok(Recipe { vae, objective: Box::new(settings.elbo()?) })
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut config = TrainConfig { data: "rings".into(), epochs: 4, ..TrainConfig::default() };
    config.model.latent = 2;
    let data = config.open_data(&OpenOptions::default(), &mut |_| ())?;
    let trained = Trainer::new(config).with_recipe("with-squares", recipe).out(folder.path().join("run")).fit(&data)?;
    let run = Run::open_with(trained.dir(), recipe)?;
    let codes = run.encode(&data, &[0, 1, 2])?;
    assert_eq!(codes.mean.len(), 3 * 2);
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
