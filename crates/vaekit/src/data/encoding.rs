//! From typed rows to what the model computes with, and back; recorded with the run.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::columns::{self, ColumnCode};
use super::{Column, Condition, Dataset, Kind, Schema};

/// How stored values become model values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transform {
    /// Values as they are.
    #[serde(rename = "none")]
    None,
    /// Bytes over 255; real values by the smallest and largest of the training rows.
    #[serde(rename = "0..1")]
    Unit,
    /// The unit interval stretched to [-1, 1]: (v - 0.5) / 0.5.
    #[serde(rename = "-1..1")]
    Symmetric,
    /// Mean 0 and variance 1 over the training rows: each column of a table, all pixels of an image together.
    #[serde(rename = "standardize")]
    Standardize,
    /// Each column of a table by its kind; see [`ColumnCode`].
    #[serde(rename = "columns")]
    Columns,
}

impl Transform {
    /// The word that settings and files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unit => "0..1",
            Self::Symmetric => "-1..1",
            Self::Standardize => "standardize",
            Self::Columns => "columns",
        }
    }

    /// What suits the values of a schema when nothing is said; a likelihood of several kinds takes columns `by_column`.
    pub fn default_for(schema: &Schema, by_column: bool) -> Self {
        match (schema.value_kind(), schema.is_image()) {
            _ if schema.is_mixed() && by_column => Self::Columns,
            (Kind::Binary, _) => Self::None,
            (Kind::Byte, true) => Self::Unit,
            // Whole-numbered columns of a table have scales of their own, unlike pixels.
            _ => Self::Standardize,
        }
    }
}

/// Whether grey values become 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binarize {
    /// Values stay as they are.
    #[default]
    None,
    /// A draw from Bernoulli(x), anew every epoch (Burda et al. 2016).
    Dynamic,
    /// 1 where x is at least one half.
    Threshold,
}

impl Binarize {
    /// The word that settings and files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Dynamic => "dynamic",
            Self::Threshold => "threshold",
        }
    }
}

/// How rows become `x`, `mask` and `given`: model value = (stored value - shift) / scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    /// How stored values become model values.
    pub transform: Transform,
    /// One number for all values, or one a value.
    pub shift: Vec<f32>,
    /// See `shift`.
    pub scale: Vec<f32>,
    /// Whether grey values become 0 and 1.
    #[serde(default)]
    pub binarize: Binarize,
    /// True where rows may lack values: the encoder is told which are known.
    #[serde(default)]
    pub masked: bool,
    /// What the model is conditional on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Condition>,
    /// A code for each column of a table of several kinds; `shift` and `scale` are 0 and 1 then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnCode>,
}

impl Encoding {
    /// Stored values as they are.
    pub fn none() -> Self {
        let given = Vec::new();
        Self {
            transform: Transform::None,
            shift: vec![0.0],
            scale: vec![1.0],
            binarize: Binarize::None,
            masked: false,
            given,
            columns: Vec::new(),
        }
    }

    /// Measures on the training rows what a transform needs. Missing values take no part.
    ///
    /// # Errors
    /// Values that spread too far for f32, or a column whose training rows are all missing.
    pub fn fit(transform: Transform, data: &Dataset, train: &[u32]) -> Result<Self> {
        let (schema, masked) = (data.schema(), data.has_missing());
        if transform == Transform::Columns {
            if schema.is_image() {
                return Err(Error::setting("normalize", "columns goes with tables; choose 0..1 or standardize"));
            }
            return Ok(Self { transform, masked, columns: columns::fit(data, train)?, ..Self::none() });
        }
        if let Some(column) =
            schema.modelled().find(|column| column.numbers.as_ref().is_some_and(|n| n.distribution.is_some()))
        {
            let problem = format!("'{}' has no distribution of counts for column '{}'", transform.name(), column.name);
            return Err(Error::setting(
                "normalize",
                format!("{problem}; leave it out, or remove distribution from --schema"),
            ));
        }
        if let Some(column) = schema.modelled().find(|column| column.kind.has_levels() && column.numbers.is_none()) {
            let problem = format!(
                "'{}' makes numbers of numbers alone, and column '{}' holds words",
                transform.name(),
                column.name
            );
            return Err(Error::setting("normalize", format!("{problem}; leave it out, or use --likelihood mixed")));
        }
        let kind = schema.value_kind();
        let fixed = match (transform, kind) {
            (Transform::None, _) => Some((vec![0.0], vec![1.0])),
            (Transform::Unit | Transform::Symmetric, Kind::Byte) => Some(over_ranges(transform, &[(0.0, 255.0)])),
            (Transform::Unit | Transform::Symmetric, Kind::Binary) => Some(over_ranges(transform, &[(0.0, 1.0)])),
            _ => None,
        };
        let groups = if schema.is_image() { 1 } else { schema.width() };
        if masked {
            let mut known = vec![false; groups];
            visit(data, train, groups, |g, _| known[g] = true)?;
            if let Some(at) = known.iter().position(|known| !known) {
                return Err(all_missing(data, at));
            }
        }
        let (shift, scale) = match fixed {
            Some(fixed) => fixed,
            None if transform == Transform::Standardize => standardized(data, train, groups)?,
            None => {
                let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); groups];
                visit(data, train, groups, |g, v| ranges[g] = (ranges[g].0.min(v), ranges[g].1.max(v)))?;
                over_ranges(transform, &ranges)
            }
        };
        if let Some(at) = scale.iter().zip(&shift).position(|(s, m)| !s.is_finite() || !m.is_finite()) {
            return Err(Error::data(
                format!("{}, {}", data.name, schema.value_name(at)),
                "its values spread too far for 32-bit numbers; rescale the column",
            ));
        }
        Ok(Self { transform, shift, scale, masked, ..Self::none() })
    }

    /// Numbers that a row becomes in x.
    pub fn width(&self, schema: &Schema) -> usize {
        if self.columns.is_empty() { schema.width() } else { columns::places(&self.columns).1 }
    }

    /// What to call a coordinate of x in a message.
    pub fn value_name(&self, schema: &Schema, i: usize) -> String {
        if self.columns.is_empty() {
            return schema.value_name(i);
        }
        let (places, _) = columns::places(&self.columns);
        let has = |place: &columns::Place| {
            place.number == Some(i) || place.blocks.iter().any(|(at, size)| (*at..at + size).contains(&i))
        };
        schema.value_name(places.iter().position(has).unwrap_or_default())
    }

    /// Stored values of rows as coordinates of x, NaN where one is missing.
    ///
    /// # Shapes
    /// `stored`: `[N, W]` with W values a row; `x`: `[N, X]`.
    pub fn encode(&self, schema: &Schema, stored: &[f32], x: &mut [f32]) {
        if self.columns.is_empty() {
            x.copy_from_slice(stored);
            return self.apply(x);
        }
        let described: Vec<&Column> = schema.modelled().collect();
        let (places, width) = columns::places(&self.columns);
        for (stored, x) in stored.chunks(described.len().max(1)).zip(x.chunks_mut(width.max(1))) {
            columns::encode(&self.columns, &described, &places, stored, x);
        }
    }

    /// Coordinates of rows, `[N, X]`, as stored values, `[N, W]`: of a category the likeliest level, of numbers on a grid
    /// the nearest that the column can have.
    pub fn decode(&self, schema: &Schema, mut x: Vec<f32>) -> Vec<f32> {
        if self.columns.is_empty() {
            self.invert(&mut x);
            return x;
        }
        let described: Vec<&Column> = schema.modelled().collect();
        let (places, width) = columns::places(&self.columns);
        let rows = x.len() / width.max(1);
        let mut stored = vec![0.0; rows * described.len()];
        for (x, stored) in x.chunks(width.max(1)).zip(stored.chunks_mut(described.len().max(1))) {
            columns::decode(&self.columns, &described, &places, x, stored);
        }
        stored
    }

    /// The stored value of one column of a row of coordinates.
    pub fn decode_column(&self, schema: &Schema, column: usize, x: &[f32]) -> f32 {
        if self.columns.is_empty() {
            let at = if self.shift.len() == 1 { 0 } else { column };
            return x[column] * self.scale[at] + self.shift[at];
        }
        let (Some(described), (places, _)) = (schema.modelled().nth(column), columns::places(&self.columns)) else {
            return f32::NAN;
        };
        let mut stored = [f32::NAN];
        let (code, place) = (&self.columns[column..=column], &places[column..=column]);
        columns::decode(code, &[described], place, x, &mut stored);
        stored[0]
    }

    /// Stored values to model values, in place; `values` holds whole rows.
    pub(crate) fn apply(&self, values: &mut [f32]) {
        self.each(values, |v, shift, scale| (v - shift) / scale);
    }

    /// Model values back to stored ones, in place.
    pub(crate) fn invert(&self, values: &mut [f32]) {
        self.each(values, |v, shift, scale| v * scale + shift);
    }

    #[inline]
    fn each(&self, values: &mut [f32], f: impl Fn(f32, f32, f32) -> f32) {
        if let ([shift], [scale]) = (self.shift.as_slice(), self.scale.as_slice()) {
            let (shift, scale) = (*shift, *scale);
            values.iter_mut().for_each(|v| *v = f(*v, shift, scale));
            return;
        }
        for row in values.chunks_mut(self.shift.len().max(1)) {
            for ((v, shift), scale) in row.iter_mut().zip(&self.shift).zip(&self.scale) {
                *v = f(*v, *shift, *scale);
            }
        }
    }

    /// True when model values lie in [0, 1] for the rows that the transform was measured on.
    pub fn gives_unit_interval(&self, schema: &Schema) -> bool {
        match self.transform {
            Transform::Unit => true,
            Transform::None => schema.value_kind() == Kind::Binary,
            Transform::Symmetric | Transform::Standardize | Transform::Columns => false,
        }
    }

    /// The darkest and the brightest model value of an ordinary row.
    pub fn range(&self, schema: &Schema) -> (f32, f32) {
        match (self.transform, schema.value_kind()) {
            (Transform::Unit, _) | (Transform::None, Kind::Binary) => (0.0, 1.0),
            (Transform::Symmetric, _) => (-1.0, 1.0),
            (Transform::None, Kind::Byte) => (0.0, 255.0),
            // Nearly all of a standardised column.
            _ => (-3.0, 3.0),
        }
    }

    /// True when the numbers fit rows of this schema and can be divided by.
    pub fn fits(&self, schema: &Schema) -> bool {
        let divides = |v: &f32| v.is_finite() && *v > 0.0;
        let told = |c: &Condition| c.shift.is_finite() && divides(&c.scale);
        self.shift.len() == self.scale.len()
            && (self.shift.len() == 1 || self.shift.len() == schema.width())
            && self.shift.iter().all(|v| v.is_finite())
            && self.scale.iter().all(divides)
            && self.given.iter().all(told)
            && (self.transform == Transform::Columns) != self.columns.is_empty()
            && (self.columns.is_empty() || columns::fits(&self.columns, schema))
    }
}

/// Shift and scale that take each range to [0, 1] or [-1, 1].
fn over_ranges(transform: Transform, ranges: &[(f64, f64)]) -> (Vec<f32>, Vec<f32>) {
    let span = |(low, high): &(f64, f64)| if high > low { high - low } else { 1.0 };
    if transform == Transform::Symmetric {
        return ranges.iter().map(|r| ((r.0 + span(r) / 2.0) as f32, (span(r) / 2.0) as f32)).unzip();
    }
    ranges.iter().map(|r| (r.0 as f32, span(r) as f32)).unzip()
}

fn standardized(data: &Dataset, train: &[u32], groups: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut known = vec![(train.len() * data.schema().width() / groups) as f64; groups];
    if data.has_missing() {
        known.fill(0.0);
        visit(data, train, groups, |g, _| known[g] += 1.0)?;
    }
    let mut mean = vec![0f64; groups];
    visit(data, train, groups, |g, v| mean[g] += v / known[g])?;
    let mut var = vec![0f64; groups];
    visit(data, train, groups, |g, v| var[g] += (v - mean[g]).powi(2) / known[g])?;
    // A constant column has nothing to scale, and rounding alone is no spread.
    let scale = |(v, m): (&f64, &f64)| match v.sqrt() as f32 {
        spread if spread > 1e-6 * m.abs() as f32 => spread,
        _ => 1.0,
    };
    let scale = var.iter().zip(&mean).map(scale).collect();
    Ok((mean.iter().map(|&m| m as f32).collect(), scale))
}

/// Calls `f` with every known value of some rows.
fn visit(data: &Dataset, rows: &[u32], groups: usize, mut f: impl FnMut(usize, f64)) -> Result<()> {
    data.for_each_row(rows, |_, row| {
        for (i, &v) in row.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            f(if groups == 1 { 0 } else { i }, f64::from(v));
        }
        Ok(())
    })
}

pub(super) fn all_missing(data: &Dataset, at: usize) -> Error {
    let place = if data.schema().is_image() { "every pixel".into() } else { data.schema().value_name(at) };
    Error::data(&data.name, format!("{place} is missing in every training row; leave it out"))
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;
    use proptest::prelude::*;

    fn table(columns: usize, values: Vec<f32>) -> Dataset {
        let names = (0..columns).map(|i| format!("c{i}"));
        Dataset::new("t", Schema::table(names, Kind::Real), Rows::F32(values)).unwrap()
    }

    #[test]
    fn standardize_gives_mean_zero_and_variance_one_on_the_training_rows_only() {
        let data = table(2, vec![1.0, 5.0, 3.0, 5.0, 1000.0, 5.0]);
        let fitted = Encoding::fit(Transform::Standardize, &data, &[0, 1]).unwrap();
        let mut values = vec![1.0, 5.0, 3.0, 5.0];
        fitted.apply(&mut values);
        assert_eq!(values, [-1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn missing_values_take_no_part_in_any_transform() {
        let gaps = table(1, vec![1.0, f32::NAN, 3.0]);
        for transform in [Transform::Unit, Transform::Symmetric, Transform::Standardize] {
            let fitted = Encoding::fit(transform, &gaps, &[0, 1, 2]).unwrap();
            let whole = Encoding::fit(transform, &table(1, vec![1.0, 3.0]), &[0, 1]).unwrap();
            assert_eq!((fitted.shift, fitted.scale), (whole.shift, whole.scale));
            let error = Encoding::fit(transform, &gaps, &[1]).unwrap_err().to_string();
            assert!(error.contains("'c0'") && error.contains("leave it out"), "{error}");
        }
    }

    #[test]
    fn bytes_in_the_symmetric_transform_run_from_minus_one_to_one() {
        let data = Dataset::new("t", Schema::images([1, 1, 2], Kind::Byte), Rows::U8(vec![7, 9])).unwrap();
        let mut values = vec![0.0, 255.0];
        Encoding::fit(Transform::Symmetric, &data, &[0]).unwrap().apply(&mut values);
        assert_eq!(values, [-1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn inverting_gives_the_stored_value_back(values in prop::collection::vec(-1e4f32..1e4, 6), pick in 0usize..4) {
            let transform = [Transform::None, Transform::Unit, Transform::Symmetric, Transform::Standardize][pick];
            let fitted = Encoding::fit(transform, &table(3, values.clone()), &[0, 1]).unwrap();
            let mut there = values.clone();
            fitted.apply(&mut there);
            fitted.invert(&mut there);
            for (a, b) in there.iter().zip(&values) {
                prop_assert!((a - b).abs() <= 1e-2, "{a} {b}");
            }
        }
    }
}
