//! Draws of rows whose columns are of several kinds.

use rand_distr::{Distribution, StudentT};
use vaekit_ops::{Tensor, device, from_vec, softplus, to_vec};

use crate::data::columns;
use crate::rng::{Purpose, Rng, pick};

use super::{LOGIT, Mixed, RAW_SCALE};

impl Mixed {
    /// A draw of x for each row of raw outputs, `[N, R]` to `[N, X]`.
    pub(super) fn drawn(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2> {
        let (n, s) = (self.numbers(), self.coordinates());
        let [count, wide] = raw.dims();
        let raw = to_vec(raw);
        let freedom = self.freedom.as_ref().map(|p| to_vec(softplus(p.tensor::<1>()) + 2.0)).unwrap_or_default();
        let standard: Vec<Option<StudentT<f64>>> =
            freedom.iter().map(|f| StudentT::new(f64::from(*f).max(2.0)).ok()).collect();
        let mut out = vec![0f32; count * (n + s)];
        for (i, id) in rows.iter().enumerate() {
            let (raw, out) = (&raw[i * wide..][..wide], &mut out[i * (n + s)..][..n + s]);
            let mut stream = rng.stream(Purpose::Likelihood, *id);
            for (j, standard) in standard.iter().enumerate() {
                let scale = raw[n + j].clamp(RAW_SCALE.0, RAW_SCALE.1).exp() + self.floors[j];
                let draw = standard.as_ref().map_or(0.0, |standard| standard.sample(&mut stream));
                out[j] = raw[j] + scale * draw as f32;
            }
            // Another address than that of the stream: the two must not go together.
            let uniform = rng.at_seed_of(1).uniform(Purpose::Likelihood, &[*id], self.grids + self.blocks.len());
            for (j, u) in uniform[..self.grids].iter().enumerate() {
                let at = self.densities + j;
                let scale = raw[n + at].clamp(RAW_SCALE.0, RAW_SCALE.1).exp() + self.floors[at];
                let u = f64::from(*u).clamp(1e-7, 1.0 - 1e-7);
                out[at] = self.snap(j, raw[at] + scale * (u / (1.0 - u)).ln() as f32);
            }
            let first = self.densities + self.grids;
            for (at, number, column) in &self.exposures {
                // Without any spread it is known; else the counts go with the value that is written.
                out[*at] = match column {
                    _ if raw[n + at] <= RAW_SCALE.0 => raw[*at],
                    Some(column) => number.coordinate(columns::on_grid(column, number.stored(out[*at]))),
                    None => out[*at],
                };
            }
            let exposures = self.counts.log_exposures(|place| out[place]);
            self.counts.sample(&raw[first..n], &raw[n + first..2 * n], &exposures, out, *id, rng);
            let mut p = raw[2 * n..].to_vec();
            self.softmax(&mut p);
            for ((at, size), u) in self.blocks.iter().zip(&uniform[self.grids..]) {
                let one = pick(*u, p[*at..at + size].iter().copied()).min(size - 1);
                out[n + at + one] = 1.0;
            }
        }
        from_vec(out, [count, n + s], &device::here())
    }

    /// Probabilities of the coordinates of blocks, on the host, in place of their logits.
    fn softmax(&self, logits: &mut [f32]) {
        for (at, size) in &self.blocks {
            let block = &mut logits[*at..at + size];
            let most = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            block.iter_mut().for_each(|l| *l = (*l - most).clamp(-2.0 * LOGIT, 0.0).exp());
            let sum: f32 = block.iter().sum();
            block.iter_mut().for_each(|p| *p /= sum);
        }
    }

    /// The end of an ordinal where a draw lies beyond it. The grid itself is the file's, which the encoding knows.
    fn snap(&self, grid: usize, x: f32) -> f32 {
        self.steps[grid].1.map_or(x, |[low, high]| x.clamp(low, high))
    }
}
