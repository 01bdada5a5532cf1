//! The largest singular value of a weight.

use vaekit_ops::{Tensor, device, from_vec};

use super::Parameter;

/// Multiplications by the matrix and its transpose.
const ITERATIONS: usize = 12;

/// The largest singular value of a parameter seen as a matrix with its last side for columns, with a gradient: `[1]`.
///
/// By power iteration from a fixed start, whose vectors u and v are taken as they are: the slope of u'Wv is u v'
/// (Miyato et al., Spectral Normalization, ICLR 2018, arXiv:1802.05957, section 2.1). Never above the true value;
/// below it by little where the next one is close, in which case either direction serves a penalty.
pub fn spectral_norm(parameter: &Parameter) -> Tensor<1> {
    let columns = parameter.shape().last().copied().unwrap_or(1).max(1);
    let rows = parameter.shape().iter().product::<usize>() / columns;
    let w = parameter.flat().detach().reshape([rows, columns]);
    let start = (0..columns).map(|i| 1.0 + 0.1 * (i as f32).sin()).collect();
    let mut v = normalized(from_vec(start, [columns, 1], &device::here()));
    let mut u = w.clone().matmul(v.clone());
    for _ in 0..ITERATIONS {
        v = normalized(w.clone().transpose().matmul(normalized(u)));
        u = w.clone().matmul(v.clone());
    }
    let slope = normalized(u).matmul(v.transpose()).reshape([rows * columns]);
    (parameter.flat() * slope).sum()
}

fn normalized(vector: Tensor<2>) -> Tensor<2> {
    let length = vector.clone().square().sum().sqrt() + 1e-12;
    vector / length.reshape([1, 1])
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
