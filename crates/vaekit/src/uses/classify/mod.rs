//! Classes from few labels: codes of a trained model tell the classes of all rows from those of some.

mod features;
mod file;
mod labels;
mod m2;
mod network;
mod propagation;

use crate::data::{Dataset, NameColumn, Step};
use crate::model::Model;
use crate::rng::Rng;
use crate::{Error, Result};

use super::Values;
use super::given::names_or_numbers;

use features::{Features, Of};
use network::Network;
use propagation::Neighbours;

pub use labels::Labelling;

/// How classes are learned, by name.
pub const METHODS: &[(&str, Method)] = &[
    ("m1", Method::M1),
    ("m2", Method::M2 { of_codes: false }),
    ("m1+m2", Method::M2 { of_codes: true }),
    ("supervised", Method::Supervised),
    ("propagation", Method::Propagation),
];

/// How classes are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A linear classifier of draws of q(z given x) of the labelled rows (M1 of Kingma, Mohamed, Rezende & Welling, NeurIPS
    /// 2014; theirs is a support vector machine).
    M1,
    /// The semi-supervised generative model p(x given y, z) with q(y given x) for all rows (M2 of the same paper), of values or of
    /// codes (M1+M2).
    M2 {
        /// Of draws of q(z given x), not of values.
        of_codes: bool,
    },
    /// A network X - 256 - classes of the labelled rows alone: what the unlabelled rows are worth is measured against it.
    Supervised,
    /// Labels spread over the nearest neighbours of codes (Zhou, Bousquet, Lal, Weston & Schölkopf, NeurIPS 2003).
    Propagation,
}

/// What learned to tell classes.
#[derive(Debug)]
pub struct Classifier {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The name of the method.
    pub method: String,
    /// By what logits are divided, so that probabilities are neither too sure nor too unsure: fitted to labelled rows that took no
    /// part (five folds), 1 where the method is too slow for that.
    pub temperature: f64,
    features: Features,
    rule: Rule,
    /// The identity of the run whose codes it knows.
    identity: String,
}

#[derive(Debug)]
enum Rule {
    Network(Network),
    Neighbours(Neighbours),
}

/// Classes that were found for rows.
#[derive(Clone, Debug)]
pub struct Classified {
    /// Of each row the likeliest class.
    pub class: Vec<usize>,
    /// `[rows, classes]`
    pub probabilities: Vec<f32>,
    classes: Vec<String>,
    name: Option<NameColumn>,
}

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Learning {
    /// The method.
    pub method: Method,
    /// Passes over the training rows, of methods that use the unlabelled ones.
    pub epochs: usize,
    /// Of weights, noise and order.
    pub seed: u64,
}

impl Classifier {
    /// Learns from labelled rows and, by methods that can, from the other training rows. `progress` hears of passes that are
    /// done.
    ///
    /// # Errors
    /// Fewer than two classes with a labelled row, or rows that do not fit the model.
    pub fn learn(
        model: &Model,
        identity: String,
        (data, train): (&Dataset, &[u32]),
        labels: &Labelling,
        how: Learning,
        progress: &mut dyn FnMut(usize) -> Step,
    ) -> Result<Self> {
        labels.check()?;
        let rng = Rng::new(how.seed);
        let of = match how.method {
            Method::Supervised | Method::M2 { of_codes: false } => Of::Values,
            _ => Of::Codes,
        };
        let (classes, known) = (labels.classes.len(), &labels.class);
        let features = Features::fit(model, data, train, of)?;
        let of_known = features.rows(model, data, &labels.rows)?;
        let (rule, temperature) = match how.method {
            Method::M1 | Method::Supervised => {
                let hidden = if of == Of::Values { Some(network::HIDDEN) } else { None };
                let fit = |rows: &features::Rows, class: &[u32]| Network::of_labels(rows, class, classes, hidden, rng);
                let temperature = network::temperature(&of_known, known, fit);
                (Rule::Network(fit(&of_known, known)), temperature)
            }
            Method::M2 { .. } => {
                let all = features.rows(model, data, train)?;
                let (network, done) =
                    m2::learn(&features, (&of_known, known), &all, classes, how.epochs, rng, progress);
                if done == 0 {
                    return Err(Error::interrupted("interrupted: nothing is written"));
                }
                (Rule::Network(network), 1.0)
            }
            Method::Propagation => {
                let all = features.rows(model, data, &propagation::some(model, train, &labels.rows))?;
                let (found, temperature) = Neighbours::spread(&of_known, known, &all, classes);
                (Rule::Neighbours(found), temperature)
            }
        };
        let method = METHODS.iter().find(|(_, method)| *method == how.method).map_or("m1", |(name, _)| name);
        Ok(Self { classes: labels.classes.clone(), method: method.to_owned(), temperature, features, rule, identity })
    }

    /// The classes of rows.
    ///
    /// # Errors
    /// Another run than the one that it learned from, by its identity, or rows that do not fit it.
    pub fn classify(&self, model: &Model, identity: &str, data: &Dataset, rows: &[u32]) -> Result<Classified> {
        if self.identity != identity {
            let problem = "was learned from another run; name that run, or learn it anew";
            return Err(Error::setting("classifier", problem));
        }
        let of = self.features.rows(model, data, rows)?;
        let logits = match &self.rule {
            Rule::Network(network) => network.logits(&of.mean),
            Rule::Neighbours(neighbours) => neighbours.logits(&of.mean),
        };
        let classes = self.classes.len();
        let probabilities: Vec<f32> =
            logits.chunks(classes).flat_map(|row| network::softmax(row, self.temperature)).collect();
        let class = probabilities.chunks(classes).map(network::largest).collect();
        Ok(Classified {
            class,
            probabilities,
            classes: self.classes.clone(),
            name: Some(names_or_numbers(data, rows)?),
        })
    }
}

impl Classified {
    /// A csv table's columns: what the row is called, and the probability of each class.
    pub fn values(&self) -> Values {
        let columns: Vec<String> = self.classes.iter().map(|class| format!("p({class})")).collect();
        let class = NameColumn {
            name: "class".into(),
            values: self.class.iter().map(|class| self.classes[*class].clone()).collect(),
        };
        let (shape, values) = (vec![columns.len()], self.probabilities.clone());
        Values { columns, values, shape, look: None, name: self.name.clone(), beside: vec![class], typed: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
