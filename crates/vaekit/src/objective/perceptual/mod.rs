//! Losses that follow what an eye sees. They are no likelihoods: none is the log-density of a distribution of rows.
//!
//! They stand beside an objective, whose likelihood goes on measuring in nats.

mod structure;

pub use structure::Structure;

use vaekit_ops::{Activation, Tensor, scalar};

use crate::data::{Encoding, Schema};
use crate::model::ElboTerms;
use crate::nn::classifier::LAYERS;
use crate::nn::{Init, Mlp, Parameter, Parameters};
use crate::{Error, Result};

use super::{Group, Loss, Objective, Progress, Schedule};

/// What may stand beside an objective.
pub struct KnownPerceptual {
    /// The name that settings use.
    pub name: &'static str,
    /// One line for lists.
    pub doc: &'static str,
    /// None where nothing stands there; else what the rows lack.
    build: fn(&Seen<'_>, &mut Init) -> Result<Option<Measure>, String>,
}

/// What a comparison must know of the data.
pub struct Seen<'a> {
    /// What a row is.
    pub schema: &'a Schema,
    /// How rows become numbers.
    pub encoding: &'a Encoding,
}

/// Every one.
pub const PERCEPTUAL: &[KnownPerceptual] = &[
    KnownPerceptual { name: "none", doc: "the likelihood alone", build: |_, _| Ok(None) },
    KnownPerceptual {
        name: "ms-ssim",
        doc: "1 - structural similarity at several scales: a loss, no likelihood",
        build: |rows, _| match rows.schema.image_shape() {
            Some([channels, height, width]) if height.min(width) >= Structure::LEAST => {
                if !rows.encoding.gives_unit_interval(rows.schema) {
                    return Err("values from 0 to 1; add --normalize 0..1".into());
                }
                Ok(Some(Measure::Structure(Structure::new(channels, height, width))))
            }
            _ => Err(format!("images of {0}x{0} or more; leave it out", Structure::LEAST)),
        },
    },
    KnownPerceptual {
        name: "features",
        doc: "distance in the features of a classifier, trained first on the same rows: a loss, no likelihood",
        build: |rows, init| {
            let width = rows.encoding.width(rows.schema);
            if rows.schema.classes().len() < 2 {
                return Err("rows of several classes; name a csv table's with --label-column".into());
            }
            if width > MAX_WIDTH {
                return Err(format!("rows of at most {MAX_WIDTH} values; leave it out"));
            }
            let sizes = [&[width], LAYERS.as_slice()].concat();
            Ok(Some(Measure::Features(Mlp::new("objective.perceptual", &sizes, Activation::Relu, init))))
        },
    },
];

/// Values of a row whose features fit into memory.
const MAX_WIDTH: usize = 1 << 20;

/// How two pictures are compared.
#[derive(Debug)]
enum Measure {
    /// 1 - MS-SSIM.
    Structure(Structure),
    /// |F(x) - F(mean)|^2 over the mean |F(x)|^2 of the batch, F a classifier's last hidden layer
    /// (Hou et al., Deep Feature Consistent VAE, WACV 2017, arXiv:1610.00291, equation 3).
    Features(Mlp),
}

/// value = that of the objective + weight E_q d(x, E[x given z]).
pub struct Perceptual {
    inner: Box<dyn Objective>,
    measure: Measure,
    weight: f64,
}

/// Puts the loss of a name beside an objective.
///
/// # Errors
/// An unknown name, rows that are no images from 0 to 1, or, for features, rows without classes.
pub fn beside(
    inner: Box<dyn Objective>,
    (name, weight): (&str, f64),
    rows: &Seen<'_>,
    init: &mut Init,
) -> Result<Box<dyn Objective>> {
    let Some(known) = PERCEPTUAL.iter().find(|known| known.name == name) else {
        let names: Vec<&str> = PERCEPTUAL.iter().map(|known| known.name).collect();
        let problem = format!("'{name}' is unknown; expected one of {}", names.join(", "));
        return Err(Error::setting("perceptual", problem));
    };
    match (known.build)(rows, init) {
        Ok(None) => Ok(inner),
        Ok(Some(measure)) => Ok(Box::new(Perceptual { inner, measure, weight })),
        Err(lacking) => Err(Error::setting("perceptual", format!("'{name}' needs {lacking}"))),
    }
}

impl Perceptual {
    /// d(x, y), `[N]`; no gradient reaches x.
    fn apart(&self, x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
        match &self.measure {
            Measure::Structure(structure) => structure.similarity(x, y).neg() + 1.0,
            Measure::Features(net) => {
                let seen = |x| Activation::Relu.apply(net.forward_frozen(x));
                let (of_x, of_y) = (seen(x).detach(), seen(y));
                let n = of_x.dims()[0];
                let size = of_x.clone().square().sum_dim(1).mean() + 1e-6;
                (of_x - of_y).square().sum_dim(1).reshape([n]) / size
            }
        }
    }
}

impl Parameters for Perceptual {
    fn parameters(&self) -> Vec<&Parameter> {
        let mut all = self.inner.parameters();
        if let Measure::Features(net) = &self.measure {
            all.extend(net.parameters());
        }
        all
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = self.inner.parameters_mut();
        if let Measure::Features(net) = &mut self.measure {
            all.extend(net.parameters_mut());
        }
        all
    }
}

impl Objective for Perceptual {
    fn samples(&self) -> usize {
        self.inner.samples()
    }

    fn loss(&self, terms: &ElboTerms<'_>, progress: Progress) -> Loss {
        let mut loss = self.inner.loss(terms, progress);
        let means = terms.means();
        let x = terms.rows_beside(&means);
        let apart = self.apart(x, means).mean();
        loss.parts.push(("perceptual", f64::from(scalar(apart.clone()))));
        loss.value = loss.value + apart.mul_scalar(self.weight);
        loss
    }

    fn judged(&self, terms: &ElboTerms<'_>, progress: Progress) -> Tensor<1> {
        let means = terms.means();
        let apart = self.apart(terms.rows_beside(&means), means).mean();
        self.inner.judged(terms, progress) + apart.mul_scalar(self.weight)
    }

    fn schedule(&self) -> Option<Schedule> {
        self.inner.schedule()
    }

    fn least_rows(&self) -> usize {
        self.inner.least_rows()
    }

    fn pairs(&self) -> usize {
        self.inner.pairs()
    }

    fn group(&self) -> Option<Group> {
        self.inner.group()
    }

    fn begin(&mut self, classifier: &mut dyn FnMut() -> Result<Vec<Vec<f32>>>) -> Result<()> {
        if let Measure::Features(net) = &mut self.measure {
            let taught = classifier()?;
            net.parameters_mut().into_iter().zip(taught).for_each(|(p, values)| p.set(values, false));
        }
        self.inner.begin(classifier)
    }

    fn caution(&self) -> Option<&'static str> {
        self.inner.caution()
    }

    fn is_slope_of_value(&self) -> bool {
        self.inner.is_slope_of_value()
    }
}
