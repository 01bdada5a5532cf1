//! How fast this machine trains and uses models: the cases of `vaekit bench`.
//!
//! The data are waves made by a formula, so that other programs can be given
//! the same rows; `bench/peers.py` does that.

mod estimators;
mod measure;

pub use estimators::{Spread, spreads};

use std::time::Duration;

use serde::Serialize;
use vaekit_ops::device;

use crate::settings::TrainConfig;
use crate::{Error, Result};

use measure::{infer, limit, peak_mb, train};

/// Steps before the clock starts; the loss is the mean over the last fifty of them.
const STEPS: usize = 300;

/// Steps before the clock starts where no peer's loss is compared, or the wait would be long.
const FEW_STEPS: usize = 30;

/// What one case showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// What was measured, such as `mlp-784-400-20-b128`.
    pub id: String,
    /// Rows a second; none for the limit of matrix products.
    pub samples_per_second: Option<f64>,
    /// 10^9 floating-point operations a second in matrix products.
    pub gflops: f64,
    /// Threads that computed.
    pub threads: usize,
    /// -ELBO in nats an example over steps 251 to 300, for training that takes so many before the clock starts.
    pub loss: Option<f64>,
    /// Steps before the clock started, and after.
    pub steps: usize,
    /// The most memory that the process has held so far, where the system tells.
    pub peak_mb: Option<f64>,
}

/// A thing to measure.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was measured, such as `mlp-784-400-20-b128`.
    pub id: String,
    work: Work,
}

#[derive(Clone, Debug)]
enum Work {
    Train { config: Box<TrainConfig>, rows: Rows, threads: Option<usize>, steps: usize },
    Encode,
    Decode,
    Limit,
}

/// The rows that a case trains on.
#[derive(Clone, Copy, Debug)]
struct Rows {
    count: usize,
    /// Columns of a table; none for the images of 28 x 28.
    columns: Option<usize>,
    /// Every fifth value is missing, and the encoder is told which.
    gaps: bool,
}

impl Rows {
    fn images(count: usize) -> Self {
        Self { count, columns: None, gaps: false }
    }
}

fn config(net: &str, hidden: &[usize], latent: usize, batch: usize) -> TrainConfig {
    let mut config = TrainConfig { batch, ..TrainConfig::default() };
    config.model.net = net.into();
    config.model.hidden = hidden.to_vec();
    config.model.latent = latent;
    config.model.likelihood = "bernoulli".into();
    config
}

/// Every case that runs unless others are asked for.
pub fn cases() -> Vec<Case> {
    let train = |id: &str, config, steps| Case {
        id: id.into(),
        work: Work::Train { config: Box::new(config), rows: Rows::images(6_000), threads: None, steps },
    };
    // A mask beside the rows costs the encoder a wider first layer, and the likelihood a look at it.
    let table = |id: &str, columns: Option<usize>, gaps| {
        let mut config = config("mlp", &[400], 20, 128);
        if columns.is_some() {
            config.model.likelihood = "gaussian-shared".into();
        }
        let rows = Rows { count: 6_000, columns, gaps };
        Case { id: id.into(), work: Work::Train { config: Box::new(config), rows, threads: None, steps: FEW_STEPS } }
    };
    let plain = |id: &str, work| Case { id: id.into(), work };
    vec![
        train("mlp-784-400-20-b64", config("mlp", &[400], 20, 64), STEPS),
        train("mlp-784-400-20-b128", config("mlp", &[400], 20, 128), STEPS),
        train("mlp-784-400-20-b1024", config("mlp", &[400], 20, 1024), STEPS),
        train("mlp-784-512-256-32-b128", config("mlp", &[512, 256], 32, 128), STEPS),
        train("conv-32-64-256-20-b128", config("conv", &[256], 20, 128), STEPS),
        train("resnet-32-64-256-20-b128", config("resnet", &[256], 20, 128), FEW_STEPS),
        table("masked-784-400-20-b128", None, true),
        table("table-20-400-20-b128", Some(20), false),
        table("masked-20-400-20-b128", Some(20), true),
        plain("encode-784-400-20", Work::Encode),
        plain("decode-784-400-20", Work::Decode),
        plain("gemm-limit", Work::Limit),
    ]
}

/// Cost against size: batch, hidden units, threads, rows.
pub fn sweep() -> Vec<Case> {
    let case = |id: String, hidden, batch, rows, threads| Case {
        id,
        work: Work::Train {
            config: Box::new(config("mlp", &[hidden], 20, batch)),
            rows: Rows::images(rows),
            threads: Some(threads),
            steps: FEW_STEPS,
        },
    };
    let mut all = Vec::new();
    for threads in [1, 2] {
        for batch in [16, 64, 256, 1024, 4096] {
            all.push(case(format!("sweep-batch-{batch}-threads-{threads}"), 400, batch, 6_000, threads));
        }
        for hidden in [100, 400, 1000, 4000] {
            all.push(case(format!("sweep-hidden-{hidden}-threads-{threads}"), hidden, 128, 6_000, threads));
        }
    }
    // Last and growing, because memory is measured as the most so far.
    for rows in [1_000, 10_000, 100_000, 1_000_000] {
        all.push(case(format!("sweep-rows-{rows}"), 400, 128, rows, 2));
    }
    all
}

/// The cases of some ids; `sweep` stands for all of [`sweep`].
///
/// # Errors
/// An unknown id.
pub fn choose(ids: &[String]) -> Result<Vec<Case>> {
    if ids.is_empty() {
        return Ok(cases());
    }
    let mut chosen = Vec::new();
    for id in ids {
        match cases().into_iter().find(|case| case.id == *id) {
            Some(case) => chosen.push(case),
            None if id == "sweep" => chosen.extend(sweep()),
            None => {
                let names: Vec<String> = cases().into_iter().map(|case| case.id).collect();
                let problem = format!("'{id}' is unknown; expected sweep or some of {}", names.join(", "));
                return Err(Error::setting("only", problem));
            }
        }
    }
    Ok(chosen)
}

impl Case {
    /// Measures for about `time`.
    ///
    /// # Errors
    /// None but those of building a model.
    pub fn run(&self, time: Duration) -> Result<Measured> {
        let mut measured = match &self.work {
            Work::Train { config, rows, threads, steps } => match threads {
                Some(n) => device::with_threads(*n, || train(config, *rows, *steps, time))?,
                None => train(config, *rows, *steps, time)?,
            },
            Work::Encode => infer(true, time)?,
            Work::Decode => infer(false, time)?,
            Work::Limit => limit(time),
        };
        measured.id.clone_from(&self.id);
        measured.peak_mb = peak_mb();
        Ok(measured)
    }
}
