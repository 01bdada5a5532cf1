//! Each fused operation beside the Burn operations that it replaces, forward
//! and backward: `cargo bench -p vaekit-ops`, or with a part of a name after `--`.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vaekit_ops::conv::{self, Geometry};
use vaekit_ops::device::{cpu, cpu_training};
use vaekit_ops::likelihood::{self, Family};
use vaekit_ops::linear::{linear, portable as portable_linear};
use vaekit_ops::{Activation, Tensor, from_vec, group_norm, latent, optimizer, resize};

// The allocator of the program: the system's gives large arrays back after every use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn wave(n: usize) -> Vec<f32> {
    (0..n).map(|i| (1.7 * i as f64).sin() as f32).collect()
}

fn data<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    from_vec(wave(shape.iter().product()), shape, &cpu())
}

fn weight<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    from_vec(wave(shape.iter().product()), shape, &cpu_training()).require_grad()
}

/// Times a result with its gradients, once with the kernel and once in Burn's operations.
fn pair<const D: usize>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    size: String,
    fused: impl Fn() -> Tensor<D>,
    portable: impl Fn() -> Tensor<D>,
) {
    group.bench_function(BenchmarkId::new("fused", &size), |b| b.iter(|| black_box(fused().sum().backward())));
    group.bench_function(BenchmarkId::new("burn", &size), |b| b.iter(|| black_box(portable().sum().backward())));
}

fn linears(c: &mut Criterion) {
    let mut group = c.benchmark_group("linear");
    for (n, i, o) in [(1, 784, 400), (16, 20, 400), (128, 784, 400), (128, 400, 40), (1024, 400, 784)] {
        let (x, w, b) = (data([n, i]), weight([i, o]), weight([o]));
        let act = Some(Activation::Relu);
        group.throughput(Throughput::Elements((6 * n * i * o) as u64));
        pair(
            &mut group,
            format!("{n}x{i}x{o}"),
            || linear(x.clone(), w.clone(), b.clone(), act),
            || portable_linear(x.clone(), w.clone(), b.clone(), act),
        );
    }
}

fn likelihoods(c: &mut Criterion) {
    let families = [
        ("bernoulli", Family::Bernoulli),
        ("gaussian", Family::UnitGaussian),
        ("gaussian-shared", Family::SharedGaussian),
        ("gaussian-learned", Family::LearnedGaussian { offset: 8.0, floor: -10.0 }),
    ];
    for (name, family) in families {
        let mut group = c.benchmark_group(name);
        for (b, x) in [(1, 1), (16, 30), (128, 784), (1024, 784)] {
            let r = if matches!(family, Family::LearnedGaussian { .. }) { 2 * x } else { x };
            let (rows, raw) = (data([b, x]), weight([1, b, r]));
            let log_var = || matches!(family, Family::SharedGaussian).then(|| weight([1]));
            pair(
                &mut group,
                format!("{b}x{x}"),
                || likelihood::log_likelihood(family, &rows, &raw, log_var(), None),
                || likelihood::portable(family, &rows, &raw, log_var(), None),
            );
            let mask = data([b, x]).greater_elem(0.0).float();
            pair(
                &mut group,
                format!("{b}x{x}-masked"),
                || likelihood::log_likelihood(family, &rows, &raw, log_var(), Some(&mask)),
                || likelihood::portable(family, &rows, &raw, log_var(), Some(&mask)),
            );
        }
    }
}

fn latents(c: &mut Criterion) {
    let mut group = c.benchmark_group("latent");
    for (k, b, d) in [(1, 1, 2), (1, 128, 20), (10, 128, 20), (1, 1024, 32)] {
        let (raw, eps) = (weight([b, 2 * d]), data([k, b, d]));
        let both = |(z, kl): (Tensor<3>, Tensor<2>)| z.sum() + kl.sum();
        pair(
            &mut group,
            format!("{k}x{b}x{d}"),
            || both(latent::sample_with_kl(raw.clone(), eps.clone(), (-30.0, 20.0))),
            || both(latent::portable(raw.clone(), eps.clone(), (-30.0, 20.0))),
        );
    }
}

fn convolutions(c: &mut Criterion) {
    let mut group = c.benchmark_group("conv");
    let act = Some(Activation::Relu);
    for (n, side, channels, o) in [(1, 8, 3, 8), (128, 28, 1, 32), (128, 14, 32, 64)] {
        let g = Geometry { height: side, width: side, channels, kernel: 4, stride: 2, padding: 1 };
        let (x, w, b) = (weight([n, side, side, channels]), weight([16 * channels, o]), weight([o]));
        let size = format!("{n}x{side}x{side}x{channels}-{o}");
        pair(
            &mut group,
            size.clone(),
            || conv::conv2d(x.clone(), w.clone(), b.clone(), g, act),
            || conv::portable(x.clone(), w.clone(), b.clone(), g, act),
        );
        let (small, w, b) = (weight([n, side / 2, side / 2, o]), weight([o, 16 * channels]), weight([channels]));
        pair(
            &mut group,
            format!("{size}-transposed"),
            || conv::conv_transpose2d(small.clone(), w.clone(), b.clone(), g, act),
            || conv::portable_transposed(small.clone(), w.clone(), b.clone(), g, act),
        );
    }
    group.finish();
    let mut group = c.benchmark_group("image");
    for (n, side, channels) in [(1, 4, 8), (128, 14, 32)] {
        let (x, gamma, beta) = (weight([n, side, side, channels]), weight([channels]), weight([channels]));
        pair(
            &mut group,
            format!("group-norm-{n}x{side}x{side}x{channels}"),
            || group_norm::group_norm(x.clone(), gamma.clone(), beta.clone(), 8),
            || {
                let flat = x.clone().reshape([n, side * side, channels]);
                group_norm::portable(flat, gamma.clone(), beta.clone(), 8).reshape([n, side, side, channels])
            },
        );
        pair(
            &mut group,
            format!("resize-{n}x{side}x{side}x{channels}"),
            || resize::resize(x.clone(), 2 * side, 2 * side),
            || resize::portable(x.clone(), 2 * side, 2 * side),
        );
    }
}

fn activations(c: &mut Criterion) {
    let mut group = c.benchmark_group("activation");
    for (name, act) in Activation::ALL {
        for n in [16, 100_000] {
            let x = weight([n]);
            pair(&mut group, format!("{name}-{n}"), || act.apply(x.clone()), || act.portable(x.clone()));
        }
    }
}

fn optimizers(c: &mut Criterion) {
    let mut group = c.benchmark_group("optimizer");
    for n in [10, 10_000, 1_000_000] {
        group.throughput(Throughput::Elements(n as u64));
        let (mut p, g, mut a, mut b) = (wave(n), wave(n), vec![0.0; n], vec![0.0; n]);
        let adam = optimizer::Adam { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        group.bench_function(BenchmarkId::new("adam", n), |bench| {
            bench.iter(|| optimizer::adam(&mut p, &g, &mut a, &mut b, 10, adam));
        });
        group.bench_function(BenchmarkId::new("adamw", n), |bench| {
            bench.iter(|| optimizer::adamw(&mut p, &g, &mut a, &mut b, 10, adam));
        });
        group.bench_function(BenchmarkId::new("sgd", n), |bench| {
            bench.iter(|| optimizer::sgd(&mut p, &g, &mut a, 1e-3, 0.9, 0.0));
        });
        group.bench_function(BenchmarkId::new("sum-of-squares", n), |bench| {
            bench.iter(|| black_box(optimizer::sum_of_squares(&g)));
        });
        // Adam as Burn has it, an operation a line, so that "fused" has its counterpart.
        let (q, grad) = (data([n]), data([n]));
        group.bench_function(BenchmarkId::new("adam-burn-operations", n), |bench| {
            bench.iter(|| {
                let m = grad.clone().mul_scalar(0.9) + grad.clone().mul_scalar(0.1);
                let v = grad.clone().square().mul_scalar(0.999) + grad.clone().square().mul_scalar(0.001);
                black_box(q.clone() - (m.div_scalar(0.5) / (v.div_scalar(0.5).sqrt() + 1e-8)).mul_scalar(1e-3))
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = linears, likelihoods, latents, convolutions, activations, optimizers
}
criterion_main!(benches);
