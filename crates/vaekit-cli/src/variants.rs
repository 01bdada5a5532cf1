//! `vaekit variants`

use clap::Args;
use vaekit::Result;
use vaekit::variants::{ParamKind, VARIANTS, Variant, find, uses};

use crate::{Common, say};

/// Flags of `variants`.
#[derive(Args)]
pub struct Variants {
    /// Explain this one
    name: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Variants {
    pub fn run(self) -> Result<()> {
        if let Some(name) = &self.name {
            explain(find(name)?);
        } else if self.common.json {
            let list = VARIANTS.iter().map(|v| {
                let uses: Vec<&str> = uses(*v).iter().map(|u| u.name()).collect();
                serde_json::json!({"name": v.name(), "summary": v.summary(), "uses": uses})
            });
            say::json(&list.collect());
        } else {
            VARIANTS.iter().for_each(|v| say::out(&format!("{:<12}{}", v.name(), v.summary())));
        }
        Ok(())
    }
}

fn explain(variant: &dyn Variant) {
    say::out(&format!("# {}\n\n{}", variant.name(), variant.doc()));
    let uses: Vec<&str> = uses(variant).iter().map(|u| u.name()).collect();
    say::out(&format!("## Uses\n{}", uses.join(", ")));
    if !variant.params().is_empty() || !variant.defaults().is_empty() {
        say::out("\n## Settings");
    }
    for (key, value) in variant.defaults() {
        say::out(&format!("--{} starts at {value}", key.replace('_', "-")));
    }
    for param in variant.params() {
        let kind = match param.kind {
            ParamKind::Number { default, min, max } => format!("{min} to {max}, default {default}"),
            ParamKind::Choice { default, of } => format!("{}, default {default}", of.join(" | ")),
        };
        say::out(&format!("--{}: {} ({kind})", param.key.replace('_', "-"), param.doc));
    }
}
