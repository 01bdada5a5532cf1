//! What ties a run to its data: a checksum over bytes that this file alone spells out.
//!
//! No serialised structure and no debug output takes part, so that code can change and checksums stay.

use md5::{Digest, Md5};

use crate::Result;

use super::{Cells, Column, Dataset, Kind, Role, Rows, Schema, download::hex};

/// Bytes that a reader of this file can predict: texts and lists go with their length before them.
#[derive(Default)]
pub(crate) struct Canonical(Md5);

impl Canonical {
    /// Bytes that begin with a title and a version of their own.
    pub fn titled(title: &str) -> Self {
        let mut bytes = Self::default();
        bytes.text(title);
        bytes
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn number(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub fn float(&mut self, value: f64) {
        self.number(value.to_bits());
    }

    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    pub fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as u64);
        texts.iter().for_each(|text| self.text(text));
    }

    /// Every NaN is one NaN, and both zeros stay what they are.
    pub fn floats(&mut self, values: &[f32]) {
        self.number(values.len() as u64);
        self.more_floats(values);
    }

    fn more_floats(&mut self, values: &[f32]) {
        let known = |v: &f32| if v.is_nan() { f32::NAN } else { *v };
        // Whole blocks, or the checksum of a large set would take long.
        for block in values.chunks(4096) {
            self.bytes(&block.iter().flat_map(|v| known(v).to_bits().to_le_bytes()).collect::<Vec<u8>>());
        }
    }

    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The checksum of the modelled values: kinds and names of their columns, the values, and where the test rows begin.
pub(crate) fn of_values(data: &Dataset) -> Result<String> {
    let mut out = Canonical::titled("vaekit values 2");
    match &data.schema().pixels {
        Some(p) => {
            out.text("image");
            [p.channels, p.height, p.width].into_iter().for_each(|n| out.number(n as u64));
            out.text(p.kind.name());
        }
        None => {
            out.text("table");
            out.number(data.width() as u64);
            data.schema().modelled().for_each(|column| described(&mut out, column));
        }
    }
    out.number(data.len() as u64);
    out.number(data.test_from.map_or(u64::MAX, |t| t as u64));
    match data.rows() {
        Rows::U8(bytes) => {
            out.text("u8");
            out.bytes(bytes);
        }
        Rows::F32(values) => {
            out.text("f32");
            out.floats(values);
        }
        Rows::Stored(values) => {
            out.text("f32");
            out.number(values.len() as u64);
            values.for_each_block(&mut |_, block| {
                out.more_floats(block);
                Ok(())
            })?;
        }
    }
    Ok(out.finish())
}

/// The checksum of a data set as a schema sees it: that of its `values`, and the classes and conditions of the schema.
/// What rows are called takes no part, for no model looks at it.
///
/// None where the data lacks a column of the schema.
pub(crate) fn with_beside(values: &str, data: &Dataset, schema: &Schema) -> Result<Option<String>> {
    let mut out = Canonical::titled("vaekit data 2");
    out.text(values);
    for column in schema.beside().filter(|column| !matches!(column.role, Role::Identifier | Role::Ignored)) {
        let own = data.schema().beside().find(|c| c.name == column.name);
        let Some((own, cells)) = own.and_then(|own| Some((own, data.cells(&own.name)?))) else { return Ok(None) };
        described(&mut out, own);
        match cells {
            Cells::Numbers(values) => out.floats(values),
            Cells::Levels(ids) => {
                out.texts(&own.levels);
                ids.iter().for_each(|id| out.bytes(&id.to_le_bytes()));
            }
            Cells::Text(texts) => out.texts(&texts.to_vec()?),
        }
    }
    Ok(Some(out.finish()))
}

fn described(out: &mut Canonical, column: &Column) {
    out.text(&column.name);
    out.text(column.kind.name());
    out.text(column.role.name());
    if column.role == Role::Modelled && column.kind.has_levels() {
        out.texts(&column.levels);
    }
    // What the values are counted from; the rest of the description follows from them.
    if let Some(numbers) = column.numbers.as_ref().filter(|numbers| numbers.offset != 0.0) {
        out.float(numbers.offset);
    }
}

/// The checksum that runs of format 1 have: of one shape, one kind and the values, without the classes.
pub(crate) fn of_format_1(data: &Dataset) -> Result<String> {
    let kind = match data.schema().value_kind() {
        Kind::Binary => "Binary",
        Kind::Byte => "Byte",
        _ => "Real",
    };
    let shape = match data.schema().image_shape() {
        Some([c, h, w]) => format!("Image {{ channels: {c}, height: {h}, width: {w} }}"),
        None => format!("Table {{ columns: {:?} }}", data.schema().modelled_names()),
    };
    let test_from = data.test_from.map_or_else(|| "None".to_owned(), |t| format!("Some({t})"));
    let mut out = Canonical::default();
    out.bytes(format!("DataSpec {{ shape: {shape}, kind: {kind} }} {test_from}").as_bytes());
    match data.rows() {
        Rows::U8(bytes) => out.bytes(bytes),
        Rows::F32(values) => values.iter().for_each(|v| out.bytes(&v.to_le_bytes())),
        Rows::Stored(values) => values.for_each_block(&mut |_, block| {
            block.iter().for_each(|v| out.bytes(&v.to_le_bytes()));
            Ok(())
        })?,
    }
    Ok(out.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, values: Vec<f32>) -> Dataset {
        Dataset::new("t", Schema::table((0..width).map(|i| format!("c{i}")), Kind::Real), Rows::F32(values)).unwrap()
    }

    #[test]
    fn one_changed_value_shape_or_class_is_seen() {
        let plain = || table(2, vec![1.0, 2.0, 3.0, 4.0]);
        let named = |ids| plain().labelled("kind", ids, vec!["x".into(), "y".into()]).unwrap();
        let all = [
            plain().fingerprint().unwrap(),
            table(2, vec![1.0, 2.0, 3.0, 4.5]).fingerprint().unwrap(),
            table(2, vec![1.0, 2.0, 3.0, f32::NAN]).fingerprint().unwrap(),
            table(4, vec![1.0, 2.0, 3.0, 4.0]).fingerprint().unwrap(),
            named(vec![0, 1]).fingerprint().unwrap(),
            named(vec![1, 0]).fingerprint().unwrap(),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "{i}");
        }
        // A run without classes knows its data by the rest.
        let of = |data: &Dataset, schema: &Schema| with_beside(&of_values(data).unwrap(), data, schema).unwrap();
        assert_eq!(of(&named(vec![0, 1]), plain().schema()).unwrap(), all[0]);
        assert!(of(&plain(), named(vec![0, 1]).schema()).is_none());
    }

    #[test]
    fn the_checksum_of_format_1_is_what_it_was() {
        // The first rows of a run that an earlier build made are `rings`; its run.toml is in tests/format1.
        let set = crate::data::builtin::BUILTIN.iter().find(|s| s.name == "rings").unwrap();
        assert_eq!(of_format_1(&(set.make)(set, 0).unwrap()).unwrap(), "d8af64888b00e18d4b859264af9e4218");
    }

    #[test]
    fn the_checksum_of_format_2_is_pinned() {
        assert_eq!(table(2, vec![1.0, 2.0, 3.0, f32::NAN]).fingerprint().unwrap(), "d8010dbeaef40a4f32e1e911309803bf");
    }
}
