//! How good a model is, in figures that can be compared.
//!
//! | module | what |
//! |---|---|
//! | [`evaluate`] | ELBO, rate, distortion, what each latent dimension does |
//! | [`rows`](RowFigures) | the same row by row, for errors, worst rows and paired differences |
//! | [`likelihood`] | log p(x) with its error, and why the ELBO lies below it |
//! | [`density`] | mixtures and flows fitted to codes |
//! | [`predictive`] | what a model expects of each column of a row |
//! | [`bags`] | mixtures over small bags of rows |
//! | [`kernel`] | a kernel density over rows |
//! | [`latents`] | all codes together against the prior |
//! | [`disentanglement`] | whether a latent dimension stands for one cause |
//! | [`representation`] | what codes are good for, against pixels and PCA |
//! | [`synthetic`] | drawn rows of a table beside real ones |
//! | [`quality`] | samples against rows the model has not seen |

pub mod bags;
pub mod density;
pub mod disentanglement;
mod figures;
pub mod kernel;
pub mod latents;
pub mod likelihood;
pub mod predictive;
pub mod quality;
pub mod representation;
mod rows;
mod statistics;
pub mod synthetic;

pub use figures::{Figures, LatentStats, evaluate};
pub use rows::RowFigures;
pub use statistics::{critical, paired};
pub(crate) use statistics::{mean, median_and_spread, standard_error};
