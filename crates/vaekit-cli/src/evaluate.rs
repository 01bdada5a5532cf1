//! `vaekit evaluate`

use clap::Args;
use vaekit::eval::Figures;
use vaekit::{Result, Run};

use crate::input::{Input, Part};
use crate::{Common, say};

/// Flags of `evaluate`.
#[derive(Args)]
pub struct Evaluate {
    #[command(flatten)]
    input: Input,
    /// Monte Carlo samples of z a row
    #[arg(long, value_name = "L", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    #[command(flatten)]
    common: Common,
}

impl Evaluate {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let (run, data, rows) = self.input.open(Part::Test, self.common.quiet)?;
        let (figures, _) = run.evaluate(&data, &rows, usize::from(self.samples))?;
        if self.common.json {
            say::json(&serde_json::Value::Object(object(&figures)));
        } else {
            print("", &figures, &run);
        }
        Ok(())
    }
}

/// Figures as JSON; those without meaning for a model are null.
pub fn object(figures: &Figures) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(figures) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    }
}

/// Figures for people.
pub fn print(part: &str, f: &Figures, run: &Run) {
    let name = |what: &str| format!("{:<20}", format!("{part} {what}").trim());
    if let (Some(elbo), Some(rate)) = (f.elbo_nats, f.rate_nats) {
        say::out(&format!(
            "{}{elbo:.2} nats = -(rate {rate:.2} + distortion {:.2}), {} rows",
            name("ELBO"),
            f.distortion_nats,
            say::count(f.rows)
        ));
        if let (Some(bits), Some(active)) = (f.bits_per_dim, f.active_units) {
            say::out(&format!("{}{bits:.4}", name("bits/dim")));
            say::out(&format!("{}{active} of {}", name("active units"), run.config().model.latent));
        }
    } else {
        say::out(&format!(
            "{}{:.2} nats, {} rows (an autoencoder has no ELBO)",
            name("distortion"),
            f.distortion_nats,
            say::count(f.rows)
        ));
    }
    say::out(&format!("{}{:.5}", name("MSE"), f.mse));
}
