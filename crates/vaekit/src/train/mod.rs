//! Training: one visible loop for every variant.

mod advice;
pub mod bench;
mod early_stopping;
mod event;
mod fit_prior;
mod gradient;
mod learning_rate;
mod optim;
mod session;
mod trainer;

pub use event::TrainEvent;
pub use trainer::{Changes, Trainer};
