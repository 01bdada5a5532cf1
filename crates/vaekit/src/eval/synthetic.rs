//! Drawn rows of a table beside real ones.
//!
//! | figure | best | what |
//! |---|---|---|
//! | shape | 1 | marginals: 1 - Kolmogorov-Smirnov distance of numbers, 1 - total variation of categories |
//! | trend | 1 | pairs: 1 - half the difference of correlations of numbers; of other pairs 1 - total variation of their table |
//! | two-sample | 1 | 2 (1 - AUROC) of a network that tells real rows from drawn ones, at most 1 |
//! | useful | that of real rows | accuracy on real rows of a network that learned to tell a category from drawn rows |
//! | nearer | 0.5 | share of drawn rows that lie nearer to a training row than to one of as many rows that were kept apart |
//!
//! Lopez-Paz & Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017; the first two as SDMetrics defines them.

use vaekit_ops::{Activation, device, from_vec, softplus, to_vec};

use crate::data::{Column, Kind};
use crate::nn::{Fit, Init, Mlp};
use crate::rng::{Purpose, Rng};

use super::representation::nearest;

/// Bins of a number beside a category.
const BINS: usize = 10;

/// Rows of a table by column, as they are stored: `[N, W]`.
pub struct Rows<'a> {
    /// The columns.
    pub columns: &'a [Column],
    /// Their values, row-major; NaN where one is missing.
    pub values: &'a [f32],
}

impl Rows<'_> {
    /// The known values of a column.
    pub fn column(&self, at: usize) -> Vec<f32> {
        self.values.iter().skip(at).step_by(self.columns.len()).copied().filter(|v| !v.is_nan()).collect()
    }

    fn len(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    fn value(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.columns.len() + column]
    }
}

/// 1 less the distance of a column's marginals.
pub fn shape(real: &Rows<'_>, drawn: &Rows<'_>, column: usize) -> f64 {
    let (mut a, mut b) = (real.column(column), drawn.column(column));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    if is_word(&real.columns[column]) {
        let share =
            |values: &[f32], level: f32| values.iter().filter(|v| **v == level).count() as f64 / values.len() as f64;
        let levels = levels(&real.columns[column]);
        return 1.0 - 0.5 * (0..levels).map(|l| (share(&a, l as f32) - share(&b, l as f32)).abs()).sum::<f64>();
    }
    a.sort_by(f32::total_cmp);
    b.sort_by(f32::total_cmp);
    let below = |sorted: &[f32], v: f32| sorted.partition_point(|x| *x <= v) as f64 / sorted.len() as f64;
    1.0 - a.iter().chain(&b).map(|v| (below(&a, *v) - below(&b, *v)).abs()).fold(0.0, f64::max)
}

fn is_word(column: &Column) -> bool {
    column.kind.has_levels() || column.kind == Kind::Binary
}

fn levels(column: &Column) -> usize {
    if column.kind == Kind::Binary { 2 } else { column.levels.len() }
}

/// How two columns go together, -1 to 1: the correlation of numbers, Cramer's V of the table of other pairs, in which a number
/// has ten bins of as many real rows.
pub fn associations(real: &Rows<'_>, of: &Rows<'_>) -> Vec<f64> {
    let w = real.columns.len();
    let edges: Vec<Vec<f32>> = (0..w).map(|c| edges(real, c)).collect();
    let mut all = vec![1.0; w * w];
    for a in 0..w {
        for b in 0..a {
            let found = match (is_word(&real.columns[a]), is_word(&real.columns[b])) {
                (false, false) => correlation(of, a, b),
                _ => cramer(&table(of, a, b, &edges)),
            };
            (all[a * w + b], all[b * w + a]) = (found, found);
        }
    }
    all
}

/// The mean over pairs of columns of how alike they go together.
pub fn trend(real: &Rows<'_>, drawn: &Rows<'_>) -> f64 {
    let w = real.columns.len();
    let edges: Vec<Vec<f32>> = (0..w).map(|c| edges(real, c)).collect();
    let mut sum = 0.0;
    for a in 0..w {
        for b in 0..a {
            sum += match (is_word(&real.columns[a]), is_word(&real.columns[b])) {
                (false, false) => 1.0 - (correlation(real, a, b) - correlation(drawn, a, b)).abs() / 2.0,
                _ => {
                    let (p, q) = (table(real, a, b, &edges), table(drawn, a, b, &edges));
                    1.0 - 0.5 * p.iter().flatten().zip(q.iter().flatten()).map(|(p, q)| (p - q).abs()).sum::<f64>()
                }
            };
        }
    }
    if w > 1 { sum / (w * (w - 1) / 2) as f64 } else { 1.0 }
}

fn edges(real: &Rows<'_>, column: usize) -> Vec<f32> {
    let mut sorted = real.column(column);
    sorted.sort_by(f32::total_cmp);
    let at = |i: usize| sorted.get(i * sorted.len() / BINS).copied();
    let mut edges: Vec<f32> = (1..BINS).filter_map(at).collect();
    edges.dedup();
    edges
}

/// Shares of the pairs of levels or bins, of rows in which both are known: drawn rows have no gaps.
fn table(rows: &Rows<'_>, a: usize, b: usize, edges: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let size = |c: usize| if is_word(&rows.columns[c]) { levels(&rows.columns[c]).max(1) } else { edges[c].len() + 1 };
    let place = |row: usize, c: usize| match rows.value(row, c) {
        v if v.is_nan() => None,
        v if is_word(&rows.columns[c]) => Some((v as usize).min(size(c) - 1)),
        v => Some(edges[c].partition_point(|e| *e <= v)),
    };
    let mut shares = vec![vec![0.0; size(b)]; size(a)];
    let mut n = 0.0f64;
    for row in 0..rows.len() {
        if let (Some(at), Some(along)) = (place(row, a), place(row, b)) {
            shares[at][along] += 1.0;
            n += 1.0;
        }
    }
    shares.iter_mut().flatten().for_each(|share| *share /= n.max(1.0));
    shares
}

/// Cramer's V: sqrt(chi^2 / (n min(r - 1, c - 1))) of the rows and columns that occur.
fn cramer(shares: &[Vec<f64>]) -> f64 {
    let of_rows: Vec<f64> = shares.iter().map(|row| row.iter().sum()).collect();
    let width = shares.first().map_or(0, Vec::len);
    let of_columns: Vec<f64> = (0..width).map(|j| shares.iter().map(|row| row[j]).sum()).collect();
    let used = |sums: &[f64]| sums.iter().filter(|s| **s > 0.0).count();
    let least = used(&of_rows).min(used(&of_columns));
    if least < 2 {
        return 0.0;
    }
    let mut chi = 0.0;
    for (row, a) in shares.iter().zip(&of_rows) {
        for (p, b) in row.iter().zip(&of_columns).filter(|(_, b)| a * **b > 0.0) {
            chi += (p - a * b).powi(2) / (a * b);
        }
    }
    (chi / (least - 1) as f64).sqrt().min(1.0)
}

fn correlation(rows: &Rows<'_>, a: usize, b: usize) -> f64 {
    let pairs: Vec<(f64, f64)> = (0..rows.len())
        .map(|row| (f64::from(rows.value(row, a)), f64::from(rows.value(row, b))))
        .filter(|(a, b)| !a.is_nan() && !b.is_nan())
        .collect();
    let n = pairs.len().max(1) as f64;
    let (ma, mb) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    let (saa, sbb) = (sum(&|p| (p.0 - ma).powi(2)), sum(&|p| (p.1 - mb).powi(2)));
    let sab = sum(&|p| (p.0 - ma) * (p.1 - mb));
    if saa * sbb > 0.0 { sab / (saa * sbb).sqrt() } else { 0.0 }
}

/// How well a network tells two sets of rows apart, in coordinates `[N, X]`: the area under its ROC curve on the half of the
/// rows that it did not learn from.
pub fn told_apart(real: &[f32], drawn: &[f32], width: usize, rng: Rng) -> f64 {
    let n = real.len().min(drawn.len()) / width;
    let order = rng.permutation(Purpose::Score, 2 * n);
    let row = |i: u32| -> Vec<f32> {
        let (of, at) = if (i as usize) < n { (real, i as usize) } else { (drawn, i as usize - n) };
        // Squares let a small network see spreads at once.
        let x = &of[at * width..(at + 1) * width];
        x.iter().copied().chain(x.iter().map(|v| v * v)).map(|v| v.clamp(-30.0, 30.0)).collect()
    };
    let is_drawn = |i: u32| f32::from(i as usize >= n);
    let (learned, judged) = order.split_at(n);
    let here = device::here();
    let mut network = Mlp::new("apart", &[2 * width, 64, 64, 1], Activation::Relu, &mut Init::new(rng));
    let mut fit = Fit::begin(&mut network);
    let epochs = (40_000 / n.max(1)).clamp(10, 60);
    for epoch in 0..epochs {
        let order = rng.at(epoch as u64).permutation(Purpose::Shuffle, learned.len());
        for batch in order.chunks(64) {
            let ids: Vec<u32> = batch.iter().map(|i| learned[*i as usize]).collect();
            let x: Vec<f32> = ids.iter().flat_map(|i| row(*i)).collect();
            let y: Vec<f32> = ids.iter().map(|i| is_drawn(*i)).collect();
            let logit = network.forward(from_vec(x, [ids.len(), 2 * width], &here));
            let y = from_vec::<2>(y, [ids.len(), 1], &here);
            let loss = (softplus(logit.clone()) - logit * y).mean();
            fit.descend(&mut network, &loss, 1e-3);
        }
    }
    fit.end(&mut network);
    let mut scored = Vec::with_capacity(judged.len());
    for ids in judged.chunks(512) {
        let x: Vec<f32> = ids.iter().flat_map(|i| row(*i)).collect();
        let logits = to_vec(network.forward(from_vec(x, [ids.len(), 2 * width], &here)));
        scored.extend(logits.into_iter().zip(ids.iter().map(|i| is_drawn(*i) > 0.0)));
    }
    area(&mut scored)
}

/// Rows in coordinates `[N, X]`, each with the level of a column that is to be told from the others.
pub struct Lesson<'a> {
    /// `[N, X]`, 0 at the coordinates of the column itself.
    pub x: &'a [f32],
    /// A level a row.
    pub level: &'a [usize],
}

/// The accuracy on `judged` rows of a network that learns from `taught` ones to tell one of `levels`.
pub fn learned_from(taught: &Lesson<'_>, judged: &Lesson<'_>, levels: usize, rng: Rng) -> f64 {
    let width = taught.x.len() / taught.level.len().max(1);
    let here = device::here();
    let mut network = Mlp::new("level", &[width, 64, levels], Activation::Relu, &mut Init::new(rng));
    let mut fit = Fit::begin(&mut network);
    let part = |of: &Lesson<'_>, ids: &[u32]| -> Vec<f32> {
        ids.iter().flat_map(|i| of.x[*i as usize * width..][..width].iter().map(|v| v.clamp(-30.0, 30.0))).collect()
    };
    let epochs = (40_000 / taught.level.len().max(1)).clamp(10, 60);
    for epoch in 0..epochs {
        let order = rng.at(epoch as u64).permutation(Purpose::Shuffle, taught.level.len());
        for ids in order.chunks(64) {
            let logits = network.forward(from_vec(part(taught, ids), [ids.len(), width], &here));
            let one = |i: usize| f32::from(i % levels == taught.level[ids[i / levels] as usize]);
            let one = from_vec::<2>((0..ids.len() * levels).map(one).collect(), [ids.len(), levels], &here);
            let loss = (vaekit_ops::density::log_softmax(logits, 1) * one).sum_dim(1).mean().neg();
            fit.descend(&mut network, &loss, 1e-3);
        }
    }
    fit.end(&mut network);
    let all: Vec<u32> = (0..judged.level.len() as u32).collect();
    let logits = to_vec(network.forward(from_vec(part(judged, &all), [all.len(), width], &here)));
    let best = |row: &[f32]| (0..levels).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    let right = logits.chunks(levels).zip(judged.level).filter(|(row, level)| best(row) == **level).count();
    right as f64 / judged.level.len().max(1) as f64
}

/// The area under the ROC curve of scores, each with whether it is a positive; ties count half.
pub fn area(scored: &mut [(f32, bool)]) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scored.iter().filter(|(_, p)| *p).count() as f64;
    let negatives = scored.len() as f64 - positives;
    let (mut sum, mut at) = (0.0, 0);
    while at < scored.len() {
        let end = at + scored[at..].iter().take_while(|(s, _)| *s == scored[at].0).count();
        let rank = (at + end + 1) as f64 / 2.0;
        sum += rank * scored[at..end].iter().filter(|(_, p)| *p).count() as f64;
        at = end;
    }
    (sum - positives * (positives + 1.0) / 2.0) / (positives * negatives).max(1.0)
}

/// The share of `drawn` rows that lie nearer to one of `train` than to one of `test`, of as many; ties count half.
pub fn nearer(drawn: &[f32], train: &[f32], test: &[f32], width: usize) -> f64 {
    let n = train.len().min(test.len());
    let distance =
        |to: &[f32]| nearest(drawn, &to[..n], width, 1).into_iter().map(|found| found[0].0).collect::<Vec<_>>();
    let pairs: Vec<(f32, f32)> = distance(train).into_iter().zip(distance(test)).collect();
    let of = |(a, b): &(f32, f32)| {
        if a < b {
            1.0
        } else if a > b {
            0.0
        } else {
            0.5
        }
    };
    pairs.iter().map(of).sum::<f64>() / pairs.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_alike_have_the_best_figures_and_others_worse_ones() {
        let columns = [
            Column::modelled("x", Kind::Real),
            Column::modelled("y", Kind::Real),
            Column::category("k", crate::data::Role::Modelled, vec!["a".into(), "b".into()]),
        ];
        let draw = |seed: u64, together: bool| -> Vec<f32> {
            let ids: Vec<u64> = (0..800).collect();
            let e = Rng::new(seed).normal(Purpose::Builtin, &ids, 2);
            let row = |i: usize| {
                let (x, other) = (e[2 * i], e[2 * i + 1]);
                let y = if together { x + 0.3 * other } else { other };
                [x, y, f32::from(y > 0.0)]
            };
            (0..800).flat_map(row).collect()
        };
        let (a, b, c) = (draw(1, true), draw(2, true), draw(3, false));
        let of = |values| Rows { columns: &columns, values };
        let (real, alike, apart) = (of(&a), of(&b), of(&c));
        assert!(shape(&real, &alike, 0) > 0.93 && shape(&real, &apart, 0) > 0.9);
        assert!(trend(&real, &alike) > 0.93, "{}", trend(&real, &alike));
        assert!(trend(&real, &apart) < 0.9, "{}", trend(&real, &apart));
        let (near, far) = (told_apart(&a, &b, 3, Rng::new(0)), told_apart(&a, &c, 3, Rng::new(0)));
        assert!((near - 0.5).abs() < 0.1 && far > 0.75, "{near} {far}");
        assert!((nearer(&b, &a, &draw(4, true), 3) - 0.5).abs() < 0.1);
        assert_eq!(nearer(&a, &a, &b, 3), 1.0);
    }

    #[test]
    fn areas_are_those_of_ranks() {
        assert_eq!(area(&mut [(0.1, false), (0.2, true), (0.3, false), (0.4, true)]), 0.75);
        assert_eq!(area(&mut [(1.0, false), (1.0, true)]), 0.5);
    }
}
