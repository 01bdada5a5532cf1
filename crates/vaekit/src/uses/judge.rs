//! Codes and samples judged: against the prior, factors, classes, and rows not seen.

use ndarray::Array1;

use crate::data::{Binarize, Dataset, Factors, Kind, Labels};
use crate::eval::disentanglement::{Disentanglement, Factor, disentanglement};
use crate::eval::latents::{Aggregate, Matrix, Posteriors, aggregate};
use crate::eval::quality::{Classifier, Quality, frechet, kernel_distance, manifold};
use crate::eval::representation::{Labelled, Pca, Served, nearest, serve};
use crate::model::likelihood::Domain;
use crate::model::posterior::{DiagonalGaussian, PosteriorFamily};
use crate::model::{Form, Support};
use crate::run::Run;
use crate::{Error, Result};

use super::sample::Observation;

/// Rows that judge the aggregate posterior: its cost grows with their square.
const AGGREGATE: usize = 4_000;
/// Rows that judge disentanglement.
const FACTORED: usize = 10_000;
/// Rows that teach and judge a representation.
const SERVED: usize = 10_000;
/// Values a row beyond which principal axes and raw values are left out.
const WIDEST: usize = 2_048;
/// Samples, and rows to compare them with.
const JUDGED: usize = 10_000;

/// What can be judged of a model.
#[derive(Clone, Copy, Debug)]
pub enum Judgement<'a> {
    /// log p(x) by sampling.
    Likelihood,
    /// log p(x) by annealing.
    Annealed,
    /// What the ELBO lacks, in two parts.
    Gap,
    /// [`Run::aggregate`]
    Latents,
    /// [`Run::disentanglement`]
    Disentanglement(Option<&'a Factors>),
    /// [`Run::representation`]
    Representation,
    /// [`Run::quality`]
    Quality,
}

impl Run {
    /// Whether the model, the data and the rows allow a judgement, before any time goes into it.
    ///
    /// # Errors
    /// What they lack.
    pub fn can_judge(&self, data: &Dataset, rows: &[u32], what: Judgement<'_>) -> Result<()> {
        let density = |what| match self.vae().posterior.is_density() {
            true => Ok(()),
            false => Err(Error::unsupported(
                what,
                format!("{} is an autoencoder: its codes have no density", self.variant_name()),
            )),
        };
        let taught = |flag, what| match (data.labels(), self.is_of(data)) {
            (None, _) => Err(no_classes(data, what)),
            (_, true) => apart(&self.split(data)?.train, rows),
            (_, false) => Err(Error::setting(
                flag,
                format!("{} is other data than the run's, so it has no rows to learn from; leave DATA out", data.name),
            )),
        };
        match what {
            Judgement::Likelihood => density("log p(x)").and_then(|()| self.is_spread()),
            Judgement::Annealed => density("log p(x)").and_then(|()| self.is_held("annealing")),
            Judgement::Gap => density("log p(x)").and_then(|()| self.is_climbed()),
            Judgement::Latents => {
                density("latents")?;
                self.is_standard()?;
                enough("latents", rows, 20)
            }
            Judgement::Disentanglement(given) => self.varying(data, rows, given).map(drop),
            Judgement::Representation => taught("representation", "a probe"),
            Judgement::Quality => {
                taught("quality", "the classifier behind sample quality")?;
                enough("quality", rows, 100)
            }
        }
    }

    /// True where importance sampling tells more than the ELBO does.
    pub(super) fn is_sampled(&self) -> bool {
        self.vae().posterior.is_density() && self.is_spread().is_ok()
    }

    /// Importance sampling draws other codes of a row, where there are others.
    fn is_spread(&self) -> Result<()> {
        match self.vae().posterior.support() {
            Support::Codes { .. } => {
                let problem = "has one code a row, so that sampling would repeat the ELBO; leave it out";
                Err(Error::unsupported("log p(x)", format!("'{}' {problem}", self.vae().posterior.name())))
            }
            _ => Ok(()),
        }
    }

    /// Annealing asks for q(z given x) at any z of one real group.
    fn is_held(&self, what: &'static str) -> Result<()> {
        let posterior = &self.vae().posterior;
        if posterior.is_held() && posterior.support() == Support::Reals {
            return Ok(());
        }
        let problem = format!("moves real codes under a Gaussian, and these are '{}'; leave it out", posterior.name());
        Err(Error::unsupported(what, problem))
    }

    /// The best q of a row is found by climbing, which choices do not allow.
    fn is_climbed(&self) -> Result<()> {
        let posterior = &self.vae().posterior;
        if posterior.is_exact_in_training() && !matches!(posterior.support(), Support::Codes { .. }) {
            return Ok(());
        }
        let problem = format!("climbs with draws that have slopes, and those of '{}' are choices", posterior.name());
        Err(Error::unsupported("gap", problem))
    }

    /// What compares codes with N(0, I) one dimension at a time.
    fn is_standard(&self) -> Result<()> {
        let standard = matches!(self.vae().prior().form(), Form::Standard);
        if standard && self.vae().posterior.name() == DiagonalGaussian.name() {
            return Ok(());
        }
        let (q, p) = (self.vae().posterior.name(), self.vae().prior.name());
        let problem = format!("compares diagonal Gaussians with N(0, I), and this model has '{q}' and '{p}'");
        Err(Error::unsupported("latents", problem))
    }

    /// All codes of the rows (at most 4,000) against N(0, I).
    ///
    /// # Errors
    /// A model whose codes are not diagonal Gaussians, or whose prior is another.
    pub fn aggregate(&self, data: &Dataset, rows: &[u32]) -> Result<Aggregate> {
        enough("latents", rows, 20)?;
        let q = self.posteriors(data, &self.some(rows, AGGREGATE))?;
        let Some(q) = q.1 else {
            return Err(Error::unsupported("latents", "these codes are no diagonal Gaussians"));
        };
        self.is_standard()?;
        Ok(aggregate(&q, self.rng()))
    }

    /// Disentanglement scores of the rows (at most 10,000), by the factors that
    /// the data brings or those given. Also names factors that are constant.
    ///
    /// # Errors
    /// Data without factors, none that varies, or too few rows.
    pub fn disentanglement(
        &self,
        data: &Dataset,
        rows: &[u32],
        given: Option<&Factors>,
    ) -> Result<(Disentanglement, Vec<String>)> {
        let rows = &self.some(rows, FACTORED)[..];
        let (found, constant) = self.varying(data, rows, given)?;
        let (means, q) = self.posteriors(data, rows)?;
        let dense = q.is_some();
        // Points have no density: the convention that needs one is left out.
        let q = q.unwrap_or_else(|| Posteriors { log_var: means.clone(), z: means.clone(), mean: means });
        let mut scores = disentanglement(&q, &found, self.rng())?;
        if !dense {
            scores.mig_sampled = None;
        }
        Ok((scores, constant))
    }

    /// Factors that vary over the rows, and the names of those that do not.
    fn varying(&self, data: &Dataset, rows: &[u32], given: Option<&Factors>) -> Result<(Vec<Factor>, Vec<String>)> {
        let Some(factors) = given.or(data.factors.as_ref()) else {
            return Err(Error::data(&data.name, "brings no factors; give a csv with a column a factor by --factors"));
        };
        let all = factors.values.len() / factors.names.len().max(1);
        if all != data.len() {
            return Err(Error::data(
                "factors",
                format!("have {all} rows, expected {}: one for each row of {}", data.len(), data.name),
            ));
        }
        let (found, constant) = Factor::all(factors, rows);
        let varies = || format!("every factor is constant on these {} rows: {}", rows.len(), constant.join(", "));
        if found.is_empty() {
            return Err(Error::data("factors", varies()));
        }
        enough("factors", rows, 100)?;
        Ok((found, constant))
    }

    /// What codes serve for, beside PCA and the values themselves. At most
    /// 10,000 rows teach and 10,000 others judge.
    ///
    /// # Errors
    /// Data without classes, or fewer rows than classes.
    pub fn representation(&self, data: &Dataset, train: &[u32], test: &[u32]) -> Result<Vec<Served>> {
        let Some(labels) = data.labels() else {
            return Err(no_classes(data, "a probe"));
        };
        apart(train, test)?;
        let (train, test) = (&self.some(train, SERVED)[..], &self.some(test, SERVED)[..]);
        let seed = self.seed();
        let labelled = |x: Matrix, rows: &[u32]| Labelled { x, class: classes(labels, rows) };
        let codes = |rows: &[u32]| Ok::<_, Error>(labelled(self.posteriors(data, rows)?.0, rows));
        let (train_codes, test_codes) = (codes(train)?, codes(test)?);
        let latent = train_codes.x.ncols();
        let mut served = vec![serve("codes", &train_codes, &test_codes, seed)?];
        // Axes of very wide rows cost the cube of their width, and rows that lack values have none.
        if data.width() > WIDEST || data.has_missing() {
            return Ok(served);
        }
        let (train_x, test_x) = (self.values(data, train)?, self.values(data, test)?);
        let pca = Pca::fit(&train_x, latent)?;
        served.push(serve("pca", &labelled(pca.apply(&train_x), train), &labelled(pca.apply(&test_x), test), seed)?);
        served.push(serve("values", &labelled(train_x, train), &labelled(test_x, test), seed)?);
        Ok(served)
    }

    /// Samples (of a mixture fitted to codes, where there is no prior) against test rows in the features of a
    /// classifier, which is trained on the training rows first unless the run has it already.
    ///
    /// # Errors
    /// Data without classes, or too few rows.
    pub fn quality(&self, data: &Dataset, train: &[u32], test: &[u32]) -> Result<Quality> {
        let Some(labels) = data.labels() else {
            return Err(no_classes(data, "the classifier behind sample quality"));
        };
        apart(train, test)?;
        if data.has_missing() {
            return Err(Error::data(&data.name, "lacks values, and sample quality compares whole rows; leave it out"));
        }
        let test = &self.some(test, JUDGED)[..];
        if test.len() < 100 || train.len() < 100 {
            let fewest = test.len().min(train.len());
            return Err(Error::data("quality", format!("{fewest} rows are too few to judge samples by; at least 100")));
        }
        let width = data.width();
        // What is compared with black and white must be so too.
        let binary = data.schema().value_kind() == Kind::Binary || self.encoding().binarize != Binarize::None;
        let shown = if binary || !data.schema().is_image() { Observation::Draw } else { Observation::Mean };
        let samples = self.usual_model_values(data, train, test.len(), shown)?;
        let counts = self.vae().likelihood.domain() == Domain::Counts;
        let mut classifier = Classifier::new(width, labels.names.len(), self.seed()).of_counts(counts);
        if !self.load_classifier(&mut classifier)? {
            classifier.train(data, &self.preparation(), train, test)?;
            self.save_classifier(&classifier)?;
        }
        // The floor must have as many rows as there are samples: the distance depends on their number.
        let train_part = self.some(train, JUDGED);
        let floor = &train_part[..train_part.len().min(test.len())];
        let values = |rows: &[u32]| self.preparation().prepare(data, rows, 0).map(|batch| batch.x);
        let features = |x: &[f32]| classifier.features(x, width);
        let (test_x, train_x) = (values(test)?, values(&train_part)?);
        let (real, made, seen) = (features(&test_x), features(&samples), features(&values(floor)?));
        let wide = real.len() / test.len();
        let matrix = |v: &[f32]| Matrix::from_shape_fn((v.len() / wide, wide), |(i, j)| f64::from(v[i * wide + j]));
        let (kernel, kernel_se) = kernel_distance(&matrix(&made), &matrix(&real));
        let near = |x: &[f32]| {
            let found = nearest(&x[..x.len().min(2_000 * width)], &train_x, width, 1);
            found.iter().map(|n| f64::from(n[0].0).sqrt()).sum::<f64>() / found.len() as f64
        };
        Ok(Quality {
            frechet: frechet(&matrix(&made), &matrix(&real))?,
            frechet_floor: frechet(&matrix(&seen), &matrix(&real))?,
            kernel,
            kernel_se,
            manifold: manifold(&real, &made, wide),
            nearest_ratio: near(&samples) / near(&test_x).max(1e-12),
            classifier_accuracy: classifier.accuracy,
            classifier_seed: classifier.seed,
            samples: test.len(),
            rows: test.len(),
        })
    }

    /// Mean codes of rows, and their posteriors where they have any.
    pub(crate) fn posteriors(&self, data: &Dataset, rows: &[u32]) -> Result<(Matrix, Option<Posteriors>)> {
        let codes = self.encode(data, rows)?;
        if let Some(at) = codes.mean.iter().position(|v| !v.is_finite()) {
            let row = rows[at / codes.latent.max(1)];
            return Err(Error::data(
                &data.name,
                format!("row {row} has a code that is not finite; is it of the same kind?"),
            ));
        }
        let matrix =
            |v: &[f32]| Matrix::from_shape_fn((rows.len(), codes.latent), |(i, j)| f64::from(v[i * codes.latent + j]));
        let mean = matrix(&codes.mean);
        let q = codes.log_var.as_ref().map(|v| Posteriors::draw(mean.clone(), matrix(v), self.rng()));
        Ok((mean, q))
    }

    /// Rows in model values.
    fn values(&self, data: &Dataset, rows: &[u32]) -> Result<Matrix> {
        let width = data.width();
        let x = self.preparation().prepare(data, rows, 0)?.x;
        Ok(Matrix::from_shape_fn((rows.len(), width), |(i, j)| f64::from(x[i * width + j])))
    }
}

fn classes(labels: Labels<'_>, rows: &[u32]) -> Array1<usize> {
    rows.iter().map(|&r| labels.ids[r as usize] as usize).collect()
}

/// Refuses rows that would judge what they taught.
fn apart(train: &[u32], judges: &[u32]) -> Result<()> {
    let taught: std::collections::HashSet<&u32> = train.iter().collect();
    match judges.iter().filter(|r| taught.contains(r)).count() {
        0 => Ok(()),
        n => Err(Error::setting(
            "part",
            format!("{n} of these rows are training rows, which cannot judge; use --part test"),
        )),
    }
}

fn enough(what: &str, rows: &[u32], least: usize) -> Result<()> {
    if rows.len() >= least {
        return Ok(());
    }
    Err(Error::data(what, format!("{} rows are too few to judge by; at least {least}", rows.len())))
}

fn no_classes(data: &Dataset, what: &str) -> Error {
    Error::data(
        &data.name,
        format!("has no classes, which {what} needs; of a csv table name DATA and its --label-column"),
    )
}
