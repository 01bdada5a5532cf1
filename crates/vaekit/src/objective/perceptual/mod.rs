//! Losses that follow what an eye sees. They are no likelihoods: none is the log-density of a distribution of rows.
//!
//! They stand beside an objective, whose likelihood goes on measuring in nats.

mod structure;

pub use structure::Structure;

use vaekit_ops::{Activation, Tensor};

use crate::data::{DataSpec, FittedTransform, Shape};
use crate::model::ElboTerms;
use crate::nn::{Init, Mlp, Parameter, Parameters};
use crate::{Error, Result};

use super::{Group, Loss, Objective, Progress};

/// What may stand beside an objective, by name, with a line for lists.
pub const PERCEPTUAL: &[(&str, &str)] = &[
    ("none", "the likelihood alone"),
    ("ms-ssim", "1 - structural similarity at several scales: a loss, no likelihood"),
    ("features", "distance in the features of a classifier, trained first on the same rows: a loss, no likelihood"),
];

/// Sizes of the network whose features are compared, after the width of a row.
pub const LAYERS: [usize; 2] = [512, 128];

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
    (spec, transform, classes): (&DataSpec, &FittedTransform, usize),
    init: &mut Init,
) -> Result<Box<dyn Objective>> {
    let refused = |problem: &str| Err(Error::setting("perceptual", format!("'{name}' needs {problem}")));
    let measure = match name {
        "none" => return Ok(inner),
        "ms-ssim" => match spec.shape {
            _ if !transform.gives_unit_interval(spec) => return refused("values from 0 to 1; add --normalize 0..1"),
            Shape::Image { channels, height, width } if height.min(width) >= Structure::LEAST => {
                Measure::Structure(Structure::new(channels, height, width))
            }
            _ => return refused(&format!("images of {0}x{0} or more", Structure::LEAST)),
        },
        "features" if classes < 2 => return refused("rows of several classes; name them with --label-column"),
        "features" if spec.width() > MAX_WIDTH => return refused(&format!("rows of at most {MAX_WIDTH} values")),
        "features" => {
            let sizes = [&[spec.width()], LAYERS.as_slice()].concat();
            Measure::Features(Mlp::new("objective.perceptual", &sizes, Activation::Relu, init))
        }
        _ => {
            let names: Vec<&str> = PERCEPTUAL.iter().map(|(name, _)| *name).collect();
            let problem = format!("'{name}' is unknown; expected one of {}", names.join(", "));
            return Err(Error::setting("perceptual", problem));
        }
    };
    Ok(Box::new(Perceptual { inner, measure, weight }))
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
        let loss = self.inner.loss(terms, progress);
        let means = terms.means();
        let k = means.dims()[0] / terms.batch.len();
        let x = terms.batch.x.clone().repeat_dim(0, k);
        Loss { value: loss.value.clone() + self.apart(x, means).mean().mul_scalar(self.weight), ..loss }
    }

    fn pretrain(&self) -> Option<u64> {
        self.inner.pretrain()
    }

    fn pairs(&self) -> usize {
        self.inner.pairs()
    }

    fn group(&self) -> Option<Group> {
        self.inner.group()
    }

    fn features_mut(&mut self) -> Option<&mut Mlp> {
        match &mut self.measure {
            Measure::Features(net) => Some(net),
            Measure::Structure(_) => None,
        }
    }

    fn is_slope_of_value(&self) -> bool {
        self.inner.is_slope_of_value()
    }

    fn is_warm(&self, epoch: f64) -> bool {
        self.inner.is_warm(epoch)
    }
}
