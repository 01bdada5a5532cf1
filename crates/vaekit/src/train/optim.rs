//! Optimizers over a model's parameters.

use vaekit_ops::optimizer::{self as rule, Adam};

use crate::nn::Parameters;
use crate::objective::Group;
use crate::run::Named;
use crate::settings::{Optimizer, TrainConfig};

/// An optimizer with its memory: a vector for each parameter in each slot.
#[derive(Debug)]
pub struct Optim {
    kind: Optimizer,
    epsilon: f64,
    momentum: f64,
    weight_decay: f64,
    /// Parameters from this number on are stepped in their own way.
    own: Option<(usize, Group)>,
    slots: Vec<Vec<Vec<f32>>>,
}

impl Optim {
    /// A fresh optimizer; PyTorch's constants throughout.
    pub fn new(config: &TrainConfig, model: &dyn Parameters) -> Self {
        let slots = match config.optimizer {
            Optimizer::Adam | Optimizer::AdamW => 2,
            Optimizer::Sgd | Optimizer::RmsProp | Optimizer::Lion => 1,
        };
        let zeros = || model.parameters().iter().map(|p| vec![0.0; p.shape().iter().product()]).collect();
        Self {
            kind: config.optimizer,
            epsilon: config.epsilon,
            momentum: config.momentum,
            weight_decay: config.weight_decay,
            own: None,
            slots: (0..slots).map(|_| zeros()).collect(),
        }
    }

    /// Steps the parameters from number `first` on in a way of their own.
    #[must_use]
    pub fn with_own(self, first: usize, group: Option<Group>) -> Self {
        Self { own: group.map(|group| (first, group)), ..self }
    }

    /// Moves every parameter by its gradient; `step` counts from 1.
    ///
    /// A parameter without a gradient rests, its memory too.
    pub fn step(&mut self, model: &mut dyn Parameters, gradients: &[Option<Vec<f32>>], lr: f64, step: u64) {
        let decay = self.weight_decay;
        let (first, second) = self.slots.split_at_mut(1);
        for (i, parameter) in model.parameters_mut().into_iter().enumerate() {
            let Some(g) = &gradients[i] else { continue };
            let mut p = parameter.take();
            let a = &mut first[0][i];
            let usual = Group { rate: 1.0, beta1: 0.9, beta2: 0.999 };
            let group = self.own.filter(|(first, _)| i >= *first).map_or(usual, |(_, group)| group);
            let lr = lr * group.rate;
            let Group { beta1, beta2, .. } = group;
            let adam = Adam { lr, beta1, beta2, epsilon: self.epsilon, weight_decay: decay };
            match (self.kind, second.first_mut()) {
                (Optimizer::Adam, Some(v)) => rule::adam(&mut p, g, a, &mut v[i], step, adam),
                (Optimizer::AdamW, Some(v)) => rule::adamw(&mut p, g, a, &mut v[i], step, adam),
                (Optimizer::RmsProp, _) => rule::rmsprop(&mut p, g, a, lr, decay),
                (Optimizer::Lion, _) => rule::lion(&mut p, g, a, lr, decay),
                (Optimizer::Sgd | Optimizer::Adam | Optimizer::AdamW, _) => {
                    rule::sgd(&mut p, g, a, lr, self.momentum, decay);
                }
            }
            parameter.set(p, true);
        }
    }

    /// The memory, for a checkpoint.
    pub fn memory(&self, model: &dyn Parameters) -> Vec<Vec<Named>> {
        let slot = |values: &Vec<Vec<f32>>| {
            model.parameters().iter().zip(values).map(|(p, v)| Named::of("", p, v.clone())).collect()
        };
        self.slots.iter().map(slot).collect()
    }

    /// Takes the memory of a checkpoint; false when it is not what this optimizer has.
    pub fn remember(&mut self, model: &dyn Parameters, memory: Vec<Vec<Named>>) -> bool {
        if memory.len() != self.slots.len() {
            return false;
        }
        for (slot, saved) in self.slots.iter_mut().zip(memory) {
            for (parameter, values) in model.parameters().iter().zip(slot.iter_mut()) {
                match saved.iter().find(|t| t.name == parameter.name() && t.values.len() == values.len()) {
                    Some(tensor) => values.clone_from(&tensor.values),
                    None => return false,
                }
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
