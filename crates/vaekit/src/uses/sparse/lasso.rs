//! Codes that cost by their absolute values: 1/2 |x - D a|^2 + penalty |a|_1.

use super::Problem;

/// Passes or steps after which a row that has not converged is taken as it is.
const MOST: usize = 10_000;
/// The duality gap, as a share of 1/2 |x|^2, at which a row has converged.
const GAP: f64 = 1e-10;
/// Passes or steps between looks at the gap.
const LOOK: usize = 10;

/// Coordinate descent on the Gram matrix: each number in turn takes its best value given the others.
pub fn coordinates(problem: &Problem<'_>, x: &[f32], penalty: f64) -> Vec<(usize, f64)> {
    let row = Row::new(problem, x, penalty);
    let n = row.products.len();
    let (mut a, mut left) = (vec![0f64; n], row.products.clone());
    for pass in 0..MOST {
        for i in 0..n {
            let gram = problem.gram(i);
            let value = row.shrunk(left[i] + gram[i] * a[i], penalty) / gram[i];
            let change = value - a[i];
            if change != 0.0 {
                a[i] = value;
                left.iter_mut().zip(gram).for_each(|(left, g)| *left -= change * g);
            }
        }
        if pass % LOOK == 0 && row.gap(&a, &left) <= GAP * row.energy {
            break;
        }
    }
    sparse(a)
}

/// Iterative soft thresholding, with momentum or without: a step against the gradient, then towards 0.
pub fn thresholding(problem: &Problem<'_>, x: &[f32], penalty: f64, momentum: bool) -> Vec<(usize, f64)> {
    let row = Row::new(problem, x, penalty);
    let n = row.products.len();
    let (mut a, mut from, mut t) = (vec![0f64; n], vec![0f64; n], 1f64);
    for step in 0..MOST {
        let left = row.left(&from);
        let next: Vec<f64> =
            (0..n).map(|i| row.shrunk(from[i] + left[i] / problem.steepest, penalty / problem.steepest)).collect();
        // Momentum that points uphill is dropped (O'Donoghue & Candes 2015).
        let uphill = (0..n).map(|i| (from[i] - next[i]) * (next[i] - a[i])).sum::<f64>() > 0.0;
        let grown = if uphill { 1.0 } else { f64::midpoint(1.0, (1.0 + 4.0 * t * t).sqrt()) };
        let ahead = if momentum && !uphill { (t - 1.0) / grown } else { 0.0 };
        from = next.iter().zip(&a).map(|(now, old)| now + ahead * (now - old)).collect();
        (a, t) = (next, grown);
        if step % LOOK == 0 && row.gap(&a, &row.left(&a)) <= GAP * row.energy {
            break;
        }
    }
    sparse(a)
}

/// The largest eigenvalue of a Gram matrix, a little more, by power iteration.
pub fn steepest(gram: &[f64], n: usize) -> f64 {
    let mut v: Vec<f64> = (0..n).map(|i| 1.0 + (i as f64 * 0.7).sin() / 2.0).collect();
    let mut most = 1.0;
    for _ in 0..100 {
        let next: Vec<f64> = gram.chunks(n).map(|line| line.iter().zip(&v).map(|(g, v)| g * v).sum()).collect();
        most = next.iter().map(|v| v * v).sum::<f64>().sqrt();
        v = next.into_iter().map(|value| value / most.max(1e-300)).collect();
    }
    // No eigenvalue is above the largest sum of a line.
    let bound = gram.chunks(n).map(|line| line.iter().map(|g| g.abs()).sum::<f64>()).fold(0f64, f64::max);
    (1.05 * most).min(bound).max(1e-12)
}

fn sparse(a: Vec<f64>) -> Vec<(usize, f64)> {
    a.into_iter().enumerate().filter(|(_, v)| *v != 0.0).collect()
}

/// A row whose code is sought.
struct Row<'a> {
    problem: &'a Problem<'a>,
    products: Vec<f64>,
    penalty: f64,
    /// 1/2 |x|^2
    energy: f64,
}

impl<'a> Row<'a> {
    fn new(problem: &'a Problem<'a>, x: &[f32], penalty: f64) -> Self {
        let products = (0..problem.dictionary.len()).map(|atom| problem.product(x, atom)).collect();
        Self { problem, products, penalty, energy: super::dot(x, x) / 2.0 }
    }

    /// D^T (x - D a).
    fn left(&self, a: &[f64]) -> Vec<f64> {
        let mut left = self.products.clone();
        for (atom, value) in a.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            left.iter_mut().zip(self.problem.gram(atom)).for_each(|(left, g)| *left -= value * g);
        }
        left
    }

    /// A number pulled towards 0.
    fn shrunk(&self, v: f64, by: f64) -> f64 {
        if self.problem.solver.positive { (v - by).max(0.0) } else { v.signum() * (v.abs() - by).max(0.0) }
    }

    /// How far the objective is above its minimum at most: the distance to the dual at the residual, scaled to be feasible.
    fn gap(&self, a: &[f64], left: &[f64]) -> f64 {
        let size = |v: f64| if self.problem.solver.positive { v } else { v.abs() };
        let steepest = left.iter().fold(0f64, |most, v| most.max(size(*v)));
        let of = |b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        // With r = x - D a: x r = |x|^2 - x D a, and |r|^2 = |x|^2 - a D^T (x + r).
        let (with_x, with_left) = (of(&self.products), of(left));
        let residual = (2.0 * self.energy - with_x - with_left).max(0.0);
        let primal = residual / 2.0 + self.penalty * a.iter().map(|v| v.abs()).sum::<f64>();
        let scale = if steepest > self.penalty { self.penalty / steepest } else { 1.0 };
        let dual = scale * (2.0 * self.energy - with_x) - scale * scale * residual / 2.0;
        primal - dual
    }
}
