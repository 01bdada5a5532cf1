//! Whether each latent dimension stands for one cause of the data.
//!
//! | score | asks | reference |
//! |---|---|---|
//! | [`mig`] | does one code know a factor much better than the next? | Chen et al. 2018 |
//! | [`dci`] | do importances of codes for factors single out one? | Eastwood & Williams 2018 |
//! | [`sap`] | does one code predict a factor much better than the next? | Kumar et al. 2018 |
//! | [`beta_vae`] | can a linear classifier tell which factor was held? | Higgins et al. 2017 |
//! | [`factor_vae`] | does the code that varies least tell which factor was held? | Kim & Mnih 2018 |
//! | [`modularity`], [`explicitness`] | does a code know one factor only; can factors be read linearly? | Ridgeway & Mozer 2018 |
//! | [`irs`] | does a code stay where it is when other factors change? | Suter et al. 2019 |
//! | [`udr`] | do models of other seeds find the same codes? no factors needed | Duan et al. 2020 |
//!
//! All lie between 0 and 1, higher is better. They measure different things
//! and need not agree.

mod dci;
mod factors;
mod held;
mod information;
mod irs;
mod readable;
mod sap;
mod udr;

pub use dci::{Dci, dci};
pub use factors::Factor;
pub use held::{beta_vae, factor_vae};
pub use information::{Mig, mig, modularity};
pub use irs::irs;
pub use readable::explicitness;
pub use sap::sap;
pub use udr::udr;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::rng::{Purpose, Rng};

use super::latents::Posteriors;

/// Every score that needs factors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disentanglement {
    /// Mutual information gap from mean codes in 20 bins, over all factors (Locatello et al. 2019).
    pub mig_binned: f64,
    /// Mutual information gap from samples of q(z given x) by density (Chen et al. 2018, appendix C).
    /// None where codes are points.
    pub mig_sampled: Option<f64>,
    /// How far a dimension serves one factor.
    pub dci_disentanglement: f64,
    /// How far a factor is served by one dimension.
    pub dci_completeness: f64,
    /// Accuracy of the trees that importances come from, on rows they have not seen.
    pub dci_informativeness: f64,
    /// Separated attribute predictability.
    pub sap: f64,
    /// Accuracy of the classifier of Higgins et al.
    pub beta_vae: f64,
    /// Accuracy of the vote of Kim & Mnih.
    pub factor_vae: f64,
    /// Modularity of Ridgeway & Mozer.
    pub modularity: f64,
    /// Mean area under the ROC curve of a linear classifier; 0.5 is chance.
    pub explicitness: f64,
    /// Interventional robustness.
    pub irs: f64,
    /// Factors that were judged.
    pub factors: Vec<String>,
    /// Rows that were judged.
    pub rows: usize,
    /// The same scores where each row has the factors of another row: what chance alone gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Box<Disentanglement>>,
}

/// Computes every score on one set of codes, and what chance alone gives.
///
/// # Errors
/// A classifier that cannot be fitted.
pub fn disentanglement(q: &Posteriors, factors: &[Factor], rng: Rng) -> Result<Disentanglement> {
    let order = rng.at(5).permutation(Purpose::Score, q.mean.nrows());
    let permuted = |f: &Factor| Factor { values: order.iter().map(|i| f.values[*i as usize]).collect(), ..f.clone() };
    let chance = scores(q, &factors.iter().map(permuted).collect::<Vec<Factor>>(), rng)?;
    Ok(Disentanglement { chance: Some(Box::new(chance)), ..scores(q, factors, rng)? })
}

fn scores(q: &Posteriors, factors: &[Factor], rng: Rng) -> Result<Disentanglement> {
    let mig = mig(q, factors, rng);
    let dci = dci(&q.mean, factors, rng)?;
    Ok(Disentanglement {
        mig_binned: mig.binned,
        mig_sampled: Some(mig.sampled),
        dci_disentanglement: dci.disentanglement,
        dci_completeness: dci.completeness,
        dci_informativeness: dci.informativeness,
        sap: sap(&q.mean, factors)?,
        beta_vae: beta_vae(&q.mean, factors, rng)?,
        factor_vae: factor_vae(&q.mean, factors, rng),
        modularity: modularity(&q.mean, factors),
        explicitness: explicitness(&q.mean, factors)?,
        irs: irs(&q.mean, factors),
        factors: factors.iter().map(|f| f.name.clone()).collect(),
        rows: q.mean.nrows(),
        chance: None,
    })
}

#[cfg(test)]
mod tests;
