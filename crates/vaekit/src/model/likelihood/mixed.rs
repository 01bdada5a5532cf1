//! A table whose columns are of several kinds: a likelihood a column, joined.

use vaekit_ops::{Tensor, columns as fast, density, device, from_vec, softplus, to_vec};

use crate::data::{Column, ColumnCode, Encoding, NumberCode, Schema, columns};
use crate::nn::{Init, Parameter, Parameters};
use crate::rng::Rng;

use super::{Domain, Likelihood};

mod counts;
mod draws;
mod missing;

use counts::Counts;
pub use missing::MixedMissing;

/// log p(x given z) = sum over columns of log p(column given z):
///
/// * a density: Student's t at the coordinate, its location and scale from the decoder, its degrees of freedom learned, a
///   number a column;
/// * numbers on a grid: a logistic distribution cut into the cells of the grid, so that whole numbers have masses;
/// * an ordinal: the same, its first and last level reaching to infinity (a cumulative logit);
/// * a count with a distribution: Poisson or negative binomial, whose log-mean the decoder gives, beside the log of an exposure;
/// * a category: a softmax;
/// * spikes: a softmax over them and "none", times the rest where it is none.
///
/// A scale is floor + e^raw: a value that repeats cannot draw a density to infinity.
///
/// Events are the numbers (densities, grids, counts), then the one-hot blocks. Raw outputs: a location for each number, a
/// log-scale for each number, a logit for each coordinate of the blocks.
///
/// Nazabal et al., Handling Incomplete Heterogeneous Data using VAEs, Pattern Recognition 2020 (joined likelihoods);
/// Kingma et al. 2016 (cut logistic).
#[derive(Debug)]
pub struct Mixed {
    densities: usize,
    grids: usize,
    counts: Counts,
    /// Place among the coordinates of all blocks, and size.
    blocks: Vec<(usize, usize)>,
    floors: Vec<f32>,
    /// Width of a cell, and the ends of ordinals, of each number on a grid.
    steps: Vec<Grid>,
    /// Of each number with spikes, the place of "none" among the coordinates of all blocks.
    gates: Vec<(usize, usize)>,
    /// The columns that are exposures of counts, with their places.
    exposures: Vec<(usize, NumberCode, Option<Column>)>,
    /// `[densities]`, freedom = 2 + softplus.
    freedom: Option<Parameter>,
}

/// The width of a cell, and of an ordinal its ends.
type Grid = (f32, Option<[f32; 2]>);

/// The name that settings use.
pub const MIXED: &str = "mixed";

/// A grid's logistic may become so narrow that one cell has nearly all of the mass.
const NARROWEST: f32 = 1.0 / 12.0;
/// Logits beyond these change nothing.
const LOGIT: f32 = 30.0;
/// Raw scales beyond these are no use to a standardised column.
const RAW_SCALE: (f32, f32) = (-12.0, 5.0);
/// Degrees of freedom at the start, less 2, before softplus: nearly Gaussian.
const FREEDOM: f32 = 10.0;

impl Mixed {
    /// For the columns of an encoding; where it has none, a density for each value of a row.
    pub fn new(schema: &Schema, encoding: &Encoding, init: &mut Init) -> Self {
        let plain = NumberCode::density(0.0, 1.0);
        let plain = ColumnCode { number: Some(plain), blocks: Vec::new(), spikes: Vec::new() };
        let codes = match encoding.columns.is_empty() {
            true => vec![plain; schema.width()],
            false => encoding.columns.clone(),
        };
        let (places, _) = columns::places(&codes);
        let [densities, grids, _] = columns::numbers(&codes);
        let counts = Counts::new(densities + grids, codes.iter().filter_map(|code| code.number));
        let all = densities + grids + counts.len();
        let (mut floors, mut steps) = (vec![0.0; all], vec![(0.0, None); grids]);
        let mut gates = Vec::new();
        for (code, place) in codes.iter().zip(&places) {
            let (Some(number), Some(at)) = (code.number, place.number) else { continue };
            floors[at] = if number.step > 0.0 { number.step * NARROWEST } else { number.floor };
            if let Some(step) = at.checked_sub(densities).and_then(|grid| steps.get_mut(grid)) {
                *step = (number.step, number.ends);
            }
            if let (false, Some((block, size))) = (code.spikes.is_empty(), place.blocks.first()) {
                gates.push((at, block + size - 1 - all));
            }
        }
        let exposures = codes.iter().zip(&places).enumerate().filter_map(|(i, (code, place))| {
            let at = place.number.filter(|at| counts.exposure_places().any(|exposure| exposure == *at))?;
            Some((at, code.number?, schema.modelled().nth(i).cloned()))
        });
        let exposures = exposures.collect();
        let blocks = places.iter().flat_map(|place| &place.blocks).filter(|(_, size)| *size > 0);
        let blocks = blocks.map(|(at, size)| (at - all, *size)).collect();
        let freedom = (densities > 0).then(|| init.constant("likelihood.freedom".into(), &[densities], FREEDOM));
        Self { densities, grids, counts, blocks, floors, steps, gates, exposures, freedom }
    }

    fn numbers(&self) -> usize {
        self.densities + self.grids + self.counts.len()
    }

    /// Coordinates of all blocks.
    fn coordinates(&self) -> usize {
        self.blocks.iter().map(|(_, size)| size).sum()
    }

    /// Which block each coordinate belongs to, `[S, blocks]`.
    fn membership(&self) -> Tensor<2> {
        let (s, n) = (self.coordinates(), self.blocks.len());
        let mut all = vec![0f32; s * n];
        for (i, (at, size)) in self.blocks.iter().enumerate() {
            (*at..at + size).for_each(|row| all[row * n + i] = 1.0);
        }
        from_vec(all, [s, n], &device::here())
    }

    /// 1 for a number that is not at a spike, `[B, N]`; none where no column has spikes.
    fn gate(&self, x: &Tensor<2>) -> Option<Tensor<2>> {
        if self.gates.is_empty() {
            return None;
        }
        let (s, n) = (self.coordinates(), self.numbers());
        let mut all = vec![0f32; s * n];
        let mut always = vec![1f32; n];
        for (number, none) in &self.gates {
            all[none * n + number] = 1.0;
            always[*number] = 0.0;
        }
        let none = x.clone().narrow(1, n, s).matmul(from_vec(all, [s, n], &device::here()));
        Some(none + from_vec(always, [1, n], &device::here()))
    }

    /// Locations and scales of the numbers, `[K, B, N]` each.
    fn numbers_of(&self, raw: &Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let n = self.numbers();
        let floors = from_vec(self.floors.clone(), [1, 1, n], &device::here());
        let scale = raw.clone().narrow(2, n, n).clamp(RAW_SCALE.0, RAW_SCALE.1).exp() + floors;
        (raw.clone().narrow(2, 0, n), scale)
    }

    fn of_numbers(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let (location, scale) = self.numbers_of(raw);
        let (d, g) = (self.densities, self.grids);
        let part = |t: &Tensor<3>, from: usize, n: usize| t.clone().narrow(2, from, n);
        let rows = x;
        let x = x.clone().unsqueeze::<3>();
        let mut parts = Vec::new();
        if let Some(freedom) = &self.freedom {
            let (location, scale) = (part(&location, 0, d), part(&scale, 0, d));
            let z = (part(&x, 0, d) - location) / scale.clone();
            let freedom = softplus(freedom.tensor::<1>()) + 2.0;
            parts.push(density::standard_student(z, freedom.reshape([1, 1, d])) - scale.log());
        }
        if g > 0 {
            parts.push(self.of_grid(part(&x, d, g), part(&location, d, g), part(&scale, d, g)));
        }
        if !self.counts.is_empty() {
            let (n, c) = (self.numbers(), self.counts.len());
            parts.push(self.counts.log_prob_each(rows, part(raw, d + g, c), part(raw, n + d + g, c)));
        }
        Tensor::cat(parts, 2)
    }

    /// log(F(x + h) - F(x - h)) with h half a cell, F logistic: s(b) - s(a) = s(b) s(-a) (1 - e^(a-b)).
    fn of_grid(&self, x: Tensor<3>, location: Tensor<3>, scale: Tensor<3>) -> Tensor<3> {
        let g = self.grids;
        let constant =
            |f: &dyn Fn(&Grid) -> f32| from_vec(self.steps.iter().map(f).collect(), [1, 1, g], &device::here());
        let step = constant(&|(step, _)| *step);
        let from = (x.clone() - location) / scale.clone();
        let half = step.clone().mul_scalar(0.5) / scale.clone();
        let (above, below) = (from.clone() + half.clone(), from - half.clone());
        let width = half.mul_scalar(2.0);
        let middle = width.neg().exp().neg().add_scalar(1.0).log();
        let upper = softplus(above.neg()).neg();
        let lower = softplus(below).neg();
        if self.steps.iter().all(|(_, ends)| ends.is_none()) {
            return upper + lower + middle;
        }
        // At its ends an ordinal has what lies beyond as well.
        const FAR: f32 = 1e30;
        let low = x.clone().lower_equal(constant(&|(step, ends)| ends.map_or(-FAR, |e| e[0] + 0.25 * step)));
        let high = x.greater_equal(constant(&|(step, ends)| ends.map_or(FAR, |e| e[1] - 0.25 * step)));
        let [k, ..] = upper.dims();
        let each = |at: Tensor<3, vaekit_ops::Bool>| at.repeat_dim(0, k);
        let inside = upper.clone() + lower.clone() + middle;
        inside.mask_where(each(low), upper).mask_where(each(high), lower)
    }

    /// log p of each block, `[K, B, blocks]`.
    fn of_blocks(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let (n, s) = (self.numbers(), self.coordinates());
        let [k, b, _] = raw.dims();
        let logits = raw.clone().narrow(2, 2 * n, s).clamp(-LOGIT, LOGIT);
        let one = x.clone().narrow(1, n, s).unsqueeze::<3>();
        let membership = self.membership();
        let over = |t: Tensor<3>| t.reshape([k * b, s]).matmul(membership.clone()).reshape([k, b, self.blocks.len()]);
        over(logits.clone() * one) - over(logits.exp()).log()
    }

    /// [`log_prob_each`](Likelihood::log_prob_each) with gradients, in the operations of a tape.
    fn portable(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        let mut parts = Vec::new();
        if self.numbers() > 0 {
            let numbers = self.of_numbers(x, raw);
            parts.push(match self.gate(x) {
                Some(gate) => numbers * gate.unsqueeze::<3>(),
                None => numbers,
            });
        }
        if !self.blocks.is_empty() {
            parts.push(self.of_blocks(x, raw));
        }
        Tensor::cat(parts, 2)
    }

    /// x with something inside every domain where a cell is not known: 0 of a count with a distribution, which adds nothing to a
    /// total.
    fn filled(&self, x: &Tensor<2>, mask: &Tensor<2>) -> Tensor<2> {
        let width = x.dims()[1];
        let mut usual = vec![0.5; width];
        self.counts.nothing(&mut usual);
        let usual: Tensor<2> = from_vec(usual, [1, width], &device::here());
        x.clone().mask_where(mask.clone().equal_elem(0.0), usual.repeat_dim(0, x.dims()[0]))
    }

    /// Which cells are there, an event each.
    fn cells(&self, mask: &Tensor<2>) -> Tensor<2> {
        let n = self.numbers();
        let numbers = (n > 0).then(|| mask.clone().narrow(1, 0, n));
        // All coordinates of a block are known, or none is.
        let blocks = self.blocks.iter().map(|(at, _)| mask.clone().narrow(1, n + at, 1));
        Tensor::cat(numbers.into_iter().chain(blocks).collect(), 1)
    }

    /// What [`fast::log_prob_each`] takes.
    fn columns(&self) -> fast::Columns {
        let freedom = self.freedom.as_ref().map(|p| to_vec(softplus(p.tensor::<1>()) + 2.0)).unwrap_or_default();
        let student = |(freedom, floor): (f32, &f32)| {
            let zero = from_vec::<1>(vec![0.0], [1], &device::cpu());
            let at_zero = density::standard_student(zero, from_vec(vec![freedom], [1], &device::cpu()));
            fast::Student { floor: *floor, freedom, constant: to_vec(at_zero)[0] }
        };
        let cut = |((step, ends), floor): (&Grid, &f32)| {
            let ends = ends.map_or([f32::NEG_INFINITY, f32::INFINITY], |e| [e[0] + 0.25 * step, e[1] - 0.25 * step]);
            fast::Cut { floor: *floor, step: *step, ends }
        };
        fast::Columns {
            students: freedom.into_iter().zip(&self.floors).map(student).collect(),
            cuts: self.steps.iter().zip(&self.floors[self.densities..]).map(cut).collect(),
            blocks: self.blocks.clone(),
            gates: self.gates.clone(),
            raw_scale: RAW_SCALE,
            logit: LOGIT,
        }
    }
}

impl Parameters for Mixed {
    fn parameters(&self) -> Vec<&Parameter> {
        self.freedom.iter().collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        self.freedom.iter_mut().collect()
    }
}

impl Likelihood for Mixed {
    fn name(&self) -> &'static str {
        MIXED
    }

    fn raw_width(&self, _: usize) -> usize {
        2 * self.numbers() + self.coordinates()
    }

    fn domain(&self) -> Domain {
        Domain::Reals
    }

    fn is_of_columns(&self) -> bool {
        true
    }

    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3> {
        match fast::runs_here(x, raw) && self.counts.is_empty() {
            true => fast::log_prob_each(&self.columns(), x, raw),
            false => self.portable(x, raw),
        }
    }

    fn log_prob_known(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
        let each = self.log_prob_each(&self.filled(x, mask), raw);
        let unknown = self.known_events(mask).equal_elem(0.0).unsqueeze::<3>().repeat_dim(0, each.dims()[0]);
        each.mask_fill(unknown, 0.0)
    }

    /// A count whose exposure is not known is not known either.
    fn known_events(&self, mask: &Tensor<2>) -> Tensor<2> {
        let n = self.numbers();
        let cells = self.cells(mask);
        let numbers = self.counts.known(cells.clone().narrow(1, 0, n), mask);
        match self.blocks.len() {
            0 => numbers,
            blocks => Tensor::cat(vec![numbers, cells.narrow(1, n, blocks)], 1),
        }
    }

    /// Known exposures take the place of their locations, and have no spread.
    fn with_known(&self, raw: Tensor<2>, x: &Tensor<2>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        let n = self.numbers();
        let Some(exposures) = self.counts.exposures(n) else { return raw };
        let times = raw.dims()[0] / x.dims()[0].max(1);
        let over = |t: Tensor<2>| t.narrow(1, 0, n).repeat_dim(0, times);
        let known = match mask {
            Some(mask) => over(mask.clone()) * exposures,
            None => exposures.repeat_dim(0, raw.dims()[0]),
        };
        let known = known.greater_elem(0.5);
        let location = raw.clone().narrow(1, 0, n).mask_where(known.clone(), over(x.clone()));
        let spread = raw.clone().narrow(1, n, n).mask_fill(known, RAW_SCALE.0);
        let rest = raw.dims()[1] - 2 * n;
        let mut parts = vec![location, spread];
        if rest > 0 {
            parts.push(raw.narrow(1, 2 * n, rest));
        }
        Tensor::cat(parts, 1)
    }

    /// Of numbers the location, of counts with a distribution the mean, of blocks the probabilities.
    fn mean(&self, raw: Tensor<2>) -> Tensor<2> {
        let (n, s) = (self.numbers(), self.coordinates());
        let [rows, _] = raw.dims();
        let mut parts = Vec::new();
        if n > 0 {
            let location = raw.clone().narrow(1, 0, n);
            let plain = self.densities + self.grids;
            if plain > 0 {
                parts.push(location.clone().narrow(1, 0, plain));
            }
            if !self.counts.is_empty() {
                parts.push(self.counts.mean(&location));
            }
        }
        if s > 0 {
            let logits = raw.narrow(1, 2 * n, s).clamp(-LOGIT, LOGIT).exp();
            let membership = self.membership();
            let sums = logits.clone().matmul(membership.clone()).matmul(membership.transpose());
            parts.push((logits / sums).reshape([rows, s]));
        }
        Tensor::cat(parts, 1)
    }

    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32> {
        let n = self.numbers();
        let logit = |p: &f32| p.max(1e-4).ln();
        mean[..n].iter().copied().chain(std::iter::repeat_n(0.0, n)).chain(mean[n..].iter().map(logit)).collect()
    }

    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        self.drawn(raw, rows, rng)
    }
}

#[cfg(test)]
mod tests;
