//! Sizes that a Parquet file claims, before its reader takes memory for them.

use std::fs::File;
use std::sync::Arc;

use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

/// Refuses a dictionary of more values than its bytes can hold: a value takes one at least.
pub(super) fn check(file: File, metadata: &ParquetMetaData) -> Result<(), String> {
    let file = Arc::new(file);
    for group in metadata.row_groups() {
        for column in group.columns() {
            let rows = usize::try_from(group.num_rows()).map_err(|_| "a row group has fewer than 0 rows".to_owned())?;
            let mut pages =
                SerializedPageReader::new(Arc::clone(&file), column, rows, None).map_err(|e| e.to_string())?;
            if !pages.peek_next_page().map_err(|e| e.to_string())?.is_some_and(|page| page.is_dict) {
                continue;
            }
            if let Some(Page::DictionaryPage { buf, num_values, .. }) =
                pages.get_next_page().map_err(|e| e.to_string())?
                && num_values as usize > buf.len()
            {
                let path = column.column_path().string();
                return Err(format!("column '{path}' claims {num_values} different values in {} bytes", buf.len()));
            }
        }
    }
    Ok(())
}
