//! Group normalisation on `[N, P, C]`, image by image.
#![allow(clippy::needless_range_loop, reason = "loops by index, as `simd::add` explains")]

use burn_flex::FlexTensor;

use super::{Kernel, contiguous, dims, owned, tensor, values};
use crate::conv::Geometry;
use crate::gemm::Target;
use crate::pool;
use crate::simd::{add, vectorised};

/// Inputs `x [N, P, C]`, `gamma [C]`, `beta [C]`; result `[N, P, C]`.
#[derive(Debug)]
pub(crate) struct GroupNorm {
    pub groups: usize,
    pub epsilon: f32,
}

impl GroupNorm {
    /// Mean and 1 / standard deviation of each group of an image.
    #[inline(always)]
    fn moments(&self, image: &[f32], channels: usize, stats: &mut [f32]) {
        let width = channels / self.groups;
        let count = (image.len() / self.groups) as f64;
        let mut sums = vec![0f32; channels];
        for pixel in image.chunks_exact(channels) {
            add(&mut sums, pixel);
        }
        let of_group = |sums: &[f32], g: usize| sums[g * width..][..width].iter().map(|s| f64::from(*s)).sum::<f64>();
        let means: Vec<f32> = (0..self.groups).map(|g| (of_group(&sums, g) / count) as f32).collect();
        let centres: Vec<f32> = (0..channels).map(|c| means[c / width]).collect();
        sums.fill(0.0);
        for pixel in image.chunks_exact(channels) {
            for j in 0..channels {
                let centred = pixel[j] - centres[j];
                sums[j] += centred * centred;
            }
        }
        for g in 0..self.groups {
            stats[2 * g] = means[g];
            stats[2 * g + 1] = (1.0 / (of_group(&sums, g) / count + f64::from(self.epsilon)).sqrt()) as f32;
        }
    }
}

impl Kernel for GroupNorm {
    fn forward(&self, inputs: [FlexTensor; 3], keep: bool) -> (FlexTensor, Vec<FlexTensor>) {
        let [x, gamma, beta] = contiguous(inputs);
        let [n, p, c] = dims::<3>(&x);
        assert_eq!((dims::<1>(&gamma), dims::<1>(&beta)), ([c], [c]), "gamma and beta of {c} channels");
        let (xs, gammas, betas) = (values(&x), values(&gamma), values(&beta));
        let width = c / self.groups;
        let mut stats = vec![0f32; n * 2 * self.groups];
        let mut y = vec![0f32; n * p * c];
        let (to_stats, to_y) = (Target::over(&mut stats, n, 2 * self.groups), Target::over(&mut y, n, p * c));
        pool::run(n, |i| {
            // SAFETY: image i is this call's alone, and both targets hold values.
            let (stats, y) = unsafe { (to_stats.rows(i..i + 1), to_y.rows(i..i + 1)) };
            let image = &xs[i * p * c..][..p * c];
            vectorised!({
                self.moments(image, c, stats);
                let scale: Vec<f32> = (0..c).map(|j| gammas[j] * stats[2 * (j / width) + 1]).collect();
                let shift: Vec<f32> = (0..c).map(|j| betas[j] - stats[2 * (j / width)] * scale[j]).collect();
                for (y, x) in y.chunks_exact_mut(c).zip(image.chunks_exact(c)) {
                    for j in 0..c {
                        y[j] = x[j] * scale[j] + shift[j];
                    }
                }
            });
        });
        let kept = if keep { vec![x, gamma, tensor(stats, [n, 2 * self.groups])] } else { Vec::new() };
        (tensor(y, [n, p, c]), kept)
    }

    fn backward(&self, kept: Vec<FlexTensor>, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let mut gradient = owned(gradient);
        let [n, p, c] = dims::<3>(&gradient);
        let (xs, gammas, stats) = (values(&kept[0]), values(&kept[1]), values(&kept[2]));
        let width = c / self.groups;
        let count = (p * width) as f32;
        // Becomes the gradient of x in place.
        let to_x = Target::over(gradient.storage_mut::<f32>(), n, p * c);
        let groups = Geometry::groups(n);
        let parts = pool::map(groups.len(), |group| {
            let (mut dgamma, mut dbeta) = (vec![0f32; c], vec![0f32; c]);
            vectorised!({
                for i in groups[group].clone() {
                    // SAFETY: images belong to one group each.
                    let g = unsafe { to_x.rows(i..i + 1) };
                    let image = &xs[i * p * c..][..p * c];
                    let stats = &stats[i * 2 * self.groups..][..2 * self.groups];
                    let mean: Vec<f32> = (0..c).map(|j| stats[2 * (j / width)]).collect();
                    let scale: Vec<f32> = (0..c).map(|j| stats[2 * (j / width) + 1]).collect();
                    let (mut sums, mut products) = (vec![0f32; c], vec![0f32; c]);
                    for (g, x) in g.chunks_exact(c).zip(image.chunks_exact(c)) {
                        for j in 0..c {
                            sums[j] += g[j];
                            products[j] += g[j] * (x[j] - mean[j]) * scale[j];
                        }
                    }
                    add(&mut dbeta, &sums);
                    add(&mut dgamma, &products);
                    // What the mean and the deviation of each group take from its slopes.
                    let (mut a, mut b) = (vec![0f32; self.groups], vec![0f32; self.groups]);
                    for j in 0..c {
                        a[j / width] += gammas[j] * sums[j] / count;
                        b[j / width] += gammas[j] * products[j] / count;
                    }
                    let a: Vec<f32> = (0..c).map(|j| a[j / width]).collect();
                    let b: Vec<f32> = (0..c).map(|j| b[j / width]).collect();
                    for (g, x) in g.chunks_exact_mut(c).zip(image.chunks_exact(c)) {
                        for j in 0..c {
                            let normal = (x[j] - mean[j]) * scale[j];
                            g[j] = scale[j] * (gammas[j] * g[j] - a[j] - normal * b[j]);
                        }
                    }
                }
            });
            (dgamma, dbeta)
        });
        let (mut dgamma, mut dbeta) = (vec![0f32; c], vec![0f32; c]);
        for (of_gamma, of_beta) in &parts {
            add(&mut dgamma, of_gamma);
            add(&mut dbeta, of_beta);
        }
        [wanted[0].then_some(gradient), wanted[1].then(|| tensor(dgamma, [c])), wanted[2].then(|| tensor(dbeta, [c]))]
    }
}
