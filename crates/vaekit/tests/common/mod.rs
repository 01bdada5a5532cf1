//! Small data for tests.

use vaekit::data::{DataSpec, Dataset, Kind, Labels, Rows, Shape};

/// `n` grey 4x4 images: a bright bar that is upright or level, class by class, with a shade of its own.
pub fn bars(n: usize) -> Dataset {
    let mut bytes = Vec::new();
    for i in 0..n {
        let (place, shade) = (i / 2 % 4, 155 + (i * 37 % 100) as u8);
        for y in 0..4 {
            for x in 0..4 {
                let on = if i % 2 == 0 { x == place } else { y == place };
                bytes.push(if on { shade } else { (i * 7 % 20) as u8 });
            }
        }
    }
    let spec = DataSpec { shape: Shape::Image { channels: 1, height: 4, width: 4 }, kind: Kind::Byte };
    let labels = Labels { ids: (0..n as u32).map(|i| i % 2).collect(), names: vec!["up".into(), "level".into()] };
    Dataset::new("bars", spec, Rows::U8(bytes), Some(labels)).unwrap()
}
