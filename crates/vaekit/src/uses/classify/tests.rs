//! Methods on features whose classes are known.

use super::*;
use crate::rng::Purpose;

/// Two half-circles that lie in each other, of which a straight line parts no more than about 88 %.
fn moons(n: usize, seed: u64) -> (features::Rows, Vec<u32>) {
    let ids: Vec<u64> = (0..n as u64).collect();
    let (noise, turn) =
        (Rng::new(seed).normal(Purpose::Builtin, &ids, 2), Rng::new(seed).uniform(Purpose::Score, &ids, 1));
    let mut mean = Vec::new();
    for i in 0..n {
        let angle = turn[i] * std::f32::consts::PI;
        let [x, y] = if i % 2 == 0 { [angle.cos(), angle.sin()] } else { [1.0 - angle.cos(), 0.5 - angle.sin()] };
        mean.extend([2.0 * (x - 0.5) + 0.1 * noise[2 * i], 2.0 * (y - 0.25) + 0.1 * noise[2 * i + 1]]);
    }
    (features::Rows { mean, spread: None, width: 2 }, (0..n as u32).map(|i| i % 2).collect())
}

fn accuracy(logits: &[f32], truth: &[u32]) -> f64 {
    let right = logits.chunks(2).zip(truth).filter(|(row, class)| network::largest(row) == **class as usize).count();
    right as f64 / truth.len() as f64
}

#[test]
fn unlabelled_rows_help_where_classes_hang_together() {
    let ((known, class), (all, _), (test, truth)) = (moons(8, 1), moons(1_500, 2), moons(400, 3));
    let linear = Network::of_labels(&known, &class, 2, None, Rng::new(0));
    let (spread, _) = Neighbours::spread(&known, &class, &all, 2);
    let (alone, together) =
        (accuracy(&linear.logits(&test.mean), &truth), accuracy(&spread.logits(&test.mean), &truth));
    assert!(alone < 0.95 && together > 0.97, "{alone} alone, {together} with neighbours");
}

#[test]
fn m2_tells_clusters_from_one_label_each() {
    let n = 600;
    let ids: Vec<u64> = (0..n as u64).collect();
    let noise = Rng::new(4).normal(Purpose::Builtin, &ids, 4);
    let mean = (0..4 * n).map(|i| [1.5, -1.5][i / 4 % 2] * [1.0, -1.0, 0.5, 1.0][i % 4] + 0.7 * noise[i]).collect();
    let all = features::Rows { mean, spread: None, width: 4 };
    let truth: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    let features = Features { of: Of::Codes, shift: vec![0.0; 4], scale: vec![1.0; 4], unit: false };
    let known = all.some(&[0, 1]);
    let mut passes = 0;
    let mut heard = |done| {
        passes = done;
        Step::Continue
    };
    let (network, done) = m2::learn(&features, (&known, &[0, 1]), &all, 2, 30, Rng::new(0), &mut heard);
    let found = accuracy(&network.logits(&all.mean), &truth);
    assert!(found > 0.97 && done == 30 && passes == 30, "{found}");
}

#[test]
fn temperature_makes_too_sure_logits_less_sure() {
    // Labels that are right in four of five rows, where a network of few rows would be surer.
    let (rows, mut class) = moons(200, 7);
    (0..200).step_by(5).for_each(|i| class[i] = 1 - class[i]);
    let sure = |rows: &features::Rows, class: &[u32]| {
        let mut network = Network::of_labels(rows, class, 2, Some(16), Rng::new(0));
        for parameter in crate::nn::Parameters::parameters_mut(&mut network).into_iter().rev().take(2) {
            let values = parameter.values().iter().map(|v| v * 20.0).collect();
            parameter.set(values, false);
        }
        network
    };
    assert!(network::temperature(&rows, &class, sure) >= 5.0);
    let p = network::softmax(&[2.0, 0.0], 2.0);
    assert!((p[0] - 1.0 / (1.0 + (-1.0f32).exp())).abs() < 1e-6);
}

#[test]
fn labels_are_balanced_and_classes_without_any_are_named() {
    let classes = vec!["a".to_owned(), "b".to_owned()];
    let all = Labelling { classes, rows: (0..40).collect(), class: (0..40).map(|i| u32::from(i % 4 == 0)).collect() };
    let few = all.clone().balanced(3, Rng::new(1)).unwrap();
    assert_eq!((few.rows.len(), few.class.iter().filter(|c| **c == 1).count()), (6, 3));
    assert!(few != all.clone().balanced(3, Rng::new(2)).unwrap() && few.rows.is_sorted());
    let told = all.clone().balanced(11, Rng::new(1)).unwrap_err().to_string();
    assert!(told.contains("'b'") && told.contains("10"), "{told}");
    let one = Labelling { class: vec![0; 40], ..all };
    assert!(one.check().unwrap_err().to_string().contains("class 'b'"));
}
