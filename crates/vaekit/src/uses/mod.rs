//! What a trained model is for; each file is a verb of the command line.
//!
//! The verbs are methods of [`Run`](crate::Run). They return [`Values`], which
//! know how to write themselves as a picture, as npy or as csv.

mod chosen;
mod codes;
mod comparable;
mod compare;
mod encode;
mod evaluate;
mod given;
mod interpolate;
mod judge;
mod likelihood;
mod manifold;
mod pictures;
mod reconstruct;
mod report;
mod sample;
mod sampler;
mod traverse;
mod values;

pub use chosen::Chosen;
pub use codes::Codes;
pub use comparable::incomparable;
pub use compare::{Comparison, Contender, compare};
pub use interpolate::Between;
pub use judge::Judgement;
pub use pictures::Pictures;
pub use report::{Effort, comparison_page};
pub use sample::Observation;
pub use sampler::{SOURCES, Source};
pub use values::{Values, check_output};

/// Rows that a use takes at once.
pub(crate) const BATCH: usize = 512;
