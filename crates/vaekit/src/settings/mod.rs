//! Settings of a training run: declared once, put together in layers, checked.
//!
//! A setting is a row of [`TrainConfig`] (`config.rs`) or of
//! [`ModelSettings`](crate::variants::ModelSettings), by the macro of `declare.rs`. `merge.rs` puts layers together,
//! `check.rs` looks at ranges and at settings without effect.

mod check;
mod config;
mod merge;
mod text;

pub use check::{setting, settings};
pub use config::{LrSchedule, Optimizer, OutputBias, TrainConfig};
pub(crate) use text::in_plain_words;

pub use crate::declare::{Group, Read, Setting, Takes};
