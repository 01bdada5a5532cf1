//! Rows that a use made, and their way to a file.

use std::path::{Path, PathBuf};

use image::RgbImage;

use crate::data::{Column, NameColumn, write_csv, write_csv_cells, write_csv_rows, write_npy, write_npy_values};
use crate::model::Model;
use crate::plot::{image_grid, png, scatter, tiles};
use crate::run::write_atomically;
use crate::{Error, Result};

/// Rows in the units of the stored data, or codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// A name a column.
    pub columns: Vec<String>,
    /// `[N, columns]`, row-major.
    pub values: Vec<f32>,
    /// Sizes after the first in npy: `[C, H, W]` of images, else `[columns]`.
    pub shape: Vec<usize>,
    /// How they look; none for codes, which have no picture.
    pub look: Option<Look>,
    /// What rows are called, where their data says so; the first column of csv.
    pub name: Option<NameColumn>,
    /// What a conditional model was told of each row; the last columns of csv.
    pub beside: Vec<NameColumn>,
    /// The columns of a table of several kinds, whose cells csv has in the file's own words.
    pub typed: Vec<Column>,
}

/// What a picture needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Stored values of black and white.
    pub range: (f32, f32),
    /// Tiles a row.
    pub tiles: usize,
    /// Rows to show in grey behind, `[M, columns]`; of tables only.
    pub behind: Vec<f32>,
}

impl Values {
    /// Model values turned back to stored ones.
    pub(crate) fn of_rows(model: &Model, values: Vec<f32>, tiles: usize) -> Self {
        let (schema, encoding) = (model.schema(), model.encoding());
        let (low, high) = encoding.range(schema);
        let mut range = [low, high];
        // A table has a range a column, and no use for it: its picture is a scatter.
        if encoding.shift.len() == 1 {
            encoding.invert(&mut range);
        }
        let values = encoding.decode(schema, values);
        let (columns, shape) = match schema.image_shape() {
            Some(shape) => ((0..schema.width()).map(|i| format!("p{i}")).collect(), shape.to_vec()),
            None => (schema.modelled_names(), vec![schema.width()]),
        };
        Self {
            columns,
            values,
            shape,
            look: Some(Look { range: (range[0], range[1]), tiles, behind: Vec::new() }),
            name: None,
            beside: Vec::new(),
            typed: if schema.is_mixed() { schema.modelled().cloned().collect() } else { Vec::new() },
        }
    }

    /// Shows other rows of a table in grey behind these.
    pub(crate) fn put_behind(&mut self, rows: Vec<f32>) {
        if let Some(look) = &mut self.look {
            look.behind = rows;
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    /// True for no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Writes a file in the format that its extension names: `.png`, `.npy` or `.csv`.
    ///
    /// # Errors
    /// An extension that is none of these, a picture of what has none, or whatever the system says.
    pub fn write(&self, path: &Path) -> Result<()> {
        if check_output(path)? != "png" {
            return write_blocks(path, self.len(), &mut |done| Ok((done == 0).then(|| self.clone())));
        }
        self.check_finite(path)?;
        let bytes = png(&self.picture(path)?).map_err(|e| Error::io("write", path, e))?;
        write_atomically(path, |out| out.write_all(&bytes))
    }

    /// Writes each row as a .png of its own, pixel for pixel, and makes the folders that are named.
    ///
    /// # Errors
    /// Rows that are no pictures, a file missing for one, or whatever the system says.
    pub fn write_pictures(&self, files: &[PathBuf]) -> Result<()> {
        let (Some(look), &[c, h, w]) = (&self.look, self.shape.as_slice()) else {
            return Err(Error::unsupported("pictures", "these rows are no pictures; write .npy or .csv"));
        };
        for (file, row) in files.iter().zip(self.values.chunks_exact(self.columns.len().max(1))) {
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder).map_err(|e| Error::io("make", folder, e))?;
            }
            let picture = tiles(row, [c, h, w], look.range, 1, (1, 0));
            let bytes = png(&picture).map_err(|e| Error::io("write", file, e))?;
            write_atomically(file, |out| out.write_all(&bytes))?;
        }
        Ok(())
    }

    /// Rows of csv without their header.
    fn write_rows(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let (name, width) = (self.name.as_ref(), self.columns.len());
        if self.typed.is_empty() {
            return write_csv_rows(out, name, width, &self.values, &self.beside);
        }
        let word = |column: usize, value: f32| self.typed[column].cell(value);
        write_csv_cells(out, name, width, &self.values, &self.beside, &word)
    }

    fn check_finite(&self, path: &Path) -> Result<()> {
        match self.values.iter().filter(|v| !v.is_finite()).count() {
            0 => Ok(()),
            n => Err(Error::not_finite(path.display(), &format!("{n} of {} values", self.values.len()))),
        }
    }

    /// A grid of images or a scatter; `path` is for messages.
    pub(super) fn picture(&self, path: &Path) -> Result<RgbImage> {
        let (Some(look), false) = (&self.look, self.is_empty()) else {
            return Err(Error::unsupported(path.display(), "these numbers have no picture; write .npy or .csv"));
        };
        Ok(match *self.shape.as_slice() {
            [c, h, w] => {
                let rows = self.len().div_ceil(look.tiles.max(1));
                // Beyond this a viewer gives up.
                if rows * h > 1 << 15 || look.tiles * w > 1 << 15 {
                    return Err(Error::unsupported(
                        path.display(),
                        format!("{} images are too many for one picture; write .npy, or fewer with -n", self.len()),
                    ));
                }
                image_grid(&self.values, [c, h, w], look.range, look.tiles)
            }
            _ if self.columns.len() >= 2 => {
                scatter(&pairs(&look.behind, self.columns.len()), &pairs(&self.values, self.columns.len()))
            }
            _ => {
                return Err(Error::unsupported(path.display(), "one column has no picture; write .npy or .csv"));
            }
        })
    }
}

/// Writes `n` rows that come in blocks into a .npy or .csv file; `next` is told how many have come.
///
/// # Errors
/// Those of `next`, or whatever the system says.
pub(super) fn write_blocks(path: &Path, n: usize, next: &mut dyn FnMut(usize) -> Result<Option<Values>>) -> Result<()> {
    let csv = check_output(path)? == "csv";
    // An error of the rows, which the writer's own cannot carry.
    let mut broken = None;
    let written = write_atomically(path, |out| {
        let mut done = 0;
        loop {
            let block = match next(done) {
                Ok(Some(block)) => block,
                Ok(None) => return Ok(()),
                Err(e) => {
                    broken = Some(e);
                    return Err(std::io::Error::other("no rows"));
                }
            };
            if let Err(e) = block.check_finite(path) {
                broken = Some(e);
                return Err(std::io::Error::other("no rows"));
            }
            let (name, columns) = (block.name.as_ref(), &block.columns);
            match (csv, done) {
                (true, 0) => {
                    write_csv(out, name, columns, &[], &block.beside)?;
                    block.write_rows(out)?;
                }
                (true, _) => block.write_rows(out)?,
                (false, 0) => write_npy(out, &[&[n], block.shape.as_slice()].concat(), &block.values)?,
                (false, _) => write_npy_values(out, &block.values)?,
            }
            done += block.len();
        }
    });
    broken.map_or(written, Err)
}

/// The first two columns of rows.
fn pairs(values: &[f32], columns: usize) -> Vec<[f32; 2]> {
    let pairs = values.chunks_exact(columns).map(|row| [row[0], row[1]]);
    // A point of which a coordinate is missing has no place.
    pairs.filter(|pair| pair.iter().all(|v| v.is_finite())).collect()
}

/// The format that a file name asks for, to be known before any work is done.
///
/// # Errors
/// An extension that is not known, or a folder that is not there.
pub fn check_output(path: &Path) -> Result<&'static str> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let Some(format) = ["png", "npy", "csv"].into_iter().find(|known| *known == extension) else {
        return Err(Error::setting(
            "out",
            format!("{} is of no known format; expected .png, .npy or .csv", path.display()),
        ));
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::setting("out", format!("the folder {} does not exist; make it first", folder.display())));
    }
    Ok(format)
}
