//! Digits drawn with a pen: strokes, bent and slanted a little differently each time.

use std::f32::consts::PI;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::Result;
use crate::rng::{Purpose, Rng, unit};

use super::super::{Dataset, Factors, Kind, Rows, Schema};
use super::Builtin;

const SIDE: usize = 28;
const ROWS: u64 = 12_000;

type Point = (f32, f32);

/// A stroke: straight pieces through points, or an arc of an ellipse.
enum Stroke {
    Line(&'static [Point]),
    /// Centre, radii, start and end angle in turns, clockwise from the right.
    Arc(Point, Point, f32, f32),
}

use Stroke::{Arc, Line};

/// The strokes of each digit on a square from (-1, -1), top left, to (1, 1).
const STROKES: [&[Stroke]; 10] = [
    &[Arc((0.0, 0.0), (0.55, 0.9), -0.25, 0.75)],
    &[Line(&[(-0.3, -0.6), (0.05, -0.9), (0.05, 0.9)])],
    &[Arc((0.0, -0.4), (0.55, 0.5), -0.5, 0.08), Line(&[(0.49, -0.15), (-0.55, 0.9), (0.6, 0.9)])],
    &[Arc((-0.05, -0.45), (0.5, 0.45), -0.42, 0.25), Arc((-0.05, 0.45), (0.58, 0.45), -0.25, 0.4)],
    &[Line(&[(0.15, -0.9), (-0.6, 0.25), (0.6, 0.25)]), Line(&[(0.3, -0.25), (0.3, 0.9)])],
    &[Line(&[(0.5, -0.9), (-0.4, -0.9), (-0.45, -0.1)]), Arc((-0.05, 0.35), (0.55, 0.55), -0.36, 0.38)],
    &[Line(&[(0.35, -0.9), (-0.15, -0.4), (-0.5, 0.2)]), Arc((0.0, 0.4), (0.52, 0.5), -0.5, 0.5)],
    &[Line(&[(-0.55, -0.9), (0.55, -0.9), (-0.15, 0.9)])],
    &[Arc((0.0, -0.45), (0.42, 0.43), -0.75, 0.25), Arc((0.0, 0.45), (0.52, 0.46), -0.25, 0.75)],
    &[Arc((0.0, -0.4), (0.48, 0.48), 0.0, 1.0), Line(&[(0.48, -0.4), (0.4, 0.3), (0.15, 0.9)])],
];

/// Digits in turn, so that classes are balanced; each row has its own hand.
pub fn make(set: &Builtin, seed: u64) -> Result<Dataset> {
    let (mut bytes, mut ids, mut values) = (Vec::with_capacity(ROWS as usize * SIDE * SIDE), Vec::new(), Vec::new());
    for row in 0..ROWS {
        let digit = (row % 10) as usize;
        let hand = Hand::draw(&mut Rng::new(seed).stream(Purpose::Builtin, row));
        bytes.extend(hand.write(digit));
        ids.push(digit as u32);
        values.extend([digit as f32, hand.slant, hand.pen, hand.width, hand.height, hand.x, hand.y, hand.turn]);
    }
    let data = Dataset::new(set.name, Schema::images([1, SIDE, SIDE], Kind::Byte), Rows::U8(bytes))?;
    let mut data = data.labelled("class", ids, (0..10).map(|d| d.to_string()).collect())?;
    let names = ["digit", "slant", "thickness", "width", "height", "x", "y", "rotation"].map(str::to_owned).to_vec();
    data.factors = Some(Factors { names, values });
    Ok(data)
}

/// The style of one drawing. Lengths are in pixels.
struct Hand {
    slant: f32,
    /// Half the width of the line.
    pen: f32,
    width: f32,
    height: f32,
    x: f32,
    y: f32,
    turn: f32,
    /// Slow bends of the whole plane: amplitude and phase for x and y.
    bend: [(f32, f32); 2],
}

impl Hand {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let normal = |rng: &mut ChaCha8Rng| -> f32 {
            let v: f32 = StandardNormal.sample(rng);
            v.clamp(-2.5, 2.5)
        };
        let mut uniform = |low: f32, high: f32| low + (high - low) * unit(rand::Rng::next_u32(rng));
        let (pen, width, height) = (uniform(0.9, 1.9), uniform(6.0, 9.0), uniform(8.0, 10.0));
        let bend = [(uniform(-0.1, 0.1), uniform(0.0, 2.0 * PI)), (uniform(-0.1, 0.1), uniform(0.0, 2.0 * PI))];
        Self {
            pen,
            width,
            height,
            bend,
            slant: 0.18 * normal(rng),
            x: 0.6 * normal(rng),
            y: 0.5 * normal(rng),
            turn: 0.07 * normal(rng),
        }
    }

    /// From the unit square to pixels.
    fn place(&self, (u, v): Point) -> Point {
        let u = u + self.bend[0].0 * (2.5 * v + self.bend[0].1).sin();
        let v = v + self.bend[1].0 * (2.5 * u + self.bend[1].1).sin();
        let (x, y) = (self.width * (u - self.slant * v), self.height * v);
        let (sin, cos) = self.turn.sin_cos();
        let centre = SIDE as f32 / 2.0;
        (centre + self.x + cos * x - sin * y, centre + self.y + sin * x + cos * y)
    }

    /// Ink falls off over one pixel at the edge of the line.
    fn write(&self, digit: usize) -> Vec<u8> {
        let mut distance = vec![f32::INFINITY; SIDE * SIDE];
        for stroke in STROKES[digit] {
            let points: Vec<Point> = stroke.points().into_iter().map(|p| self.place(p)).collect();
            for piece in points.windows(2) {
                mark(&mut distance, piece[0], piece[1], self.pen + 1.0);
            }
        }
        distance.iter().map(|d| (255.0 * (self.pen + 0.5 - d).clamp(0.0, 1.0)).round() as u8).collect()
    }
}

impl Stroke {
    /// Points close enough together that bends show.
    fn points(&self) -> Vec<Point> {
        match *self {
            Line(corners) => {
                let mut points = vec![corners[0]];
                for pair in corners.windows(2) {
                    let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
                    points.extend((1..=8).map(|i| i as f32 / 8.0).map(|t| (ax + t * (bx - ax), ay + t * (by - ay))));
                }
                points
            }
            Arc((cx, cy), (rx, ry), start, end) => (0..=28)
                .map(|i| 2.0 * PI * (start + (end - start) * i as f32 / 28.0))
                .map(|a| (cx + rx * a.cos(), cy + ry * a.sin()))
                .collect(),
        }
    }
}

/// Lowers the distance of every pixel near the piece from `a` to `b`.
fn mark(distance: &mut [f32], a: Point, b: Point, reach: f32) {
    let range = |p: f32, q: f32| {
        let low = (p.min(q) - reach).floor().max(0.0) as usize;
        let high = (p.max(q) + reach).ceil().clamp(0.0, SIDE as f32) as usize;
        low..high
    };
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length2 = (dx * dx + dy * dy).max(1e-9);
    for y in range(a.1, b.1) {
        for x in range(a.0, b.0) {
            let (px, py) = (x as f32 + 0.5 - a.0, y as f32 + 0.5 - a.1);
            let t = ((px * dx + py * dy) / length2).clamp(0.0, 1.0);
            let d = (px - t * dx).hypot(py - t * dy);
            let at = &mut distance[y * SIDE + x];
            *at = at.min(d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::BUILTIN;
    use super::*;

    #[test]
    fn every_digit_has_ink_and_stays_inside_the_frame() {
        let data = make(&BUILTIN[0], 0).unwrap();
        let Rows::U8(bytes) = data.rows() else { panic!() };
        for (row, image) in bytes.chunks(SIDE * SIDE).enumerate() {
            let ink: u32 = image.iter().map(|&b| u32::from(b)).sum();
            assert!(ink > 20 * 255, "row {row} is nearly blank");
            let corners = [0, SIDE - 1, SIDE * (SIDE - 1), SIDE * SIDE - 1];
            assert!(corners.iter().all(|&c| image[c] == 0), "row {row} runs off the frame");
        }
    }
}
