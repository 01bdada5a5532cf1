//! Masses, densities and draws of a table of four kinds of columns.

use super::*;
use crate::data::{CountCode, CountDistribution, Exposure, Kind, Numbers};
use crate::rng::Purpose;

fn number(step: f32, ends: Option<[f32; 2]>) -> Option<NumberCode> {
    Some(NumberCode { step, ends, ..NumberCode::density(0.0, 1.0) })
}

/// A density with a spike, a grid with cells of a width, an ordinal of four levels, a category of three.
fn encoding(step: f32) -> Encoding {
    let code = |number, blocks: &[usize], spikes: &[f32]| ColumnCode {
        number,
        blocks: blocks.to_vec(),
        spikes: spikes.to_vec(),
    };
    let columns = vec![
        code(number(0.0, None), &[2], &[0.0]),
        code(number(step, None), &[], &[]),
        code(number(1.0, Some([0.0, 3.0])), &[], &[]),
        code(None, &[3], &[]),
    ];
    Encoding { columns, ..Encoding::none() }
}

fn mixed() -> Mixed {
    Mixed::new(&Schema::default(), &encoding(0.5), &mut Init::new(Rng::new(0)))
}

fn raw() -> Vec<f32> {
    // Three locations, three log-scales, logits of two and of three.
    vec![0.3, -0.2, 1.4, -0.5, -1.0, -0.8, 0.4, -0.4, 0.1, 0.9, -0.7]
}

/// log p of the events of rows.
fn each(likelihood: &Mixed, rows: Vec<f32>) -> Vec<Vec<f64>> {
    let n = rows.len() / 8;
    let x = from_vec(rows, [n, 8], &device::here());
    let raw = from_vec(raw().repeat(n), [1, n, 11], &device::here());
    let events = likelihood.log_prob_each(&x, &raw);
    let e = events.dims()[2];
    to_vec(events).chunks(e).map(|row| row.iter().map(|v| f64::from(*v)).collect()).collect()
}

fn row(density: f32, grid: f32, ordinal: f32, spike: usize, level: usize) -> Vec<f32> {
    let one = |at: usize, n: usize| (0..n).map(move |i| f32::from(i == at));
    [density, grid, ordinal].into_iter().chain(one(spike, 2)).chain(one(level, 3)).collect()
}

#[test]
fn every_column_has_mass_one() {
    let likelihood = mixed();
    let (n, width) = (4_000usize, 0.02f32);
    // Events: density, grid, ordinal, the block of spikes, the category.
    let line = |i: usize| (i as f32 - n as f32 / 2.0) * width;
    let density: f64 = each(&likelihood, (0..n).flat_map(|i| row(line(i), 0.0, 0.0, 1, 0)).collect())
        .iter()
        .map(|e| e[0].exp() * f64::from(width))
        .sum();
    assert!((density - 1.0).abs() < 1e-3, "{density}");
    let grid: f64 = each(&likelihood, (-200..=200).flat_map(|i| row(0.0, i as f32 * 0.5, 0.0, 1, 0)).collect())
        .iter()
        .map(|e| e[1].exp())
        .sum();
    assert!((grid - 1.0).abs() < 1e-4, "{grid}");
    let ordinal: f64 = each(&likelihood, (0..4).flat_map(|i| row(0.0, 0.0, i as f32, 1, 0)).collect())
        .iter()
        .map(|e| e[2].exp())
        .sum();
    assert!((ordinal - 1.0).abs() < 1e-4, "{ordinal}");
    let category: f64 =
        each(&likelihood, (0..3).flat_map(|i| row(0.0, 0.0, 0.0, 1, i)).collect()).iter().map(|e| e[4].exp()).sum();
    assert!((category - 1.0).abs() < 1e-4, "{category}");
    // At a spike there is no density: the mass is that of the spike alone.
    let spike = each(&likelihood, row(0.0, 0.0, 0.0, 0, 0));
    assert_eq!(spike[0][0], 0.0);
    let shares: f64 = [0, 1].map(|s| each(&likelihood, row(0.0, 0.0, 0.0, s, 0))[0][3].exp()).iter().sum();
    assert!((shares - 1.0).abs() < 1e-4, "{shares}");
}

#[test]
fn draws_of_columns_do_not_go_together_and_have_their_shares() {
    let likelihood = mixed();
    let ids: Vec<u64> = (0..20_000).collect();
    let raw = from_vec(raw().repeat(ids.len()), [ids.len(), 11], &device::here());
    let drawn = to_vec(likelihood.sample(raw, &ids, Rng::new(3)));
    let column = |c: usize| drawn.iter().skip(c).step_by(8).map(|v| f64::from(*v)).collect::<Vec<f64>>();
    let columns: Vec<Vec<f64>> = (0..8).map(column).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let correlation = |a: &[f64], b: &[f64]| {
        let (ma, mb) = (mean(a), mean(b));
        let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
        sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
    };
    // The number, the grid, the ordinal, the spike and a level, each against each.
    for (i, j) in [(0, 1), (0, 2), (0, 3), (0, 5), (1, 2), (1, 3), (2, 5), (3, 5)] {
        let found = correlation(&columns[i], &columns[j]);
        assert!(found.abs() < 0.03, "columns {i} and {j}: {found}");
    }
    let softmax = 0.4f64.exp() / (0.4f64.exp() + (-0.4f64).exp());
    assert!((mean(&columns[3]) - softmax).abs() < 0.02, "{} is not {softmax}", mean(&columns[3]));
    assert!((mean(&columns[0]) - 0.3).abs() < 0.03, "{}", mean(&columns[0]));
}

#[test]
fn scores_without_gradients_are_those_of_the_definition() {
    let likelihood = mixed();
    let (k, n) = (3usize, 40usize);
    let ids: Vec<u64> = (0..(k * n) as u64).collect();
    let raw: Vec<f32> = Rng::new(3).normal(Purpose::Builtin, &ids, 11).into_iter().map(|v| 2.0 * v).collect();
    let rows = (0..n).flat_map(|i| {
        let v = i as f32;
        row((0.7 * v).sin() * 4.0, 0.5 * (v % 9.0) - 2.0, v % 4.0, i % 2, i % 3)
    });
    let x = from_vec(rows.collect(), [n, 8], &device::here());
    let raw = from_vec(raw, [k, n, 11], &device::here());
    let (fast, plain) = (to_vec(likelihood.log_prob_each(&x, &raw)), to_vec(likelihood.portable(&x, &raw)));
    for (i, (fast, plain)) in fast.iter().zip(&plain).enumerate() {
        assert!((fast - plain).abs() < 2e-5 * (1.0 + plain.abs()), "value {i}: {fast} is not {plain}");
    }
}

/// A positive column that is the exposure of two counts, one of each distribution, and a count whose exposure is the total.
fn counted() -> Mixed {
    Mixed::new(&Schema::default(), &of_counts(), &mut Init::new(Rng::new(0)))
}

fn of_counts() -> Encoding {
    let code = |number: NumberCode| ColumnCode { number: Some(number), blocks: Vec::new(), spikes: Vec::new() };
    let count = |distribution, base, exposure| NumberCode {
        count: Some(CountCode { distribution, base, exposure }),
        ..NumberCode::density(0.4, 0.7)
    };
    let by = Some(Exposure::Column { at: 0, shift: 0.2, scale: 0.5 });
    let columns = vec![
        code(NumberCode { log: true, ..NumberCode::density(0.2, 0.5) }),
        code(count(CountDistribution::Poisson, 0.3, by)),
        code(count(CountDistribution::NegativeBinomial, 0.1, by)),
        code(count(CountDistribution::Poisson, -1.5, Some(Exposure::Total { mean: 1.0, spread: 0.0 }))),
    ];
    Encoding { columns, ..Encoding::none() }
}

/// A count as its coordinate.
fn coordinate(count: f32) -> f32 {
    (count.ln_1p() - 0.4) / 0.7
}

/// Locations, then raw scales.
const RAW: [f32; 8] = [0.1, 0.5, -0.3, 0.2, -1.0, 0.0, 0.35, 0.0];

#[test]
fn counts_have_mass_one_and_means_in_proportion_to_their_exposure() {
    let likelihood = counted();
    let n = 400;
    for exposed in [-1.0f32, 0.0, 2.0] {
        let row = |i: usize| [exposed, coordinate(i as f32), coordinate(i as f32), coordinate(i as f32)];
        let x = from_vec((0..n).flat_map(row).collect(), [n, 4], &device::here());
        let raw = from_vec(RAW.repeat(n), [1, n, 8], &device::here());
        let each = to_vec(likelihood.log_prob_each(&x, &raw));
        let (log_exposure, e) = (0.5 * exposed + 0.2, |column: usize, i: usize| f64::from(each[4 * i + column].exp()));
        for (column, base) in [(1, 0.3), (2, 0.1)] {
            let mass: f64 = (0..n).map(|i| e(column, i)).sum();
            let mean: f64 = (0..n).map(|i| i as f64 * e(column, i)).sum();
            let expected = f64::from((base + 0.7 * RAW[column] + log_exposure).exp());
            assert!((mass - 1.0).abs() < 1e-4, "mass {mass}");
            assert!((mean - expected).abs() < 1e-3 * expected, "mean {mean}, expected {expected}");
        }
        // Variance m + m^2 / r, with log r = -2 (raw scale).
        let mean: f64 = (0..n).map(|i| i as f64 * e(2, i)).sum();
        let variance: f64 = (0..n).map(|i| (i as f64 - mean).powi(2) * e(2, i)).sum();
        let expected = mean + mean * mean * f64::from(2.0 * RAW[6]).exp();
        assert!((variance - expected).abs() < 5e-3 * expected, "variance {variance}, expected {expected}");
    }
    // The total counts what has it as its exposure, and nothing else: here the count itself.
    let x = from_vec(vec![0.0, coordinate(50.0), coordinate(50.0), coordinate(4.0)], [1, 4], &device::here());
    let each = to_vec(likelihood.log_prob_each(&x, &from_vec(RAW.to_vec(), [1, 1, 8], &device::here())));
    let rate = 4.0 * (-1.5f64 + 0.14).exp();
    let expected = 4.0 * rate.ln() - rate - 24f64.ln();
    assert!((f64::from(each[3]) - expected).abs() < 1e-4, "{} against {expected}", each[3]);
}

#[test]
fn draws_of_counts_have_the_means_that_the_likelihood_says() {
    let likelihood = counted();
    let n = 20_000u64;
    let raw = from_vec(RAW.repeat(n as usize), [n as usize, 8], &device::here());
    let rows: Vec<u64> = (0..n).collect();
    let drawn = to_vec(likelihood.sample(raw.clone(), &rows, Rng::new(3)));
    let means = to_vec(likelihood.mean(raw));
    let count = |x: f32| f64::from(0.7 * x + 0.4).exp_m1();
    for column in 1..4 {
        let ratio = |row: &[f32]| {
            // The exposure of a draw is its own.
            let exposed = if column < 3 { f64::from(0.5 * (row[0] - RAW[0])).exp() } else { 1.0 };
            (count(row[column]), exposed)
        };
        let pairs: Vec<(f64, f64)> = drawn.chunks(4).map(ratio).filter(|(_, e)| *e < 20.0).collect();
        let rate = pairs.iter().map(|p| p.0).sum::<f64>() / pairs.iter().map(|p| p.1).sum::<f64>();
        let expected = count(means[column]);
        assert!((rate - expected).abs() < 0.03 * expected, "column {column}: {rate} against {expected}");
        assert!(drawn.chunks(4).all(|row| (count(row[column]) - count(row[column]).round()).abs() < 1e-2));
    }
}

#[test]
fn drawn_counts_go_with_the_exposure_that_is_written() {
    let numbers = Numbers { low: 1.0, high: 3.0, step: 1.0, ..Numbers::default() };
    let exposure = Column { numbers: Some(numbers), ..Column::modelled("years", Kind::Positive) };
    let counts = ["n", "m", "k"].map(|name| Column::modelled(name, Kind::Count));
    let schema = Schema { pixels: None, columns: [exposure].into_iter().chain(counts).collect() };
    let likelihood = Mixed::new(&schema, &of_counts(), &mut Init::new(Rng::new(0)));
    let n = 20_000u64;
    let raw = from_vec(RAW.repeat(n as usize), [n as usize, 8], &device::here());
    let drawn = to_vec(likelihood.sample(raw, &(0..n).collect::<Vec<u64>>(), Rng::new(3)));
    for years in [1.0f64, 2.0, 3.0] {
        let of = |row: &[f32]| (f64::from(0.5 * row[0] + 0.2).exp(), f64::from(0.7 * row[1] + 0.4).exp_m1());
        let counts: Vec<f64> =
            drawn.chunks(4).map(of).filter(|of| (of.0 - years).abs() < 1e-4).map(|of| of.1).collect();
        let rate = counts.iter().sum::<f64>() / counts.len() as f64 / years;
        let expected = f64::from(0.3 + 0.7 * RAW[1]).exp();
        assert!((rate - expected).abs() < 0.04 * expected, "{years} years: {rate} against {expected}");
    }
}

#[test]
fn a_count_without_its_exposure_is_there_all_the_same() {
    let mut likelihood = MixedMissing::new(&Schema::default(), &of_counts(), &mut Init::new(Rng::new(0)));
    let [.., bias, slope] = &mut likelihood.parameters_mut()[..] else { panic!("no parameters of gaps") };
    bias.set(vec![-1.0, 0.5, -2.0, -2.0], true);
    slope.set(vec![0.0, 0.7, 0.0, 0.0], true);
    let x = from_vec(vec![0.3, coordinate(5.0), coordinate(2.0), coordinate(1.0)], [1, 4], &device::here());
    let mask = from_vec(vec![0.0, 1.0, 1.0, 1.0], [1, 4], &device::here());
    let raw = from_vec::<3>(RAW.to_vec(), [1, 1, 8], &device::here());
    let each = to_vec(likelihood.log_prob_known(&x, &raw, &mask));
    let expected = -(0.5 + 0.7 * coordinate(5.0)).exp().ln_1p();
    assert!((each[1] - expected).abs() < 1e-5, "{} against {expected}", each[1]);
}

/// [`mixed`] where gaps depend on the cells: b and w of the grid, b of the category's levels.
fn with_gaps() -> MixedMissing {
    let mut found = MixedMissing::new(&Schema::default(), &encoding(0.05), &mut Init::new(Rng::new(0)));
    let set = |of: &mut Parameter, values: [f32; 8]| of.set(values.to_vec(), true);
    let [.., bias, slope] = &mut found.parameters_mut()[..] else { panic!("no parameters of gaps") };
    set(bias, [-2.0, -0.5, -2.0, 0.0, 0.0, -3.0, 0.0, 2.0]);
    set(slope, [9.0, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    found
}

#[test]
fn gaps_have_the_probabilities_of_the_cells_that_they_may_hold() {
    let likelihood = with_gaps();
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let raw = || from_vec::<3>(raw(), [1, 1, 11], &device::here());
    let of = |grid: f32, level: usize, mask: [f32; 8]| -> Vec<f64> {
        let x = from_vec(row(0.3, grid, 1.0, 1, level), [1, 8], &device::here());
        let mask = from_vec(mask.to_vec(), [1, 8], &device::here());
        to_vec(likelihood.log_prob_known(&x, &raw(), &mask)).iter().map(|v| f64::from(*v)).collect()
    };
    let plain = |grid: f32, level: usize| -> Vec<f64> {
        let x = from_vec(row(0.3, grid, 1.0, 1, level), [1, 8], &device::here());
        to_vec(likelihood.log_prob_each(&x, &raw())).iter().map(|v| f64::from(*v)).collect()
    };
    // What is there: p(x given z) and p(there given x).
    let (known, alone) = (of(0.4, 2, [1.0; 8]), plain(0.4, 2));
    assert!((known[1] - alone[1] - (1.0 - sigmoid(-0.5 + 1.5 * 0.4)).ln()).abs() < 1e-5);
    assert!((known[4] - alone[4] - (1.0 - sigmoid(2.0)).ln()).abs() < 1e-5);
    // A column with spikes has gaps that do not depend on it, and its block none of its own.
    assert!((known[0] - alone[0] - (1.0 - sigmoid(-2.0)).ln()).abs() < 1e-5);
    assert!((known[3] - alone[3]).abs() < 1e-6);
    // What is missing: a sum over all that it may hold.
    let gaps = of(0.4, 2, [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    let grid: f64 =
        (-400..400).map(|i| f64::from(i) * 0.05).map(|x| plain(x as f32, 0)[1].exp() * sigmoid(-0.5 + 1.5 * x)).sum();
    assert!((gaps[1] - grid.ln()).abs() < 0.02, "{} against {}", gaps[1], grid.ln());
    let level: f64 = [-3.0, 0.0, 2.0].iter().enumerate().map(|(l, b)| plain(0.0, l)[4].exp() * sigmoid(*b)).sum();
    assert!((gaps[4] - level.ln()).abs() < 1e-5, "{} against {}", gaps[4], level.ln());
}

#[test]
fn draws_and_means_of_gaps_lean_to_what_is_missing_more_often() {
    let likelihood = with_gaps();
    let n = 20_000usize;
    let raw = from_vec(raw().repeat(n), [n, 11], &device::here());
    let rows: Vec<u64> = (0..n as u64).collect();
    let drawn = to_vec(likelihood.sample_missing(raw.clone(), &rows, Rng::new(5)).unwrap());
    let means = to_vec(likelihood.mean_missing(raw.clone()).unwrap());
    let plain = to_vec(likelihood.mean(raw.clone()));
    let mean = |of: &[f32], at: usize| of.chunks(8).map(|row| f64::from(row[at])).sum::<f64>() / n as f64;
    // The grid leans up, the category to its last level; the others stay.
    assert!(mean(&drawn, 1) > mean(&plain, 1) + 0.2);
    assert!((mean(&drawn, 1) - mean(&means, 1)).abs() < 0.05, "{} {}", mean(&drawn, 1), mean(&means, 1));
    for at in 5..8 {
        assert!((mean(&drawn, at) - mean(&means, at)).abs() < 0.02, "coordinate {at}");
    }
    let same = to_vec(likelihood.sample(raw, &rows, Rng::new(5)));
    assert_eq!(drawn[0], same[0]);
    for at in [3, 4] {
        assert!((means[at] - plain[at]).abs() < 1e-6);
    }
}
