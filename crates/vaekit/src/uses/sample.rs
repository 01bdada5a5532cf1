//! New rows from the prior, or from a density fitted to codes.

use std::path::Path;

use vaekit_ops::{Tensor, device, from_vec, to_vec};

use crate::budget;
use crate::data::Dataset;
use crate::model::Model;
use crate::rng::Rng;
use crate::{Error, Result};

use super::values::write_blocks;
use super::{BATCH, Source, Values};

/// Decoder outputs that are held at once, 64 MB.
const HELD: usize = 1 << 24;

/// Rows that are made and written together.
const BLOCK: usize = 8_192;

/// What to show of p(x given z).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Its mean: smooth pictures.
    Mean,
    /// A draw, with the noise that the likelihood has: honest rows of a table.
    Draw,
}

/// How new rows are drawn; see [`Model::drawing`].
pub struct Drawing {
    /// Codes of a density fitted to those of training rows, `[n, D]`; none for the prior.
    codes: Option<Vec<f32>>,
    n: usize,
    observation: Observation,
    rng: Rng,
    /// Modelled columns whose stored value is the same in every row.
    fixed: Vec<(usize, f32)>,
}

impl Drawing {
    /// Rows that it draws.
    pub(super) fn n(&self) -> usize {
        self.n
    }

    /// The same with other codes, `[n, D]`, and columns that are fixed.
    pub(super) fn of_codes(&self, codes: Vec<f32>, n: usize, fixed: Vec<(usize, f32)>) -> Self {
        Self { codes: Some(codes), n, observation: self.observation, rng: self.rng, fixed }
    }
}

impl Model {
    /// A way to draw `n` rows: from the prior, or from what is fitted to the codes of training rows.
    ///
    /// # Errors
    /// A variant whose prior is not where its codes lie, or codes that no density is fitted to.
    pub fn drawing(
        &self,
        fitted: Option<(&Dataset, &[u32], Source)>,
        n: usize,
        observation: Observation,
        rng: Rng,
    ) -> Result<Drawing> {
        let codes = match fitted {
            None | Some((_, _, Source::Prior)) if self.samples_from_prior() => None,
            None | Some((_, _, Source::Prior)) => {
                return Err(Error::unsupported(
                    self.variant_name(),
                    "has no prior to sample from: its codes lie anywhere; use --from mixture or flow, or train --variant \
                     vae",
                ));
            }
            Some((data, train, source)) => {
                budget::ask_values("n", &format!("codes of {n} rows"), &[n, self.vae().latent()])?;
                Some(self.fitted_codes(data, train, n, source, rng)?)
            }
        };
        Ok(Drawing { codes, n, observation, rng, fixed: Vec::new() })
    }

    /// Draws z from the prior and decodes.
    ///
    /// # Errors
    /// A variant whose prior is not where its codes lie, or more rows than memory is allowed for.
    pub fn sample(&self, n: usize, observation: Observation, rng: Rng) -> Result<Values> {
        self.rows_of(&self.drawing(None, n, observation, rng)?)
    }

    /// Draws z from a density that is fitted to the codes of `train`ing rows, and decodes.
    ///
    /// # Errors
    /// Codes that no density is fitted to, or more rows than memory is allowed for.
    pub fn sample_from(
        &self,
        data: &Dataset,
        train: &[u32],
        n: usize,
        source: Source,
        observation: Observation,
        rng: Rng,
    ) -> Result<Values> {
        self.rows_of(&self.drawing(Some((data, train, source)), n, observation, rng)?)
    }

    /// Draws rows into a .npy or .csv file, a block at a time, so that memory does not grow with their number (but for the
    /// codes of a fitted density, which are held); a picture is made of all at once. The same rows as
    /// [`sample`](Self::sample) gives.
    ///
    /// # Errors
    /// Those of [`sample`](Self::sample), or whatever the system says.
    pub fn write_samples(&self, path: &Path, drawing: &Drawing) -> Result<()> {
        let n = drawing.n;
        if super::check_output(path)? == "png" {
            return self.rows_of(drawing)?.write(path);
        }
        write_blocks(path, n, &mut |done| match done < n {
            true => Ok(Some(self.new_rows(drawing, done..n.min(done + BLOCK))?)),
            false => Ok(None),
        })
    }

    pub(super) fn rows_of(&self, drawing: &Drawing) -> Result<Values> {
        let n = drawing.n;
        budget::ask_values("n", &format!("{n} rows"), &[n, self.x_width()])?;
        self.new_rows(drawing, 0..n)
    }

    /// Rows with these numbers, with the conditions that they were drawn for.
    fn new_rows(&self, drawing: &Drawing, rows: std::ops::Range<usize>) -> Result<Values> {
        let ids: Vec<u64> = rows.map(|row| row as u64).collect();
        let given = self.given_of_new(&ids);
        let values = self.drawn(drawing, &ids, given.as_deref());
        let beside = given.map(|given| self.encoding().words(&given)).unwrap_or_default();
        let mut rows = Values::of_rows(self, values, drawing.n.isqrt().clamp(1, 16));
        let width = rows.columns.len();
        for row in rows.values.chunks_mut(width.max(1)) {
            drawing.fixed.iter().for_each(|(column, value)| row[*column] = *value);
        }
        Ok(Values { beside, ..rows })
    }

    /// Model values of rows with these numbers, `[N, X]`; `given` `[N, C]` is what a conditional model is told.
    fn drawn(&self, drawing: &Drawing, ids: &[u64], given: Option<&[f32]>) -> Vec<f32> {
        let vae = self.vae();
        let told = self.encoding().given_width();
        let at_once = self.at_once(BATCH);
        let mut values = Vec::with_capacity(ids.len() * self.x_width());
        let demanded = (!drawing.fixed.is_empty()).then(|| {
            let (x, mask) = self.values_of(&drawing.fixed);
            [x, mask].map(|of| from_vec::<2>(of, [1, self.x_width()], &device::here()))
        });
        for (i, rows) in ids.chunks(at_once).enumerate() {
            let z = self.codes_of(drawing, rows);
            let given = given.map(|given| &given[i * at_once * told..][..rows.len() * told]);
            let raw = vae.decoder.forward(&z, self.told(given).as_ref());
            let raw = match &demanded {
                Some([x, mask]) => vae.likelihood.with_known(raw, x, Some(mask)),
                None => raw,
            };
            values.extend(to_vec(self.observe(raw, rows, drawing.observation, drawing.rng)));
        }
        values
    }

    /// Codes of rows with these numbers, which follow each other; `[N, D]` for each group.
    pub(super) fn codes_of(&self, drawing: &Drawing, rows: &[u64]) -> Vec<Tensor<2>> {
        let vae = self.vae();
        match &drawing.codes {
            None => vae.prior().sample(rows, drawing.rng),
            Some(codes) => {
                let d = vae.latent();
                let at = rows[0] as usize * d;
                let z = codes[at..at + rows.len() * d].to_vec();
                vae.grouped(from_vec(z, [rows.len(), d], &device::here()))
            }
        }
    }

    /// Where samples come from that nobody chose a source for: the prior, or a mixture where there is none.
    pub fn usual_source(&self) -> Source {
        if self.samples_from_prior() { Source::Prior } else { Source::Mixture }
    }

    /// Draws from the usual source, in the values that the model sees; a conditional model is told of each what it is
    /// told of a row, so that words and numbers are as frequent as among these.
    pub(super) fn usual_model_values(
        &self,
        data: &Dataset,
        train: &[u32],
        like: &[u32],
        observation: Observation,
    ) -> Result<Vec<f32>> {
        let n = like.len();
        budget::ask_values("n", &format!("{n} rows"), &[n, self.x_width()])?;
        let drawing = self.drawing(Some((data, train, self.usual_source())), n, observation, self.rng())?;
        let ids: Vec<u64> = (0..n as u64).collect();
        let given = self.encoding().given(data, like)?;
        Ok(self.drawn(&drawing, &ids, given.as_deref()))
    }

    /// At most `most` rows, fewer where the decoder gives many numbers for each.
    pub(super) fn at_once(&self, most: usize) -> usize {
        let raw = self.vae().likelihood.raw_width(self.x_width());
        (HELD / raw.max(1)).clamp(1, most)
    }

    /// Raw decoder outputs to rows.
    pub(super) fn observe(&self, raw: Tensor<2>, rows: &[u64], observation: Observation, rng: Rng) -> Tensor<2> {
        match observation {
            Observation::Mean => self.vae().likelihood.mean(raw),
            Observation::Draw => self.vae().likelihood.sample(raw, rows, rng),
        }
    }

    /// What suits the data: means for images, draws for tables.
    pub fn default_observation(&self) -> Observation {
        if self.schema().is_image() { Observation::Mean } else { Observation::Draw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TrainConfig, Trainer};

    #[test]
    fn samples_that_are_judged_have_the_conditions_of_the_rows_they_are_judged_by() {
        let dir = tempfile::tempdir().unwrap();
        let mut config =
            TrainConfig { data: "rings".into(), variant: "cvae".into(), epochs: 1, ..TrainConfig::default() };
        config.limit = 100;
        config.model.hidden = vec![4];
        let data = config.open_data(&Default::default(), &mut |_| ()).unwrap();
        let run = Trainer::new(config).out(dir.path().join("run")).fit(&data).unwrap();
        let labels = data.labels().unwrap();
        let like: Vec<u32> = (0..data.len() as u32).filter(|row| labels.ids[*row as usize] == 1).take(20).collect();
        let mut judged = run.usual_model_values(&data, &[0, 1], &like, Observation::Mean).unwrap();
        run.encoding().invert(&mut judged);
        let name = labels.names[1].clone();
        let rng = run.rng();
        let of_class = run.of_class(&name).unwrap().sample(like.len(), Observation::Mean, rng).unwrap();
        assert_eq!(judged, of_class.values);
    }

    #[test]
    fn rows_that_are_written_in_blocks_are_those_that_are_drawn_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = TrainConfig { data: "rings".into(), epochs: 1, limit: 100, ..TrainConfig::default() };
        config.model.hidden = vec![4];
        let data = config.open_data(&Default::default(), &mut |_| ()).unwrap();
        let run = Trainer::new(config).out(dir.path().join("run")).fit(&data).unwrap();
        let n = BLOCK + 1_000;
        let splits = run.split(&data).unwrap();
        for source in [Source::Prior, Source::Mixture, Source::Data] {
            let fitted = || Some((&data, &splits.train[..], source));
            let whole = run.rows_of(&run.drawing(fitted(), n, Observation::Draw, Rng::new(3)).unwrap()).unwrap();
            for name in ["rows.csv", "rows.npy"] {
                let (blocks, once) = (dir.path().join(name), dir.path().join(format!("once-{name}")));
                let drawing = run.drawing(fitted(), n, Observation::Draw, Rng::new(3)).unwrap();
                run.write_samples(&blocks, &drawing).unwrap();
                whole.write(&once).unwrap();
                assert!(std::fs::read(blocks).unwrap() == std::fs::read(once).unwrap(), "{source:?} {name}");
            }
        }
    }
}
