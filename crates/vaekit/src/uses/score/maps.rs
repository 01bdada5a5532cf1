//! Which pixels make a picture strange.

use crate::Result;
use crate::data::Dataset;
use crate::eval::predictive::{Keep, filled, here, normalized, samples};
use crate::model::Model;

use super::super::Values;

/// Pictures that are mapped together: a constant, as for scores.
const ROWS: usize = 16;
const SAMPLES: usize = 32;

impl Model {
    /// Pictures in one line and below each the surprise of its pixels, -log p(pixel given z) on average over z given the
    /// picture, from the least (black) to the most (white) of that picture.
    ///
    /// # Errors
    /// Pictures of another shape than the model's.
    pub fn surprise_maps(&self, data: &Dataset, rows: &[u32]) -> Result<Values> {
        let (mut pictures, mut maps) = (Vec::new(), Vec::new());
        let width = self.x_width();
        let (low, high) = self.encoding().range(self.schema());
        let keep = Keep { events: true, ..Keep::default() };
        for block in rows.chunks(ROWS) {
            let host = self.preparation().prepare(data, &filled(block, ROWS), 0)?;
            let shown = host.with_gaps();
            let s = samples(self.vae(), &host.to_device(&here()), SAMPLES, self.rng(), keep);
            for i in 0..block.len() {
                pictures.extend(shown[i * width..(i + 1) * width].iter().map(|v| if v.is_nan() { low } else { *v }));
                let weights = normalized(&s.log_weights(i));
                let of = |event: usize| weights.iter().enumerate().map(|(k, w)| -w * s.event(k, i, event)).sum::<f64>();
                let each: Vec<f64> = (0..s.events).map(of).collect();
                let (least, most) =
                    each.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
                let span = (most - least).max(1e-12);
                // Where colours have one likelihood together, their pixel is grey.
                let at = |value: usize| each[value % s.events.max(1)];
                maps.extend((0..width).map(|v| low + (high - low) * ((at(v) - least) / span) as f32));
            }
        }
        let tiles = rows.len().clamp(1, 10);
        let lines = pictures.chunks(tiles * width).zip(maps.chunks(tiles * width));
        // A last line that is not full is filled, so that maps stay below their pictures.
        let full = |part: &[f32]| {
            part.iter().copied().chain(std::iter::repeat_n(low, tiles * width - part.len())).collect::<Vec<f32>>()
        };
        let both = lines.flat_map(|(a, b)| [full(a), full(b)].concat()).collect();
        Ok(Values::of_rows(self, both, tiles))
    }
}
