//! From the typed cells of a table to coordinates of x, and back; a code a column.
//!
//! | kind | coordinates |
//! |---|---|
//! | real | (v - shift) / scale |
//! | positive | (log v - shift) / scale |
//! | count, coarse numbers, ordinal | the same on a grid: a mass, not a density |
//! | count with a distribution | (log(1 + v) - shift) / scale: Poisson or negative binomial |
//! | binary, category | one-hot |
//! | time | the day as a number; hour, day of the week and month one-hot |
//!
//! A column of numbers with spikes has a one-hot of them and of "none" beside its number, which is 0 at a spike.
//! x holds the numbers of all columns first, then the one-hot blocks.

use serde::{Deserialize, Serialize};

use super::{Column, Kind, Schema, dates};

mod count;
mod fit;

pub use count::{CountCode, CountDistribution, Exposure, TOTAL};
pub(super) use fit::fit;

/// How the cells of a column become coordinates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnCode {
    /// What p(x given z) is for the number, if the column has one.
    pub number: Option<NumberCode>,
    /// Sizes of the one-hot blocks: of a category its levels, of spikes one more than they are, of a time its parts.
    #[serde(default)]
    pub blocks: Vec<usize>,
    /// Stored values that are a mass of their own.
    #[serde(default)]
    pub spikes: Vec<f32>,
}

/// A number as a coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberCode {
    /// The mean of the training rows, without spikes.
    pub shift: f32,
    /// Their standard deviation.
    pub scale: f32,
    /// True where the logarithm is taken first.
    #[serde(default)]
    pub log: bool,
    /// The width of a cell of the grid in units of `scale`; 0 for a density.
    #[serde(default)]
    pub step: f32,
    /// The least and the greatest coordinate of an ordinal, whose first and last level reach to infinity.
    #[serde(default)]
    pub ends: Option<[f32; 2]>,
    /// The smallest scale that p(x given z) may have, in units of `scale`.
    #[serde(default)]
    pub floor: f32,
    /// Of a count its distribution, where a person named one; log(1 + v) is taken first then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<CountCode>,
}

/// Where the coordinates of a column begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Of its number.
    pub number: Option<usize>,
    /// Of each of its blocks, and their size.
    pub blocks: Vec<(usize, usize)>,
}

/// The smallest scale of a density in standard deviations, unless the file's grid is coarser.
const FLOOR: f64 = 0.05;
/// Hours of a day, days of a week, months of a year.
const PARTS: [usize; 3] = [24, 7, 12];

/// Places of the columns of a table in x, and the width of x: densities, masses on a grid, counts with a distribution, blocks.
pub fn places(codes: &[ColumnCode]) -> (Vec<Place>, usize) {
    let [densities, grids, counts] = numbers(codes);
    let mut next = [0, densities, densities + grids];
    let mut block = densities + grids + counts;
    let place = |code: &ColumnCode| {
        let at = code.number.map(|number| {
            let next = &mut next[number.group()];
            *next += 1;
            *next - 1
        });
        let blocks = code.blocks.iter().map(|size| {
            // A schema that is not checked yet may claim any sizes.
            let at = block;
            block = block.saturating_add(*size);
            (at, *size)
        });
        Place { number: at, blocks: blocks.collect() }
    };
    let places: Vec<Place> = codes.iter().map(place).collect();
    (places, block)
}

/// How many columns have a density, a mass on a grid, and a distribution of counts.
pub fn numbers(codes: &[ColumnCode]) -> [usize; 3] {
    let mut found = [0; 3];
    codes.iter().filter_map(|code| code.number).for_each(|number| found[number.group()] += 1);
    found
}

/// Places in x that can be exposures: numbers of which the logarithm is taken, without spikes.
fn exposures(codes: &[ColumnCode]) -> Vec<usize> {
    let is_one = |code: &ColumnCode| code.number.is_some_and(|n| n.log && n.group() == 0) && code.spikes.is_empty();
    codes.iter().zip(places(codes).0).filter(|(code, _)| is_one(code)).filter_map(|(_, place)| place.number).collect()
}

/// True for codes that fit the columns of a schema and can be computed with.
pub(super) fn fits(codes: &[ColumnCode], schema: &Schema) -> bool {
    fit_with(codes, schema, &exposures(codes))
}

/// [`fits`], where counts may be in proportion to some places of x.
fn fit_with(codes: &[ColumnCode], schema: &Schema, exposures: &[usize]) -> bool {
    let number = |n: &NumberCode| {
        let counts = n.count.as_ref().is_none_or(|count| count.is_sound(exposures));
        let ends = n.ends.is_none_or(|[low, high]| low.is_finite() && high.is_finite());
        let sizes = n.step.is_finite() && n.step >= 0.0 && n.floor.is_finite() && n.floor >= 0.0;
        n.shift.is_finite()
            && n.scale.is_finite()
            && n.scale > 0.0
            && ends
            && sizes
            && counts
            && (n.step > 0.0 || n.floor > 0.0)
    };
    let one = |(code, column): (&ColumnCode, &Column)| {
        let levels = [column.levels.len()];
        let is_word = matches!(column.kind, Kind::Category | Kind::Binary);
        let blocks = match column.kind {
            Kind::Category => code.blocks == levels,
            Kind::Binary => code.blocks == [2],
            Kind::Time => {
                // Runs of earlier builds have no months.
                (2..=3).contains(&code.blocks.len())
                    && code.blocks.iter().zip(PARTS).all(|(n, part)| *n == 0 || *n == part)
            }
            _ if code.spikes.is_empty() => code.blocks.is_empty(),
            _ => code.blocks == [code.spikes.len() + 1],
        };
        let spikes = code.spikes.iter().all(|v| v.is_finite()) && (code.spikes.is_empty() || column.kind.has_spikes());
        let is_count = column.kind == Kind::Count || code.number.is_none_or(|n| n.count.is_none());
        is_count && blocks && code.number.is_some() != is_word && code.number.iter().all(number) && spikes
    };
    codes.len() == schema.width() && codes.iter().zip(schema.modelled()).all(one)
}

impl NumberCode {
    /// A density with nothing special.
    pub fn density(shift: f32, scale: f32) -> Self {
        Self { shift, scale, log: false, step: 0.0, ends: None, floor: FLOOR as f32, count: None }
    }

    /// 0 for a density, 1 for a mass on a grid, 2 for a count with a distribution: the order in which x holds them.
    fn group(&self) -> usize {
        if self.count.is_some() { 2 } else { usize::from(self.step > 0.0) }
    }

    /// The coordinate of a stored value.
    pub fn coordinate(&self, stored: f32) -> f32 {
        if self.count.is_some() {
            return (stored.max(0.0).ln_1p() - self.shift) / self.scale;
        }
        // What is not above 0 lies far below all that is, and is no error: it is as strange as can be.
        let v = if self.log { stored.max(f32::MIN_POSITIVE).ln() } else { stored };
        (v - self.shift) / self.scale
    }

    /// The stored value at a coordinate.
    pub fn stored(&self, x: f32) -> f32 {
        let v = x * self.scale + self.shift;
        match (self.count, self.log) {
            (Some(_), _) => v.exp_m1().max(0.0),
            (None, true) => v.exp(),
            (None, false) => v,
        }
    }

    /// By how much nats of the coordinate exceed those in the file's units; nothing of a mass.
    pub fn log_volume(&self, x: f32) -> f64 {
        match self.group() > 0 {
            true => 0.0,
            false => f64::from(self.scale).ln() + if self.log { f64::from(x * self.scale + self.shift) } else { 0.0 },
        }
    }
}

/// By how much nats of coordinates exceed those in the file's units, of the known numbers of a row.
pub(super) fn log_volume(codes: &[ColumnCode], x: &[f32], known: impl Fn(usize) -> bool) -> f64 {
    let (places, _) = places(codes);
    let of = |(code, place): (&ColumnCode, &Place)| {
        let (number, at) = (code.number?, place.number?);
        // A spike is a mass.
        let spiked = !code.spikes.is_empty() && place.blocks.first().is_some_and(|(at, size)| x[at + size - 1] == 0.0);
        (known(at) && !spiked).then(|| number.log_volume(x[at]))
    };
    codes.iter().zip(&places).filter_map(of).sum()
}

/// A row of stored values as coordinates; NaN where a value is missing.
pub(super) fn encode(codes: &[ColumnCode], columns: &[&Column], places: &[Place], stored: &[f32], x: &mut [f32]) {
    for (((code, column), place), v) in codes.iter().zip(columns).zip(places).zip(stored) {
        let missing = v.is_nan();
        let spike = code.spikes.iter().position(|s| s == v);
        if let (Some(number), Some(at)) = (code.number, place.number) {
            x[at] = match (missing, spike) {
                (true, _) => f32::NAN,
                (_, Some(_)) => 0.0,
                _ => number.coordinate(*v),
            };
        }
        let parts = if column.kind == Kind::Time && !missing { dates::parts(day(column, *v)) } else { [0; 3] };
        for (i, (at, size)) in place.blocks.iter().enumerate() {
            let one = match column.kind {
                Kind::Time => parts[i],
                _ if code.number.is_some() => spike.unwrap_or(code.spikes.len()),
                _ => *v as usize,
            };
            let block = &mut x[*at..at + size];
            block.fill(if missing { f32::NAN } else { 0.0 });
            if let (false, Some(coordinate)) = (missing, block.get_mut(one)) {
                *coordinate = 1.0;
            }
        }
    }
}

/// The day of a stored value.
fn day(column: &Column, stored: f32) -> f64 {
    f64::from(stored) + column.numbers.as_ref().map_or(0.0, |n| n.offset)
}

/// Coordinates as a row of stored values: of each block the likeliest.
pub(super) fn decode(codes: &[ColumnCode], columns: &[&Column], places: &[Place], x: &[f32], stored: &mut [f32]) {
    for (((code, column), place), v) in codes.iter().zip(columns).zip(places).zip(stored) {
        let largest = |(at, size): &(usize, usize)| largest(&x[*at..at + size]);
        // What is not finite must not look like a cell.
        let coordinates = place.number.into_iter().chain(place.blocks.iter().flat_map(|(at, size)| *at..at + size));
        if coordinates.clone().any(|at| !x[at].is_finite()) {
            *v = f32::NAN;
            continue;
        }
        *v = match (code.number, place.number) {
            (Some(number), Some(at)) => {
                let value = on_grid(column, number.stored(x[at]));
                match (column.kind, place.blocks.first()) {
                    (Kind::Time, _) => at_time(column, value, &place.blocks, x),
                    (_, Some(block)) => code.spikes.get(largest(block)).copied().unwrap_or(value),
                    _ => value,
                }
            }
            _ => place.blocks.first().map_or(f32::NAN, |block| largest(block) as f32),
        };
    }
}

fn largest(block: &[f32]) -> usize {
    (0..block.len()).fold(0, |best, i| if block[i] > block[best] { i } else { best })
}

/// A stored value that the column can have: on its grid, within its range.
pub(crate) fn on_grid(column: &Column, stored: f32) -> f32 {
    if column.kind == Kind::Ordinal {
        return stored.round().clamp(0.0, column.levels.len().saturating_sub(1) as f32);
    }
    let Some(numbers) = &column.numbers else { return stored };
    if numbers.distribution.is_some() {
        // Whole numbers, as large as an exposure makes them.
        return stored.round().max(0.0);
    }
    let value = f64::from(stored) + numbers.offset;
    let on = if numbers.step > 0.0 {
        numbers.low + ((value - numbers.low) / numbers.step).round() * numbers.step
    } else {
        value
    };
    (on.clamp(numbers.low, numbers.high.max(numbers.low)) - numbers.offset) as f32
}

/// The moment nearest a day that has the likeliest hour, day of the week and month.
fn at_time(column: &Column, stored: f32, blocks: &[(usize, usize)], x: &[f32]) -> f32 {
    let offset = column.numbers.as_ref().map_or(0.0, |n| n.offset);
    let mut day = f64::from(stored) + offset;
    let part = |i: usize| blocks.get(i).filter(|(_, size)| *size > 0).map(|(at, size)| largest(&x[*at..at + size]));
    let hour = part(0);
    if hour.is_none() {
        day = day.round();
    }
    day += dates::days_to(day.floor(), part(1), part(2));
    if let Some(hour) = hour {
        day = day.floor() + (hour as f64 + (24.0 * day).fract().abs()) / 24.0;
    }
    let (low, high) = column.numbers.as_ref().map_or((day, day), |n| (n.low, n.high.max(n.low)));
    (day.clamp(low, high) - offset) as f32
}

#[cfg(test)]
mod tests {
    use super::super::{Dataset, Encoding, OpenOptions, Transform, open};

    fn table(text: &str) -> Dataset {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        open(&file.path().to_string_lossy(), &OpenOptions::default(), &mut |_| ()).unwrap()
    }

    #[test]
    fn what_is_encoded_decodes_to_the_cells_that_it_was() {
        let line = |i: usize| {
            let zero = if i.is_multiple_of(3) { 0.0 } else { 1.0 + (i * i % 97) as f64 / 10.0 };
            let (day, hour) = (1 + i % 28, i % 24);
            format!(
                "{},{},{zero},{}-{:02}-{day:02} {hour:02}:00:00,{},{}\n",
                i % 4,
                ["a", "b", "c"][i % 3],
                2023 + i % 2,
                1 + i % 12,
                (i % 50) * 25,
                i % 2
            )
        };
        let text: String = (0..200).map(line).collect();
        let data = table(&format!("few,word,spiked,when,count,yes\n{text}"));
        let rows: Vec<u32> = (0..200).collect();
        let encoding = Encoding::fit(Transform::Columns, &data, &rows).unwrap();
        let spiked = &encoding.columns[2];
        assert_eq!((spiked.spikes.as_slice(), spiked.blocks.as_slice()), (&[0.0][..], &[2][..]));
        assert_eq!(encoding.columns[3].blocks, [24, 7, 12]);
        for row in 0..200 {
            let mut stored = vec![0.0; data.width()];
            data.copy_row(row, &mut stored).unwrap();
            let mut x = vec![0.0; encoding.width(data.schema())];
            encoding.encode(data.schema(), &stored, &mut x);
            let back = encoding.decode(data.schema(), x);
            for ((a, b), column) in stored.iter().zip(&back).zip(data.schema().modelled()) {
                assert!((a - b).abs() < 2e-3 * (1.0 + a.abs()), "row {row}, {}: {a} is not {b}", column.name);
            }
        }
    }
}
