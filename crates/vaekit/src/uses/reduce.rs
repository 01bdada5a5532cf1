//! Codes in fewer dimensions, and a map of them.

use std::path::Path;

use crate::data::{Dataset, Labels};
use crate::eval::latents::Matrix;
use crate::eval::representation::{Pca, has_t_sne, plane, t_sne};
use crate::model::Model;
use crate::plot::{Dots, map_svg};
use crate::run::write_atomically;
use crate::{Error, Result};

use super::{Codes, Values};

/// Points of a map; more would hide each other.
const POINTS: usize = 5_000;

/// How codes get fewer dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The axes of largest variance.
    Pca,
    /// t-SNE in the plane; near rows stay near, distances between groups mean little.
    TSne,
}

/// Reductions by their names.
pub const REDUCTIONS: &[(&str, Reduction)] = &[("pca", Reduction::Pca), ("tsne", Reduction::TSne)];

impl Model {
    /// Codes in `dims` dimensions, with the names of their rows.
    ///
    /// # Errors
    /// More dimensions than the codes have, t-SNE of other than two, or too few rows for it.
    pub fn reduce(&self, codes: &Codes, by: Reduction, dims: usize) -> Result<Values> {
        let n = codes.mean.len() / codes.latent.max(1);
        let x = Matrix::from_shape_fn((n, codes.latent), |(i, j)| f64::from(codes.mean[i * codes.latent + j]));
        let (stem, reduced) = match by {
            _ if dims == 0 || dims > codes.latent => {
                let problem = format!("found {dims}, expected 1 to {}, what the codes have", codes.latent);
                return Err(Error::setting("dims", problem));
            }
            Reduction::Pca => ("pc", Pca::fit(&x, dims)?.apply(&x)),
            Reduction::TSne if dims != 2 => {
                return Err(Error::setting("dims", format!("found {dims}, and tsne has 2; choose pca")));
            }
            Reduction::TSne if !has_t_sne(n) => {
                return Err(Error::setting("reduce", format!("tsne needs 92 rows or more, found {n}; choose pca")));
            }
            Reduction::TSne => {
                let flat = plane(&Pca::fit(&x, 2)?.apply(&x));
                let points = t_sne(&x, &flat, self.rng());
                ("tsne", Matrix::from_shape_fn((n, 2), |(i, j)| points[i][j]))
            }
        };
        let columns: Vec<String> = (0..dims).map(|i| format!("{stem}{i}")).collect();
        Ok(Values {
            values: reduced.iter().map(|v| *v as f32).collect(),
            shape: vec![dims],
            columns,
            ..codes.values(false)
        })
    }
}

/// Writes a map of rows in the plane as SVG: the first two columns, or the first alone against the row. Classes are those of the
/// data unless `groups` are given.
///
/// # Errors
/// Whatever the system says.
pub fn write_map(
    path: &Path,
    title: &str,
    places: &Values,
    (data, rows): (&Dataset, &[u32]),
    groups: Option<(&[usize], Vec<String>)>,
) -> Result<()> {
    let width = places.columns.len().max(1);
    let step = rows.len().div_ceil(POINTS).max(1);
    let shown: Vec<usize> = (0..rows.len()).step_by(step).collect();
    let place = |i: &usize| {
        let row = &places.values[i * width..][..width];
        [f64::from(row[0]), row.get(1).map_or(f64::from(rows[*i]), |v| f64::from(*v))]
    };
    let at: Vec<[f64; 2]> = shown.iter().map(place).collect();
    let (class, names) = match (groups, data.labels()) {
        (Some((groups, names)), _) => (shown.iter().map(|i| groups[*i]).collect(), names),
        (None, Some(Labels { ids, names, .. })) => {
            let class: Vec<usize> = shown.iter().map(|i| (ids[rows[*i] as usize] as usize).min(names.len())).collect();
            let mut names = names.to_vec();
            if class.contains(&names.len()) {
                names.push("no class".into());
            }
            (class, names)
        }
        (None, None) => (vec![0; shown.len()], Vec::new()),
    };
    let labels = [places.columns[0].as_str(), places.columns.get(1).map_or("row", String::as_str)];
    let svg = map_svg(title, labels, &Dots { at, class, names });
    write_atomically(path, |out| out.write_all(svg.as_bytes()))
}
