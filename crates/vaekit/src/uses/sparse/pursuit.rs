//! Matching pursuit and its orthogonal form.

use super::Problem;

/// A new atom of which less than this lies outside of the chosen ones says nothing more.
const DEPENDENT: f64 = 1e-10;

/// Codes of at most `k` atoms: the one that goes best with what is left, then all chosen ones refitted.
///
/// In the positive form an atom must go with what is left by its own sign, and the refit is non-negative (Bruckstein, Elad &
/// Zibulevsky 2008): atoms that it drives to 0 are given back.
pub fn orthogonal(problem: &Problem<'_>, x: &[f32], products: &[f32], k: usize) -> Vec<(usize, f64)> {
    let mut fit = Fit::default();
    let mut left: Vec<f64> = products.iter().map(|v| f64::from(*v)).collect();
    let smallest = 1e-6 * left.iter().fold(0f64, |most, v| most.max(v.abs()));
    let mut tried = vec![false; left.len()];
    // Each step makes what is left smaller, so the bound is only for numbers at their limits.
    for _ in 0..4 * k {
        if fit.chosen.len() == k {
            break;
        }
        let Some(atom) = best(&left, problem.solver.positive, |i| tried[i]) else { break };
        if left[atom].abs() <= smallest {
            break;
        }
        tried[atom] = true;
        let before = [fit.values.as_slice(), &[0.0]].concat();
        if !fit.add(problem, atom, problem.product(x, atom)) {
            continue;
        }
        if problem.solver.positive {
            let chosen = fit.chosen.clone();
            if !fit.keep_positive(problem, before) {
                continue;
            }
            // What is given back may come again.
            chosen.iter().filter(|atom| !fit.chosen.contains(atom)).for_each(|atom| tried[*atom] = false);
        }
        left.iter_mut().zip(products).for_each(|(left, product)| *left = f64::from(*product));
        for (atom, value) in fit.chosen.iter().zip(&fit.values) {
            left.iter_mut().zip(problem.gram(*atom)).for_each(|(left, g)| *left -= value * g);
        }
    }
    fit.chosen.into_iter().zip(fit.values).collect()
}

/// Codes of `k` steps: each takes as much of an atom as goes with what is left.
pub fn matching(problem: &Problem<'_>, x: &[f32], products: &[f32], k: usize) -> Vec<(usize, f64)> {
    let mut left: Vec<f64> = products.iter().map(|v| f64::from(*v)).collect();
    let mut code: Vec<(usize, f64)> = Vec::new();
    for step in 0..k {
        let Some(atom) = best(&left, problem.solver.positive, |_| false) else { break };
        let value = if step == 0 { problem.product(x, atom) } else { left[atom] };
        match code.iter_mut().find(|(place, _)| *place == atom) {
            Some((_, sum)) => *sum += value,
            None => code.push((atom, value)),
        }
        left.iter_mut().zip(problem.gram(atom)).for_each(|(left, g)| *left -= value * g);
    }
    code
}

/// The atom that goes best with what is left; none where nothing does.
fn best(left: &[f64], positive: bool, barred: impl Fn(usize) -> bool) -> Option<usize> {
    let size = |i: usize| if positive { left[i] } else { left[i].abs() };
    let all = (0..left.len()).filter(|i| !barred(*i) && size(*i) > 0.0);
    all.fold(None, |best, i| match best {
        Some(known) if size(known) >= size(i) => best,
        _ => Some(i),
    })
}

/// The least-squares fit of the chosen atoms.
#[derive(Default)]
struct Fit {
    chosen: Vec<usize>,
    /// Products of the row with the chosen atoms.
    products: Vec<f64>,
    /// The Cholesky factor of their Gram matrix, line after line, each as long as its number.
    factor: Vec<f64>,
    values: Vec<f64>,
}

impl Fit {
    /// Adds an atom and fits; false for one that depends on those chosen, which is not added.
    fn add(&mut self, problem: &Problem<'_>, atom: usize, product: f64) -> bool {
        let gram = problem.gram(atom);
        let mut line = Vec::with_capacity(self.chosen.len() + 1);
        let mut rest = gram[atom];
        for (i, other) in self.chosen.iter().enumerate() {
            let own = self.line(i);
            let sum: f64 = own[..i].iter().zip(&line).map(|(a, b): (&f64, &f64)| a * b).sum();
            let value = (gram[*other] - sum) / own[i];
            rest -= value * value;
            line.push(value);
        }
        if rest <= DEPENDENT {
            return false;
        }
        line.push(rest.sqrt());
        self.factor.extend(line);
        self.chosen.push(atom);
        self.products.push(product);
        self.solve();
        true
    }

    fn line(&self, i: usize) -> &[f64] {
        &self.factor[i * (i + 1) / 2..][..=i]
    }

    /// L L^T values = products.
    fn solve(&mut self) {
        let n = self.chosen.len();
        let mut values = self.products.clone();
        for i in 0..n {
            let line = self.line(i);
            let sum: f64 = line[..i].iter().zip(&values).map(|(l, v)| l * v).sum();
            values[i] = (values[i] - sum) / line[i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| self.line(j)[i] * values[j]).sum();
            values[i] = (values[i] - sum) / self.line(i)[i];
        }
        self.values = values;
    }

    /// Non-negative least squares over the chosen atoms (Lawson & Hanson 1974): from the last fit towards the new one as far
    /// as nothing is below 0, then without what became 0. False where the new atom itself is given back.
    fn keep_positive(&mut self, problem: &Problem<'_>, mut known: Vec<f64>) -> bool {
        let Some(new) = self.chosen.last().copied() else { return false };
        while self.values.iter().any(|v| *v < 0.0) {
            let share = |(old, now): (&f64, &f64)| if *now < 0.0 { old / (old - now) } else { 1.0 };
            let step = known.iter().zip(&self.values).map(share).fold(1f64, f64::min);
            known.iter_mut().zip(&self.values).for_each(|(old, now)| *old += step * (now - *old));
            let stays: Vec<bool> =
                known.iter().zip(&self.values).map(|(old, now)| *now >= 0.0 || *old > 1e-12).collect();
            let kept: Vec<(usize, f64)> = self.chosen.iter().copied().zip(self.products.iter().copied()).collect();
            known = known.into_iter().zip(&stays).filter(|(_, stays)| **stays).map(|(v, _)| v).collect();
            *self = Self::default();
            for ((atom, product), _) in kept.into_iter().zip(stays).filter(|(_, stays)| *stays) {
                self.add(problem, atom, product);
            }
        }
        self.chosen.contains(&new)
    }
}
