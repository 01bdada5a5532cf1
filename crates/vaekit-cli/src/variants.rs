//! `vaekit variants`

use clap::Args;
use vaekit::train::bench::spreads;
use vaekit::variants::{VARIANTS, find, page, parts, uses};
use vaekit::{Result, TrainConfig};

use crate::input::Places;
use crate::{Common, progress, say};

/// Flags of `variants`.
#[derive(Args)]
pub struct Variants {
    /// Explain this variant, posterior, prior or other part; or list posteriors, priors, likelihoods, estimators, perceptual, or gradients (how much the estimators vary)
    name: Option<String>,
    /// Print every page as Markdown: docs/variants.md
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
    #[command(flatten)]
    common: Common,
}

impl Variants {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        match self.name.as_deref() {
            None if self.markdown => say::out(page::markdown().trim_end()),
            None => self.list(),
            Some("gradients") => self.gradients()?,
            Some(name) => match (parts::parts(name), parts::pages(name)) {
                (Some(all), _) if self.common.json => {
                    let list = all.iter().map(|p| serde_json::json!({"name": p.name, "summary": p.doc}));
                    say::json(&list.collect());
                }
                (Some(all), _) => all.iter().for_each(|p| say::out(&format!("{:<24}{}", p.name, p.doc))),
                (None, pages) if !pages.is_empty() => say::out(pages.join("\n").trim_end()),
                _ => say::out(find(name)?.page().trim_end()),
            },
        }
        Ok(())
    }

    fn list(&self) {
        if self.common.json {
            let list = VARIANTS.iter().map(|v| {
                let uses: Vec<&str> = uses(*v).iter().map(|u| u.name()).collect();
                serde_json::json!({"name": v.name(), "summary": v.summary(), "uses": uses})
            });
            return say::json(&list.collect());
        }
        for v in VARIANTS {
            let lacks = if v.samples_from_prior() { "" } else { " (no sampling from a prior)" };
            say::out(&format!("{:<14}{}{lacks}", v.name(), v.summary()));
        }
        say::out("\nAlso: vaekit variants posteriors | priors | likelihoods | estimators | perceptual | gradients");
    }

    /// The variance of each estimator's gradient on one model and batch.
    fn gradients(&self) -> Result<()> {
        let mut config = TrainConfig::default();
        (config.model.hidden, config.model.latent, config.model.samples) = (vec![128], 10, 4);
        let data = config.open_data(&Places::default().options(), &mut progress::download(self.common.quiet))?;
        let found = spreads(&config, &data, 100)?;
        if self.common.json {
            say::json(&serde_json::json!(found));
            return Ok(());
        }
        say::out("The encoder's gradient on 64 digits, 4 samples of z a row, 100 draws:");
        say::out(&format!("{:<26}{:>14}{:>16}{:>10}", "estimator", "mean's length", "variance", "times"));
        let first = found.first().map_or(1.0, |s| s.variance);
        for s in &found {
            let times = s.variance / first;
            say::out(&format!("{:<26}{:>14.2}{:>16.2}{times:>10.1}", s.estimator, s.norm, s.variance));
        }
        Ok(())
    }
}
