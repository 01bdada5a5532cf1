//! The largest singular value of a weight.

use vaekit_ops::{Tensor, device, from_vec};

use super::Parameter;

/// Multiplications by the matrix and its transpose.
const ITERATIONS: usize = 20;

/// The largest singular value of a parameter seen as a matrix with its last side for columns, with a gradient: `[1]`.
///
/// By power iteration from a fixed start, whose vectors u and v are taken as they are: the slope of u'Wv is u v'
/// (Miyato et al., Spectral Normalization, ICLR 2018, arXiv:1802.05957, section 2.1).
pub fn spectral_norm(parameter: &Parameter) -> Tensor<1> {
    let w = parameter.values();
    let columns = parameter.shape().last().copied().unwrap_or(1).max(1);
    let rows = w.len() / columns;
    let mut v: Vec<f32> = (0..columns).map(|i| 1.0 + 0.1 * (i as f32).sin()).collect();
    let mut u = vec![0f32; rows];
    normalize(&mut v);
    for _ in 0..ITERATIONS {
        u.iter_mut().zip(w.chunks(columns)).for_each(|(u, row)| *u = row.iter().zip(&v).map(|(w, v)| w * v).sum());
        normalize(&mut u);
        v.fill(0.0);
        for (u, row) in u.iter().zip(w.chunks(columns)) {
            v.iter_mut().zip(row).for_each(|(v, w)| *v += u * w);
        }
        normalize(&mut v);
    }
    let slope = u.iter().flat_map(|u| v.iter().map(move |v| u * v)).collect();
    (parameter.flat() * from_vec(slope, [rows * columns], &device::here())).sum()
}

fn normalize(values: &mut [f32]) {
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
    values.iter_mut().for_each(|v| *v /= length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Init;
    use crate::rng::Rng;
    use vaekit_ops::scalar;

    #[test]
    fn a_sum_of_two_outer_products_has_the_larger_weight() {
        let mut p = Init::new(Rng::new(0)).constant("w".into(), &[2, 3], 0.0);
        // 3 (0.6, 0.8) (1, 0, 0)' + 1 (-0.8, 0.6) (0, 0, 1)'.
        p.set(vec![1.8, 0.0, -0.8, 2.4, 0.0, 0.6], true);
        let norm = spectral_norm(&p);
        assert!((scalar(norm.clone()) - 3.0).abs() < 1e-5, "{}", scalar(norm));
        let slope = p.gradient(&mut norm.backward()).unwrap();
        for (got, want) in slope.iter().zip([0.6, 0.0, 0.0, 0.8, 0.0, 0.0]) {
            assert!((got - want).abs() < 1e-5, "{got} is not {want}");
        }
    }
}
