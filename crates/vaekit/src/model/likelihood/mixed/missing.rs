//! Cells that are missing because of what they hold.

use vaekit_ops::{Activation, Tensor, device, from_vec, softplus, to_vec};

use crate::data::{Encoding, Schema};
use crate::model::likelihood::{Domain, Likelihood};
use crate::nn::{Init, Parameter, Parameters};
use crate::rng::{Purpose, Rng, pick, unit};

use super::Mixed;

/// Points of equal weight that stand for a number that nobody knows: quantiles at (2 i + 1) / 32.
const POINTS: usize = 16;
/// Of the normal distribution, from the middle up: of a density.
const NORMAL: [f32; POINTS / 2] = [0.078_41, 0.237_20, 0.402_25, 0.579_13, 0.776_42, 1.009_99, 1.318_01, 1.862_73];
/// Draws of a number, one of which is taken by how likely it is to be missing.
const DRAWS: u64 = 8;
/// The least p(missing), so that its logarithm is finite.
const RAREST: f64 = 1e-6;

/// [`Mixed`], and of each cell whether it is there: p(missing given x_j) = sigmoid(b_j + w_j x_j) for a number, and
/// sigmoid(b_l) for level l of a category, all learned. Of a row with known cells o and missing cells m,
///
/// log p(x_o, s given z) = sum_o (log p(x_j given z) + log p(there given x_j)) + sum_m log E[p(missing given x_j)],
///
/// where the expectation is over p(x_j given z): of a number at sixteen points of equal weight, of a category exact, of a
/// count with a distribution at its mean. Columns of dates and columns with spikes are taken to be missing at random.
///
/// Ipsen, Mattei & Frellsen, not-MIWAE, ICLR 2021 (self-masking); the expectation stands in for their draws.
#[derive(Debug)]
pub struct MixedMissing {
    mixed: Mixed,
    /// `[N + S]`: b of each number and of each coordinate of the blocks.
    bias: Parameter,
    /// `[N + S]`: w of each number; unused for blocks.
    slope: Parameter,
    /// 1 for numbers whose gaps depend on them, 0 for others, `[N]`.
    numbers: Vec<f32>,
    /// The same for each block.
    blocks: Vec<f32>,
}

impl MixedMissing {
    /// For the columns of an encoding.
    pub fn new(schema: &Schema, encoding: &Encoding, init: &mut Init) -> Self {
        let mixed = Mixed::new(schema, encoding, init);
        let width = mixed.numbers() + mixed.coordinates();
        let alone = |joined: bool| f32::from(!joined);
        let (mut numbers, mut blocks) = (vec![1.0; mixed.numbers()], vec![1.0; mixed.blocks.len()]);
        let (places, _) = crate::data::columns::places(&encoding.columns);
        let mut next = 0;
        for place in &places {
            let sizes = place.blocks.iter().filter(|(_, size)| *size > 0).count();
            if let Some(at) = place.number {
                numbers[at] = alone(sizes > 0);
            }
            blocks[next..next + sizes].fill(alone(place.number.is_some()));
            next += sizes;
        }
        let bias = init.constant("likelihood.missing.bias".into(), &[width], -2.0);
        let slope = init.constant("likelihood.missing.slope".into(), &[width], 0.0);
        Self { mixed, bias, slope, numbers, blocks }
    }

    /// b and w of the numbers, `[1, 1, N]` each.
    fn of_numbers(&self) -> (Tensor<3>, Tensor<3>) {
        let n = self.mixed.numbers();
        let which: Tensor<1> = from_vec(self.numbers.clone(), [n], &device::here());
        let bias = self.bias.tensor::<1>().narrow(0, 0, n).reshape([1, 1, n]);
        (bias, (self.slope.tensor::<1>().narrow(0, 0, n) * which).reshape([1, 1, n]))
    }

    /// b of the coordinates of the blocks, `[1, 1, S]`.
    fn of_levels(&self) -> Tensor<3> {
        let (n, s) = (self.mixed.numbers(), self.mixed.coordinates());
        self.bias.tensor::<1>().narrow(0, n, s).reshape([1, 1, s])
    }

    /// A sum over the coordinates of each block, `[K, B, S]` to `[K, B, blocks]`.
    fn over_blocks(&self, of: Tensor<3>) -> Tensor<3> {
        let [k, b, s] = of.dims();
        of.reshape([k * b, s]).matmul(self.mixed.membership()).reshape([k, b, self.blocks.len()])
    }

    /// Only of blocks whose gaps depend on them.
    fn where_modelled(&self, of: Tensor<3>) -> Tensor<3> {
        of * from_vec(self.blocks.clone(), [1, 1, self.blocks.len()], &device::here())
    }

    /// The points of each number, one after another, `[K, B, N]` each.
    fn points(&self, raw: &Tensor<3>) -> impl Iterator<Item = Tensor<3>> {
        let (location, scale) = self.mixed.numbers_of(raw);
        let [k, b, n] = location.dims();
        let plain = n - self.mixed.counts.len();
        let means = (plain < n).then(|| {
            let means = self.mixed.counts.mean(&location.clone().reshape([k * b, n]));
            means.reshape([k, b, n - plain])
        });
        let densities = self.mixed.densities;
        let at = move |i: usize| {
            // Of the logistic distribution of a grid they are known in closed form.
            let share = (2 * i + 1) as f32 / (2 * POINTS) as f32;
            let half = POINTS / 2;
            let normal = if i < half { -NORMAL[half - 1 - i] } else { NORMAL[i - half] };
            let logistic = (share / (1.0 - share)).ln();
            let steps = (0..n).map(|j| if j < densities { normal } else { logistic }).collect();
            let all = location.clone() + scale.clone() * from_vec::<3>(steps, [1, 1, n], &device::here());
            match &means {
                Some(means) => Tensor::cat(vec![all.narrow(2, 0, plain), means.clone()], 2),
                None => all,
            }
        };
        (0..POINTS).map(at)
    }

    /// Probabilities of the coordinates of blocks, `[K, B, S]`.
    fn shares(&self, raw: &Tensor<3>) -> Tensor<3> {
        let [k, b, r] = raw.dims();
        let (n, s) = (self.mixed.numbers(), self.mixed.coordinates());
        self.mixed.mean(raw.clone().reshape([k * b, r])).narrow(1, n, s).reshape([k, b, s])
    }

    /// p(missing) of each coordinate of the blocks, in units of the largest of its block.
    fn relative(&self) -> Vec<f32> {
        let n = self.mixed.numbers();
        let bias = to_vec(self.bias.tensor::<1>());
        let mut log: Vec<f32> = bias[n..].iter().map(|b| -(1.0 + (-b).exp()).ln()).collect();
        for (at, size) in &self.mixed.blocks {
            let block = &mut log[*at..at + size];
            let most = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            block.iter_mut().for_each(|v| *v = (*v - most).exp());
        }
        log
    }

    /// log p(there given x) of each event, `[1, B, E]`.
    fn there(&self, x: &Tensor<2>) -> Tensor<3> {
        let (n, s) = (self.mixed.numbers(), self.mixed.coordinates());
        let x = x.clone().unsqueeze::<3>();
        let mut parts = Vec::new();
        if n > 0 {
            let (bias, slope) = self.of_numbers();
            parts.push(softplus(bias + slope * x.clone().narrow(2, 0, n)).neg());
        }
        if s > 0 {
            let levels = softplus(self.of_levels()).neg();
            parts.push(self.where_modelled(self.over_blocks(x.narrow(2, n, s) * levels)));
        }
        Tensor::cat(parts, 2)
    }

    /// log p(missing given z) of each event, `[K, B, E]`.
    fn missing(&self, raw: &Tensor<3>) -> Tensor<3> {
        let (n, s) = (self.mixed.numbers(), self.mixed.coordinates());
        let mut parts = Vec::new();
        if n > 0 {
            let (bias, slope) = self.of_numbers();
            let each = |point: Tensor<3>| Activation::Sigmoid.apply(bias.clone() + slope.clone() * point);
            let sum = self.points(raw).map(each).reduce(|a, b| a + b);
            parts.extend(sum.map(|sum| (sum / POINTS as f64).clamp_min(RAREST).log()));
        }
        if s > 0 {
            let levels = Activation::Sigmoid.apply(self.of_levels());
            let sum = self.over_blocks(self.shares(raw) * levels).clamp_min(RAREST);
            parts.push(self.where_modelled(sum.log()));
        }
        Tensor::cat(parts, 2)
    }
}

impl Parameters for MixedMissing {
    fn parameters(&self) -> Vec<&Parameter> {
        self.mixed.parameters().into_iter().chain([&self.bias, &self.slope]).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.mixed.parameters_mut().into_iter().chain([&mut self.bias, &mut self.slope]).collect()
    }
}

impl Likelihood for MixedMissing {
    fn name(&self) -> &'static str {
        "mixed-missing"
    }

    fn raw_width(&self, width: usize) -> usize {
        self.mixed.raw_width(width)
    }

    fn domain(&self) -> Domain {
        self.mixed.domain()
    }

    fn is_of_columns(&self) -> bool {
        true
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        self.mixed.log_prob_each(x, raw)
    }

    fn known_events(&self, mask: &Tensor<2>) -> Tensor<2> {
        self.mixed.known_events(mask)
    }

    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        self.mixed.mean(raw)
    }

    fn with_known(&self, raw: Tensor<2>, x: &Tensor<2>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        self.mixed.with_known(raw, x, mask)
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        self.mixed.raw_of_mean(mean)
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        self.mixed.sample(raw, rows, rng)
    }

    fn log_prob_known(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
        let x = self.mixed.filled(x, mask);
        let k = raw.dims()[0];
        let unknown = self.known_events(mask).equal_elem(0.0).unsqueeze::<3>().repeat_dim(0, k);
        let there = self.there(&x);
        let known = self.mixed.log_prob_each(&x, raw) + there.clone();
        // A count whose exposure is missing is there all the same.
        let gaps = self.mixed.cells(mask).equal_elem(0.0).unsqueeze::<3>().repeat_dim(0, k);
        let unknown_or_gap = there.repeat_dim(0, k).mask_where(gaps, self.missing(raw));
        known.mask_where(unknown, unknown_or_gap)
    }

    fn log_prob_open(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
        self.mixed.log_prob_known(x, raw, mask)
    }

    fn held(&self) -> usize {
        1 + POINTS
    }

    fn needs_gaps(&self) -> bool {
        true
    }

    fn mean_missing(&self, raw: Tensor<2>) -> Option<Tensor<2>> {
        let (n, s) = (self.mixed.numbers(), self.mixed.coordinates());
        let raw = raw.unsqueeze::<3>();
        let rows = raw.dims()[1];
        let mut parts = Vec::new();
        if n > 0 {
            let (bias, slope) = self.of_numbers();
            // Relative to the largest, or all could be 0.
            let weigh = |point: &Tensor<3>| softplus((bias.clone() + slope.clone() * point.clone()).neg()).neg();
            let points: Vec<Tensor<3>> = self.points(&raw).collect();
            let most = points.iter().map(weigh).reduce(Tensor::max_pair);
            let sums = points.iter().zip(most.iter().cycle()).map(|(point, most)| {
                let weight = (weigh(point) - most.clone()).exp();
                (weight.clone(), weight * point.clone())
            });
            parts.extend(sums.reduce(|a, b| (a.0 + b.0, a.1 + b.1)).map(|(weights, points)| points / weights));
        }
        if s > 0 {
            let shares = self.shares(&raw);
            let relative: Tensor<3> = from_vec(self.relative(), [1, 1, s], &device::here());
            let tilted = shares.clone() * relative;
            let membership = self.mixed.membership();
            let sums = self.over_blocks(tilted.clone()).clamp_min(f64::from(f32::MIN_POSITIVE));
            let sums = sums.reshape([rows, self.blocks.len()]);
            let tilted = tilted / sums.matmul(membership.clone().transpose()).unsqueeze::<3>();
            let which: Tensor<2> = from_vec(self.blocks.clone(), [1, self.blocks.len()], &device::here());
            let which = which.matmul(membership.transpose()).unsqueeze::<3>();
            parts.push(tilted * which.clone() + shares * (which.neg() + 1.0));
        }
        Some(Tensor::cat(parts, 2).reshape([rows, n + s]))
    }

    /// A level by its share among those that are missing; of a number one of several draws, by how likely each is to be
    /// missing (sampling importance resampling; Rubin 1987).
    fn sample_missing(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Option<Tensor<2>> {
        let (n, width) = (self.mixed.numbers(), self.mixed.numbers() + self.mixed.coordinates());
        let (bias, slope) = (to_vec(self.bias.tensor::<1>()), to_vec(self.slope.tensor::<1>()));
        let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
        let mut out = to_vec(self.sample(raw.clone(), rows, rng));
        let mut sums = vec![0f32; rows.len() * n];
        for round in 0..DRAWS {
            // Addresses of their own for each round, apart from those of `sample`.
            let place = rng.at_seed_of(16 + 16 * round);
            let drawn = if round == 0 { out.clone() } else { to_vec(self.sample(raw.clone(), rows, place)) };
            for (i, id) in rows.iter().enumerate() {
                let mut stream = place.at_seed_of(8).stream(Purpose::Likelihood, *id);
                for j in (0..n).filter(|j| self.numbers[*j] > 0.0) {
                    let (new, sum) = (drawn[i * width + j], &mut sums[i * n + j]);
                    let weight = sigmoid(bias[j] + slope[j] * new).max(f32::MIN_POSITIVE);
                    *sum += weight;
                    if unit(rand::Rng::next_u32(&mut stream)) * *sum < weight {
                        out[i * width + j] = new;
                    }
                }
            }
        }
        let shares = to_vec(self.mean_missing(raw)?);
        for (i, id) in rows.iter().enumerate() {
            let mut stream = rng.at_seed_of(4).stream(Purpose::Likelihood, *id);
            for ((at, size), wanted) in self.mixed.blocks.iter().zip(&self.blocks) {
                let u = unit(rand::Rng::next_u32(&mut stream));
                if *wanted > 0.0 {
                    let from = i * width + n + at;
                    let one = pick(u, shares[from..from + size].iter().copied()).min(size - 1);
                    out[from..from + size].fill(0.0);
                    out[from + one] = 1.0;
                }
            }
        }
        Some(from_vec(out, [rows.len(), width], &device::here()))
    }
}
