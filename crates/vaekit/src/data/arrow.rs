//! Arrow record batches as data sets.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::{Error, Result};

use super::table::in_order;
use super::{Cells, Column, Dataset, Kind, MISSING, Role, Rows, Schema};

impl Dataset {
    /// A table from a record batch. Numeric and boolean columns are modelled; `roles` names the columns that are not,
    /// which may hold text. A null and a NaN are missing values.
    ///
    /// # Errors
    /// A column of another type (name it in `roles`, or project the batch without it), a role for no column, or an
    /// infinity.
    pub fn from_record_batch(name: &str, batch: &RecordBatch, roles: &[(&str, Role)]) -> Result<Self> {
        let (schema, n) = (batch.schema(), batch.num_rows());
        if let Some((unknown, _)) = roles.iter().find(|(column, _)| schema.index_of(column).is_err()) {
            return Err(Error::data(name, format!("has no column '{unknown}', which was given a role")));
        }
        let role = |column: &str| roles.iter().find(|(c, _)| *c == column).map_or(Role::Modelled, |(_, role)| *role);
        let (mut modelled, mut beside) = (Vec::new(), Vec::new());
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            match role(field.name()) {
                Role::Modelled => {
                    let numbers = numbers(array).ok_or_else(|| {
                        let problem = format!("is of type {}, expected numbers; give it a role", field.data_type());
                        Error::data(name, format!("column '{}' {problem}, or leave it out", field.name()))
                    })?;
                    modelled.push((field.name().clone(), numbers));
                }
                role => beside.push(cells(name, field.name(), role, array)?),
            }
        }
        let mut values = Vec::with_capacity(n * modelled.len());
        (0..n).for_each(|row| values.extend(modelled.iter().map(|(_, numbers)| numbers[row] as f32)));
        let rows = Rows::F32(values);
        let kinds = rows.kinds(modelled.len().max(1));
        let columns = modelled.iter().zip(kinds).map(|((name, _), kind)| Column::modelled(name, kind)).collect();
        let data = Self::new(name, Schema { pixels: None, columns }, rows)?;
        beside.into_iter().try_fold(data, |data, (column, cells)| data.with(column, cells))
    }
}

/// The numbers of a column, NaN for a null; none for a column of another type.
pub(super) fn numbers(array: &ArrayRef) -> Option<Vec<f64>> {
    macro_rules! of {
        ($kind:ty) => {
            array.as_primitive::<$kind>().iter().map(|v| v.map_or(f64::NAN, |v| v as f64)).collect()
        };
    }
    Some(match array.data_type() {
        DataType::Float32 => of!(Float32Type),
        DataType::Float64 => of!(Float64Type),
        DataType::Int8 => of!(Int8Type),
        DataType::Int16 => of!(Int16Type),
        DataType::Int32 => of!(Int32Type),
        DataType::Int64 => of!(Int64Type),
        DataType::UInt8 => of!(UInt8Type),
        DataType::UInt16 => of!(UInt16Type),
        DataType::UInt32 => of!(UInt32Type),
        DataType::UInt64 => of!(UInt64Type),
        DataType::Boolean => {
            array.as_boolean().iter().map(|v| v.map_or(f64::NAN, |v| f64::from(u8::from(v)))).collect()
        }
        DataType::Float16 | DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Dictionary(..) => {
            let DataType::Dictionary(_, of) = array.data_type() else {
                return numbers(&arrow_cast::cast(array, &DataType::Float64).ok()?);
            };
            return numbers(&arrow_cast::cast(array, of).ok()?);
        }
        _ => return None,
    })
}

/// The words of a column of text or numbers.
pub(super) fn words(array: &ArrayRef) -> Option<Vec<Option<String>>> {
    let owned = |v: Option<&str>| v.map(str::to_owned);
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(owned).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(owned).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(owned).collect(),
        // Each type in its own words: 32 bits hold no long identifiers.
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| v.to_string())).collect(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().iter().map(|v| v.map(|v| v.to_string())).collect(),
        DataType::Int32 => array.as_primitive::<Int32Type>().iter().map(|v| v.map(|v| v.to_string())).collect(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().iter().map(|v| v.map(|v| v.to_string())).collect(),
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| v.to_string())).collect(),
        DataType::Dictionary(_, of) => return words(&arrow_cast::cast(array, of).ok()?),
        _ => numbers(array)?.into_iter().map(|v| (!v.is_nan()).then(|| v.to_string())).collect(),
    })
}

fn cells(place: &str, name: &str, role: Role, array: &ArrayRef) -> Result<(Column, Cells)> {
    let numeric = numbers(array);
    if let (Role::Condition, Some(numbers)) = (role, numeric) {
        return Ok((
            Column { role, ..Column::modelled(name, Kind::Real) },
            Cells::Numbers(numbers.into_iter().map(|v| v as f32).collect()),
        ));
    }
    let Some(words) = words(array) else {
        let problem = format!("is of type {}, expected text or numbers", array.data_type());
        return Err(Error::data(place, format!("column '{name}' {problem}")));
    };
    if matches!(role, Role::Identifier | Role::Ignored) {
        return Ok((
            Column::text(name, role),
            Cells::Text(words.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().into()),
        ));
    }
    let levels = in_order(words.iter().flatten().cloned().collect());
    let place = |word: &String| levels.iter().position(|level| level == word).map_or(MISSING, |at| at as u32);
    let ids = words.iter().map(|word| word.as_ref().map_or(MISSING, place)).collect();
    Ok((Column::category(name, role, levels), Cells::Levels(ids)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int32Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn long_identifiers_stay_apart_and_a_null_class_is_none() {
        let ids: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![16_777_216, 16_777_217]));
        let kind: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        let x: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let batch = RecordBatch::try_from_iter([("id", ids), ("x", x), ("kind", kind)]).unwrap();
        let of = |roles: &[(&str, Role)]| Dataset::from_record_batch("t", &batch, roles);
        let data = of(&[("id", Role::Identifier), ("kind", Role::Condition)]).unwrap();
        assert_eq!(data.row_names().unwrap().1.to_vec().unwrap(), ["16777216", "16777217"]);
        let data = of(&[("id", Role::Identifier), ("kind", Role::Label)]).unwrap();
        assert_eq!(data.labels().unwrap().known(&[0, 1]), [0]);
    }

    #[test]
    fn nulls_are_missing_and_roles_are_kept() {
        let columns: [(&str, ArrayRef); 3] = [
            ("id", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("x", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
            ("n", Arc::new(Int32Array::from(vec![3, 4]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let error = Dataset::from_record_batch("t", &batch, &[]).unwrap_err().to_string();
        assert!(error.contains("'id'") && error.contains("role"), "{error}");
        let data = Dataset::from_record_batch("t", &batch, &[("id", Role::Identifier)]).unwrap();
        assert_eq!((data.len(), data.width(), data.missing()), (2, 2, 1));
        assert_eq!(data.row_names().unwrap().1.to_vec().unwrap(), ["a", "b"]);
        let data = Dataset::from_record_batch("t", &batch, &[("id", Role::Identifier), ("n", Role::Condition)]);
        assert!(matches!(data.unwrap().cells("n"), Some(Cells::Numbers(v)) if *v == [3.0, 4.0]));
    }
}
