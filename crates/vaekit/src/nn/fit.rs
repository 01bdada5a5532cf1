//! One small Adam loop for whatever is fitted outside of training: classifiers, densities of codes, better posteriors.

use vaekit_ops::Tensor;
use vaekit_ops::optimizer::{Adam, adam};

use super::Parameters;

/// How some parameters are stepped: by Adam with constants of their own, whatever the optimizer of the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Times the learning rate of the others.
    pub rate: f64,
    /// Adam's first decay.
    pub beta1: f64,
    /// Adam's second decay.
    pub beta2: f64,
}

/// Adam with PyTorch's constants and its memory of some parameters.
#[derive(Debug, Default)]
pub struct Fit {
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
    step: u64,
}

impl Fit {
    /// Begins, and tracks the gradients of the parameters.
    pub fn begin(model: &mut dyn Parameters) -> Self {
        let zeros = || model.parameters().iter().map(|p| vec![0.0; p.shape().iter().product()]).collect();
        let (first, second) = (zeros(), zeros());
        model.parameters_mut().into_iter().for_each(|p| p.track(true));
        Self { first, second, step: 0 }
    }

    /// One step down the slope of a loss `[1]`; a parameter that took no part rests.
    pub fn descend(&mut self, model: &mut dyn Parameters, loss: &Tensor<1>, lr: f64) {
        self.step += 1;
        let mut gradients = loss.backward();
        let rule = Adam { lr, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        let memory = self.first.iter_mut().zip(&mut self.second);
        for (parameter, (first, second)) in model.parameters_mut().into_iter().zip(memory) {
            let Some(g) = parameter.gradient(&mut gradients) else { continue };
            let mut values = parameter.take();
            adam(&mut values, &g, first, second, self.step, rule);
            parameter.set(values, true);
        }
    }

    /// Ends, and ceases to track.
    pub fn end(self, model: &mut dyn Parameters) {
        model.parameters_mut().into_iter().for_each(|p| p.track(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Init, Parameter};
    use crate::rng::Rng;

    struct Point(Parameter);

    impl Parameters for Point {
        fn parameters(&self) -> Vec<&Parameter> {
            vec![&self.0]
        }

        fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
            vec![&mut self.0]
        }
    }

    #[test]
    fn a_bowl_is_descended_to_its_bottom() {
        let mut point = Point(Init::new(Rng::new(0)).constant("p".into(), &[2], 5.0));
        let mut fit = Fit::begin(&mut point);
        for _ in 0..400 {
            let loss = (point.0.flat() - 1.0).square().sum();
            fit.descend(&mut point, &loss, 0.05);
        }
        fit.end(&mut point);
        assert!(point.0.values().iter().all(|v| (v - 1.0).abs() < 1e-3), "{:?}", point.0.values());
    }
}
