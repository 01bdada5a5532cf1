//! From where to where the dates of a table go, where a pass over its cells did not tell.

use crate::{Error, Result};

use super::super::Column;
use super::dates;
use super::layout::Layout;
use super::source::{Cell, Source};

/// The first and the last day of columns of dates, from where their days are counted.
pub(super) fn days_of(source: &dyn Source, layout: &mut Layout) -> Result<()> {
    let is_open = |column: &Column| column.numbers.as_ref().is_some_and(|n| n.date.is_some() && n.low == n.high);
    if !layout.modelled.iter().any(|(_, column)| is_open(column)) {
        return Ok(());
    }
    let mut ranges: Vec<(f64, f64)> = vec![(f64::INFINITY, f64::NEG_INFINITY); layout.modelled.len()];
    source.scan(&mut |row, cells| {
        for ((place, column), range) in layout.modelled.iter().zip(&mut ranges) {
            let Some(form) = column.numbers.as_ref().and_then(|n| n.date.as_deref()) else { continue };
            if matches!(cells[*place], Cell::Missing(_)) {
                continue;
            }
            let Some(day) = dates::of_cell(cells[*place], form) else {
                let problem = format!("{}, column '{}': no date of the form {form}", source.row_name(row), column.name);
                return Err(Error::data(source.place(), problem));
            };
            *range = (range.0.min(day), range.1.max(day));
        }
        Ok(())
    })?;
    for ((_, column), (low, high)) in layout.modelled.iter_mut().zip(ranges) {
        if let (Some(numbers), true) = (&mut column.numbers, low <= high)
            && numbers.date.is_some()
        {
            (numbers.low, numbers.high, numbers.offset) = (low, high, low.floor());
        }
    }
    for finding in &mut layout.findings {
        if let Some((_, column)) = layout.modelled.iter().find(|(_, column)| column.name == finding.column.name) {
            finding.column = column.clone();
        }
    }
    Ok(())
}
