//! Fidelity and variety: balls around neighbours.

use serde::{Deserialize, Serialize};

use crate::eval::representation::nearest;

/// Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifold {
    /// Share of samples that lie in the ball of some real row.
    pub precision: f64,
    /// Share of real rows that lie in the ball of some sample.
    pub recall: f64,
    /// Balls of real rows that a sample lies in, on average over the neighbours: 1 for a perfect model.
    pub density: f64,
    /// Share of real rows whose ball holds a sample.
    pub coverage: f64,
}

/// The neighbour that a ball reaches to.
const K: usize = 5;

/// Compares features of real rows and of samples, `[N, width]` each. A row's
/// ball reaches to its fifth neighbour of its own kind.
pub fn manifold(real: &[f32], made: &[f32], width: usize) -> Manifold {
    // The nearest row is the row itself.
    let radius = |x: &[f32]| -> Vec<f32> {
        nearest(x, x, width, K + 1).iter().map(|near| near.last().map_or(0.0, |n| n.0)).collect()
    };
    let (real_radius, made_radius) = (radius(real), radius(made));
    let (n_real, n_made) = (real_radius.len(), made_radius.len());
    let (mut precise, mut inside, mut covered) = (0usize, 0usize, vec![false; n_real]);
    let mut recalled = vec![false; n_real];
    for (at, block) in made.chunks(256 * width).enumerate() {
        let distances = crate::eval::representation::squared_distances(block, real, width);
        for (i, row) in distances.chunks(n_real).enumerate() {
            let mut hits = 0;
            for (j, d) in row.iter().enumerate() {
                if *d <= real_radius[j] {
                    hits += 1;
                    covered[j] = true;
                }
                recalled[j] |= *d <= made_radius[at * 256 + i];
            }
            precise += usize::from(hits > 0);
            inside += hits;
        }
    }
    let share = |marks: &[bool]| marks.iter().filter(|m| **m).count() as f64 / n_real as f64;
    Manifold {
        precision: precise as f64 / n_made as f64,
        recall: share(&recalled),
        density: inside as f64 / (K * n_made) as f64,
        coverage: share(&covered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Rng};

    fn cloud(seed: u64, shift: f32) -> Vec<f32> {
        let rows: Vec<u64> = (0..1500).collect();
        Rng::new(seed).normal(Purpose::Score, &rows, 3).into_iter().map(|v| v + shift).collect()
    }

    #[test]
    fn two_draws_of_one_distribution_score_near_one_and_far_ones_zero() {
        let same = manifold(&cloud(1, 0.0), &cloud(2, 0.0), 3);
        assert!(same.precision > 0.9 && same.recall > 0.9 && same.coverage > 0.9, "{same:?}");
        assert!((same.density - 1.0).abs() < 0.1, "{same:?}");
        let far = manifold(&cloud(1, 0.0), &cloud(2, 50.0), 3);
        assert_eq!((far.precision, far.recall, far.density, far.coverage), (0.0, 0.0, 0.0, 0.0));
    }

    #[test]
    fn samples_at_one_place_are_precise_but_cover_nothing() {
        let same_place = manifold(&cloud(1, 0.0), &vec![0.0; 3 * 1500], 3);
        assert!(same_place.precision > 0.99 && same_place.coverage < 0.1, "{same_place:?}");
    }
}
