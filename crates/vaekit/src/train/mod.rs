//! Training: one visible loop for every variant.

mod advice;
mod begin;
mod early_stopping;
mod epoch;
mod event;
mod fit_prior;
mod gradient;
mod learning_rate;
mod optim;
mod save;
mod session;
mod step;
mod trainer;

pub use event::TrainEvent;
pub use gradient::{BatchLoss, Gradients, Pass, gradients};
pub use optim::Optim;
pub use trainer::{Changes, Trainer};
