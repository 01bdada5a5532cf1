//! p(x given z): what the decoder's outputs mean.
//!
//! | name | for | raw outputs a value |
//! |---|---|---|
//! | `bernoulli` | binary data; grey pixels with a grain of salt | 1 logit |
//! | `gaussian` | real data, variance fixed at 1: squared error | 1 mean |
//! | `gaussian-shared` | real data, one learned variance | 1 mean |
//! | `gaussian-learned` | real data, a variance for each value that depends on z | 1 mean, 1 log-variance |
//! | `laplace`, `log-cosh`, `student` | real data with outliers, from few to many | 1 mean, 1 log-scale |
//! | `mixed` | tables of columns of several kinds | by kind: location and log-scale, or a logit a level |
//! | `mixed-missing` | the same where cells are missing not at random | the same |
//! | `continuous-bernoulli` | grey pixels from 0 to 1 | 1 logit |
//! | `logistic`, `logistic-mixture` | bytes of images | 1 mean, 1 log-scale; of five components |
//! | `categorical` | bytes whose order means nothing | 256 logits |
//! | `poisson`, `negative-binomial`, `zero-inflated` | counts | 1 log-mean; 1 logit of a forced 0 |
//!
//! TL;DR: `bernoulli` for black and white, `gaussian-shared` for numbers,
//! `gaussian-learned` when noise differs from place to place, `logistic-mixture` for
//! likelihoods of grey or colour images, `negative-binomial` for counts.
//!
//! Every member is normalised: one `log_prob` serves training, scoring and coding.

mod bernoulli;
mod categorical;
mod continuous_bernoulli;
mod counts;
mod gaussian;
mod location;
mod logistic;
mod mixed;

pub use bernoulli::Bernoulli;
pub use categorical::Categorical;
pub use continuous_bernoulli::ContinuousBernoulli;
pub use counts::{NegativeBinomial, Poisson};
pub use gaussian::{LearnedGaussian, SharedGaussian, UnitGaussian};
pub use location::{Laplace, LogCosh, StudentT};
pub use logistic::DiscretizedLogistic;
pub use mixed::{MIXED, Mixed, MixedMissing};

use vaekit_ops::Tensor;

use crate::data::{Encoding, Kind, Schema, Transform};
use crate::nn::{Init, Parameters};
use crate::rng::Rng;
use crate::{Error, Result};

/// What values a likelihood is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Any real number.
    Reals,
    /// 0 and 1; between them the number that comes out is no likelihood.
    Binary,
    /// From 0 to 1.
    Unit,
    /// k/255 for k from 0 to 255.
    Bytes,
    /// Whole numbers from 0.
    Counts,
}

impl Domain {
    /// What the data must be.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Reals => "any numbers",
            Self::Binary => {
                "0 and 1 (`--binarize` makes them of grey values), or from 0 to 1, then no likelihood of the data"
            }
            Self::Unit => "values from 0 to 1",
            Self::Bytes => "bytes, scaled from 0 to 1",
            Self::Counts => "whole numbers from 0, `--normalize none`",
        }
    }
}

/// A distribution over rows, with its parameters from the decoder.
///
/// `x`, means and samples are model values, as the [`Encoding`] makes them of stored ones: the columns of a table of real
/// numbers are standardised unless [`TrainConfig::normalize`](crate::TrainConfig::normalize) says otherwise.
pub trait Likelihood: Parameters + Send + Sync {
    /// The name that settings use.
    fn name(&self) -> &'static str;

    /// Raw decoder outputs for `x_width` values. The decoder must have this width.
    fn raw_width(&self, x_width: usize) -> usize;

    /// What values it is of. Data is checked against it for the likelihoods of the list; a recipe with a likelihood of
    /// its own checks `target.encoding` and `target.schema` itself.
    fn domain(&self) -> Domain;

    /// True for probabilities; false, the default, for densities, whose nats depend on the unit of x.
    fn is_mass(&self) -> bool {
        false
    }

    /// True for a family that knows the codes of columns of several kinds; false, the default, for plain numbers.
    fn is_of_columns(&self) -> bool {
        false
    }

    /// log p of each event. An event is one value, or one pixel when its colours are modelled jointly. Events are
    /// independent given z, so leaving one out gives the marginal of the others. Where a value is missing, `x` is 0.5,
    /// and the result there is left out.
    ///
    /// # Shapes
    /// `x`: `[B, X]`; `raw`: `[K, B, R]`; result: `[K, B, E]`.
    fn log_prob_each(&self, x: &Tensor<2>, raw: &Tensor<3>) -> Tensor<3>;

    /// E[x given z], `[N, R]` to `[N, X]`.
    fn mean(&self, raw: Tensor<2>) -> Tensor<2>;

    /// The raw outputs whose mean is `mean`, `[X]` to `[R]`, always finite: of a value that never changes a Bernoulli
    /// gives a large logit, not an infinite one.
    fn raw_of_mean(&self, mean: &[f32]) -> Vec<f32>;

    /// A draw of x for each row of `raw`, `[N, X]`.
    fn sample(&self, raw: Tensor<2>, rows: &[u64], rng: Rng) -> Tensor<2>;

    /// Which events are known: those whose values all are, `[B, X]` to `[B, E]`. The default is for events of one value
    /// each; write another where E is not X.
    fn known_events(&self, mask: &Tensor<2>) -> Tensor<2> {
        mask.clone()
    }

    /// log p of each known event, and of each other what its being missing says: 0, the default, where gaps say nothing.
    /// What stands in `x` where the mask is 0 has no influence.
    ///
    /// # Shapes
    /// `x`, `mask`: `[B, X]`; `raw`: `[K, B, R]`; result: `[K, B, E]`.
    fn log_prob_known(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
        // Inside every domain: what is left out must still have a finite slope, or gradients would be NaN.
        let x = x.clone().mask_fill(mask.clone().equal_elem(0.0), 0.5);
        let known = self.known_events(mask);
        let each = self.log_prob_each(&x, raw);
        assert_eq!(each.dims()[1..], known.dims(), "{}: known_events must be as log_prob_each", self.name());
        let unknown = known.equal_elem(0.0).unsqueeze::<3>().repeat_dim(0, each.dims()[0]);
        each.mask_fill(unknown, 0.0)
    }

    /// [`log_prob_known`](Self::log_prob_known) where the mask hides cells that are there: what is hidden says nothing.
    fn log_prob_open(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
        self.log_prob_known(x, raw, mask)
    }

    /// Values of each coordinate that are held at once while log p or means are computed, for asking for memory.
    fn held(&self) -> usize {
        1
    }

    /// True for a family that learns from gaps, and so needs some in the training data; false is the default.
    fn needs_gaps(&self) -> bool {
        false
    }

    /// Raw outputs for means and draws of unknown values, where known ones say something that z does not, such as the
    /// exposure of a count.
    ///
    /// # Shapes
    /// `raw` and the result: `[K B, R]`; `x`: `[B, X]`; `mask`: `[B, X]`, none where all is known.
    fn with_known(&self, raw: Tensor<2>, _x: &Tensor<2>, _mask: Option<&Tensor<2>>) -> Tensor<2> {
        raw
    }

    /// E[x given z and that x is missing], `[N, R]` to `[N, X]`; none where that says nothing.
    fn mean_missing(&self, _raw: Tensor<2>) -> Option<Tensor<2>> {
        None
    }

    /// A draw of x given z and that x is missing, like [`sample`](Self::sample); none where that says nothing.
    fn sample_missing(&self, _raw: Tensor<2>, _rows: &[u64], _rng: Rng) -> Option<Tensor<2>> {
        None
    }

    /// log p(x given z), summed over the known events. What stands in `x` where the mask is 0 has no influence. A
    /// family with a kernel of its own in `vaekit_ops` says so here.
    ///
    /// # Shapes
    /// `x`: `[B, X]`; `raw`: `[K, B, R]`; `mask`: `[B, X]`, none where all is known; result: `[K, B]`.
    fn log_prob(&self, x: &Tensor<2>, raw: &Tensor<3>, mask: Option<&Tensor<2>>) -> Tensor<2> {
        let each = match mask {
            None => self.log_prob_each(x, raw),
            Some(mask) => self.log_prob_known(x, raw, mask),
        };
        let [k, b, _] = each.dims();
        each.sum_dim(2).reshape([k, b])
    }
}

type Build = fn(&Schema, &Encoding, &mut Init) -> Box<dyn Likelihood>;

/// A likelihood in the list.
pub struct Known {
    /// The name that settings use.
    pub name: &'static str,
    doc: &'static str,
    build: Build,
}

impl Known {
    /// One line for lists.
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    /// What values it is of.
    pub fn domain(&self) -> Domain {
        self.example().domain()
    }

    /// True for a family that knows the codes of columns of several kinds.
    pub fn is_of_columns(&self) -> bool {
        self.example().is_of_columns()
    }

    /// True for a family that needs gaps in the training data.
    pub fn needs_gaps(&self) -> bool {
        self.example().needs_gaps()
    }

    /// One for rows of a single value, to ask what it can do.
    pub fn example(&self) -> Box<dyn Likelihood> {
        (self.build)(&Schema::table(["x"], Kind::Byte), &Encoding::none(), &mut Init::new(Rng::new(0)))
    }
}

const fn known(name: &'static str, doc: &'static str, build: Build) -> Known {
    Known { name, doc, build }
}

/// Components of `logistic-mixture`.
const MIXTURE: usize = 5;

/// Every likelihood.
pub const LIKELIHOODS: &[Known] = &[
    known("bernoulli", "0 and 1; on grey pixels a cross-entropy that is no likelihood", |_, _, _| Box::new(Bernoulli)),
    known("gaussian", "real numbers with variance 1: squared error", |_, _, _| Box::new(UnitGaussian)),
    known("gaussian-shared", "real numbers with one learned variance", |_, _, init| {
        Box::new(SharedGaussian::new(init))
    }),
    known("gaussian-learned", "real numbers, each with a variance that depends on z", |_, _, _| {
        Box::new(LearnedGaussian)
    }),
    known("laplace", "real numbers with outliers: absolute error", |_, _, _| Box::new(Laplace::default())),
    known("log-cosh", "real numbers with outliers, smooth near 0", |_, _, _| Box::new(LogCosh::default())),
    known("student", "real numbers with many outliers, learned degrees of freedom", |_, _, init| {
        Box::new(StudentT::new(init))
    }),
    known(MIXED, "a table: a likelihood for each column by its kind", |schema, encoding, init| {
        Box::new(Mixed::new(schema, encoding, init))
    }),
    known("mixed-missing", "the same where cells are missing not at random (not-MIWAE)", |s, encoding, init| {
        Box::new(MixedMissing::new(s, encoding, init))
    }),
    known("continuous-bernoulli", "grey values from 0 to 1", |_, _, _| Box::new(ContinuousBernoulli)),
    known("logistic", "bytes: a logistic distribution in 256 bins", |schema, _, _| {
        Box::new(DiscretizedLogistic::new(1, schema))
    }),
    known("logistic-mixture", "bytes: five logistic distributions, of colours jointly", |schema, _, _| {
        Box::new(DiscretizedLogistic::new(MIXTURE, schema))
    }),
    known("categorical", "bytes: 256 classes", |_, _, _| Box::new(Categorical)),
    known("poisson", "counts", |_, _, _| Box::new(Poisson)),
    known("negative-binomial", "counts that vary more than a Poisson", |s, _, init| {
        Box::new(NegativeBinomial::new(s.width(), false, init))
    }),
    known("zero-inflated", "negative binomial with forced zeros", |s, _, init| {
        Box::new(NegativeBinomial::new(s.width(), true, init))
    }),
];

/// What a setting names.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static Known> {
    LIKELIHOODS.iter().find(|known| known.name == name).ok_or_else(|| {
        let names: Vec<&str> = LIKELIHOODS.iter().map(|known| known.name).collect();
        let nearest = crate::nearest(name, names.iter().copied()).map(|n| format!("; did you mean '{n}'?"));
        let (names, hint) = (names.join(", "), nearest.unwrap_or_default());
        Error::setting("likelihood", format!("'{name}' is unknown; expected one of {names}{hint}"))
    })
}

/// Builds the likelihood that a setting names.
///
/// # Errors
/// An unknown name, or one whose domain is not where the model values lie.
pub fn build(name: &str, schema: &Schema, encoding: &Encoding, init: &mut Init) -> Result<Box<dyn Likelihood>> {
    let known = find(name)?;
    let (unit, real) = (encoding.gives_unit_interval(schema), schema.value_kind() == Kind::Real);
    let likelihood = (known.build)(schema, encoding, init);
    let problem = match likelihood.domain() {
        Domain::Binary | Domain::Unit if !unit => {
            Some(format!("'{name}' needs values from 0 to 1; add --normalize 0..1 or choose gaussian-shared"))
        }
        Domain::Bytes if !unit || real => Some(format!(
            "'{name}' needs bytes, scaled from 0 to 1, and this data is {}; choose gaussian-shared or laplace",
            if real { "real" } else { "scaled otherwise" }
        )),
        _ if !encoding.columns.is_empty() && !likelihood.is_of_columns() => Some(format!(
            "'{name}' is of numbers alone, and the columns here have kinds of their own; use mixed, or --normalize standardize"
        )),
        Domain::Counts if encoding.transform != Transform::None => {
            Some(format!("'{name}' needs counts as they are; add --normalize none"))
        }
        _ => None,
    };
    match problem {
        Some(problem) => Err(Error::setting("likelihood", problem)),
        None => Ok(likelihood),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vaekit_ops::{device, from_vec, to_vec};

    /// A likelihood of one column, or of one pixel in colour.
    fn built(known: &Known, colour: bool) -> Box<dyn Likelihood> {
        let colours = Schema::images([3, 1, 1], Kind::Byte);
        if colour { (known.build)(&colours, &Encoding::none(), &mut Init::new(Rng::new(0))) } else { known.example() }
    }

    /// Values with the weight that each has in a sum or an integral over the domain.
    fn grid(domain: Domain) -> Vec<(f32, f64)> {
        let line = |low: f64, high: f64, n: usize| {
            let step = (high - low) / n as f64;
            (0..n).map(|i| ((low + (i as f64 + 0.5) * step) as f32, step)).collect::<Vec<_>>()
        };
        match domain {
            Domain::Reals => line(-400.0, 400.0, 400_000),
            Domain::Unit => line(0.0, 1.0, 20_000),
            Domain::Binary => vec![(0.0, 1.0), (1.0, 1.0)],
            Domain::Bytes => (0..256).map(|k| (k as f32 / 255.0, 1.0)).collect(),
            Domain::Counts => (0..4_000).map(|k| (k as f32, 1.0)).collect(),
        }
    }

    #[test]
    fn every_likelihood_has_mass_one_and_the_mean_that_it_tells_and_draws() {
        for known in LIKELIHOODS {
            let likelihood = built(known, false);
            let width = likelihood.raw_width(1);
            let raw: Vec<f32> = (0..width).map(|i| 0.9 * (2.3 * i as f32 + 0.4).sin()).collect();
            let points = grid(known.domain());
            let n = points.len();
            let x = from_vec(points.iter().map(|p| p.0).collect(), [n, 1], &device::cpu());
            let rows = |n: usize| from_vec(raw.repeat(n), [1, n, width], &device::cpu());
            let p: Vec<f64> = to_vec(likelihood.log_prob_each(&x, &rows(n)))
                .iter()
                .zip(&points)
                .map(|(l, (_, weight))| f64::from(*l).exp() * weight)
                .collect();
            let mass: f64 = p.iter().sum();
            assert!((mass - 1.0).abs() < 2e-3, "{}: {mass}", known.name);
            let mean: f64 = p.iter().zip(&points).map(|(p, (x, _))| p * f64::from(*x)).sum();
            let one = from_vec(raw.clone(), [1, width], &device::cpu());
            let told = f64::from(to_vec(likelihood.mean(one))[0]);
            // A logistic's mean leaves out that what lies beyond 0 and 1 counts to them.
            let slack = if known.name.starts_with("logistic") { 0.03 } else { 4e-3 };
            assert!((told - mean).abs() < slack * (1.0 + mean.abs()), "{}: {told} is not {mean}", known.name);
            let ids: Vec<u64> = (0..20_000).collect();
            let many = from_vec(raw.repeat(ids.len()), [ids.len(), width], &device::cpu());
            let draws = to_vec(likelihood.sample(many, &ids, Rng::new(1)));
            let second: f64 = p.iter().zip(&points).map(|(p, (x, _))| p * f64::from(*x).powi(2)).sum();
            let error = ((second - mean * mean).max(0.0) / ids.len() as f64).sqrt();
            let drawn = draws.iter().map(|v| f64::from(*v)).sum::<f64>() / ids.len() as f64;
            assert!((drawn - mean).abs() < 5.0 * error + 1e-3, "{}: {drawn} is not {mean}", known.name);
        }
    }

    #[test]
    fn colours_under_a_mixture_have_mass_one_and_are_drawn_as_they_weigh() {
        let known = find("logistic-mixture").unwrap();
        let likelihood = built(known, true);
        let width = likelihood.raw_width(3);
        // Components in the middle and of middling width, which uniform draws can weigh.
        let raw = (0..width).map(|i| match i {
            0..15 => 0.15 * (2.3 * i as f32 + 0.4).sin(),
            15..30 => -0.3,
            _ => 0.5 * (2.3 * i as f32 + 0.4).sin(),
        });
        let raw: Vec<f32> = raw.collect();
        let ids: Vec<u64> = (0..150_000).collect();
        let n = ids.len();
        let levels: Vec<f32> = Rng::new(3)
            .uniform(crate::rng::Purpose::Score, &ids, 3)
            .iter()
            .map(|u| (u * 256.0).floor() / 255.0)
            .collect();
        let x = from_vec(levels.clone(), [n, 3], &device::cpu());
        let log_p = to_vec(likelihood.log_prob(&x, &from_vec(raw.repeat(n), [1, n, width], &device::cpu()), None));
        let p: Vec<f64> = log_p.iter().map(|l| f64::from(*l).exp() * 256f64.powi(3) / n as f64).collect();
        let mass: f64 = p.iter().sum();
        assert!((mass - 1.0).abs() < 0.03, "{mass}");
        let product: f64 = p.iter().zip(levels.chunks(3)).map(|(p, x)| p * f64::from(x[0] * x[1] * x[2])).sum();
        let drawn = to_vec(likelihood.sample(from_vec(raw.repeat(n), [n, width], &device::cpu()), &ids, Rng::new(1)));
        let of_draws = drawn.chunks(3).map(|x| f64::from(x[0] * x[1] * x[2])).sum::<f64>() / n as f64;
        assert!((product - of_draws).abs() < 0.01, "{product} is not {of_draws}");
    }
}
