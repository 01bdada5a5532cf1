//! Posteriors and priors by name.

use crate::nn::Init;
use crate::rng::Rng;
use crate::{Error, Result};

pub use super::part_settings::PartSettings;
use super::posterior::{
    Deterministic, DiagonalGaussian, FullGaussian, Householder, InverseAutoregressive, Ladder, Mixed, Planar,
    Quantized, SpikeAndSlab, Staged, VonMisesFisher,
};
use super::prior::{
    self, Classes, Codebook, MaskedAutoregressive, Mixture, RealNvp, Sphere, SpikeSlab, StandardNormal, Vamp,
};
use super::{PosteriorFamily, PriorFamily, Support};

/// Refuses a setting that neither the posterior nor the prior of these names looks at.
///
/// # Errors
/// The setting, and which parts look at it.
pub fn is_read(key: &str, posterior: &str, prior: &str) -> Result<()> {
    let all = POSTERIORS.iter().map(|k| (k.name, k.reads)).chain(PRIORS.iter().map(|k| (k.name, k.reads)));
    let readers: Vec<&str> = all.clone().filter(|(_, reads)| reads.contains(&key)).map(|(name, _)| name).collect();
    // An unknown name is told of where it is looked up.
    let known = |name: &str| name == "auto" || all.clone().any(|(known, _)| known == name);
    if !known(posterior) || !known(prior) || readers.contains(&posterior) || readers.contains(&prior) {
        return Ok(());
    }
    Err(Error::setting(key, format!("has no effect here: it needs one of {}; leave it out", readers.join(", "))))
}

/// True where the codes of a posterior are single rows of a codebook, without a spread.
pub fn is_of_points(posterior: &str) -> bool {
    let known = POSTERIORS.iter().find(|known| known.name == posterior);
    known.and_then(|known| known.example().ok()).is_some_and(|q| matches!(q.support(), Support::Codes { .. }))
}

/// Codes over all pieces of z, which a batch holds as zeros and ones for each row.
const MAX_INDICATORS: usize = 1 << 18;

/// A posterior in the list.
pub struct KnownPosterior {
    /// The name that settings use.
    pub name: &'static str,
    /// One line for lists.
    pub doc: &'static str,
    /// Settings of parts that it looks at, or that the only prior for its codes does.
    pub reads: &'static [&'static str],
    /// Makes it from its settings.
    pub build: fn(&PartSettings, &mut Init) -> Result<Box<dyn PosteriorFamily>>,
}

type BuildPrior = fn(&PartSettings, &dyn PosteriorFamily, &mut Init) -> Result<Box<dyn PriorFamily>>;

/// A prior in the list.
pub struct KnownPrior {
    /// The name that settings use.
    pub name: &'static str,
    /// One line for lists.
    pub doc: &'static str,
    /// Settings of parts that it looks at.
    pub reads: &'static [&'static str],
    /// True where codes of such a kind lie where this prior does.
    lies: fn(Support) -> bool,
    build: BuildPrior,
}

/// Every posterior.
pub const POSTERIORS: &[KnownPosterior] = &[
    KnownPosterior {
        name: "diagonal-gaussian",
        doc: "independent dimensions",
        reads: &[],
        build: |_, _| Ok(Box::new(DiagonalGaussian)),
    },
    KnownPosterior {
        name: "full-gaussian",
        doc: "all covariances, by a Cholesky factor",
        reads: &[],
        build: |_, _| Ok(Box::new(FullGaussian)),
    },
    KnownPosterior {
        name: "planar",
        doc: "a Gaussian bent by planar flows",
        reads: &["flow_steps"],
        build: |p, _| Ok(Box::new(Planar::new(p.flow_steps, p.latent))),
    },
    KnownPosterior {
        name: "householder",
        doc: "a Gaussian turned by reflections",
        reads: &["flow_steps"],
        build: |p, _| Ok(Box::new(Householder::new(p.flow_steps, p.latent))),
    },
    KnownPosterior {
        name: "iaf",
        doc: "a Gaussian bent by inverse autoregressive flows",
        reads: &["flow_steps", "flow_hidden"],
        build: |p, init| Ok(Box::new(InverseAutoregressive::new(p.flow_steps, p.latent, p.flow_hidden, init))),
    },
    KnownPosterior {
        name: "von-mises-fisher",
        doc: "directions on a sphere",
        reads: &[],
        build: |p, _| match p.latent {
            0 | 1 => Err(Error::setting("latent", "a sphere needs 2 dimensions or more")),
            _ => Ok(Box::new(VonMisesFisher)),
        },
    },
    KnownPosterior {
        name: "spike-and-slab",
        doc: "dimensions that are 0 where they say nothing",
        reads: &["slab"],
        build: |_, _| Ok(Box::new(SpikeAndSlab)),
    },
    KnownPosterior {
        name: "categorical",
        doc: "class variables, relaxed in training",
        reads: &["categories", "temperature"],
        build: |p, _| {
            classes(p, p.latent)?;
            Ok(Box::new(Mixed { reals: 0, classes: p.categories, temperature: p.temperature }))
        },
    },
    KnownPosterior {
        name: "joint",
        doc: "a class variable beside real dimensions",
        reads: &["categories", "temperature"],
        build: |p, _| {
            let Some(reals) = p.latent.checked_sub(p.categories).filter(|r| *r > 0) else {
                let problem = format!("found {}, expected fewer than the {} dimensions of z", p.categories, p.latent);
                return Err(Error::setting("categories", problem));
            };
            Ok(Box::new(Mixed { reals, classes: p.categories, temperature: p.temperature }))
        },
    },
    KnownPosterior {
        name: "quantized",
        doc: "rows of a learned codebook",
        reads: &["components", "flow_hidden", "positions", "levels", "commitment"],
        build: |p, _| {
            let (positions, levels) = (p.positions, p.levels);
            if !p.latent.is_multiple_of(levels * positions) {
                let (key, found) = match levels {
                    1 => ("positions", positions.to_string()),
                    _ => ("levels", format!("{levels} times {positions} positions")),
                };
                let problem = format!("found {found}, expected what divides the {} dimensions of z", p.latent);
                return Err(Error::setting(key, problem));
            }
            let indicators = (levels * positions).saturating_mul(p.components);
            if indicators > MAX_INDICATORS {
                let problem =
                    format!("makes {indicators} codes over all of z, expected at most {MAX_INDICATORS}; lower it");
                return Err(Error::setting("components", problem));
            }
            Ok(Box::new(Quantized { positions, levels, commitment: p.commitment }))
        },
    },
    KnownPosterior {
        name: "ladder",
        doc: "groups of latents, each joined with its prior given the one above",
        reads: &["flow_hidden", "groups"],
        build: |p, _| Ok(Box::new(Ladder { groups: p.groups, joined: true })),
    },
    KnownPosterior {
        name: "hierarchical",
        doc: "groups of latents, each from the encoder alone",
        reads: &["flow_hidden", "groups"],
        build: |p, _| Ok(Box::new(Ladder { groups: p.groups, joined: false })),
    },
    KnownPosterior {
        name: "staged",
        doc: "codes, and codes of codes that leave them as they are",
        reads: &["flow_hidden"],
        build: |p, init| Ok(Box::new(Staged::new(p.latent, p.flow_hidden, init))),
    },
    KnownPosterior {
        name: "deterministic",
        doc: "a point, for autoencoders",
        reads: &[],
        build: |_, _| Ok(Box::new(Deterministic)),
    },
];

/// Where Gaussians, mixtures and flows lie.
const REALS: fn(Support) -> bool = |support| support == Support::Reals;

/// Every prior. `auto` is the first that lies where the codes do.
pub const PRIORS: &[KnownPrior] = &[
    KnownPrior {
        name: "standard-normal",
        doc: "N(0, I)",
        reads: &[],
        lies: REALS,
        build: |p, _, _| Ok(Box::new(StandardNormal::new(p.latent))),
    },
    KnownPrior {
        name: "mixture",
        doc: "a learned mixture of Gaussians",
        reads: &["components"],
        lies: REALS,
        build: |p, _, init| Ok(Box::new(Mixture::new(p.components, p.latent, init))),
    },
    KnownPrior {
        name: "vamp",
        doc: "a mixture of posteriors of learned rows",
        reads: &["components"],
        lies: REALS,
        build: |p, posterior, init| {
            if !posterior.begins_with_gaussian() {
                let problem =
                    format!("'vamp' is made of Gaussians of the encoder, which '{}' does not have", posterior.name());
                return Err(Error::setting("prior", problem));
            }
            Ok(Box::new(Vamp::new(p.components, p.width, p.latent, init)))
        },
    },
    KnownPrior {
        name: "maf",
        doc: "a masked autoregressive flow",
        reads: &["flow_steps", "flow_hidden"],
        lies: REALS,
        build: |p, _, init| Ok(Box::new(MaskedAutoregressive::new(p.flow_steps, p.latent, p.flow_hidden, init))),
    },
    KnownPrior {
        name: "realnvp",
        doc: "a flow of couplings",
        reads: &["flow_steps", "flow_hidden"],
        lies: REALS,
        build: |p, _, init| Ok(Box::new(RealNvp::new(p.flow_steps, p.latent, p.flow_hidden, init))),
    },
    KnownPrior {
        name: "uniform-sphere",
        doc: "uniform on the sphere",
        reads: &[],
        lies: |s| s == Support::Sphere,
        build: |p, _, _| Ok(Box::new(Sphere::new(p.latent))),
    },
    KnownPrior {
        name: "uniform-classes",
        doc: "each class as likely as another",
        reads: &["categories"],
        lies: |s| matches!(s, Support::Classes { .. }),
        build: |p, posterior, _| {
            let reals = if let Support::Classes { reals, .. } = posterior.support() { reals } else { 0 };
            let variables = classes(p, p.latent - reals)?;
            Ok(Box::new(Classes { reals, variables, classes: p.categories }))
        },
    },
    KnownPrior {
        name: "spike-slab",
        doc: "0, or N(0, 1) with probability `slab`",
        reads: &["slab"],
        lies: |s| s == Support::Spikes,
        build: |p, _, _| Ok(Box::new(SpikeSlab::new(p.latent, p.slab))),
    },
    KnownPrior {
        name: "codebook",
        doc: "codes, each given those before it",
        reads: &["components", "flow_hidden", "positions", "levels"],
        lies: |s| matches!(s, Support::Codes { .. }),
        build: |p, _, init| {
            Ok(Box::new(Codebook::new(p.components, (p.levels, p.positions), p.latent, p.flow_hidden, init)))
        },
    },
    KnownPrior {
        name: "top-down",
        doc: "N(0, I) at the top, below it Gaussians by networks",
        reads: &["flow_hidden", "groups"],
        lies: |s| s == Support::Groups,
        build: |p, posterior, init| Ok(Box::new(prior::Ladder::new(&posterior.groups(p.latent), p.flow_hidden, init))),
    },
];

impl KnownPosterior {
    /// A small one, to ask what it can do.
    ///
    /// # Errors
    /// One that is not for such numbers.
    pub fn example(&self) -> Result<Box<dyn PosteriorFamily>> {
        (self.build)(&PartSettings::SMALL, &mut Init::new(Rng::new(0)))
    }
}

/// The priors for the codes of a posterior, the one that `auto` takes first.
pub fn priors_for(known: &KnownPosterior) -> Vec<&'static str> {
    let mut init = Init::new(Rng::new(0));
    let Ok(posterior) = known.example() else { return Vec::new() };
    // Points are trained without a prior.
    if !posterior.is_density() {
        return Vec::new();
    }
    let fits = |prior: &&KnownPrior| (prior.lies)(posterior.support());
    let builds = |prior: &&KnownPrior| (prior.build)(&PartSettings::SMALL, &*posterior, &mut init).is_ok();
    PRIORS.iter().filter(fits).filter(builds).map(|prior| prior.name).collect()
}

/// Class variables that fill `dimensions`.
fn classes(p: &PartSettings, dimensions: usize) -> Result<usize> {
    if p.categories >= 2 && dimensions.is_multiple_of(p.categories) {
        return Ok(dimensions / p.categories);
    }
    let problem =
        format!("found {}, expected a number of at least 2 that divides the {dimensions} dimensions", p.categories);
    Err(Error::setting("categories", problem))
}

/// Builds the posterior of a name.
///
/// # Errors
/// An unknown name, or numbers that do not suit it.
pub fn posterior(name: &str, parts: &PartSettings, init: &mut Init) -> Result<Box<dyn PosteriorFamily>> {
    match POSTERIORS.iter().find(|known| known.name == name) {
        Some(known) => (known.build)(parts, init),
        None => Err(unknown("posterior", name, POSTERIORS.iter().map(|known| known.name).collect())),
    }
}

/// Builds the prior of a name for the codes of a posterior; `auto` is the plainest that lies there.
///
/// # Errors
/// An unknown name, one that lies elsewhere, or numbers that do not suit it.
pub fn prior(
    name: &str,
    posterior: &dyn PosteriorFamily,
    parts: &PartSettings,
    init: &mut Init,
) -> Result<Box<dyn PriorFamily>> {
    let support = posterior.support();
    let known = match name {
        // As it was called when there were never more.
        "two-groups" => PRIORS.iter().find(|known| known.name == "top-down"),
        "auto" => PRIORS.iter().find(|known| (known.lies)(support)),
        name => PRIORS.iter().find(|known| known.name == name),
    };
    let Some(known) = known else {
        let names = std::iter::once("auto").chain(PRIORS.iter().map(|known| known.name)).collect();
        return Err(unknown("prior", name, names));
    };
    if !(known.lies)(support) {
        let of_these = POSTERIORS.iter().find(|known| known.name == posterior.name());
        let here = of_these.map(priors_for).unwrap_or_default().join(", ");
        let problem = format!("'{name}' is not for codes of '{}'; expected auto, {here}", posterior.name());
        return Err(Error::setting("prior", problem));
    }
    (known.build)(parts, posterior, init)
}

fn unknown(key: &str, name: &str, names: Vec<&str>) -> Error {
    let nearest = crate::nearest(name, names.iter().copied());
    let hint = nearest.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
    Error::setting(key, format!("'{name}' is unknown; expected one of {}{hint}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_posterior_has_a_small_example_and_every_density_a_prior() {
        for known in POSTERIORS {
            let example = known.example().unwrap();
            assert_eq!(priors_for(known).is_empty(), !example.is_density(), "{}", known.name);
        }
    }
}
