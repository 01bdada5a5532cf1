//! What a trained model is for; each file is a verb of the command line.
//!
//! The verbs are methods of [`Model`](crate::model::Model), which needs no folder; those that write into a run folder are
//! methods of [`Run`](crate::Run). They return [`Values`], which
//! know how to write themselves as a picture, as npy or as csv.

pub mod classify;
mod cluster;
mod codes;
mod compare;
mod demanded;
pub mod denoise;
mod discrete;
mod encode;
mod evaluate;
mod given;
mod impute;
mod interpolate;
mod manifold;
mod pictures;
mod reconstruct;
mod reduce;
mod report;
mod sample;
mod sampler;
mod score;
pub mod sparse;
mod traverse;
mod values;
mod widths;

pub use cluster::{Asked, CLUSTERINGS, Clustered, Clustering};
pub use codes::Codes;
pub use compare::{Comparison, Contender, Judged, choosable, comparable, compare};
pub use demanded::Demanded;
pub use discrete::DiscreteUse;
pub use evaluate::{Judgement, Synthetic};
pub use impute::{FilledCell, FilledTable, Filling, impute, write_cells};
pub use interpolate::Between;
pub use pictures::Pictures;
pub use reduce::{REDUCTIONS, Reduction, write_map};
pub use report::{Effort, comparison_page};
pub use sample::{Drawing, Observation};
pub use sampler::{SOURCES, Source};
pub use score::{By, Calibration, How, Reason, Reasons, SAMPLES, SCORES, ScoredTable, Scorer, Threshold};
pub use values::{Values, check_output};
pub use widths::Widths;

/// Rows that a use takes at once.
pub(crate) const BATCH: usize = 512;
