//! Structural similarity at several scales.

use vaekit_ops::{Tensor, device, from_vec};

/// Weights of the scales, the finest first (Wang et al. 2003, section 3.2).
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Side of the window, and the standard deviation of its Gaussian.
const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
/// (K1 L)^2 and (K2 L)^2 with K1 = 0.01, K2 = 0.03, L = 1.
const C1: f64 = 1e-4;
const C2: f64 = 9e-4;
/// Where the mean of cs is less, what is missing counts little, so that its power stays real and keeps a slope.
const FLOOR: f64 = 0.01;

/// MS-SSIM of images from 0 to 1: prod_j cs_j^w_j, at the coarsest scale SSIM in place of cs, with
/// cs = (2 s_xy + C2) / (s_x^2 + s_y^2 + C2), SSIM = cs (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1), each the mean over an
/// image of Gaussian windows; a scale has half the side of the one before.
///
/// Wang, Simoncelli & Bovik, Multi-scale structural similarity for image quality assessment, Asilomar 2003,
/// equations 3 to 7. As many of the five scales are used as have a window in the image, their weights made to sum to 1.
#[derive(Debug)]
pub struct Structure {
    channels: usize,
    /// Height and width of each scale.
    scales: Vec<[usize; 2]>,
    window: usize,
    /// Weights of the window.
    bell: Vec<f32>,
}

impl Structure {
    /// The smallest side of an image.
    pub const LEAST: usize = 4;

    /// For images of this size.
    pub fn new(channels: usize, height: usize, width: usize) -> Self {
        let window = WINDOW.min(height).min(width);
        let halves = std::iter::successors(Some([height, width]), |[h, w]| Some([h / 2, w / 2]));
        let scales = halves.take(WEIGHTS.len()).take_while(|[h, w]| *h >= window && *w >= window).collect();
        let middle = (window - 1) as f64 / 2.0;
        let bell: Vec<f64> =
            (0..window).map(|i| (-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp()).collect();
        let sum: f64 = bell.iter().sum();
        Self { channels, scales, window, bell: bell.iter().map(|b| (b / sum) as f32).collect() }
    }

    /// Of each pair of rows.
    ///
    /// # Shapes
    /// `x`, `y`: `[N, C H W]`; result: `[N]`, at most 1.
    pub fn similarity(&self, x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
        let n = x.dims()[0];
        let [h, w] = self.scales[0];
        let (mut x, mut y) = (x.reshape([n * self.channels, h, w]), y.reshape([n * self.channels, h, w]));
        let total: f64 = WEIGHTS[..self.scales.len()].iter().sum();
        let mut log = from_vec(vec![0.0; n], [n], &device::here());
        for (j, weight) in WEIGHTS[..self.scales.len()].iter().enumerate() {
            if j > 0 {
                (x, y) = (halved(x, self.scales[j]), halved(y, self.scales[j]));
            }
            let each = self.compared(&x, &y, j + 1 == self.scales.len());
            let places = each.dims()[1] * each.dims()[2] * self.channels;
            let mean = each.reshape([n, places]).mean_dim(1).reshape([n]);
            let kept = mean.clone().clamp_min(FLOOR);
            // cs is -1 at least.
            let seen = kept.clone() + (mean - kept).mul_scalar(FLOOR / 2.0);
            log = log + seen.log().mul_scalar(weight / total);
        }
        log.exp()
    }

    /// SSIM of each pair of rows, at their own scale alone: the mean over the places of a window (Wang et al. 2004).
    ///
    /// # Shapes
    /// As [`similarity`](Self::similarity).
    pub fn ssim(&self, x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
        let n = x.dims()[0];
        let [h, w] = self.scales[0];
        let each = self.compared(&x.reshape([n * self.channels, h, w]), &y.reshape([n * self.channels, h, w]), true);
        let places = each.dims()[1] * each.dims()[2] * self.channels;
        each.reshape([n, places]).mean_dim(1).reshape([n])
    }

    /// cs at each place of images `[N, H, W]`, or SSIM: `[N, H', W']`.
    fn compared(&self, x: &Tensor<3>, y: &Tensor<3>, whole: bool) -> Tensor<3> {
        let [_, h, w] = x.dims();
        let (rows, columns) = (self.band(w), self.band(h));
        let blur = |t: Tensor<3>| along(along(t, rows.clone()), columns.clone());
        let (mean_x, mean_y) = (blur(x.clone()), blur(y.clone()));
        let (square_x, square_y) = (mean_x.clone().square(), mean_y.clone().square());
        let product = mean_x * mean_y;
        let spread = blur(x.clone().square()) + blur(y.clone().square()) - square_x.clone() - square_y.clone();
        let together = blur(x.clone() * y.clone()) - product.clone();
        let cs = (together.mul_scalar(2.0) + C2) / (spread + C2);
        if !whole {
            return cs;
        }
        cs * (product.mul_scalar(2.0) + C1) / (square_x + square_y + C1)
    }

    /// The window at every place of a side, `[side, places]`.
    fn band(&self, side: usize) -> Tensor<2> {
        let places = side + 1 - self.window;
        let mut band = vec![0f32; side * places];
        for place in 0..places {
            self.bell.iter().enumerate().for_each(|(i, b)| band[(place + i) * places + place] = *b);
        }
        from_vec(band, [side, places], &device::here())
    }
}

/// Windows along the last side, and the sides swapped: `[N, H, W]` to `[N, W', H]`.
fn along(t: Tensor<3>, band: Tensor<2>) -> Tensor<3> {
    let ([n, h, w], places) = (t.dims(), band.dims()[1]);
    t.reshape([n * h, w]).matmul(band).reshape([n, h, places]).swap_dims(1, 2)
}

/// Means of 2 x 2 places, what is left over at an odd side dropped.
fn halved(t: Tensor<3>, [h, w]: [usize; 2]) -> Tensor<3> {
    let n = t.dims()[0];
    let even = t.slice([0..n, 0..2 * h, 0..2 * w]).reshape([n, h, 2, w, 2]);
    even.mean_dim(4).mean_dim(2).reshape([n, h, w])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Rng};
    use vaekit_ops::to_vec;

    #[test]
    fn an_image_is_like_itself_and_less_like_others_the_more_is_changed() {
        let measure = Structure::new(1, 28, 28);
        assert_eq!(measure.scales, [[28, 28], [14, 14]]);
        let image = Rng::new(1).uniform(Purpose::Score, &[0], 784);
        let noise = Rng::new(2).normal(Purpose::Score, &[0], 784);
        let tensor = |v: Vec<f32>| from_vec(v, [1, 784], &device::cpu());
        let like = |level: f32| {
            let other = image.iter().zip(&noise).map(|(v, e)| v + level * e).collect();
            to_vec(measure.similarity(tensor(image.clone()), tensor(other)))[0]
        };
        assert!((like(0.0) - 1.0).abs() < 1e-5, "{}", like(0.0));
        assert!(1.0 > like(0.05) && like(0.05) > like(0.2) && like(0.2) > like(0.8));
    }

    #[test]
    fn there_are_as_many_scales_as_have_a_window() {
        assert_eq!(Structure::new(3, 4, 9).scales, [[4, 9]]);
        assert_eq!(Structure::new(1, 176, 176).scales.len(), 5);
    }
}
