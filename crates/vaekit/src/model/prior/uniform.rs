//! Priors without parameters: on the sphere, over classes, with spikes at 0.

use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec};

use crate::model::posterior::log_uniform;
use crate::model::{Latents, Support};
use crate::nn::Parameters;
use crate::rng::{Purpose, Rng, below, unit};

use super::{Encode, Form, Prior, PriorFamily};

/// Uniform on the unit sphere in R^D.
#[derive(Clone, Copy, Debug)]
pub struct Sphere {
    latent: usize,
}

impl Sphere {
    /// For codes of `latent` dimensions.
    pub fn new(latent: usize) -> Self {
        Self { latent }
    }
}

impl Parameters for Sphere {}

impl PriorFamily for Sphere {
    fn name(&self) -> &'static str {
        "uniform-sphere"
    }

    fn support(&self) -> Support {
        Support::Sphere
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(*self)
    }
}

impl Prior for Sphere {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, _] = z[0].dims();
        from_vec(vec![log_uniform(self.latent) as f32; k * b], [k, b], &device::here())
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let draws = rng.normal(Purpose::Prior, rows, self.latent);
        let z = from_vec(draws, [rows.len(), self.latent], &device::here());
        let length = (z.clone().square().sum_dim(1) + 1e-12).sqrt();
        vec![z / length]
    }

    fn form(&self) -> Form {
        Form::Uniform
    }
}

/// Real dimensions under N(0, 1), then class variables, each class as likely as another.
#[derive(Clone, Copy, Debug)]
pub struct Classes {
    /// Real dimensions before the class variables.
    pub reals: usize,
    /// Class variables.
    pub variables: usize,
    /// Classes of each.
    pub classes: usize,
}

impl Parameters for Classes {}

impl PriorFamily for Classes {
    fn name(&self) -> &'static str {
        "uniform-classes"
    }

    fn support(&self) -> Support {
        Support::Classes { reals: self.reals, classes: self.classes }
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(*self)
    }
}

impl Prior for Classes {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, _] = z[0].dims();
        let of_classes = -(self.variables as f64) * (self.classes as f64).ln();
        if self.reals == 0 {
            return from_vec(vec![of_classes as f32; k * b], [k, b], &device::here());
        }
        let zero = from_vec(vec![0.0], [1, 1, 1], &device::here());
        density::unit_gaussian(z[0].clone().narrow(2, 0, self.reals), zero).sum_dim(2).reshape([k, b]) + of_classes
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let width = self.reals + self.variables * self.classes;
        let mut out = vec![0f32; rows.len() * width];
        let reals = rng.normal(Purpose::Prior, rows, self.reals);
        for (row, id) in rows.iter().enumerate() {
            let line = &mut out[row * width..(row + 1) * width];
            line[..self.reals].copy_from_slice(&reals[row * self.reals..(row + 1) * self.reals]);
            let mut stream = rng.at_seed_of(1).stream(Purpose::Prior, *id);
            for v in 0..self.variables {
                line[self.reals + v * self.classes + below(&mut stream, self.classes as u64) as usize] = 1.0;
            }
        }
        vec![from_vec(out, [rows.len(), width], &device::here())]
    }

    fn form(&self) -> Form {
        Form::Uniform
    }
}

/// Each dimension is N(0, 1) with probability `slab`, else exactly 0.
#[derive(Clone, Copy, Debug)]
pub struct SpikeSlab {
    latent: usize,
    slab: f64,
}

impl SpikeSlab {
    /// For codes of `latent` dimensions, each in use with probability `slab`.
    pub fn new(latent: usize, slab: f64) -> Self {
        Self { latent, slab }
    }
}

impl Parameters for SpikeSlab {}

impl PriorFamily for SpikeSlab {
    fn name(&self) -> &'static str {
        "spike-slab"
    }

    fn support(&self) -> Support {
        Support::Spikes
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(*self)
    }
}

impl Prior for SpikeSlab {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, _] = z[0].dims();
        let zero = from_vec(vec![0.0], [1, 1, 1], &device::here());
        let slab = density::unit_gaussian(z[0].clone(), zero) + self.slab.ln();
        let at_zero = z[0].clone().equal_elem(0.0);
        slab.mask_fill(at_zero, (1.0 - self.slab).ln()).sum_dim(2).reshape([k, b])
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let mut draws = rng.normal(Purpose::Prior, rows, self.latent);
        for (row, id) in rows.iter().enumerate() {
            let mut stream = rng.at_seed_of(1).stream(Purpose::Prior, *id);
            for v in &mut draws[row * self.latent..(row + 1) * self.latent] {
                if f64::from(unit(rand::Rng::next_u32(&mut stream))) >= self.slab {
                    *v = 0.0;
                }
            }
        }
        vec![from_vec(draws, [rows.len(), self.latent], &device::here())]
    }

    fn form(&self) -> Form {
        Form::SpikeSlab { slab: self.slab }
    }
}
