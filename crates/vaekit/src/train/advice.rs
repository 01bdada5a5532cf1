//! What a person should know before and after training.

use crate::Result;
use crate::data::{Binarize, Cells, Kind, few};
use crate::model::likelihood::Domain;
use crate::objective::KlSchedule;
use crate::run::{Metrics, RunFile};
use crate::settings::LrSchedule;
use crate::variants::ModelSettings;

use super::session::Session;

/// A code of fewer nats says next to nothing of its row.
const IDLE: f64 = 0.2;

/// More nats a value than any training that goes well ends with.
const FAR: f64 = 1e4;

/// Fewer steps than this hardly move the weights.
const FEW_STEPS: u64 = 200;

/// Of settings that do what they say, but perhaps not what is wanted. `asked` is the likelihood that was asked for.
pub fn before(session: &Session<'_>, asked: &str) -> Vec<String> {
    let (c, schema) = (&session.file.config, &session.file.schema);
    let vae = &session.recipe.vae;
    let domain = vae.likelihood.domain();
    let mut told = session.data.notes().to_vec();
    if session.state.stopped {
        told.push(format!(
            "early stopping ended this run after epoch {}, and nothing is left to train; start anew without --patience to \
             train longer",
            session.state.epoch
        ));
    }
    told.extend(session.recipe.objective.caution().map(str::to_owned));
    told.extend(of_conditions(session));
    if c.lr_schedule == LrSchedule::Cosine && c.lr_min == 0.0 && c.lr_epochs < c.epochs {
        told.push(format!(
            "the learning rate falls to 0 after {} of {} epochs, and nothing is learned from there on; for more, start \
             anew with --lr-epochs or --lr-min",
            c.lr_epochs, c.epochs
        ));
    }
    if asked == "auto"
        && domain == Domain::Reals
        && !schema.is_image()
        && !schema.is_mixed()
        && session.data.check_counts().is_ok()
    {
        told.push(
            "all values are whole numbers from 0, and are taken for real ones: if they are counts, train with \
             --likelihood negative-binomial"
                .into(),
        );
    }
    let grey = schema.value_kind() != Kind::Binary && c.binarize == Binarize::None;
    if grey && domain == Domain::Binary && vae.posterior.is_density() {
        told.push(
            "grey values under a Bernoulli are no likelihood of the data: compare these nats only with others made the \
             same way, or use --binarize dynamic, or a gaussian likelihood"
                .into(),
        );
    }
    told
}

/// Of what a conditional model is told, or is not.
fn of_conditions(session: &Session<'_>) -> Vec<String> {
    let (data, train) = (session.data, &session.splits.train);
    let given = &session.preparation.encoding.given;
    let mut told = Vec::new();
    for condition in given {
        let Some(Cells::Levels(ids)) = data.cells(&condition.column) else { continue };
        let mut seen = vec![false; condition.levels.len()];
        for row in train {
            if let Some(seen) = seen.get_mut(ids[*row as usize] as usize) {
                *seen = true;
            }
        }
        let unseen = condition.levels.iter().zip(seen).filter(|(_, seen)| !seen).map(|(level, _)| level.clone());
        let unseen: Vec<String> = unseen.collect();
        if !unseen.is_empty() {
            told.push(format!(
                "no training row has '{}' = {}: the model learns nothing of it; see --valid and --test, or remove such rows",
                condition.column,
                few(&unseen)
            ));
        }
    }
    if let (Some(label), false) = (data.schema().label(), given.is_empty())
        && !given.iter().any(|condition| condition.column == label.name)
    {
        told.push(format!(
            "the model is not told the class '{}'; for that, name it in --condition and not in --label-column",
            label.name
        ));
    }
    let unknown = match data.has_missing() {
        true => unknown_rows(data, train).unwrap_or_default(),
        false => 0,
    };
    if unknown > 0 {
        told.push(format!("nothing is learned from training rows without a known value: {unknown} of them"));
    }
    told
}

/// Rows without a known value.
fn unknown_rows(data: &crate::data::Dataset, rows: &[u32]) -> Result<usize> {
    let mut unknown = 0;
    data.for_each_row(rows, |_, row| {
        unknown += usize::from(row.iter().all(|v| v.is_nan()));
        Ok(())
    })?;
    Ok(unknown)
}

/// What the reader of the final figures should know.
///
/// # Errors
/// Figures that cannot be measured or read.
pub fn after(session: &mut Session<'_>) -> Result<Vec<String>> {
    let (active, rate) = session.activity()?;
    let c = &session.file.config;
    let mut told = Vec::new();
    let schedule = session.recipe.objective.schedule();
    if let Some(schedule) = schedule.filter(|schedule| !schedule.is_over(session.state.epoch as f64)) {
        told.push(match Some(schedule.pretrain).filter(|n| *n > 0 && *n >= session.state.epoch) {
            Some(n) => format!(
                "pretraining (pretrain is {n} epochs) took all the training: there was no KL, and the prior was never \
                 put where the codes lie; train longer or lower pretrain"
            ),
            None => format!(
                "the KL schedule had not come to its end when training did (kl_period is {} epochs): the model was \
                 trained with less of a KL, or another, than it asks for; train longer or shorten kl_period",
                c.model.kl_period
            ),
        });
    }
    let (step, latent) = (session.state.step, session.recipe.vae.latent());
    let loss = Metrics::read(&session.dir)?.last().map_or(0.0, |m| m.train.loss);
    let of_value = loss / session.file.encoding.width(&session.file.schema) as f64;
    if of_value > FAR {
        told.push(format!(
            "the loss ended at {of_value:.1e} nats a value, so training ran away; try a smaller --lr than {}, or --clip 1",
            c.lr
        ));
    } else if step < FEW_STEPS {
        told.push(format!(
            "only {step} steps were taken, which is little to learn from; try more --epochs or a smaller --batch"
        ));
    } else if let Some(name) = session.unsettled() {
        told.push(format!(
            "{name} had not converged when training ended, so that the ELBO mostly reflects that; train longer, or raise \
             --likelihood-lr above {}",
            c.likelihood_lr
        ));
    } else if let Some(rate) = rate
        && (active.is_some_and(|active| active * 20 <= latent) || rate < IDLE)
    {
        let who = active
            .map_or("the codes".to_owned(), |active| format!("{active} of {latent} latent dimensions are active and"));
        let advice = against_collapse(&session.file);
        told.push(format!("posterior collapse: {who} carry {rate:.2} nats together; try {advice}"));
    }
    Ok(told)
}

/// Steps that go one way more than this are on their way somewhere: at rest they nearly cancel.
const ON_ITS_WAY: f64 = 0.6;

impl Session<'_> {
    /// The likelihood's parameter, where its steps still went one way in the end.
    fn unsettled(&self) -> Option<String> {
        let drift = self.optim.likelihood_drift(&self.recipe)?;
        let first = self.recipe.vae.likelihood.parameters().first()?.name().to_owned();
        (drift > ON_ITS_WAY).then_some(first)
    }
}

/// What may mend a collapsed posterior, of what this model takes and has not got.
fn against_collapse(file: &RunFile) -> String {
    let plain = ModelSettings::default();
    let takes = |change: fn(&mut ModelSettings)| {
        let mut other = file.clone();
        change(&mut other.config.model);
        let model = &other.config.model;
        *model != file.config.model && other.build().is_ok()
    };
    let mut advice = Vec::new();
    if takes(|m| m.beta *= 0.5) {
        advice.push("a smaller beta");
    }
    if file.config.model.kl_schedule == plain.kl_schedule && takes(|m| m.kl_schedule = KlSchedule::Linear) {
        advice.push("--kl-schedule linear");
    }
    if file.config.model.free_bits == plain.free_bits && takes(|m| m.free_bits = 0.1) {
        advice.push("--free-bits 0.1");
    }
    advice.push("a smaller decoder");
    advice.join(", or ")
}
