//! The counts of a table that have a distribution: Poisson or negative binomial, with an exposure.

use rand_distr::{Distribution, Gamma, Poisson, StandardNormal};
use vaekit_ops::{Tensor, density, device, from_vec};

use crate::data::{CountCode, CountDistribution, Exposure, NumberCode};
use crate::rng::{Purpose, Rng};

use super::super::counts::MAX_LOG_RATE;

/// Logs of 1 / r, of which the variance is m + m^2 / r, beyond these change nothing.
const MAX_LOG_INVERSE: f64 = 10.0;
/// Larger counts are taken for as many.
const MOST_COUNTED: f64 = 1e8;

/// log m = base + scale (location) + log exposure, and of a negative binomial log r = -2 (raw scale).
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The place of the first in x.
    first: usize,
    codes: Vec<(NumberCode, CountCode)>,
}

impl Counts {
    pub(super) fn new(first: usize, numbers: impl Iterator<Item = NumberCode>) -> Self {
        Self { first, codes: numbers.filter_map(|number| Some((number, number.count?))).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// A number a count, `[1, C]`.
    fn constant(&self, of: impl Fn(&NumberCode, &CountCode) -> f32) -> Tensor<2> {
        from_vec(self.codes.iter().map(|(n, c)| of(n, c)).collect(), [1, self.len()], &device::here())
    }

    /// The counts of rows `[B, X]`, `[B, C]`.
    fn counts(&self, x: &Tensor<2>) -> Tensor<2> {
        let own = x.clone().narrow(1, self.first, self.len());
        let log = own * self.constant(|n, _| n.scale) + self.constant(|n, _| n.shift);
        // Beyond it 32 bits hold no log x!.
        (log.exp() - 1.0).round().clamp(0.0, MOST_COUNTED)
    }

    /// log m - scale (location): base, and the log of what the mean is in proportion to. `coordinates` are those of rows,
    /// `[B, X]`, or locations, which have the same places. Without the counts of a row the total is a usual one.
    fn offset(&self, coordinates: &Tensor<2>, counts: Option<&Tensor<2>>) -> Tensor<2> {
        let rows = coordinates.dims()[0];
        let alike = |v: f32| from_vec(vec![v; rows], [rows, 1], &device::here());
        let total = |counts: &Tensor<2>| {
            let among = self.constant(|_, c| f32::from(matches!(c.exposure, Some(Exposure::Total { .. }))));
            (counts.clone() * among).sum_dim(1).clamp_min(1.0).log()
        };
        let columns = self.codes.iter().map(|(_, code)| match code.exposure {
            None => alike(0.0),
            Some(Exposure::Column { at, shift, scale }) => coordinates.clone().narrow(1, at, 1) * scale + shift,
            Some(Exposure::Total { mean, .. }) => counts.map_or_else(|| alike(mean), total),
        });
        Tensor::cat(columns.collect(), 1) + self.constant(|_, c| c.base)
    }

    /// log p of each count.
    ///
    /// # Shapes
    /// - `x`: `[B, X]`
    /// - `location`, `raw_scale`: `[K, B, C]`
    /// - result: `[K, B, C]`
    pub(super) fn log_prob_each(&self, x: &Tensor<2>, location: Tensor<3>, raw_scale: Tensor<3>) -> Tensor<3> {
        let counts = self.counts(x);
        let offset = self.offset(x, Some(&counts)).unsqueeze::<3>();
        let log_mean = location * self.constant(|n, _| n.scale).unsqueeze::<3>() + offset;
        let log_mean = log_mean.clamp(-MAX_LOG_RATE, MAX_LOG_RATE);
        let counts = counts.unsqueeze::<3>();
        let poisson = |distribution: CountDistribution| distribution == CountDistribution::Poisson;
        let has = |wanted: bool| self.codes.iter().any(|(_, c)| poisson(c.distribution) == wanted);
        let of_poisson = has(true).then(|| density::poisson(counts.clone(), log_mean.clone()));
        let of_negative = has(false).then(|| {
            let log_inverse = (raw_scale * -2.0).clamp(-MAX_LOG_INVERSE, MAX_LOG_INVERSE);
            density::negative_binomial(counts, log_mean, log_inverse)
        });
        match (of_poisson, of_negative) {
            (Some(poissons), Some(negative)) => {
                let [k, b, _] = poissons.dims();
                let which = self.constant(|_, c| f32::from(poisson(c.distribution))).unsqueeze::<3>().greater_elem(0.5);
                negative.mask_where(which.repeat_dim(0, k).repeat_dim(1, b), poissons)
            }
            (Some(all), None) | (None, Some(all)) => all,
            (None, None) => from_vec(Vec::new(), [0, 0, 0], &device::here()),
        }
    }

    /// The coordinates of the means, `[B, C]`, from locations `[B, N]`.
    pub(super) fn mean(&self, location: &Tensor<2>) -> Tensor<2> {
        let own = location.clone().narrow(1, self.first, self.len());
        let log_mean = own * self.constant(|n, _| n.scale) + self.offset(location, None);
        let log = (log_mean.clamp(-MAX_LOG_RATE, MAX_LOG_RATE).exp() + 1.0).log();
        (log - self.constant(|n, _| n.shift)) / self.constant(|n, _| n.scale)
    }

    /// The place of the exposure column of each count that has one.
    pub(super) fn exposure_places(&self) -> impl Iterator<Item = usize> + '_ {
        self.codes.iter().filter_map(|(_, code)| match code.exposure {
            Some(Exposure::Column { at, .. }) => Some(at),
            _ => None,
        })
    }

    /// Sets the coordinates of counts to those of 0.
    pub(super) fn nothing(&self, x: &mut [f32]) {
        for ((number, _), x) in self.codes.iter().zip(x.iter_mut().skip(self.first)) {
            *x = -number.shift / number.scale;
        }
    }

    /// Which numbers `[B, N]` are known, when a count is so only with its exposure.
    pub(super) fn known(&self, numbers: Tensor<2>, mask: &Tensor<2>) -> Tensor<2> {
        if self.exposure_places().next().is_none() {
            return numbers;
        }
        let own = |(i, (_, code)): (usize, &(NumberCode, CountCode))| {
            let own = numbers.clone().narrow(1, self.first + i, 1);
            match code.exposure {
                Some(Exposure::Column { at, .. }) => own * mask.clone().narrow(1, at, 1),
                _ => own,
            }
        };
        let mut parts: Vec<Tensor<2>> = self.codes.iter().enumerate().map(own).collect();
        if self.first > 0 {
            parts.insert(0, numbers.clone().narrow(1, 0, self.first));
        }
        Tensor::cat(parts, 1)
    }

    /// 1 at the places of exposures among `n` numbers, `[1, n]`; none where there are none.
    pub(super) fn exposures(&self, n: usize) -> Option<Tensor<2>> {
        let mut which = vec![0f32; n];
        self.exposure_places().for_each(|at| which[at] = 1.0);
        which.contains(&1.0).then(|| from_vec(which, [1, n], &device::here()))
    }

    /// The log of the exposure column of each count, from the coordinates of a row; 0 where it has none.
    pub(super) fn log_exposures(&self, coordinate: impl Fn(usize) -> f32) -> Vec<f32> {
        let of = |code: &CountCode| match code.exposure {
            Some(Exposure::Column { at, shift, scale }) => coordinate(at) * scale + shift,
            _ => 0.0,
        };
        self.codes.iter().map(|(_, code)| of(code)).collect()
    }

    /// Draws the counts of a row into its coordinates `x`.
    pub(super) fn sample(
        &self,
        location: &[f32],
        raw_scale: &[f32],
        log_exposures: &[f32],
        x: &mut [f32],
        id: u64,
        rng: Rng,
    ) {
        // A stream of its own, apart from the draws of the other columns.
        let mut stream = rng.at_seed_of(2).stream(Purpose::Likelihood, id);
        let usual: f32 = StandardNormal.sample(&mut stream);
        for (i, (number, code)) in self.codes.iter().enumerate() {
            let log_exposure = match code.exposure {
                Some(Exposure::Total { mean, spread }) => mean + spread * usual,
                _ => log_exposures[i],
            };
            let log_mean = code.base + location[i] * number.scale + log_exposure;
            let mean = f64::from(log_mean).clamp(-MAX_LOG_RATE, MAX_LOG_RATE).exp();
            let rate = match code.distribution {
                CountDistribution::Poisson => mean,
                CountDistribution::NegativeBinomial => {
                    let r = f64::from(-2.0 * raw_scale[i]).clamp(-MAX_LOG_INVERSE, MAX_LOG_INVERSE).exp();
                    Gamma::new(r, mean / r).map_or(mean, |gamma| gamma.sample(&mut stream))
                }
            };
            let count = Poisson::new(rate).map_or(0.0, |p| p.sample(&mut stream));
            x[self.first + i] = (count.ln_1p() as f32 - number.shift) / number.scale;
        }
    }
}
