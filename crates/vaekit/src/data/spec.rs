//! What a row is.

use serde::{Deserialize, Serialize};

/// Shape and kind of the rows; a model is built for one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSpec {
    pub shape: Shape,
    pub kind: Kind,
}

/// How the values of a row are arranged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", deny_unknown_fields)]
pub enum Shape {
    /// Channel by channel, row by row: [C, H, W].
    Image {
        channels: usize,
        height: usize,
        width: usize,
    },
    Table {
        columns: Vec<String>,
    },
}

/// What the stored values can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 0 and 1 only.
    Binary,
    /// Whole numbers from 0 to 255.
    Byte,
    /// Anything finite.
    Real,
}

impl DataSpec {
    /// Values in a row.
    pub fn width(&self) -> usize {
        match &self.shape {
            Shape::Image { channels, height, width } => channels * height * width,
            Shape::Table { columns } => columns.len(),
        }
    }

    /// Values in a row, for sizes from a file that may overflow.
    pub fn checked_width(&self) -> Option<usize> {
        match &self.shape {
            Shape::Image { channels, height, width } => channels.checked_mul(*height)?.checked_mul(*width),
            Shape::Table { columns } => Some(columns.len()),
        }
    }

    /// Channels of a pixel; 1 for a table.
    pub fn channels(&self) -> usize {
        match &self.shape {
            Shape::Image { channels, .. } => *channels,
            Shape::Table { .. } => 1,
        }
    }

    /// True for pictures.
    pub fn is_image(&self) -> bool {
        matches!(self.shape, Shape::Image { .. })
    }

    /// What to call a position of a row in a message.
    pub fn column_name(&self, i: usize) -> String {
        match &self.shape {
            Shape::Image { height, width, .. } => {
                format!("pixel y={} x={}", i / width % height, i % width)
            }
            Shape::Table { columns } => format!("column '{}'", columns[i]),
        }
    }
}

impl std::fmt::Display for DataSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Binary => "binary",
            Kind::Byte => "byte",
            Kind::Real => "real",
        };
        match &self.shape {
            Shape::Image { channels: 1, height, width } => write!(f, "{height}x{width} {kind} images"),
            Shape::Image { channels, height, width } => write!(f, "{channels}x{height}x{width} {kind} images"),
            Shape::Table { columns } => write!(f, "{kind} table of {} columns", columns.len()),
        }
    }
}
