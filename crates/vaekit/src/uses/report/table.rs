//! The parts of a page that tables have: columns, real rows beside drawn ones, strange rows, gaps, intervals.

use crate::Result;
use crate::data::{Column, Dataset, Splits, columns};
use crate::eval::predictive::{Keep, filled, here, normalized, quantile, samples};
use crate::plot::page::{drawing, paragraph, side_by_side, table};
use crate::plot::{Group, ON_PAGE, grouped_svg, heat_svg};
use crate::run::Run;

use super::super::score::{By, How, Reasons, Scorer, Threshold};
use super::super::{SAMPLES, Synthetic};
use super::Part;

/// What puts a part under a heading.
type Add<'a> = dyn FnMut(&str, &mut dyn FnMut() -> Result<Part>) -> Result<()> + 'a;

/// Columns that are drawn, and bars of each.
const DRAWN: usize = 40;
const BARS: usize = 20;
/// Strange rows that are shown.
const STRANGE: usize = 10;
/// Columns of a heat map.
const PAIRS: usize = 40;

impl Run {
    /// What each column is.
    pub(super) fn columns_part(&self, data: &Dataset) -> Part {
        let line = |column: &Column| {
            vec![column.name.clone(), column.kind.name().into(), column.role.name().into(), column.holds()]
        };
        let lines: Vec<Vec<String>> = self.schema().columns.iter().map(line).collect();
        let caption = format!("{} columns of {}", lines.len(), data.name);
        Ok(table(&caption, &["column", "kind", "role", "levels or range"], &lines))
    }

    /// Drawn rows beside test rows.
    pub(super) fn synthetic_part(&self, data: &Dataset, splits: &Splits, rows: &[u32]) -> Part {
        let found = self.synthetic(data, &splits.train, rows).map_err(|e| e.to_string())?;
        let about = "Rows that the model draws, beside rows that it was not trained on.";
        let named = |name: &str, value: f64, what: &str| vec![name.to_owned(), format!("{value:.3}"), what.to_owned()];
        let shape = found.shapes.iter().sum::<f64>() / found.shapes.len().max(1) as f64;
        let figures = [
            named("shape", shape, "marginal distributions, mean over columns; 1 is best"),
            named("trend", found.trend, "how pairs of columns go together; 1 is best"),
            named(
                "two-sample",
                found.two_sample,
                "how hard a classifier finds it to tell drawn rows from real ones; 1 is best",
            ),
            named(
                "nearer",
                found.nearer,
                "drawn rows that lie nearer to a training row than to a test row; 0.5 is best",
            ),
            named("copies", found.copies[0], "drawn rows that equal a training row"),
            named("copies among test rows", found.copies[1], "test rows that equal a training row"),
        ];
        let mut figures = figures.to_vec();
        if let Some((name, [drawn, real])) = &found.useful {
            let what = format!(
                "accuracy of telling '{name}' in test rows, learned from drawn rows; {real:.3} from training rows"
            );
            figures.push(named("useful", *drawn, &what));
        }
        let mut body =
            paragraph(about) + &table("Drawn rows beside real ones", &["figure", "value", "what it says"], &figures);
        let mut drawings = Vec::new();
        for (c, column) in found.columns.iter().enumerate().take(DRAWN) {
            let title = format!("{} ({:.2})", column.name, found.shapes[c]);
            let svg =
                grouped_svg(&title, &column.name, "share of rows", &["real", "drawn"], &groups(&found, c), &ON_PAGE);
            drawings.push(drawing(&svg, ""));
        }
        body += &side_by_side(&drawings);
        if found.columns.len() > DRAWN {
            body += &paragraph(&format!("The first {DRAWN} of {} columns are drawn.", found.columns.len()));
        }
        Ok(body)
    }

    /// How columns go together, in real rows and in drawn ones.
    pub(super) fn pairs_part(&self, data: &Dataset, splits: &Splits, rows: &[u32]) -> Part {
        let found = self.synthetic(data, &splits.train, rows).map_err(|e| e.to_string())?;
        let w = found.columns.len();
        if w < 2 {
            return Err("one column has no pairs".into());
        }
        let n = w.min(PAIRS);
        let names: Vec<String> = found.columns[..n].iter().map(|c| c.name.clone()).collect();
        let part = |all: &[f64]| (0..n).flat_map(|i| all[i * w..i * w + n].to_vec()).collect::<Vec<f64>>();
        let [real, drawn] = &found.together;
        let difference: Vec<f64> = real.iter().zip(drawn).map(|(a, b)| b - a).collect();
        let about = "Correlation of two numbers; Cram\u{e9}r's V where one of the two is a category. Point at a square for its pair.";
        let mut body = paragraph(about);
        let maps = [("Real rows", real), ("Drawn rows", drawn), ("Drawn less real", &difference)];
        let maps = maps.map(|(title, all)| drawing(&heat_svg(title, &names, &part(all), &ON_PAGE), ""));
        body += &side_by_side(&maps);
        Ok(body)
    }

    /// The strangest rows and why they are.
    pub(super) fn strange_part(&self, data: &Dataset, splits: &Splits, rows: &[u32]) -> Part {
        let how = How { by: By::usual(false), samples: SAMPLES };
        let told = |e: crate::Error| e.to_string();
        let scorer = Scorer::new(vec![self.model()], data, splits, how).map_err(told)?;
        let scores = scorer.scores(data, rows, true).map_err(told)?;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        order.truncate(STRANGE);
        let held: Vec<u32> = splits.valid.iter().chain(&splits.test).copied().collect();
        let held = if held.is_empty() { &splits.train } else { &held };
        let which: Vec<u32> = order.iter().map(|at| rows[*at]).collect();
        let reasons = Reasons::new(&scorer, data, held).and_then(|why| why.of(data, &which, 2)).map_err(told)?;
        let line = |(at, reasons): (&usize, &Vec<super::super::Reason>)| {
            let mut line = vec![data.name_of(rows[*at]), format!("{:.2}", scores[*at])];
            line.push(format!("{:.4}", scorer.calibration.p_value(scores[*at])));
            line.extend((0..2).map(|i| {
                reasons.get(i).map_or_else(String::new, |r| {
                    let range = if r.low.is_empty() { String::new() } else { format!(" ({} to {})", r.low, r.high) };
                    format!("{} is {}, expected {}{range}; {:.0} %", r.column, r.found, r.expected, 100.0 * r.share)
                })
            }));
            line
        };
        let lines: Vec<Vec<String>> = order.iter().zip(&reasons).map(line).collect();
        let threshold = scorer.calibration.threshold(Threshold::Fence);
        let above = scores.iter().filter(|s| **s > threshold).count();
        let about = format!(
            "Score: {}. {above} of {} rows are above the threshold of {threshold:.2}. A reason names a column, its cell, what the \
             model expected given the other columns with the range that holds 90 % of it, and the column's share of the surprise.",
            scorer.doc(),
            rows.len()
        );
        let head = ["row", "score", "p-value", "first reason", "second reason"];
        Ok(paragraph(&about) + &table("The strangest rows", &head, &lines))
    }

    /// Where cells are missing.
    pub(super) fn gaps_part(&self, data: &Dataset) -> Part {
        if !data.has_missing() {
            return Err("no cell is missing".into());
        }
        let width = data.width();
        let names = data.schema().modelled_names();
        let mut patterns: std::collections::BTreeMap<Vec<usize>, usize> = std::collections::BTreeMap::new();
        let mut missing = vec![0usize; width];
        let all: Vec<u32> = (0..data.len() as u32).collect();
        let counted = data.for_each_row(&all, |_, stored| {
            let gaps: Vec<usize> = (0..width).filter(|c| stored[*c].is_nan()).collect();
            gaps.iter().for_each(|c| missing[*c] += 1);
            *patterns.entry(gaps).or_default() += 1;
            Ok(())
        });
        counted.map_err(|e| e.to_string())?;
        let share = |n: usize| format!("{n} ({:.1} %)", 100.0 * n as f64 / data.len() as f64);
        let of_columns: Vec<Vec<String>> = names
            .iter()
            .zip(&missing)
            .filter(|(_, n)| **n > 0)
            .map(|(name, n)| vec![name.clone(), share(*n)])
            .collect();
        let mut order: Vec<(&Vec<usize>, &usize)> = patterns.iter().collect();
        order.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let named = |gaps: &[usize]| match gaps.is_empty() {
            true => "nothing".to_owned(),
            false => gaps.iter().map(|c| names[*c].as_str()).collect::<Vec<_>>().join(", "),
        };
        let of_rows: Vec<Vec<String>> = order.iter().take(12).map(|(gaps, n)| vec![named(gaps), share(**n)]).collect();
        Ok(table("Missing cells a column", &["column", "missing"], &of_columns)
            + &table("Which columns are missing together, the most frequent patterns", &["missing", "rows"], &of_rows))
    }

    /// Whether ranges hold what they promise: each known cell of test rows against the range that the model gives it when it
    /// is hidden.
    pub(super) fn intervals_part(&self, data: &Dataset, rows: &[u32]) -> Part {
        const ROWS: usize = 16;
        let described: Vec<&Column> = self.schema().modelled().collect();
        let numbers: Vec<usize> = (0..described.len()).filter(|c| !described[*c].kind.is_named()).collect();
        if numbers.is_empty() || self.encoding().columns.is_empty() {
            return Err("no column has numbers".into());
        }
        let (places, _) = columns::places(&self.encoding().columns);
        let promised = [0.5, 0.8, 0.9, 0.95];
        let mut kept = [0usize; 4];
        let mut total = 0usize;
        let mut stored = vec![0f32; data.width()];
        let keep = Keep { draws: true, open: true, ..Keep::default() };
        for block in self.some(rows, 128).chunks(ROWS) {
            let host = self.preparation().prepare(data, &filled(block, ROWS), 0).map_err(|e| e.to_string())?;
            for c in numbers.iter().take(20) {
                let mut hidden = host.clone();
                let width = self.x_width();
                let mask = hidden.mask.get_or_insert_with(|| vec![1.0; hidden.x.len()]);
                let own = places[*c].number.into_iter().chain(places[*c].blocks.iter().flat_map(|(at, n)| *at..at + n));
                for at in own {
                    for row in 0..ROWS {
                        (mask[row * width + at], hidden.x[row * width + at]) = (0.0, 0.0);
                    }
                }
                let s = samples(self.vae(), &hidden.to_device(&here()), 256, self.rng(), keep);
                for (i, row) in block.iter().enumerate() {
                    data.copy_row(*row as usize, &mut stored).map_err(|e| e.to_string())?;
                    if stored[*c].is_nan() {
                        continue;
                    }
                    let weights = normalized(&s.log_weights(i));
                    let value = |k: usize| {
                        let x = &s.draws[(k * s.rows + i) * s.width..][..s.width];
                        self.encoding().decode_column(self.schema(), *c, x)
                    };
                    let mut values: Vec<(f32, f64)> = weights.iter().enumerate().map(|(k, w)| (value(k), *w)).collect();
                    total += 1;
                    for (promised, kept) in promised.iter().zip(&mut kept) {
                        let (low, high) = ((1.0 - promised) / 2.0, (1.0 + promised) / 2.0);
                        let inside =
                            quantile(&mut values, low) <= stored[*c] && stored[*c] <= quantile(&mut values, high);
                        *kept += usize::from(inside);
                    }
                }
            }
        }
        let line = |(promised, kept): (&f64, &usize)| {
            vec![format!("{:.0} %", 100.0 * promised), format!("{:.1} %", 100.0 * *kept as f64 / total.max(1) as f64)]
        };
        let lines: Vec<Vec<String>> = promised.iter().zip(&kept).map(line).collect();
        let about = "Each number of test rows is hidden in turn, and the model gives a range for it from the other columns. A range \
                     of 90 % should hold 90 % of them; whole numbers and spikes make ranges a little wider than they promise. These are the \
                     model's own ranges: those of score and impute are widened until they hold 90 % on held-out rows.";
        let caption = format!("Ranges of {total} hidden numbers");
        Ok(paragraph(about) + &table(&caption, &["promised", "held"], &lines))
    }

    /// The parts that only tables of several kinds have, after the figures.
    pub(super) fn table_parts(&self, data: &Dataset, splits: &Splits, rows: &[u32], add: &mut Add<'_>) -> Result<()> {
        add("Columns", &mut || Ok(self.columns_part(data)))?;
        add("Strange rows", &mut || Ok(self.strange_part(data, splits, rows)))?;
        add("Drawn rows", &mut || Ok(self.synthetic_part(data, splits, rows)))?;
        add("Pairs of columns", &mut || Ok(self.pairs_part(data, splits, rows)))?;
        add("Missing cells", &mut || Ok(self.gaps_part(data)))?;
        add("Ranges", &mut || Ok(self.intervals_part(data, rows)))
    }
}

/// Shares of real and of drawn rows by level or by bin.
fn groups(found: &Synthetic, c: usize) -> Vec<Group> {
    let (column, width) = (&found.columns[c], found.columns.len());
    let of = |values: &[f32]| -> Vec<f32> {
        values.iter().skip(c).step_by(width).copied().filter(|v| !v.is_nan()).collect()
    };
    let (real, drawn) = (of(&found.real), of(&found.drawn));
    let share = |values: &[f32], f: &dyn Fn(f32) -> bool| {
        values.iter().filter(|v| f(**v)).count() as f64 / values.len().max(1) as f64
    };
    if column.kind.has_levels() || column.kind == crate::data::Kind::Binary {
        let levels = if column.levels.is_empty() { 2 } else { column.levels.len() };
        let name = |l: usize| if column.levels.is_empty() { l.to_string() } else { column.levels[l].clone() };
        let group = |l: usize| {
            let is = |v: f32| v == l as f32;
            (name(l), vec![share(&real, &is), share(&drawn, &is)])
        };
        return (0..levels.min(BARS)).map(group).collect();
    }
    let all = || real.iter().chain(&drawn).copied();
    let (low, high) = all().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low >= high {
        return Vec::new();
    }
    let step = (high - low) / BARS as f32;
    let group = |i: usize| {
        let from = low + i as f32 * step;
        let last = i + 1 == BARS;
        let is = |v: f32| v >= from && (v < from + step || last);
        (column.cell(from), vec![share(&real, &is), share(&drawn, &is)])
    };
    (0..BARS).map(group).collect()
}
