//! Which figures of several runs compare.

use crate::run::Run;

/// What runs may be judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Nats,
    Mse,
    /// Squared errors of values in other units say nothing either.
    Nothing,
}

/// What a reader of mean figures of these runs side by side should know.
pub fn incomparable(runs: &[Run]) -> Vec<String> {
    judged(runs).0
}

/// What to say of runs side by side, and what they may be judged by row by row.
pub(super) fn comparable(runs: &[Run]) -> (Vec<String>, Judged) {
    let (mut notes, mut by) = judged(runs);
    if by == Judged::Nats && runs.iter().any(|r| scales(r) != scales(&runs[0])) {
        notes.push("Values are normalized by other training rows, so that nats differ a little by that alone.".into());
        by = Judged::Mse;
    }
    (notes, by)
}

fn scales(run: &Run) -> (&[f32], &[f32]) {
    (&run.encoding().shift, &run.encoding().scale)
}

fn judged(runs: &[Run]) -> (Vec<String>, Judged) {
    let mut notes = Vec::new();
    let Some(first) = runs.first() else { return (notes, Judged::Nothing) };
    let space = |r: &Run| (r.encoding().transform, r.encoding().binarize);
    if runs.iter().any(|r| space(r) != space(first)) {
        let problem = "normalize, binarize or a likelihood of counts differ";
        notes.push(format!("The runs see the values differently ({problem}): neither nats nor MSE compare."));
        return (notes, Judged::Nothing);
    }
    let dense: Vec<&Run> = runs.iter().filter(|r| r.vae().posterior.is_density()).collect();
    let mass = |r: &Run| r.vae().likelihood.is_mass();
    let alike = dense.iter().all(|r| mass(r) == mass(dense[0]));
    if !alike {
        notes.push("Some likelihoods are densities and some are probabilities, so their nats do not compare.".into());
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

/// True where log p is of rows given their class.
pub(super) fn sees_classes(run: &Run) -> bool {
    run.is_conditional() && run.vae().posterior.is_density()
}
