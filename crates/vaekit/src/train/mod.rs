//! Training: one visible loop for every variant.

mod early_stopping;
mod event;
mod learning_rate;
mod optim;
mod session;
mod trainer;

pub use event::TrainEvent;
pub use trainer::{Changes, Trainer};
