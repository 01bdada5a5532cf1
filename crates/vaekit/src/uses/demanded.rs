//! New rows that have demanded cells: `--where species=Adelie,year=2008`.

use vaekit_ops::{Tensor, device, from_vec, to_vec};

use crate::data::columns::TOTAL;
use crate::data::{Column, Kind, dates};
use crate::eval::predictive::normalized;
use crate::model::Model;
use crate::rng::{Purpose, Rng, unit};
use crate::{Error, Result, budget};

use super::BATCH;
use super::sample::Drawing;

/// Candidates for each row that is wanted, and the least and the most of them.
const CANDIDATES: (usize, usize, usize) = (50, 20_000, 500_000);

/// What became of a demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demanded {
    /// Candidates that carry the weight: (sum w)^2 / sum w^2.
    pub effective: f64,
    /// Candidates in all.
    pub candidates: usize,
}

impl Model {
    /// Coordinates of a row whose other columns are open, and 1 where one is known.
    pub(super) fn values_of(&self, fixed: &[(usize, f32)]) -> (Vec<f32>, Vec<f32>) {
        let mut stored = vec![f32::NAN; self.schema().width()];
        fixed.iter().for_each(|(at, value)| stored[*at] = *value);
        let mut x = vec![0f32; self.x_width()];
        self.encoding().encode(self.schema(), &stored, &mut x);
        let mask = x.iter().map(|v| f32::from(!v.is_nan())).collect();
        x.iter_mut().for_each(|v| *v = if v.is_nan() { 0.0 } else { *v });
        (x, mask)
    }

    /// Refuses a count whose exposure is not given.
    fn has_exposures(&self, fixed: &[(usize, f32)]) -> Result<()> {
        let columns: Vec<&Column> = self.schema().modelled().collect();
        for (at, _) in fixed {
            let Some(exposure) = columns[*at].numbers.as_ref().and_then(|n| n.exposure.as_ref()) else { continue };
            if !fixed.iter().any(|(other, _)| columns[*other].name == *exposure) {
                let name = &columns[*at].name;
                let problem = match exposure == TOTAL {
                    true => format!(
                        "'{name}' cannot be set: its exposure is the row's total, which a drawn row does not have yet"
                    ),
                    false => format!("'{name}' needs a value of its exposure '{exposure}'; set that as well"),
                };
                return Err(Error::setting("where", problem));
            }
        }
        Ok(())
    }

    /// Candidates that a demand for `n` rows needs.
    pub fn candidates(n: usize) -> usize {
        n.saturating_mul(CANDIDATES.0).clamp(CANDIDATES.1, CANDIDATES.2)
    }

    /// The drawing of `n` rows whose named columns have the given cells, out of a drawing of [`candidates`](Self::candidates):
    /// candidates z are resampled by p(cells given z), so that the other columns are drawn from p(others given cells). Any
    /// modelled column may be named.
    ///
    /// # Errors
    /// No modelled column, a cell that it cannot have, or cells so rare that one candidate alone has them.
    pub fn demand(
        &self,
        candidates: &Drawing,
        n: usize,
        cells: &[(String, String)],
        rng: Rng,
    ) -> Result<(Drawing, Demanded)> {
        if self.is_conditional() && self.chosen_conditions().iter().any(Option::is_none) {
            let problem = "goes with a conditional model where every condition has a value; pass them by --given";
            return Err(Error::setting("where", problem));
        }
        let mut fixed = Vec::new();
        for (name, cell) in cells {
            let (at, value) = self.stored_cell(name, cell)?;
            if fixed.iter().any(|(known, _)| *known == at) {
                return Err(Error::setting("where", format!("'{name}' has a value already; give it once")));
            }
            fixed.push((at, value));
        }
        self.has_exposures(&fixed)?;
        let x_width = self.x_width();
        let (x, mask) = self.values_of(&fixed);
        let m = candidates.n();
        let d = self.vae().latent();
        budget::ask_values("where", &format!("codes of {m} candidates"), &[m, d])?;
        let mut codes: Vec<f32> = Vec::with_capacity(m * d);
        let mut log_w: Vec<f64> = Vec::with_capacity(m);
        let ids: Vec<u64> = (0..m as u64).collect();
        for rows in ids.chunks(self.at_once(BATCH)) {
            let b = rows.len();
            let z: Tensor<2> = Tensor::cat(self.codes_of(candidates, rows), 1);
            let given = self.given_of_new(rows);
            let raw = self.vae().decoder.forward(&self.vae().grouped(z.clone()), self.told(given.as_deref()).as_ref());
            codes.extend(to_vec(z));
            let [_, r] = raw.dims();
            let of = |v: &[f32]| from_vec::<2>(v.repeat(b), [b, x_width], &device::here());
            // What is not demanded is open, which is not the same as missing.
            let log_p = self.vae().likelihood.log_prob_open(&of(&x), &raw.reshape([1, b, r]), &of(&mask)).sum_dim(2);
            log_w.extend(to_vec(log_p).into_iter().map(f64::from));
        }
        let weights = normalized(&log_w);
        let effective = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        if !effective.is_finite() || effective < 2.0 {
            let named: Vec<String> = cells.iter().map(|(name, cell)| format!("{name}={cell}")).collect();
            let problem = format!("the model makes next to no row with {} ({m} tried)", named.join(", "));
            return Err(Error::setting("where", format!("{problem}; demand less, or something more frequent")));
        }
        let chosen = resampled(&weights, n, rng);
        let codes: Vec<f32> = chosen.iter().flat_map(|at| codes[at * d..(at + 1) * d].to_vec()).collect();
        Ok((candidates.of_codes(codes, n, fixed), Demanded { effective, candidates: m }))
    }

    /// A modelled column and a cell of it as rows store it.
    fn stored_cell(&self, name: &str, cell: &str) -> Result<(usize, f32)> {
        let names = self.schema().modelled_names();
        let fail = |problem: String| Err(Error::setting("where", problem));
        let Some(at) = names.iter().position(|known| known == name) else {
            let hint = crate::nearest(name, names.iter().map(String::as_str));
            let hint = hint.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
            return fail(format!("'{name}' is no column of this model; it has {}{hint}", crate::data::few(&names)));
        };
        let Some(column) = self.schema().modelled().nth(at) else { return fail(format!("'{name}' is no column")) };
        if column.kind.has_levels() {
            return match column.levels.iter().position(|level| level == cell) {
                Some(level) => Ok((at, level as f32)),
                None => fail(format!(
                    "'{cell}' is none of the values of '{name}'; expected one of {}",
                    crate::data::few(&column.levels)
                )),
            };
        }
        let date = column.numbers.as_ref().and_then(|n| n.date.as_deref());
        let number = match (column.kind, date) {
            (Kind::Time, Some(form)) => dates::days(cell, form),
            _ => cell.parse::<f64>().ok().filter(|v| v.is_finite()),
        };
        let number = number.filter(|v| column.kind != Kind::Binary || *v == 0.0 || *v == 1.0);
        let Some(number) = number else {
            return fail(format!("found '{cell}' for '{name}', expected {}", column.holds()));
        };
        let on_grid = |n: &crate::data::Numbers| n.step == 0.0 || ((number - n.low) / n.step).fract().abs() < 1e-6;
        if let Some(n) = column.numbers.as_ref().filter(|n| n.date.is_none() && !on_grid(n)) {
            return fail(format!("{cell} is no value of '{name}', which goes in steps of {} from {}", n.step, n.low));
        }
        if column.numbers.as_ref().is_some_and(|n| number < n.low || number > n.high) {
            return fail(format!("{cell} lies outside of what training saw of '{name}', {}", column.holds()));
        }
        Ok((at, (number - column.numbers.as_ref().map_or(0.0, |n| n.offset)) as f32))
    }
}

/// Places of `n` draws by weight, each as often as its weight asks for to within one (systematic resampling), in random order.
fn resampled(weights: &[f64], n: usize, rng: Rng) -> Vec<usize> {
    let mut stream = rng.stream(Purpose::Choice, 1);
    let start = f64::from(unit(rand::Rng::next_u32(&mut stream)));
    let (mut sum, mut next) = (0.0, start / n as f64);
    let mut chosen = Vec::with_capacity(n);
    for (at, weight) in weights.iter().enumerate() {
        sum += weight;
        while next < sum && chosen.len() < n {
            chosen.push(at);
            next += 1.0 / n as f64;
        }
    }
    chosen.resize(n, weights.len().saturating_sub(1));
    let order = rng.permutation(Purpose::Choice, n);
    order.into_iter().map(|i| chosen[i as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_by_weight_are_as_many_as_their_weights_ask_for() {
        let chosen = resampled(&[0.5, 0.0, 0.25, 0.25], 1_000, Rng::new(3));
        let count = |at: usize| chosen.iter().filter(|c| **c == at).count() as i64;
        assert!((count(0) - 500).abs() <= 1 && count(1) == 0 && (count(2) - 250).abs() <= 1, "{}", count(0));
    }
}
