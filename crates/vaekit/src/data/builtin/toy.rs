//! Point sets in the plane, whose shape a model has to find.

use std::f32::consts::PI;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::Result;
use crate::rng::{Purpose, Rng, below};

use super::super::{Dataset, Kind, Rows, Schema};
use super::Builtin;

const POINTS: u64 = 4_000;

/// Two circles of radius 1 and 2, noise 0.08.
pub fn rings(set: &Builtin, seed: u64) -> Result<Dataset> {
    points(set, seed, 2, |rng| {
        let ring = below(rng, 2) as u32;
        let (angle, radius) = (2.0 * PI * uniform(rng), 1.0 + ring as f32);
        (radius * angle.cos() + 0.08 * normal(rng), radius * angle.sin() + 0.08 * normal(rng), ring)
    })
}

/// Two interleaved half circles, noise 0.08.
pub fn moons(set: &Builtin, seed: u64) -> Result<Dataset> {
    points(set, seed, 2, |rng| {
        let moon = below(rng, 2) as u32;
        let angle = PI * uniform(rng);
        let (x, y) = match moon {
            0 => (angle.cos(), angle.sin()),
            _ => (1.0 - angle.cos(), 0.5 - angle.sin()),
        };
        (x + 0.08 * normal(rng), y + 0.08 * normal(rng), moon)
    })
}

/// Five arms, each a Gaussian stretched along its radius and bent by e^radius
/// (Johnson et al. 2016, section 5).
pub fn pinwheel(set: &Builtin, seed: u64) -> Result<Dataset> {
    points(set, seed, 5, |rng| {
        let arm = below(rng, 5) as u32;
        let (r, t) = (1.0 + 0.3 * normal(rng), 0.05 * normal(rng));
        let angle = 2.0 * PI * arm as f32 / 5.0 + 0.25 * r.exp();
        (2.0 * (r * angle.cos() - t * angle.sin()), 2.0 * (r * angle.sin() + t * angle.cos()), arm)
    })
}

/// Centres at the whole points of [-2, 2]^2, standard deviation 0.1.
pub fn grid(set: &Builtin, seed: u64) -> Result<Dataset> {
    points(set, seed, 25, |rng| {
        let cell = below(rng, 25) as u32;
        let (x, y) = ((cell % 5) as f32 - 2.0, (cell / 5) as f32 - 2.0);
        (x + 0.1 * normal(rng), y + 0.1 * normal(rng), cell)
    })
}

fn points(
    set: &Builtin,
    seed: u64,
    classes: usize,
    draw: impl Fn(&mut ChaCha8Rng) -> (f32, f32, u32),
) -> Result<Dataset> {
    let (mut values, mut ids) = (Vec::new(), Vec::new());
    for row in 0..POINTS {
        let (x, y, class) = draw(&mut Rng::new(seed).stream(Purpose::Builtin, row));
        values.extend([x, y]);
        ids.push(class);
    }
    let data = Dataset::new(set.name, Schema::table(["x", "y"], Kind::Real), Rows::F32(values))?;
    data.labelled("class", ids, (0..classes).map(|i| i.to_string()).collect())
}

fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    crate::rng::unit(rand::Rng::next_u32(rng))
}

fn normal(rng: &mut ChaCha8Rng) -> f32 {
    StandardNormal.sample(rng)
}
