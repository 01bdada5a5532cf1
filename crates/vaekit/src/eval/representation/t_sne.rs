//! t-SNE, a plane in which near rows stay near.

use bhtsne::tSNE;

use crate::eval::latents::Matrix;
use crate::rng::{Purpose, Rng};

/// About how many neighbours of each row are looked at.
pub const PERPLEXITY: f64 = 30.0;
/// How long it looks.
const EPOCHS: usize = 500;

/// The first two columns.
pub fn plane(x: &Matrix) -> Vec<[f64; 2]> {
    x.rows().into_iter().map(|r| [r[0], r[1]]).collect()
}

/// True where so many rows are enough for the neighbours that t-SNE looks for.
pub fn has_t_sne(rows: usize) -> bool {
    rows as f64 > 3.0 * PERPLEXITY + 1.0
}

/// t-SNE of codes (van der Maaten & Hinton, Journal of Machine Learning Research 2008; in the Barnes-Hut form, 2014), from the
/// plane of their principal axes.
pub fn t_sne(codes: &Matrix, start: &[[f64; 2]], rng: Rng) -> Vec<[f64; 2]> {
    let rows: Vec<Vec<f64>> = codes.rows().into_iter().map(|r| r.to_vec()).collect();
    let spread = (start.iter().map(|p| p[0] * p[0]).sum::<f64>() / start.len() as f64).sqrt().max(1e-9);
    // Codes that coincide must not start at one point, which the tree of points cannot part.
    let numbers: Vec<u64> = (0..start.len() as u64).collect();
    let apart = rng.normal(Purpose::Score, &numbers, 2);
    let start: Vec<f64> =
        start.iter().flatten().zip(apart).map(|(v, noise)| v / spread * 1e-2 + f64::from(noise) * 1e-4).collect();
    let distance = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
    let embedded = move || {
        let mut fit = tSNE::<f64, Vec<f64>, 2>::new(&rows);
        fit.perplexity(PERPLEXITY).epochs(EPOCHS).initial_embedding(start).barnes_hut(0.5, distance);
        fit.embedding().chunks(2).map(|p| [p[0], p[1]]).collect()
    };
    // Its sums over several threads are in no fixed order, and the picture would change from time to time.
    match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(one) => one.install(embedded),
        Err(_) => embedded(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_codes_give_the_same_points() {
        let codes = Matrix::from_shape_fn((400, 5), |(i, j)| (1.3 * (i * 5 + j) as f64).sin() + (i % 4) as f64);
        let points = || t_sne(&codes, &plane(&codes), Rng::new(1));
        assert_eq!(points(), points());
    }

    #[test]
    fn codes_that_coincide_have_a_t_sne_too() {
        let few = |i: usize, j: usize| (i % 3 * (j + 1)) as f64;
        for codes in [Matrix::zeros((200, 4)), Matrix::from_shape_fn((200, 4), |(i, j)| few(i, j))] {
            let points = t_sne(&codes, &plane(&codes), Rng::new(1));
            assert!(points.iter().flatten().all(|v| v.is_finite()), "{codes}");
        }
    }
}
