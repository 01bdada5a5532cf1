//! From stored values to model values and back, recorded with the run.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::{DataSpec, Dataset, Kind};

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
}

impl Transform {
    /// What suits a kind of data when nothing is said.
    pub fn default_for(kind: Kind) -> Self {
        match kind {
            Kind::Binary => Self::None,
            Kind::Byte => Self::Unit,
            Kind::Real => Self::Standardize,
        }
    }

    /// Measures what the transform needs on the training rows.
    ///
    /// # Errors
    /// A training value range that f32 cannot hold.
    pub fn fit(self, data: &Dataset, train: &[u32]) -> Result<FittedTransform> {
        let groups = match (self, data.spec.kind) {
            (Self::None, _) => return Ok(FittedTransform { transform: self, shift: vec![0.0], scale: vec![1.0] }),
            (Self::Unit | Self::Symmetric, Kind::Byte) => return Ok(self.over_ranges(vec![(0.0, 255.0)])),
            (Self::Unit | Self::Symmetric, Kind::Binary) => return Ok(self.over_ranges(vec![(0.0, 1.0)])),
            _ if data.spec.is_image() => 1,
            _ => data.spec.width(),
        };
        let fitted = if self == Self::Standardize {
            self.standardized(data, train, groups)
        } else {
            let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); groups];
            visit(data, train, groups, |g, v| ranges[g] = (ranges[g].0.min(v), ranges[g].1.max(v)));
            self.over_ranges(ranges)
        };
        if let Some(at) = fitted.scale.iter().zip(&fitted.shift).position(|(s, m)| !s.is_finite() || !m.is_finite()) {
            return Err(Error::data(
                format!("{}, {}", data.name, data.spec.column_name(at)),
                "its values spread too far for 32-bit numbers; rescale the column",
            ));
        }
        Ok(fitted)
    }

    fn over_ranges(self, ranges: Vec<(f64, f64)>) -> FittedTransform {
        let span = |(low, high): &(f64, f64)| if high > low { high - low } else { 1.0 };
        let (shift, scale) = if self == Self::Symmetric {
            ranges.iter().map(|r| ((r.0 + span(r) / 2.0) as f32, (span(r) / 2.0) as f32)).unzip()
        } else {
            ranges.iter().map(|r| (r.0 as f32, span(r) as f32)).unzip()
        };
        FittedTransform { transform: self, shift, scale }
    }

    fn standardized(self, data: &Dataset, train: &[u32], groups: usize) -> FittedTransform {
        let n = (train.len() * data.spec.width() / groups) as f64;
        let mut mean = vec![0f64; groups];
        visit(data, train, groups, |g, v| mean[g] += v / n);
        let mut var = vec![0f64; groups];
        visit(data, train, groups, |g, v| var[g] += (v - mean[g]).powi(2) / n);
        // A constant column has nothing to scale, and rounding alone is no spread.
        let scale = |(v, m): (&f64, &f64)| match v.sqrt() as f32 {
            spread if spread > 1e-6 * m.abs() as f32 => spread,
            _ => 1.0,
        };
        let scale: Vec<f32> = var.iter().zip(&mean).map(scale).collect();
        FittedTransform { transform: self, shift: mean.iter().map(|&m| m as f32).collect(), scale }
    }
}

fn visit(data: &Dataset, rows: &[u32], groups: usize, mut f: impl FnMut(usize, f64)) {
    let mut row_values = Vec::with_capacity(data.spec.width());
    for &row in rows {
        row_values.clear();
        data.extend_with_row(row as usize, &mut row_values);
        for (i, &v) in row_values.iter().enumerate() {
            f(if groups == 1 { 0 } else { i }, f64::from(v));
        }
    }
}

/// A transform with its numbers: model value = (stored value - shift) / scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedTransform {
    pub transform: Transform,
    /// One number for all columns, or one a column.
    pub shift: Vec<f32>,
    pub scale: Vec<f32>,
}

impl FittedTransform {
    /// Stored values to model values, in place; `values` holds whole rows.
    pub fn apply(&self, values: &mut [f32]) {
        let groups = self.shift.len();
        if groups == 1 {
            let (shift, scale) = (self.shift[0], self.scale[0]);
            values.iter_mut().for_each(|v| *v = (*v - shift) / scale);
        } else {
            for row in values.chunks_mut(groups) {
                for ((v, shift), scale) in row.iter_mut().zip(&self.shift).zip(&self.scale) {
                    *v = (*v - shift) / scale;
                }
            }
        }
    }

    /// Model values back to stored ones, in place.
    pub fn invert(&self, values: &mut [f32]) {
        let groups = self.shift.len();
        if groups == 1 {
            let (shift, scale) = (self.shift[0], self.scale[0]);
            values.iter_mut().for_each(|v| *v = *v * scale + shift);
        } else {
            for row in values.chunks_mut(groups) {
                for ((v, shift), scale) in row.iter_mut().zip(&self.shift).zip(&self.scale) {
                    *v = *v * scale + shift;
                }
            }
        }
    }

    /// True when model values lie in [0, 1] for the rows that the transform was measured on.
    pub fn gives_unit_interval(&self, spec: &DataSpec) -> bool {
        match self.transform {
            Transform::Unit => true,
            Transform::None => spec.kind == Kind::Binary,
            Transform::Symmetric | Transform::Standardize => false,
        }
    }

    /// The darkest and the brightest model value of an ordinary row.
    pub fn range(&self, spec: &DataSpec) -> (f32, f32) {
        match (self.transform, spec.kind) {
            (Transform::Unit, _) | (Transform::None, Kind::Binary) => (0.0, 1.0),
            (Transform::Symmetric, _) => (-1.0, 1.0),
            (Transform::None, Kind::Byte) => (0.0, 255.0),
            // Nearly all of a standardised column.
            (Transform::Standardize, _) | (Transform::None, Kind::Real) => (-3.0, 3.0),
        }
    }

    /// True when the numbers fit rows of this description and can be divided by.
    pub fn fits(&self, spec: &DataSpec) -> bool {
        self.shift.len() == self.scale.len()
            && (self.shift.len() == 1 || self.shift.len() == spec.width())
            && self.shift.iter().all(|v| v.is_finite())
            && self.scale.iter().all(|v| v.is_finite() && *v > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rows, Shape};
    use super::*;
    use proptest::prelude::*;

    fn table(columns: usize, values: Vec<f32>) -> Dataset {
        let columns = (0..columns).map(|i| format!("c{i}")).collect();
        Dataset::new("t", DataSpec { shape: Shape::Table { columns }, kind: Kind::Real }, Rows::F32(values), None)
            .unwrap()
    }

    #[test]
    fn standardize_gives_mean_zero_and_variance_one_on_the_training_rows_only() {
        let data = table(2, vec![1.0, 5.0, 3.0, 5.0, 1000.0, 5.0]);
        let fitted = Transform::Standardize.fit(&data, &[0, 1]).unwrap();
        let mut values = vec![1.0, 5.0, 3.0, 5.0];
        fitted.apply(&mut values);
        assert_eq!(values, [-1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn bytes_in_the_symmetric_transform_run_from_minus_one_to_one() {
        let shape = Shape::Image { channels: 1, height: 1, width: 2 };
        let spec = DataSpec { shape, kind: Kind::Byte };
        let data = Dataset::new("t", spec, Rows::U8(vec![7, 9]), None).unwrap();
        let mut values = vec![0.0, 255.0];
        Transform::Symmetric.fit(&data, &[0]).unwrap().apply(&mut values);
        assert_eq!(values, [-1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn inverting_gives_the_stored_value_back(values in prop::collection::vec(-1e4f32..1e4, 6), pick in 0usize..4) {
            let transform = [Transform::None, Transform::Unit, Transform::Symmetric, Transform::Standardize][pick];
            let fitted = transform.fit(&table(3, values.clone()), &[0, 1]).unwrap();
            let mut there = values.clone();
            fitted.apply(&mut there);
            fitted.invert(&mut there);
            for (a, b) in there.iter().zip(&values) {
                prop_assert!((a - b).abs() <= 1e-2, "{a} {b}");
            }
        }
    }
}
