//! `vaekit variants`

use clap::Args;
use vaekit::bench::spreads;
use vaekit::variants::parts::{self, Part};
use vaekit::variants::{ALWAYS, VARIANTS, Variant, find, page, uses};
use vaekit::{Error, Result, TrainConfig};

use crate::input::Places;
use crate::{Common, progress, say};

/// Flags of `variants`.
#[derive(Args)]
pub struct Variants {
    /// Explain this variant or part; or list posteriors, priors, likelihoods, estimators or perceptual; say which to use; or measure gradients
    name: Option<String>,
    /// Print every page as Markdown: docs/variants.md
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
    #[command(flatten)]
    common: Common,
}

/// A variant as JSON.
fn variant(v: &dyn Variant) -> serde_json::Value {
    let uses: Vec<&str> = uses(v).iter().map(|u| u.name()).collect();
    let defaults: serde_json::Map<_, _> = v.defaults().iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
    let params: serde_json::Map<_, _> =
        v.params().iter().map(|p| (p.key.to_owned(), p.kind.default().into())).collect();
    serde_json::json!({
        "name": v.name(), "summary": v.summary(), "uses": uses, "starts_at": defaults, "own_settings": params,
    })
}

/// What to say of a name that is nearly one of a part or a list.
fn near_part(name: &str) -> Option<Error> {
    let lists = parts::LISTS.iter().map(|list| list.name).chain(["which", "gradients"]);
    let names = lists.chain(parts::LISTS.iter().flat_map(|list| (list.parts)()).map(|part| part.name));
    let nearest = vaekit::nearest(name, names)?;
    Some(Error::setting("name", format!("'{name}' is unknown; did you mean '{nearest}'?")))
}

/// A posterior, prior, likelihood or other part as JSON.
fn part(p: &Part) -> serde_json::Value {
    serde_json::json!({
        "name": p.name, "summary": p.doc, "settings": p.reads, "goes_with": p.goes_with, "data": p.data,
    })
}

impl Variants {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        match self.name.as_deref() {
            None if self.markdown => say::out(page::markdown().trim_end()),
            None => self.list(),
            Some("which") => say::out(page::WHICH.trim_end()),
            Some("gradients") => self.gradients()?,
            Some(name) => match (parts::list(name).map(|list| (list.parts)()), parts::pages(name)) {
                (Some(all), _) if self.common.json => say::json(&all.iter().map(part).collect()),
                (Some(all), _) => all.iter().for_each(|p| say::out(&format!("{:<24}{}", p.name, p.doc))),
                (None, pages) if self.common.json && !pages.is_empty() => {
                    let all = parts::LISTS.iter().flat_map(|list| (list.parts)());
                    say::json(&all.filter(|p| p.name == name).map(|p| part(&p)).collect());
                }
                (None, pages) if !pages.is_empty() => say::out(pages.join("\n").trim_end()),
                _ => {
                    let known = find(name).map_err(|error| near_part(name).unwrap_or(error))?;
                    match self.common.json {
                        true => say::json(&variant(known)),
                        false => say::out(known.page().trim_end()),
                    }
                }
            },
        }
        Ok(())
    }

    fn list(&self) {
        if self.common.json {
            return say::json(&VARIANTS.iter().map(|v| variant(*v)).collect());
        }
        for v in VARIANTS {
            let lacks = if v.samples_from_prior() { "" } else { " (no sampling from a prior)" };
            say::out(&format!("{:<14}{}{lacks}", v.name(), v.summary()));
        }
        let every: Vec<&str> = ALWAYS.iter().map(|u| u.name()).collect();
        say::out(&format!("\nAll can {}; and sample, where nothing else is said.", every.join(", ")));
        let lists: Vec<&str> = parts::LISTS.iter().map(|list| list.name).collect();
        say::out(&format!("Also: vaekit variants NAME | which | {} | gradients", lists.join(" | ")));
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
