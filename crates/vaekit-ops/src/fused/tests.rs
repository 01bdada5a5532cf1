//! Every kernel against its portable definition in float64: values, and
//! gradients by central differences of that definition.

use burn::tensor::{DType, Tensor};

use crate::activation::Activation;
use crate::conv::{self, Geometry};
use crate::device::{cpu, cpu_training};
use crate::likelihood::{self, Family};
use crate::linear::portable as portable_linear;
use crate::{from_vec, group_norm, latent, linear, resize, to_vec};

/// Numbers that no symmetry hides, between -1.5 and 1.5, and none at a corner of relu.
fn wave(n: usize, phase: f64) -> Vec<f32> {
    (0..n)
        .map(|i| (1.5 * (1.7 * i as f64 + phase).sin()) as f32)
        .map(|v| if v.abs() < 1e-3 { 0.1 } else { v })
        .collect()
}

fn in_f64(values: &[f64]) -> Tensor<1> {
    let data = burn::tensor::TensorData::new(values.to_vec(), [values.len()]);
    Tensor::from_data(data, (&cpu(), DType::F64))
}

fn from_f64(t: Tensor<1>) -> Vec<f64> {
    t.into_data().try_into_vec::<f64>().unwrap()
}

/// Compares a kernel with a definition, both from flat inputs to a flat result.
///
/// The gradient is that of the result's scalar product with a wave.
fn check(
    name: &str,
    inputs: &[Vec<f32>],
    fused: impl Fn(Vec<Tensor<1>>) -> Tensor<1>,
    portable: impl Fn(Vec<Tensor<1>>) -> Tensor<1>,
    tracked: &[usize],
) {
    let wide: Vec<Vec<f64>> = inputs.iter().map(|v| v.iter().map(|x| f64::from(*x)).collect()).collect();
    let run = |wide: &[Vec<f64>]| from_f64(portable(wide.iter().map(|v| in_f64(v)).collect()));
    let want = run(&wide);
    let tensors: Vec<Tensor<1>> = inputs
        .iter()
        .enumerate()
        .map(|(i, v)| match tracked.contains(&i) {
            true => from_vec(v.clone(), [v.len()], &cpu_training()).require_grad(),
            false => from_vec(v.clone(), [v.len()], &cpu()),
        })
        .collect();
    let plain: Vec<Tensor<1>> = inputs.iter().map(|v| from_vec(v.clone(), [v.len()], &cpu())).collect();
    let got = fused(tensors.clone());
    let close = |got: f32, want: f64, size: f64| (f64::from(got) - want).abs() <= 1e-5 * size.max(1e-2);
    let size = want.iter().fold(0f64, |m, v| m.max(v.abs()));
    let (values, inferred) = (to_vec(got.clone()), to_vec(fused(plain)));
    assert_eq!(values.len(), want.len(), "{name}");
    for ((v, i), w) in values.iter().zip(&inferred).zip(&want) {
        assert!(close(*v, *w, size), "{name}: {v} is not {w}");
        assert_eq!(v.to_bits(), i.to_bits(), "{name}: training and inference differ");
    }
    if want.is_empty() {
        return;
    }
    let weights = wave(want.len(), 0.4);
    let loss = |out: &[f64]| out.iter().zip(&weights).map(|(o, w)| o * f64::from(*w)).sum::<f64>();
    let gradients = (got * from_vec(weights.clone(), [weights.len()], &cpu())).sum().backward();
    for &i in tracked {
        let got = to_vec(tensors[i].grad(&gradients).unwrap());
        let places: Vec<usize> = (0..got.len()).step_by((got.len() / 23).max(1)).collect();
        let slopes: Vec<f64> = places
            .iter()
            .map(|&at| {
                let h = 1e-5;
                let shifted = |by: f64| {
                    let mut wide = wide.clone();
                    wide[i][at] += by;
                    loss(&run(&wide))
                };
                (shifted(h) - shifted(-h)) / (2.0 * h)
            })
            .collect();
        let size = slopes.iter().fold(0f64, |m, v| m.max(v.abs()));
        for (&at, slope) in places.iter().zip(slopes) {
            assert!(close(got[at], slope, 4.0 * size), "{name}: gradient {i} at {at} is {}, not {slope}", got[at]);
        }
    }
}

fn all_acts() -> Vec<Option<Activation>> {
    Activation::ALL.iter().map(|(_, act)| Some(*act)).chain([None]).collect()
}

#[test]
fn linear_agrees_with_its_definition() {
    for act in all_acts() {
        for (n, i, o) in [(3, 4, 5), (1, 7, 1), (5, 1, 40), (40, 33, 1), (2, 3, 97), (130, 9, 70)] {
            let inputs = [wave(n * i, 0.2), wave(i * o, 1.0), wave(o, 2.0)];
            let run = |f: fn(Tensor<2>, Tensor<2>, Tensor<1>, Option<Activation>) -> Tensor<2>| {
                move |t: Vec<Tensor<1>>| {
                    f(t[0].clone().reshape([n, i]), t[1].clone().reshape([i, o]), t[2].clone(), act).reshape([n * o])
                }
            };
            let name = format!("linear {n} {i} {o} {act:?}");
            check(&name, &inputs, run(linear), run(portable_linear), &[0, 1, 2]);
        }
    }
}

#[test]
fn linear_takes_views() {
    let (n, i, o) = (6, 5, 4);
    let inputs = [wave(2 * n * i, 0.2), wave(i * o, 1.0), wave(o, 2.0)];
    let run = |f: fn(Tensor<2>, Tensor<2>, Tensor<1>, Option<Activation>) -> Tensor<2>| {
        move |t: Vec<Tensor<1>>| {
            // Transposed weights, and rows from the middle of a transposed array.
            let x = t[0].clone().reshape([i, 2 * n]).transpose().slice([3..3 + n, 0..i]);
            let w = t[1].clone().reshape([o, i]).transpose();
            f(x, w, t[2].clone(), Some(Activation::Relu)).transpose().reshape([n * o])
        }
    };
    check("views", &inputs, run(linear), run(portable_linear), &[0, 1, 2]);
}

#[test]
fn activations_agree_with_their_definitions() {
    for (name, act) in Activation::ALL {
        let inputs = [wave(300, 0.1).iter().map(|v| v * 5.0).collect()];
        check(name, &inputs, |t| act.apply(t[0].clone()), |t| act.portable(t[0].clone()), &[0]);
    }
}

#[test]
fn likelihoods_agree_with_their_definitions() {
    let learned = Family::LearnedGaussian { offset: 8.0, floor: -10.0 };
    for family in [Family::Bernoulli, Family::UnitGaussian, Family::SharedGaussian, learned] {
        for (i, (k, b, x)) in [(1, 4, 6), (3, 2, 33), (1, 1, 1), (2, 5, 16), (1, 7, 100)].into_iter().enumerate() {
            // Every other one lacks values.
            let mask = (i % 2 == 1).then(|| (0..b * x).map(|i| f32::from(i % 3 != 1)).collect::<Vec<f32>>());
            let r = if family == learned { 2 * x } else { x };
            let shared = family == Family::SharedGaussian;
            let inputs = [wave(b * x, 0.3), wave(k * b * r, 0.9), vec![-0.7]];
            type LogLikelihood = fn(Family, &Tensor<2>, &Tensor<3>, Option<Tensor<1>>, Option<&Tensor<2>>) -> Tensor<2>;
            let run = |f: LogLikelihood| {
                let mask = mask.clone();
                move |t: Vec<Tensor<1>>| {
                    let third = shared.then(|| t[2].clone());
                    let known = mask.clone().map(|mask| from_vec(mask, [b, x], &t[0].device()));
                    let (x, raw) = (t[0].clone().reshape([b, x]), t[1].clone().reshape([k, b, r]));
                    f(family, &x, &raw, third, known.as_ref()).reshape([k * b])
                }
            };
            let tracked: &[usize] = if shared { &[1, 2] } else { &[1] };
            let name = format!("{family:?} {k} {b} {x}");
            check(&name, &inputs, run(likelihood::log_likelihood), run(likelihood::portable), tracked);
        }
    }
}

#[test]
fn no_rows_give_no_values_and_zero_gradients() {
    let w = from_vec(wave(6, 0.1), [3, 2], &cpu_training()).require_grad();
    let b = from_vec(wave(2, 0.1), [2], &cpu_training()).require_grad();
    let y = linear(from_vec(Vec::new(), [0, 3], &cpu()), w.clone(), b.clone(), Some(Activation::Relu));
    assert_eq!(y.dims(), [0, 2]);
    let gradients = y.sum().backward();
    assert_eq!(to_vec(w.grad(&gradients).unwrap()), [0.0; 6]);
    assert_eq!(to_vec(b.grad(&gradients).unwrap()), [0.0; 2]);

    let (x, raw) = (from_vec(Vec::new(), [0, 4], &cpu()), from_vec(Vec::new(), [1, 0, 4], &cpu()));
    assert_eq!(likelihood::log_likelihood(Family::Bernoulli, &x, &raw, None, None).dims(), [1, 0]);
    let (raw, eps) = (from_vec(Vec::new(), [0, 4], &cpu()), from_vec(Vec::new(), [2, 0, 2], &cpu()));
    let (z, kl) = latent::sample_with_kl(raw, eps, (-30.0, 20.0));
    assert_eq!((z.dims(), kl.dims()), ([2, 0, 2], [0, 2]));
}

#[test]
fn extreme_logits_keep_their_likelihood() {
    let x = from_vec(vec![0.0, 1.0, 0.0, 1.0], [1, 4], &cpu());
    let raw = from_vec(vec![500.0, 500.0, -500.0, -500.0], [1, 1, 4], &cpu());
    assert_eq!(to_vec(likelihood::log_likelihood(Family::Bernoulli, &x, &raw, None, None)), [-1000.0]);
}

#[test]
fn latents_agree_with_their_definition() {
    for (k, b, d) in [(1, 4, 3), (3, 2, 5), (1, 1, 1), (2, 9, 20)] {
        let inputs = [wave(b * 2 * d, 0.3).iter().map(|v| 3.0 * v).collect(), wave(k * b * d, 0.8)];
        type Both = fn(Tensor<2>, Tensor<3>, (f32, f32)) -> (Tensor<3>, Tensor<2>);
        let run = |f: Both| {
            move |t: Vec<Tensor<1>>| {
                // A range inside the values, so that some are held.
                let range = (-2.5, 2.0);
                let (z, kl) = f(t[0].clone().reshape([b, 2 * d]), t[1].clone().reshape([k, b, d]), range);
                Tensor::cat(vec![z.reshape([k * b * d]), kl.reshape([b * d])], 0)
            }
        };
        check(&format!("latent {k} {b} {d}"), &inputs, run(latent::sample_with_kl), run(latent::portable), &[0]);
    }
}

/// Odd sizes, sizes that the stride does not divide, one pixel, more than one group of images.
const GEOMETRIES: [(usize, Geometry); 6] = [
    (2, Geometry { height: 6, width: 4, channels: 3, kernel: 4, stride: 2, padding: 1 }),
    (3, Geometry { height: 7, width: 5, channels: 1, kernel: 4, stride: 2, padding: 1 }),
    (1, Geometry { height: 5, width: 5, channels: 2, kernel: 3, stride: 1, padding: 1 }),
    (1, Geometry { height: 2, width: 3, channels: 1, kernel: 4, stride: 2, padding: 1 }),
    (1, Geometry { height: 1, width: 1, channels: 2, kernel: 1, stride: 1, padding: 0 }),
    (19, Geometry { height: 4, width: 4, channels: 2, kernel: 3, stride: 2, padding: 0 }),
];

#[test]
fn convolutions_agree_with_their_definition() {
    for act in [None, Some(Activation::Relu), Some(Activation::Gelu)] {
        for (n, g) in GEOMETRIES {
            let ((h, w), o) = (g.small(), 5);
            let (large, patch) = (g.height * g.width * g.channels, g.kernel * g.kernel * g.channels);
            let inputs = [wave(n * large, 0.2), wave(patch * o, 1.0), wave(o, 2.0)];
            type Conv = fn(Tensor<4>, Tensor<2>, Tensor<1>, Geometry, Option<Activation>) -> Tensor<4>;
            let run = |f: Conv| {
                move |t: Vec<Tensor<1>>| {
                    let x = t[0].clone().reshape([n, g.height, g.width, g.channels]);
                    f(x, t[1].clone().reshape([patch, o]), t[2].clone(), g, act).reshape([n * h * w * o])
                }
            };
            check(&format!("conv {g:?} {act:?}"), &inputs, run(conv::conv2d), run(conv::portable), &[0, 1, 2]);

            let inputs = [wave(n * h * w * o, 0.2), wave(o * patch, 1.0), wave(g.channels, 2.0)];
            let run = |f: Conv| {
                move |t: Vec<Tensor<1>>| {
                    let x = t[0].clone().reshape([n, h, w, o]);
                    f(x, t[1].clone().reshape([o, patch]), t[2].clone(), g, act).reshape([n * large])
                }
            };
            let name = format!("transposed {g:?} {act:?}");
            check(&name, &inputs, run(conv::conv_transpose2d), run(conv::portable_transposed), &[0, 1, 2]);
        }
    }
}

#[test]
fn group_norm_agrees_with_its_definition() {
    for (n, p, c, groups) in [(2, 6, 4, 2), (1, 1, 8, 1), (3, 5, 6, 3), (18, 4, 2, 2)] {
        let inputs = [wave(n * p * c, 0.2), wave(c, 1.0), wave(c, 2.0)];
        let fused = |t: Vec<Tensor<1>>| {
            let x = t[0].clone().reshape([n, p, 1, c]);
            group_norm::group_norm(x, t[1].clone(), t[2].clone(), groups).reshape([n * p * c])
        };
        let portable = |t: Vec<Tensor<1>>| {
            group_norm::portable(t[0].clone().reshape([n, p, c]), t[1].clone(), t[2].clone(), groups)
                .reshape([n * p * c])
        };
        check(&format!("group norm {n} {p} {c} {groups}"), &inputs, fused, portable, &[0, 1, 2]);
    }
}

#[test]
fn resizing_agrees_with_its_definition() {
    for (n, h, w, c, height, width) in [(2, 3, 2, 3, 6, 4), (1, 1, 1, 1, 3, 2), (1, 4, 3, 2, 7, 5)] {
        let inputs = [wave(n * h * w * c, 0.2)];
        let run = |f: fn(Tensor<4>, usize, usize) -> Tensor<4>| {
            move |t: Vec<Tensor<1>>| {
                f(t[0].clone().reshape([n, h, w, c]), height, width).reshape([n * height * width * c])
            }
        };
        check("resize", &inputs, run(resize::resize), run(resize::portable), &[0]);
    }
}

#[test]
fn kernels_do_not_depend_on_threads() {
    let g = Geometry { height: 14, width: 14, channels: 8, kernel: 4, stride: 2, padding: 1 };
    let (n, o) = (37, 24);
    let patch = 16 * 8;
    let run = || {
        let tracked = |n, phase| from_vec(wave(n, phase), [n], &cpu_training()).require_grad();
        let (x, w, b) = (tracked(n * 14 * 14 * 8, 0.1), tracked(patch * o, 0.2), tracked(o, 0.3));
        let (v, a) = (tracked(49 * o * 60, 0.4), tracked(60, 0.5));
        let act = Some(Activation::Tanh);
        let weight = |n| from_vec(wave(n, 0.7), [n], &cpu());
        let y = conv::conv2d(x.clone().reshape([n, 14, 14, 8]), w.clone().reshape([patch, o]), b.clone(), g, act);
        let y = group_norm::group_norm(y, from_vec(wave(o, 0.6), [o], &cpu()), b.clone(), 3);
        let up = Geometry { height: 14, width: 14, channels: o, kernel: 4, stride: 2, padding: 1 };
        let y = conv::conv_transpose2d(y, weight(o * 16 * o).reshape([o, 16 * o]), b.clone(), up, None);
        let y = resize::resize(Activation::Gelu.apply(y), 7, 7);
        let y = linear(y.reshape([n, 49 * o]), v.clone().reshape([49 * o, 60]), a.clone(), act);
        let target = from_vec(wave(n * 60, 0.9), [n, 60], &cpu());
        let loss = likelihood::log_likelihood(Family::UnitGaussian, &target, &y.reshape([1, n, 60]), None, None).sum();
        let gradients = loss.clone().backward();
        let mut all = to_vec(loss);
        [x, w, b, v, a].iter().for_each(|t| all.extend(to_vec(t.grad(&gradients).unwrap())));
        all
    };
    let one = crate::device::with_threads(1, run);
    for threads in [2, 3, 5] {
        let other = crate::device::with_threads(threads, run);
        assert!(one.iter().zip(&other).all(|(a, b)| a.to_bits() == b.to_bits()), "{threads} threads");
    }
}
