//! Points in the plane, two sets over each other.

use image::{Rgb, RgbImage};

const SIDE: u32 = 480;
const MARGIN: f32 = 0.04;

/// Draws the points of `back` in grey and of `front` in blue over them, both
/// `[N, 2]`, in a frame that holds the middle 99 % of each.
pub fn scatter(back: &[[f32; 2]], front: &[[f32; 2]]) -> RgbImage {
    let mut picture = RgbImage::from_pixel(SIDE, SIDE, Rgb([255; 3]));
    let all: Vec<[f32; 2]> =
        back.iter().chain(front).copied().filter(|p| p[0].is_finite() && p[1].is_finite()).collect();
    let (x, y) = (span(&all, 0), span(&all, 1));
    let place = |v: f32, (low, high): (f32, f32)| {
        let t = (v - low) / (high - low).max(f32::MIN_POSITIVE);
        (MARGIN + t * (1.0 - 2.0 * MARGIN)) * SIDE as f32
    };
    for (points, ink) in [(back, [170.0; 3]), (front, [30.0, 90.0, 200.0])] {
        for p in points {
            dot(&mut picture, place(p[0], x), SIDE as f32 - place(p[1], y), ink);
        }
    }
    picture
}

fn span(points: &[[f32; 2]], axis: usize) -> (f32, f32) {
    let mut values: Vec<f32> = points.iter().map(|p| p[axis]).collect();
    values.sort_by(f32::total_cmp);
    match (values.get(values.len() / 200), values.get(values.len().saturating_sub(1 + values.len() / 200))) {
        (Some(&low), Some(&high)) if high > low => (low, high),
        (Some(&low), _) => (low - 1.0, low + 1.0),
        _ => (0.0, 1.0),
    }
}

/// A soft dot, so that crowds show darker than single points.
fn dot(picture: &mut RgbImage, cx: f32, cy: f32, ink: [f32; 3]) {
    let reach = 2i64;
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (x, y) = (cx as i64 + dx, cy as i64 + dy);
            if x < 0 || y < 0 || x >= i64::from(SIDE) || y >= i64::from(SIDE) {
                continue;
            }
            let d = (x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - cy);
            let cover = 0.6 * (1.8 - d).clamp(0.0, 1.0);
            let pixel = picture.get_pixel_mut(x as u32, y as u32);
            for (channel, ink) in pixel.0.iter_mut().zip(ink) {
                *channel = (f32::from(*channel) * (1.0 - cover) + ink * cover) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_show_and_odd_inputs_do_not_break_it() {
        let picture = scatter(&[[0.0, 0.0], [1.0, 1.0]], &[[0.5, 0.5]]);
        let centre = picture.get_pixel(SIDE / 2, SIDE / 2).0;
        assert!(centre[2] > centre[0] && centre[0] < 255);
        scatter(&[], &[]);
        scatter(&[[f32::NAN, 1.0]], &[[2.0, 2.0]]);
    }
}
