//! Stopping when the validation value no longer rises.

use crate::run::{Best, TrainState};

/// What an epoch's validation value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The best so far: its weights are worth keeping.
    Best,
    Wait,
    Stop,
}

/// Judges the value of `epoch` (higher is better) and remembers the best.
///
/// `patience` epochs without a better one end the run; 0 waits for ever.
pub fn judge(state: &mut TrainState, epoch: u64, value: f64, patience: u64) -> Verdict {
    match state.best {
        Some(best) if value <= best.value => {
            if patience > 0 && epoch - best.epoch >= patience {
                Verdict::Stop
            } else {
                Verdict::Wait
            }
        }
        _ => {
            state.best = Some(Best { epoch, value });
            Verdict::Best
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_epochs_since_the_best() {
        let mut state = TrainState::default();
        let verdicts: Vec<Verdict> = [-5.0, -4.0, -4.0, -4.5, -3.0, -3.5, -3.5, -3.5]
            .iter()
            .zip(1..)
            .map(|(v, epoch)| judge(&mut state, epoch, *v, 3))
            .collect();
        use Verdict::{Best, Stop, Wait};
        assert_eq!(verdicts, [Best, Best, Wait, Wait, Best, Wait, Wait, Stop]);
        assert_eq!(state.best.map(|b| b.epoch), Some(5));
    }
}
