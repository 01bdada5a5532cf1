//! Codes against their definitions, dictionaries against ones that are known.

use super::*;
use crate::data::Step;
use crate::rng::{Purpose, Rng};

fn dictionary(atoms: usize, width: usize) -> Dictionary {
    let ids: Vec<u64> = (0..atoms as u64).collect();
    Dictionary::new(Rng::new(1).normal(Purpose::Builtin, &ids, width), width).unwrap()
}

fn rows(n: usize, width: usize) -> Vec<f32> {
    let ids: Vec<u64> = (0..n as u64).collect();
    Rng::new(2).normal(Purpose::Builtin, &ids, width)
}

fn squares(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

fn objective(d: &Dictionary, x: &[f32], codes: &SparseCodes, penalty: f64) -> f64 {
    let all: f64 = codes.dense().iter().map(|v| f64::from(v.abs())).sum();
    squares(x, &d.decode(codes)) / 2.0 + penalty * all
}

#[test]
fn what_few_atoms_made_is_found_by_omp_and_is_what_decode_gives_back() {
    let d = dictionary(40, 60);
    let code = SparseCodes {
        atoms: 40,
        ends: vec![3, 5],
        places: vec![2, 17, 39, 0, 5],
        values: vec![1.5, -2.0, 0.7, 3.0, 1.0],
    };
    let x = d.decode(&code);
    let found = d.encode(&x, Solver::new(Method::Omp { k: 3 })).unwrap();
    assert!(squares(&found.dense(), &code.dense()) < 1e-9, "{found:?}");
    assert_eq!(found.row(1).count(), 2, "a row that is made needs no further atom");
}

#[test]
fn a_refit_leaves_nothing_that_goes_with_the_chosen_atoms_and_more_atoms_never_hurt() {
    let (d, x) = (dictionary(30, 20), rows(50, 20));
    let mut before = f64::INFINITY;
    for k in [1, 3, 6, 12] {
        let codes = d.encode(&x, Solver::new(Method::Omp { k })).unwrap();
        let made = d.decode(&codes);
        let error = squares(&x, &made);
        assert!(error < before, "{k}: {error} of {before}");
        before = error;
        for row in 0..50 {
            let left: Vec<f32> = x[row * 20..][..20].iter().zip(&made[row * 20..]).map(|(x, m)| x - m).collect();
            assert!(codes.row(row).count() <= k);
            codes.row(row).for_each(|(atom, _)| assert!(dot(&left, d.atom(atom)).abs() < 1e-5));
        }
    }
    let mp = d.encode(&x, Solver::new(Method::Mp { k: 6 })).unwrap();
    let omp = d.encode(&x, Solver::new(Method::Omp { k: 6 })).unwrap();
    assert!(squares(&x, &d.decode(&omp)) < squares(&x, &d.decode(&mp)), "a refit is better than none");
}

#[test]
fn three_ways_to_the_lasso_meet_at_its_minimum() {
    let (d, x) = (dictionary(30, 20), rows(20, 20));
    for positive in [false, true] {
        for penalty in [0.1, 1.0] {
            let of = |method| {
                let codes = d.encode(&x, Solver { method, positive }).unwrap();
                if positive {
                    assert!(codes.dense().iter().all(|v| *v >= 0.0));
                }
                (objective(&d, &x, &codes, penalty), codes)
            };
            let (best, codes) = of(Method::Lasso { penalty });
            for (other, _) in [of(Method::Ista { penalty }), of(Method::Fista { penalty })] {
                assert!((other - best).abs() < 1e-6 * best, "{positive} {penalty}: {other} and {best}");
            }
            // Where an atom is used, as much of what is left goes with it as it costs; elsewhere no more.
            let made = d.decode(&codes);
            for (row, line) in codes.dense().chunks(30).enumerate() {
                let left: Vec<f32> = x[row * 20..][..20].iter().zip(&made[row * 20..]).map(|(x, m)| x - m).collect();
                for (atom, value) in line.iter().enumerate() {
                    let slope = dot(&left, d.atom(atom));
                    match *value == 0.0 {
                        true => assert!(slope.abs() < penalty + 1e-3 || (positive && slope < 0.0)),
                        false => assert!((slope - penalty * f64::from(value.signum())).abs() < 1e-3),
                    }
                }
            }
        }
    }
}

#[test]
fn positive_pursuits_have_no_number_below_0_and_are_no_better_than_free_ones() {
    let (d, x) = (dictionary(30, 20), rows(50, 20));
    let error = |solver| {
        let codes = d.encode(&x, solver).unwrap();
        (squares(&x, &d.decode(&codes)), codes)
    };
    let (method, positive) = (Method::Omp { k: 8 }, true);
    let (bound, codes) = error(Solver { method, positive });
    assert!(codes.dense().iter().all(|v| *v >= 0.0) && codes.per_row() > 4.0);
    assert!(error(Solver::new(method)).0 < bound && bound < squares(&x, &vec![0.0; x.len()]));
}

#[test]
fn atoms_that_made_the_rows_are_learned() {
    let truth = dictionary(16, 24);
    let n = 1_500;
    let ids: Vec<u64> = (0..n as u64).collect();
    let (chosen, sizes) =
        (Rng::new(5).uniform(Purpose::Builtin, &ids, 2), Rng::new(6).normal(Purpose::Builtin, &ids, 2));
    let mut made = SparseCodes { atoms: 16, ends: Vec::new(), places: Vec::new(), values: Vec::new() };
    for row in 0..n {
        let place = |i: usize| (chosen[2 * row + i] * 16.0) as usize % 16;
        let size = |i: usize| f64::from(sizes[2 * row + i]);
        let second = if place(1) == place(0) { (place(0) + 1) % 16 } else { place(1) };
        made.push(vec![(place(0), size(0)), (second, size(1))]);
    }
    let x = truth.decode(&made);
    for (name, learner) in LEARNERS {
        let solver = Solver::new(Method::Omp { k: 2 });
        let how = Learning { atoms: 16, passes: 30, solver, learner: *learner };
        let mut errors = Vec::new();
        let learned = learn(&x, 24, how, Rng::new(0), &mut |_, mse| {
            errors.push(mse);
            Step::Continue
        });
        let learned = learned.unwrap();
        let found = (0..16).filter(|i| (0..16).any(|j| dot(truth.atom(*i), learned.atom(j)).abs() > 0.99));
        let found = found.count();
        // Two of one class in the place of another is a minimum too.
        assert!(found >= 12, "{name}: {found} of 16, errors {errors:?}");
        assert!(errors[29] < 0.25 * errors[0], "{name}: {errors:?}");
        let again = learn(&x, 24, how, Rng::new(0), &mut |_, _| Step::Continue).unwrap();
        assert!(again == learned, "{name} is not the same again");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let (d, x) = (dictionary(4, 3), rows(5, 3));
    let told = |found: Result<SparseCodes>| found.map(drop).unwrap_err().to_string();
    assert!(told(d.encode(&x, Solver::new(Method::Omp { k: 5 }))).contains("1 to 4"));
    assert!(told(d.encode(&x, Solver::new(Method::Mp { k: 0 }))).contains("k"));
    assert!(told(d.encode(&x, Solver::new(Method::Fista { penalty: -1.0 }))).contains("above 0"));
    assert!(told(d.encode(&x[..4], Solver::new(Method::Omp { k: 1 }))).contains("no rows of 3"));
    assert!(told(d.encode(&[0.0, f32::NAN, 0.0], Solver::new(Method::Omp { k: 1 }))).contains("number 1"));
    assert!(Dictionary::new(vec![0.0; 6], 3).unwrap_err().to_string().contains("atom 0"));
    let how = Learning { atoms: 6, passes: 1, solver: Solver::new(Method::Omp { k: 1 }), learner: Learner::Ksvd };
    let told = learn(&x, 3, how, Rng::new(0), &mut |_, _| Step::Continue).unwrap_err().to_string();
    assert!(told.contains("1 to 5"), "{told}");
}

/// The problem of `reference/sparse.py`, whose numbers these are.
#[test]
fn codes_of_a_small_problem_are_those_of_scikit_learn() {
    let number = |i: usize| f64::from(i as u32);
    let atoms = (1..=24).map(|i| (1.3 * number(i) + 0.1 * number(i).powi(2)).sin() as f32).collect();
    let d = Dictionary::new(atoms, 4).unwrap();
    let x: Vec<f32> = (1..=8).map(|i| (0.7 * number(i)).cos() as f32).collect();
    let near = |method: Method, expected: [f32; 12]| {
        let found = d.encode(&x, Solver::new(method)).unwrap().dense();
        let far = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(far < 1e-5, "{method:?}: {found:?}");
    };
    let omp = [0.0, 0.0, 0.437_492, 0.0, 0.613_24, 0.0, -0.735_452, 0.0, -0.723_951, 0.0, 0.0, 0.0];
    near(Method::Omp { k: 2 }, omp);
    let penalty = 0.2;
    for method in [Method::Lasso { penalty }, Method::Ista { penalty }, Method::Fista { penalty }] {
        let lasso = [0.310_158, 0.0, 0.376_66, 0.0, 0.191_733, 0.0, -0.455_027, 0.0, -0.445_892, 0.0, 0.0, -0.017_461];
        near(method, lasso);
    }
    // With as many atoms as there are, the non-negative pursuit ends at non-negative least squares.
    let codes = d.encode(&x, Solver { method: Method::Omp { k: 6 }, positive: true }).unwrap();
    let made = d.decode(&codes);
    for (row, expected) in [0.974_228, 1.753_596].into_iter().enumerate() {
        let error = squares(&x[4 * row..][..4], &made[4 * row..][..4]);
        assert!((error - expected).abs() < 1e-4, "row {row}: {error} against {expected}");
    }
}
