//! The learning rate over time.

use std::f64::consts::PI;

use crate::run::Plateau;
use crate::settings::{LrSchedule, TrainConfig};

/// The rate for the step that begins after `epoch` epochs, parts included.
pub fn at(c: &TrainConfig, epoch: f64, plateau: &Plateau) -> f64 {
    let length = c.lr_epochs.max(1) as f64;
    let rate = match c.lr_schedule {
        LrSchedule::Constant => c.lr,
        LrSchedule::Cosine => {
            let done = (epoch / length).min(1.0);
            return c.lr_min + (c.lr - c.lr_min) * 0.5 * (1.0 + (PI * done).cos());
        }
        LrSchedule::Step => c.lr * c.lr_factor.powi((epoch / length).floor() as i32),
        LrSchedule::Exponential => c.lr * c.lr_factor.powi(epoch.floor() as i32),
        LrSchedule::Stages => c.lr * 10f64.powf(-f64::from(stage(epoch / length)) / 7.0),
        LrSchedule::Plateau => c.lr * plateau.scale,
    };
    rate.max(c.lr_min)
}

/// Which of eight stages of 3^0 .. 3^7 parts a share of the whole falls into.
fn stage(done: f64) -> u32 {
    let parts = done * 3280.0;
    // The first n stages hold (3^n - 1) / 2 parts.
    (0..7).take_while(|n| parts >= f64::from((3u32.pow(n + 1) - 1) / 2)).count() as u32
}

/// Hears an epoch's validation value (higher is better) for the plateau schedule.
pub fn hear(c: &TrainConfig, plateau: &mut Plateau, value: f64) {
    if plateau.best.is_none_or(|best| value > best) {
        plateau.best = Some(value);
        plateau.waited = 0;
        return;
    }
    plateau.waited += 1;
    if plateau.waited > c.lr_patience {
        plateau.scale *= c.lr_factor;
        plateau.waited = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(schedule: LrSchedule) -> TrainConfig {
        TrainConfig { lr: 1.0, lr_schedule: schedule, lr_epochs: 10, lr_min: 0.01, ..TrainConfig::default() }
    }

    #[test]
    fn schedules_at_the_corners() {
        let p = Plateau::default();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(at(&config(LrSchedule::Cosine), 0.0, &p), 1.0);
        close(at(&config(LrSchedule::Cosine), 5.0, &p), 0.505);
        close(at(&config(LrSchedule::Cosine), 30.0, &p), 0.01);
        close(at(&config(LrSchedule::Step), 9.9, &p), 1.0);
        close(at(&config(LrSchedule::Step), 20.0, &p), 0.25);
        close(at(&config(LrSchedule::Exponential), 3.5, &p), 0.125);
        close(at(&config(LrSchedule::Exponential), 50.0, &p), 0.01);
    }

    #[test]
    fn stages_are_those_of_the_importance_weighted_paper() {
        let c = TrainConfig { lr: 1e-3, lr_schedule: LrSchedule::Stages, lr_epochs: 3280, ..TrainConfig::default() };
        let at = |epoch: f64| at(&c, epoch, &Plateau::default());
        for (epoch, exponent) in
            [(0.0, 0.0), (0.99, 0.0), (1.0, 1.0), (3.9, 1.0), (4.0, 2.0), (1092.0, 6.0), (1093.0, 7.0)]
        {
            assert!((at(epoch) - 1e-3 * 10f64.powf(-exponent / 7.0)).abs() < 1e-12, "{epoch}: {}", at(epoch));
        }
        assert!((at(3279.0) - 1e-4).abs() < 1e-12);
    }

    #[test]
    fn a_plateau_halves_the_rate_after_its_patience() {
        let c = TrainConfig { lr_patience: 1, ..config(LrSchedule::Plateau) };
        let mut p = Plateau::default();
        let rates: Vec<f64> = [1.0, 0.5, 0.5, 2.0, 1.0, 1.0]
            .iter()
            .map(|v| {
                hear(&c, &mut p, *v);
                at(&c, 0.0, &p)
            })
            .collect();
        assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.5, 0.25]);
    }
}
