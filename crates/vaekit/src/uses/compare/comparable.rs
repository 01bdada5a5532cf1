//! Which figures of several runs compare.

use crate::data::Kind;
use crate::model::likelihood::Domain;
use crate::run::Run;

/// What runs may be judged by. Densities and errors are of values as the file holds them, so that each run may scale
/// its rows in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// -log p(x), or its bound.
    Nats,
    /// Squared errors of reconstructions.
    Mse,
    /// Nothing: errors of other pixels say nothing either.
    Nothing,
}

/// What the nats of a model are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nats {
    Probability,
    Density,
    /// The cross-entropy of grey values under a Bernoulli, which is no likelihood.
    CrossEntropy,
}

fn nats_of(run: &Run) -> Nats {
    let likelihood = &run.vae().likelihood;
    let binary = run.schema().value_kind() == Kind::Binary || run.encoding().binarize != crate::data::Binarize::None;
    match (likelihood.is_mass(), likelihood.domain()) {
        (_, Domain::Binary) if !binary => Nats::CrossEntropy,
        (true, _) => Nats::Probability,
        (false, _) => Nats::Density,
    }
}

/// What to say of runs side by side, and what they may be judged by.
pub fn comparable(runs: &[Run]) -> (Vec<String>, Judged) {
    let mut notes = Vec::new();
    let Some(first) = runs.first() else { return (notes, Judged::Nothing) };
    if runs.iter().any(|r| r.encoding().binarize != first.encoding().binarize) {
        notes.push("The runs are of other pixels (--binarize differs): neither nats nor MSE compare.".into());
        return (notes, Judged::Nothing);
    }
    let dense: Vec<&Run> = runs.iter().filter(|r| r.vae().posterior.is_density()).collect();
    let alike = dense.iter().all(|r| nats_of(r) == nats_of(dense[0]));
    if !alike {
        notes.push(
            "Nats of densities, of probabilities and of grey values under a Bernoulli do not compare with each other."
                .into(),
        );
    }
    if let (true, Some(why)) = (alike, dense.first().and_then(|r| r.why_no_bits())) {
        notes.push(format!("These nats compare with each other and with nothing else, for {why}."));
    }
    if dense.iter().any(|r| sees_classes(r)) && !dense.iter().all(|r| sees_classes(r)) {
        notes.push(
            "Conditional models give log p(x | conditions), which does not compare with log p(x): they stand last."
                .into(),
        );
    }
    (notes, if alike && !dense.is_empty() { Judged::Nats } else { Judged::Mse })
}

/// What settings may be chosen by: as [`comparable`] has it, and by nothing where only some models are told conditions.
pub fn choosable(runs: &[Run]) -> Judged {
    let told = runs.iter().filter(|run| sees_classes(run)).count();
    if told == 0 || told == runs.len() { comparable(runs).1 } else { Judged::Nothing }
}

/// True where log p is of rows given their class.
pub(super) fn sees_classes(run: &Run) -> bool {
    run.is_conditional() && run.vae().posterior.is_density()
}
