//! How the cases of `vaekit bench` are measured.

use std::time::{Duration, Instant};

use vaekit_ops::gemm::{Matrix, product};
use vaekit_ops::{device, pool, to_vec};

use crate::data::{Batches, Dataset, Encoding, Kind, Preparation, Rows, Schema, Step, Transform};
use crate::model::{Mode, Net};
use crate::nn::Parameters;
use crate::objective::Progress;
use crate::rng::{Purpose, Rng};
use crate::settings::TrainConfig;
use crate::train::{Optim, Pass, gradients};
use crate::variants::{Params, Recipe, Target, find};
use crate::{Error, Result};

use super::{Measured, STEPS, config};

/// Steps whose loss is reported, the last before the clock starts.
const LAST: usize = 50;

/// Rows that encoding and decoding go through.
const INFERENCE_ROWS: usize = 60_000;
const INFERENCE_BATCH: usize = 1_000;

/// Rows of 28 x 28 bytes: 255 (1 + sin(..)) / 2, with as many phases and lengths as a class would have variants.
fn waves(rows: usize) -> Result<Dataset> {
    let tau = std::f64::consts::TAU;
    let value = |i: usize, j: usize| {
        let (x, y) = ((j % 28) as f64, (j / 28) as f64);
        let across = 0.37 * (i % 10 + 1) as f64 * x / 28.0 * tau;
        let angle = across + 0.61 * (i % 7) as f64 + 0.23 * y * (i % 5 + 1) as f64;
        ((0.5 + 0.5 * angle.sin()) * 255.0).round_ties_even() as u8
    };
    // 10, 7 and 5 have 70 for a common multiple: later rows repeat the first.
    let first: Vec<u8> = (0..70).flat_map(|i| (0..784).map(move |j| value(i, j))).collect();
    let values = first.iter().copied().cycle().take(rows * 784).collect();
    Dataset::new("waves", Schema::images([1, 28, 28], Kind::Byte), Rows::U8(values))
}

fn build(config: &TrainConfig, data: &Dataset) -> Result<(Recipe, Preparation)> {
    let rng = Rng::new(config.seed);
    let (transform, all) = match data.schema().is_image() {
        true => (Transform::Unit, vec![0]),
        false => (Transform::Standardize, (0..data.len() as u32).collect()),
    };
    let encoding = Encoding::fit(transform, data, &all)?;
    let target = Target { schema: data.schema(), encoding: &encoding, rows: data.len(), rng };
    let recipe = find(&config.variant)?.build(&config.model, &Params::default(), &target)?;
    Ok((recipe, Preparation { encoding, rng, hide: 0.0 }))
}

/// Rows of another width, with gaps where they are asked for.
fn rows_of(rows: super::Rows) -> Result<Dataset> {
    let data = match rows.columns {
        None => waves(rows.count)?,
        Some(columns) => {
            let ids: Vec<u64> = (0..rows.count as u64).collect();
            let values = Rng::new(0).normal(Purpose::Builtin, &ids, columns);
            Dataset::new("noise", Schema::table((0..columns).map(|i| format!("c{i}")), Kind::Real), Rows::F32(values))?
        }
    };
    if !rows.gaps {
        return Ok(data);
    }
    // A fifth of each column.
    let width = data.width();
    let known: Vec<bool> = (0..data.len() * width).map(|i| (i / width + i) % 5 != 2).collect();
    data.masked(&known)
}

pub fn train(config: &TrainConfig, rows: super::Rows, steps: usize, time: Duration) -> Result<Measured> {
    let data = rows_of(rows)?;
    let rows = rows.count;
    let (mut recipe, preparation) = build(config, &data)?;
    recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
    let mut optim = Optim::new(config, &recipe);
    let every: Vec<u32> = (0..rows as u32).collect();
    let (mut step, mut loss, mut timed, mut start) = (0, 0.0, 0usize, Instant::now());
    for epoch in 1.. {
        let batches = Batches::shuffled(&data, &preparation, &every, config.batch, epoch);
        batches.for_each(0, |_, host| {
            // A smaller last batch would blur what is measured.
            if host.row_ids.len() < config.batch.min(rows) {
                return Ok(Step::Continue);
            }
            if step == steps {
                start = Instant::now();
            }
            let batch = host.to_device(&device::here());
            let rng = preparation.rng.at(epoch);
            let Pass { loss: value, gradients: found, .. } = gradients(&recipe, &batch, Progress { epoch: 0.0, rng });
            let Some(found) = found else {
                return Err(Error::setting("bench", format!("the loss became {} in step {step}", value.loss)));
            };
            step += 1;
            optim.step(&mut recipe, &found, config.lr, step as u64);
            if step + LAST > steps && step <= steps {
                loss += value.loss / LAST.min(steps) as f64;
            }
            timed += if step > steps { batch.len() } else { 0 };
            Ok(if step > steps && start.elapsed() > time { Step::Stop } else { Step::Continue })
        })?;
        if step > steps && start.elapsed() > time {
            break;
        }
    }
    let speed = timed as f64 / start.elapsed().as_secs_f64();
    let flops = training_flops(config, &data)?;
    Ok(measured(Some(speed), speed * flops, (steps == STEPS).then_some(loss), step))
}

/// Floating-point operations a row in the matrix products of a training step:
/// two for each multiplication, forward and for both gradients, but for the
/// gradient of the data.
fn training_flops(config: &TrainConfig, data: &Dataset) -> Result<f64> {
    let (hidden, latent) = (&config.model.hidden, config.model.latent);
    let products = |sizes: &[usize]| sizes.windows(2).map(|p| (p[0] * p[1]) as f64).sum::<f64>();
    let back: Vec<usize> = hidden.iter().rev().copied().collect();
    let around = |width: usize| {
        products(&[&[width], hidden.as_slice(), &[2 * latent]].concat())
            + products(&[&[latent], back.as_slice(), &[width]].concat())
    };
    let net = config.model.network()?.net;
    if net == Net::Mlp {
        let width = data.width();
        return Ok(6.0 * around(width) - 2.0 * (width * hidden[0]) as f64);
    }
    // 28 to 14 with 16 values a patch, 14 to 7 with 512, each way; two blocks of two convolutions each way.
    let stages = (196 * 16 * 32 + 49 * 512 * 64) as f64;
    let blocks = if net == Net::ResNet { 2.0 * (196 * 288 * 32 + 49 * 576 * 64) as f64 } else { 0.0 };
    Ok(6.0 * (2.0 * (stages + blocks) + around(3136)) - 2.0 * (196 * 16 * 32) as f64)
}

pub fn infer(encode: bool, time: Duration) -> Result<Measured> {
    let data = waves(INFERENCE_ROWS)?;
    let (recipe, preparation) = build(&config("mlp", &[400], 20, 128), &data)?;
    let vae = &recipe.vae;
    let every: Vec<u32> = (0..INFERENCE_ROWS as u32).collect();
    let batches = Batches::in_order(&data, &preparation, &every, INFERENCE_BATCH);
    // Rows and codes are in memory as floats, as a peer's are.
    let mut inputs = Vec::new();
    batches.for_each(0, |_, host| {
        let batch = host.to_device(&device::here());
        let codes = vae.encode(&batch, Mode::Infer).mean();
        inputs.push((batch, codes));
        Ok(Step::Continue)
    })?;
    // The mean over all passes but the first, which warms up: what `bench/peers.py` measures of PyTorch.
    let (mut passes, mut start) = (0, Instant::now());
    while passes < 3 || start.elapsed() < time {
        if passes == 1 {
            start = Instant::now();
        }
        let mut out = Vec::with_capacity(INFERENCE_ROWS * 784);
        for (batch, codes) in &inputs {
            out.extend_from_slice(&match encode {
                true => to_vec(vae.encode(batch, Mode::Infer).mean()),
                false => to_vec(vae.decode_mean(codes.clone(), None)),
            });
        }
        passes += 1;
    }
    let speed = ((passes - 1) * INFERENCE_ROWS) as f64 / start.elapsed().as_secs_f64();
    let products = if encode { 784 * 400 + 400 * 40 } else { 20 * 400 + 400 * 784 };
    Ok(measured(Some(speed), speed * 2.0 * products as f64, None, passes))
}

/// The best rate over products of the shapes that training has, and a large one.
pub fn limit(time: Duration) -> Measured {
    let values = vec![0.5f32; 1024 * 1024];
    let (mut best, mut rounds, start) = (0f64, 0, Instant::now());
    while rounds < 3 || start.elapsed() < time {
        for (m, k, n) in [(128, 784, 400), (400, 128, 784), (1024, 784, 400), (1024, 1024, 1024)] {
            let (a, b) = (Matrix::new(&values, m, k), Matrix::new(&values, k, n));
            let each = Instant::now();
            drop(product(a, b));
            best = best.max(2.0 * (m * k * n) as f64 / each.elapsed().as_secs_f64());
        }
        rounds += 1;
    }
    measured(None, best, None, rounds)
}

fn measured(speed: Option<f64>, flops: f64, loss: Option<f64>, steps: usize) -> Measured {
    let threads = pool::threads();
    Measured { id: String::new(), samples_per_second: speed, gflops: flops * 1e-9, threads, loss, steps, peak_mb: None }
}

/// The high-water mark of this process's memory, from Linux's account of it.
pub fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1024.0)
}
