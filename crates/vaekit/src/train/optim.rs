//! Optimizers over a model's parameters.

use std::collections::BTreeMap;

use vaekit_ops::optimizer::{self as rule, Adam};

use crate::nn::{Group, Parameter, Parameters};
use crate::run::Named;
use crate::settings::{Optimizer, TrainConfig};
use crate::variants::Recipe;

/// Adam's decays for the numbers that a likelihood owns: few, and soon at rest.
const LIKELIHOOD: (f64, f64) = (0.9, 0.99);

/// Slots of memory that Adam has.
const OF_ADAM: usize = 2;

/// An optimizer with its memory: a vector for each parameter in each slot.
#[derive(Debug)]
pub struct Optim {
    kind: Optimizer,
    epsilon: f64,
    momentum: f64,
    weight_decay: f64,
    /// How each parameter is stepped that is stepped in a way of its own, and the decay of its weights.
    groups: Vec<Option<(Group, f64)>>,
    /// Slots that parameters have that are stepped in the usual way.
    usual: usize,
    slots: Vec<Vec<Vec<f32>>>,
    /// The step before each parameter's first gradient other than 0, from which Adam counts: a prior that rests while
    /// the KL is left out begins like any other.
    begun: Vec<Option<u64>>,
}

impl Optim {
    /// A fresh optimizer; PyTorch's constants throughout. The likelihood's numbers and the objective's parameters are
    /// stepped by Adam with constants of their own; the former have no decay, which would pull a variance to where it began.
    pub fn new(config: &TrainConfig, recipe: &Recipe) -> Self {
        let all = recipe.parameters();
        let of_objective = recipe.vae.parameters().len();
        let of_likelihood = of_objective - recipe.vae.likelihood.parameters().len();
        let (beta1, beta2) = LIKELIHOOD;
        let rate = config.likelihood_lr / config.lr;
        let likelihood = (rate > 0.0).then_some(Group { rate, beta1, beta2 });
        let group = |i: usize| match i {
            i if i >= of_objective => recipe.objective.group().map(|group| (group, config.weight_decay)),
            i if i >= of_likelihood => likelihood.map(|group| (group, 0.0)),
            _ => None,
        };
        let groups: Vec<Option<(Group, f64)>> = (0..all.len()).map(group).collect();
        let slots = match config.optimizer {
            Optimizer::Adam | Optimizer::AdamW => OF_ADAM,
            Optimizer::Sgd | Optimizer::RmsProp | Optimizer::Lion => 1,
        };
        let most = if groups.iter().any(Option::is_some) { OF_ADAM } else { slots };
        let zeros = |slot: usize| {
            let size = |(i, p): (usize, &&Parameter)| match slot < slots || groups[i].is_some() {
                true => vec![0.0; p.shape().iter().product()],
                false => Vec::new(),
            };
            all.iter().enumerate().map(size).collect()
        };
        Self {
            kind: config.optimizer,
            epsilon: config.epsilon,
            momentum: config.momentum,
            weight_decay: config.weight_decay,
            slots: (0..most).map(zeros).collect(),
            begun: vec![None; all.len()],
            usual: slots,
            groups,
        }
    }

    /// Moves every parameter by its gradient; `step` counts from 1.
    ///
    /// A parameter without a gradient rests, its memory too, and so does one whose gradients were all 0 so far.
    pub fn step(&mut self, model: &mut dyn Parameters, gradients: &[Option<Vec<f32>>], lr: f64, step: u64) {
        let (first, second) = self.slots.split_at_mut(1);
        for (i, parameter) in model.parameters_mut().into_iter().enumerate() {
            let Some(g) = &gradients[i] else { continue };
            let begun = match self.begun[i] {
                Some(begun) => begun,
                None if g.iter().all(|v| *v == 0.0) => continue,
                None => *self.begun[i].insert(step - 1),
            };
            let t = step - begun;
            let mut p = parameter.take();
            let a = &mut first[0][i];
            let kind = match (self.kind, self.groups[i]) {
                (Optimizer::AdamW, _) | (_, None) => self.kind,
                (_, Some(_)) => Optimizer::Adam,
            };
            let usual = (Group { rate: 1.0, beta1: 0.9, beta2: 0.999 }, self.weight_decay);
            let (Group { rate, beta1, beta2 }, decay) = self.groups[i].unwrap_or(usual);
            let lr = lr * rate;
            let adam = Adam { lr, beta1, beta2, epsilon: self.epsilon, weight_decay: decay };
            match (kind, second.first_mut()) {
                (Optimizer::Adam, Some(v)) => rule::adam(&mut p, g, a, &mut v[i], t, adam),
                (Optimizer::AdamW, Some(v)) => rule::adamw(&mut p, g, a, &mut v[i], t, adam),
                (Optimizer::RmsProp, _) => rule::rmsprop(&mut p, g, a, lr, decay),
                (Optimizer::Lion, _) => rule::lion(&mut p, g, a, lr, decay),
                (Optimizer::Sgd | Optimizer::Adam | Optimizer::AdamW, _) => {
                    rule::sgd(&mut p, g, a, lr, self.momentum, decay);
                }
            }
            parameter.set(p, true);
        }
    }

    /// Forgets what was learned of the parameters of these names: they were put elsewhere.
    pub fn forget(&mut self, model: &dyn Parameters, names: &[String]) {
        let is_named = |p: &Parameter| names.iter().any(|name| name == p.name());
        for (i, _) in model.parameters().into_iter().enumerate().filter(|(_, p)| is_named(p)) {
            self.begun[i] = None;
            self.slots.iter_mut().for_each(|slot| slot[i].fill(0.0));
        }
    }

    /// How far the steps of the likelihood's own numbers go one way, from 0 (at rest) to 1 (on their way); none where it
    /// has none, or where no memory tells.
    pub fn likelihood_drift(&self, recipe: &Recipe) -> Option<f64> {
        let to = recipe.vae.parameters().len();
        let from = to - recipe.vae.likelihood.parameters().len();
        let [first, second] = self.slots.as_slice() else { return None };
        let each = (from..to).filter(|i| self.begun[*i].is_some()).flat_map(|i| {
            let of = |(m, v): (&f32, &f32)| f64::from(m.abs()) / (f64::from(*v).sqrt() + self.epsilon);
            first[i].iter().zip(&second[i]).map(of)
        });
        let each: Vec<f64> = each.collect();
        (!each.is_empty()).then(|| (each.iter().sum::<f64>() / each.len() as f64).min(1.0))
    }

    /// The memory, for a checkpoint.
    pub fn memory(&self, model: &dyn Parameters) -> Vec<Vec<Named>> {
        let slot = |values: &Vec<Vec<f32>>| {
            let each = model.parameters().into_iter().zip(values).filter(|(_, v)| !v.is_empty());
            each.map(|(p, v)| Named::of("", p, v.clone())).collect()
        };
        self.slots.iter().map(slot).collect()
    }

    /// The step before the first gradient of the parameters whose memory does not say that it was the first step of all,
    /// by name, for a checkpoint.
    pub fn late(&self, model: &dyn Parameters) -> BTreeMap<String, u64> {
        let names = model.parameters().into_iter().map(|p| p.name().to_owned()).enumerate();
        let begun = names.filter_map(|(i, name)| Some((i, name, self.begun[i]?)));
        begun.filter(|(i, _, begun)| *begun > 0 || self.is_blank(*i)).map(|(_, name, begun)| (name, begun)).collect()
    }

    /// True where a parameter's memory is all 0.
    fn is_blank(&self, i: usize) -> bool {
        self.slots.iter().all(|slot| slot[i].iter().all(|v| *v == 0.0))
    }

    /// Takes the memory of a checkpoint of `step` steps; false when it is not what this optimizer has.
    pub fn remember(
        &mut self,
        model: &dyn Parameters,
        memory: Vec<Vec<Named>>,
        (step, late): (u64, &BTreeMap<String, u64>),
    ) -> bool {
        if !(self.usual..=self.slots.len()).contains(&memory.len()) {
            return false;
        }
        // Builds before stepped an objective's parameters as all others, with fewer slots: Adam begins anew with them.
        let lacking = memory.len() < self.slots.len();
        for (slot, saved) in self.slots.iter_mut().zip(memory) {
            let held =
                model.parameters().into_iter().zip(slot).enumerate().filter(|(_, (_, values))| !values.is_empty());
            for (i, (parameter, values)) in held {
                match saved.iter().find(|t| t.name == parameter.name() && t.values.len() == values.len()) {
                    _ if lacking && self.groups[i].is_some() => {}
                    Some(tensor) => values.clone_from(&tensor.values),
                    None => return false,
                }
            }
        }
        for (i, parameter) in model.parameters().into_iter().enumerate() {
            let first = if self.is_blank(i) { None } else { Some(0) };
            self.begun[i] = late.get(parameter.name()).copied().or(first);
            if self.begun[i].is_some_and(|begun| begun > step) {
                return false;
            }
        }
        true
    }
}

/// Scales gradients so that their norm, all taken together, is at most `limit` (0: no limit).
///
/// Returns the norm before; a NaN or infinity in any gradient shows in it.
/// Without a limit nothing is measured and 0 returned: the next loss tells.
pub fn clip(gradients: &mut [Option<Vec<f32>>], limit: f64) -> f64 {
    if limit == 0.0 {
        return 0.0;
    }
    let norm = gradients.iter().flatten().map(|g| rule::sum_of_squares(g)).sum::<f64>().sqrt();
    if norm > limit {
        let scale = (limit / norm) as f32;
        gradients.iter_mut().flatten().flatten().for_each(|g| *g *= scale);
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model whose prior and likelihood have numbers of their own.
    fn recipe(config: &TrainConfig) -> Recipe {
        use crate::data::{Encoding, Kind, Schema};
        use crate::variants::{Params, Target, find};
        let (schema, encoding) = (Schema::table(["a", "b"], Kind::Real), Encoding::none());
        let target = Target { schema: &schema, encoding: &encoding, rows: 10, rng: crate::rng::Rng::new(1) };
        let mut recipe = find("vae").unwrap().build(&config.model, &Params::default(), &target).unwrap();
        recipe.parameters_mut().into_iter().for_each(|p| p.track(true));
        recipe
    }

    fn config(optimizer: Optimizer) -> TrainConfig {
        let mut config = TrainConfig { optimizer, ..TrainConfig::default() };
        config.model.hidden = vec![3];
        config.model.latent = 2;
        config.model.prior = "mixture".into();
        config.model.components = 2;
        config.model.likelihood = "gaussian-shared".into();
        config
    }

    /// One gradient for the parameters whose names begin so, 0 for the others.
    fn slopes(recipe: &Recipe, of: &str) -> Vec<Option<Vec<f32>>> {
        let all = recipe.parameters();
        let slope = |p: &&Parameter| vec![f32::from(p.name().starts_with(of)); p.shape().iter().product()];
        all.iter().map(|p| Some(slope(p))).collect()
    }

    fn value(recipe: &Recipe, name: &str) -> f32 {
        recipe.parameters().into_iter().find(|p| p.name() == name).unwrap().values()[0]
    }

    #[test]
    fn a_prior_that_rested_begins_like_any_other_parameter() {
        let config = config(Optimizer::Adam);
        let mut recipe = recipe(&config);
        let mut optim = Optim::new(&config, &recipe);
        let pretraining = slopes(&recipe, "encoder");
        (1..=75).for_each(|step| optim.step(&mut recipe, &pretraining, 1e-3, step));
        let before = value(&recipe, "prior.mean");
        let together = slopes(&recipe, "prior");
        optim.step(&mut recipe, &together, 1e-3, 76);
        // Adam's first step is the learning rate; counted from the start of training it would be three times that.
        let moved = before - value(&recipe, "prior.mean");
        assert!((moved - 1e-3).abs() < 1e-6, "{moved}");
        assert_eq!(optim.late(&recipe)["prior.mean"], 75);
    }

    #[test]
    fn the_numbers_of_a_likelihood_have_a_rate_of_their_own_whatever_the_optimizer() {
        for optimizer in [Optimizer::Adam, Optimizer::AdamW, Optimizer::Sgd, Optimizer::RmsProp, Optimizer::Lion] {
            let config = config(optimizer);
            let mut recipe = recipe(&config);
            let mut optim = Optim::new(&config, &recipe);
            let before = value(&recipe, "likelihood.log_var");
            let of_likelihood = slopes(&recipe, "likelihood");
            optim.step(&mut recipe, &of_likelihood, config.lr, 1);
            let moved = f64::from(before - value(&recipe, "likelihood.log_var"));
            assert!((moved - config.likelihood_lr).abs() < 1e-6, "{optimizer:?}: {moved}");
            // Half the rate of the weights is half its rate too.
            optim.step(&mut recipe, &of_likelihood, config.lr / 2.0, 2);
            let second = f64::from(before - value(&recipe, "likelihood.log_var")) - moved;
            assert!((second - config.likelihood_lr / 2.0).abs() < 1e-6, "{optimizer:?}: {second}");
            assert!(optim.likelihood_drift(&recipe).unwrap() > 0.5);
            // A checkpoint brings it all back.
            let (memory, late) = (optim.memory(&recipe), optim.late(&recipe));
            let mut again = Optim::new(&config, &recipe);
            assert!(again.remember(&recipe, memory, (2, &late)));
            assert_eq!(again.slots, optim.slots);
            assert_eq!(again.begun, optim.begun);
        }
    }

    #[test]
    fn a_memory_of_nothing_but_zeros_is_told_from_none() {
        // Without momentum sgd remembers the last gradient alone, which may be 0.
        let config = TrainConfig { momentum: 0.0, weight_decay: 0.1, ..config(Optimizer::Sgd) };
        let mut recipe = recipe(&config);
        let mut optim = Optim::new(&config, &recipe);
        let (slope, still) = (slopes(&recipe, "encoder"), slopes(&recipe, "none of them"));
        optim.step(&mut recipe, &slope, 1e-3, 1);
        optim.step(&mut recipe, &still, 1e-3, 2);
        let mut again = Optim::new(&config, &recipe);
        assert!(again.remember(&recipe, optim.memory(&recipe), (2, &optim.late(&recipe))));
        assert_eq!(again.begun, optim.begun);
        let beyond = [("encoder.0.weight".to_owned(), 3)].into();
        assert!(!again.remember(&recipe, optim.memory(&recipe), (2, &beyond)));
        assert!(!again.remember(&recipe, Vec::new(), (2, &BTreeMap::new())));
    }

    #[test]
    fn runs_of_before_step_the_likelihood_like_the_weights() {
        let config = TrainConfig { likelihood_lr: 0.0, ..config(Optimizer::Adam) };
        let mut recipe = recipe(&config);
        let mut optim = Optim::new(&config, &recipe);
        let before = value(&recipe, "likelihood.log_var");
        let slopes = slopes(&recipe, "likelihood");
        optim.step(&mut recipe, &slopes, 1e-3, 1);
        assert!((before - value(&recipe, "likelihood.log_var") - 1e-3).abs() < 1e-6);
    }

    #[test]
    fn clipping_is_by_the_norm_of_all_gradients_together() {
        let mut gradients = vec![Some(vec![3.0f32]), None, Some(vec![0.0, 4.0])];
        assert_eq!(clip(&mut gradients, 10.0), 5.0);
        assert_eq!(gradients[0], Some(vec![3.0]));
        clip(&mut gradients, 1.0);
        assert!((gradients[0].as_ref().unwrap()[0] - 0.6).abs() < 1e-6);
        assert!((gradients[2].as_ref().unwrap()[1] - 0.8).abs() < 1e-6);
        assert!(clip(&mut [Some(vec![f32::NAN])], 1.0).is_nan());
    }
}
