//! Many small images in one.

use image::{Rgb, RgbImage};

/// Space between tiles, and the shade that shows there.
const GAP: usize = 2;
const PAPER: Rgb<u8> = Rgb([96, 96, 96]);

/// Tiles images `[N, C, H, W]` in rows of `columns`, each pixel magnified so
/// that a tile is at least 40 pixels wide.
///
/// Values run from `range.0`, black, to `range.1`, white. One channel shows
/// grey, three show colour; of any other number the first shows.
pub fn image_grid(values: &[f32], [c, h, w]: [usize; 3], range: (f32, f32), columns: usize) -> RgbImage {
    let zoom = 40usize.div_ceil(w.max(1)).clamp(1, 8);
    tiles(values, [c, h, w], range, columns, (zoom, GAP))
}

/// [`image_grid`] with pixels magnified `zoom` times and `gap` pixels between tiles.
pub fn tiles(
    values: &[f32],
    [c, h, w]: [usize; 3],
    range: (f32, f32),
    columns: usize,
    (zoom, gap): (usize, usize),
) -> RgbImage {
    let count = values.len() / (c * h * w).max(1);
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns).max(1);
    let (tile_w, tile_h) = (w * zoom + gap, h * zoom + gap);
    let size = ((columns * tile_w + gap) as u32, (rows * tile_h + gap) as u32);
    let mut picture = RgbImage::from_pixel(size.0, size.1, PAPER);
    let bright = |v: f32| (255.0 * ((v - range.0) / (range.1 - range.0)).clamp(0.0, 1.0)).round() as u8;
    // A missing pixel shows the paper behind.
    let shade = |v: f32| if v.is_nan() { PAPER.0[0] } else { bright(v) };
    for (i, image) in values.chunks_exact((c * h * w).max(1)).enumerate() {
        let (left, top) = (gap + i % columns * tile_w, gap + i / columns * tile_h);
        for y in 0..h * zoom {
            for x in 0..w * zoom {
                let at = y / zoom * w + x / zoom;
                let channel = |k: usize| shade(image[if c == 3 { k * h * w + at } else { at }]);
                picture.put_pixel((left + x) as u32, (top + y) as u32, Rgb([channel(0), channel(1), channel(2)]));
            }
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_lie_where_they_belong() {
        let picture = image_grid(&[0.0, 1.0, 0.5], [1, 1, 1], (0.0, 1.0), 2);
        // Tiles of 8 pixels, two columns, two rows.
        assert_eq!(picture.dimensions(), (22, 22));
        assert_eq!(picture.get_pixel(3, 3).0, [0; 3]);
        assert_eq!(picture.get_pixel(13, 3).0, [255; 3]);
        assert_eq!(picture.get_pixel(3, 13).0, [128; 3]);
        assert_eq!(picture.get_pixel(13, 13), &PAPER);
    }

    #[test]
    fn three_channels_are_colours() {
        let picture = image_grid(&[1.0, 0.0, 0.5], [3, 1, 1], (0.0, 1.0), 1);
        assert_eq!(picture.get_pixel(3, 3).0, [255, 0, 128]);
    }
}
