//! Clean rows out of noisy ones.

mod noise;
mod quality;

use vaekit_ops::{Tensor, device, to_vec};

use crate::data::{Batch, Batches, Dataset, Kind, Step};
use crate::model::{Mode, Model, Support};
use crate::nn::{Fit, Init, Parameter, Parameters};
use crate::rng::Rng;
use crate::{Error, Result, budget};

use super::given::names_or_numbers;
use super::{BATCH, Values};

pub use noise::{MakeNoise, NOISES, Noise};
pub use quality::{Quality, quality};

/// Steps of a search and their size.
const STEPS: usize = 200;
const RATE: f64 = 0.05;

/// How a clean row is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleaning {
    /// Through the encoder and the decoder.
    Pass,
    /// The z that explains the noisy row best: argmax log p(noisy given x(z)) + log p(z), from the encoder's z on, by Adam
    /// (Bora, Jalal, Price & Dimakis, Compressed Sensing using Generative Models, ICML 2017).
    Search,
}

/// Cleanings by their names.
pub const CLEANINGS: &[(&str, Cleaning)] = &[("pass", Cleaning::Pass), ("search", Cleaning::Search)];

/// Rows before and after, in model values: `[rows, X]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Cleaned {
    /// Rows as the file has them.
    pub given: Vec<f32>,
    /// The same with noise, where some was added.
    pub noisy: Vec<f32>,
    /// What the model makes of it.
    pub clean: Vec<f32>,
}

impl Model {
    /// Cleans rows of `noise`, which is added first where `add` says so; the noise of a row belongs to `rng` and its number.
    /// `progress` hears of the rows that are done.
    ///
    /// # Errors
    /// Rows that do not fit the model, or a search by a model that has no plane of codes to search in.
    pub fn denoise(
        &self,
        data: &Dataset,
        rows: &[u32],
        (noise, add): (Noise, bool),
        by: Cleaning,
        rng: Rng,
        progress: &mut dyn FnMut(usize) -> Step,
    ) -> Result<Cleaned> {
        self.check_fits(data)?;
        if by == Cleaning::Search && self.vae().prior.support() != Support::Reals {
            let problem = "search needs one continuous latent code; use --by pass";
            return Err(Error::unsupported("by", problem));
        }
        budget::ask_values(&data.name, "rows before and after", &[3, rows.len(), self.x_width()])?;
        let noisy_part = self.noisy_part();
        let preparation = self.preparation();
        let mut found = Cleaned { given: Vec::new(), noisy: Vec::new(), clean: Vec::new() };
        let mut done = 0;
        Batches::in_order(data, &preparation, rows, BATCH).for_each(0, |_, host| {
            found.given.extend(host.with_gaps());
            let mut batch = host.to_device(&device::here());
            if add {
                let damaged = self.in_units(batch.x.clone(), |x| noise.added(x, &batch.row_ids, rng));
                batch.x = match noisy_part {
                    Some(width) if width < batch.x.dims()[1] => {
                        let rest = batch.x.dims()[1] - width;
                        Tensor::cat(vec![damaged.narrow(1, 0, width), batch.x.narrow(1, width, rest)], 1)
                    }
                    _ => damaged,
                };
            }
            found.noisy.extend(to_vec(batch.x.clone()));
            found.clean.extend(match by {
                Cleaning::Pass => self.through(&batch),
                Cleaning::Search => self.searched(&batch, noise),
            });
            done += batch.len();
            Ok(progress(done))
        })?;
        match done < rows.len() {
            true => Err(Error::interrupted("interrupted: nothing is written")),
            false => Ok(found),
        }
    }

    /// Model values as rows of the file, with the names of the rows and what they are conditional on. Words and dates that are
    /// known stay what they were.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn cleaned_values(&self, data: &Dataset, rows: &[u32], x: Vec<f32>, tiles: usize) -> Result<Values> {
        let mut values = Values::of_rows(self, x, tiles);
        (values.name, values.beside) = (Some(names_or_numbers(data, rows)?), self.conditions_of(data, rows)?);
        let codes = &self.encoding().columns;
        let stays: Vec<usize> = (0..codes.len())
            .filter(|i| codes[*i].number.is_none() || !codes[*i].blocks.is_empty() && codes[*i].spikes.is_empty())
            .collect();
        let mut at = 0;
        data.for_each_row(rows, |_, stored| {
            let row = &mut values.values[at..at + stored.len()];
            stays.iter().filter(|i| !stored[**i].is_nan()).for_each(|i| row[*i] = stored[*i]);
            at += stored.len();
            Ok(())
        })?;
        Ok(values)
    }

    /// Model values as (x - b) / a, where the range of a pixel is from 0 to 1; of a table as they are.
    pub fn units(&self) -> [f32; 2] {
        let encoding = self.encoding();
        let (Some(scale), Some(shift), true) =
            (encoding.scale.first(), encoding.shift.first(), self.schema().is_image())
        else {
            return [1.0, 0.0];
        };
        // Stored values are x scale + shift.
        let pixel = if self.schema().value_kind() == Kind::Byte { 255.0 } else { 1.0 };
        [pixel / scale, -shift / scale]
    }

    fn in_units(&self, x: Tensor<2>, work: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let [a, b] = self.units();
        work((x - b) / a) * a + b
    }

    /// Of a table of several kinds its numbers, which come first in x, have noise; words have none.
    pub fn noisy_part(&self) -> Option<usize> {
        let columns = &self.encoding().columns;
        (!columns.is_empty()).then(|| columns.iter().filter(|code| code.number.is_some()).count())
    }

    fn searched(&self, batch: &Batch, noise: Noise) -> Vec<f32> {
        let vae = self.vae();
        let start = Tensor::cat(vae.encode(batch, Mode::Infer).centre(), 2);
        let [_, n, d] = start.dims();
        let mut codes = Codes(Init::new(Rng::new(0)).constant("z".into(), &[n, d], 0.0));
        codes.0.set(to_vec(start), true);
        let rows = |codes: &Codes| -> (Tensor<2>, Tensor<2>) {
            let z = codes.0.tensor::<2>();
            (vae.decoder.forward(&vae.grouped(z.clone()), batch.given.as_ref()), z)
        };
        let width = batch.x.dims()[1];
        let part = self.noisy_part().unwrap_or(width);
        let [a, b] = self.units();
        let numbers = |t: &Tensor<2>| (t.clone().narrow(1, 0, part) - b) / a;
        let (noisy, mask) = (numbers(&batch.x), batch.mask.as_ref().map(|mask| mask.clone().narrow(1, 0, part)));
        let mut fit = Fit::begin(&mut codes);
        for _ in 0..STEPS {
            let (raw, z) = rows(&codes);
            let groups = vae.grouped(z).into_iter().map(Tensor::unsqueeze::<3>).collect::<Vec<_>>();
            let mut from_noise = noise.cost(&noisy, numbers(&vae.likelihood.mean(raw.clone())), mask.as_ref());
            if part < width {
                // Words have no noise, and say what they say without it.
                let raw = raw.unsqueeze::<3>();
                let each = match &batch.mask {
                    Some(mask) => vae.likelihood.log_prob_known(&batch.x, &raw, mask),
                    None => vae.likelihood.log_prob_each(&batch.x, &raw),
                };
                let events = each.dims()[2];
                from_noise = from_noise - each.narrow(2, part, events - part).sum();
            }
            let prior = vae.prior().log_prob(&groups).sum();
            let loss = if vae.posterior.is_density() { from_noise - prior } else { from_noise };
            fit.descend(&mut codes, &loss, RATE);
        }
        fit.end(&mut codes);
        to_vec(vae.likelihood.mean(rows(&codes).0))
    }
}

/// Codes that a search moves.
struct Codes(Parameter);

impl Parameters for Codes {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.0]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.0]
    }
}
