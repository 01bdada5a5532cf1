//! Many runs from one configuration: which to make, and what came of them.
//!
//! A sweep is a configuration with a table `[sweep]` whose keys are settings
//! and whose values are lists (a grid) or ranges (a random search):
//!
//! ```toml
//! data = "shapes"
//! epochs = 10
//!
//! [sweep]
//! beta = [1, 4, 10]
//! lr = { min = 1e-4, max = 1e-2, log = true }   # drawn; needs `runs`
//! seed = [0, 1, 2]
//! runs = 20
//! ```

mod page;
mod plan;
mod schedule;
mod table;

pub use crate::plot::page::quoted;
pub use page::{choice, sweep_page};
pub use plan::{Plan, Point};
pub use schedule::{SweepEvent, Trained};
pub use table::{Outcome, Summary, chosen, figure_names, shown, summarise, write_csv};
