//! Named, trainable tensors and their initial values.

use vaekit_ops::{Gradients, Tensor, device, from_vec, to_vec};

use crate::rng::{Purpose, Rng, unit};

/// A trainable tensor, stored flat.
///
/// Flat storage makes one loop serve optimizers, files and clipping, whatever
/// the rank; a reshape at the place of use costs nothing.
#[derive(Clone, Debug)]
pub struct Parameter {
    name: String,
    shape: Vec<usize>,
    value: Tensor<1>,
}

impl Parameter {
    /// The name that files use, unique in a model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sizes of the tensor that it stands for.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The parameter in its shape, with gradients recorded if they are tracked.
    ///
    /// # Panics
    /// When `D` is not the rank that the parameter was made with.
    pub fn tensor<const D: usize>(&self) -> Tensor<D> {
        let shape: [usize; D] = self.shape.as_slice().try_into().expect("a parameter is used in the rank it has");
        self.value.clone().reshape(shape)
    }

    /// The parameter as a vector.
    pub fn flat(&self) -> Tensor<1> {
        self.value.clone()
    }

    /// The numbers, row-major.
    pub fn values(&self) -> Vec<f32> {
        to_vec(self.value.clone())
    }

    /// Takes the numbers out for an update in place; [`set`](Self::set) must follow.
    pub(crate) fn take(&mut self) -> Vec<f32> {
        let empty = from_vec(Vec::new(), [0], &device::here());
        to_vec(std::mem::replace(&mut self.value, empty))
    }

    /// Replaces the numbers, and tracks their gradient when asked to.
    ///
    /// # Panics
    /// When the count differs: files are checked before this is called.
    pub fn set(&mut self, values: Vec<f32>, tracked: bool) {
        let n = self.shape.iter().product::<usize>();
        self.value = if tracked {
            from_vec(values, [n], &device::here_training()).require_grad()
        } else {
            from_vec(values, [n], &device::here())
        };
    }

    /// Switches recording on or off.
    pub fn track(&mut self, on: bool) {
        let value = self.value.clone().inner();
        self.value = if on { value.autodiff().require_grad() } else { value };
    }

    /// The gradient of the last backward pass; none where the parameter took no part.
    pub fn gradient(&self, gradients: &mut Gradients) -> Option<Vec<f32>> {
        self.value.grad_remove(gradients).map(to_vec)
    }
}

/// Whatever owns parameters: layers, posteriors, priors, likelihoods, objectives.
///
/// Both methods give the same parameters in the same order.
pub trait Parameters {
    /// For reading.
    fn parameters(&self) -> Vec<&Parameter> {
        Vec::new()
    }

    /// For changing.
    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }
}

/// How the weights of a layer begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitScheme {
    /// Weights and biases uniform on +-1/sqrt(inputs), as torch.nn.Linear has them.
    Torch,
    /// Weights uniform on +-sqrt(6 / (inputs + outputs)), biases 0 (Glorot & Bengio 2010, equation 16).
    Glorot,
}

/// Every way to begin, by name.
pub const INITS: &[(&str, InitScheme)] = &[("torch", InitScheme::Torch), ("glorot", InitScheme::Glorot)];

/// Hands out initial values, each parameter from its own stream.
#[derive(Debug)]
pub struct Init {
    rng: Rng,
    made: u64,
    scheme: InitScheme,
}

impl Init {
    /// Initial values of this randomness.
    pub fn new(rng: Rng) -> Self {
        Self { rng, made: 0, scheme: InitScheme::Torch }
    }

    /// Another way to begin.
    #[must_use]
    pub fn scheme(self, scheme: InitScheme) -> Self {
        Self { scheme, ..self }
    }

    /// Weight `[inputs, outputs]` and bias `[outputs]` of an affine layer.
    pub fn affine(&mut self, name: &str, inputs: usize, outputs: usize) -> (Parameter, Parameter) {
        let (weight, bias) = match self.scheme {
            InitScheme::Torch => (1.0 / (inputs as f64).sqrt(), 1.0 / (inputs as f64).sqrt()),
            InitScheme::Glorot => ((6.0 / (inputs + outputs) as f64).sqrt(), 0.0),
        };
        let weight = self.uniform(format!("{name}.weight"), &[inputs, outputs], weight);
        (weight, self.uniform(format!("{name}.bias"), &[outputs], bias))
    }

    /// Uniform on [-bound, bound).
    pub fn uniform(&mut self, name: String, shape: &[usize], bound: f64) -> Parameter {
        let mut stream = self.rng.stream(Purpose::Init, self.made);
        let n = shape.iter().product();
        let bound = bound as f32;
        let values = (0..n).map(|_| (2.0 * unit(rand::Rng::next_u32(&mut stream)) - 1.0) * bound).collect();
        self.parameter(name, shape, values)
    }

    /// One value everywhere.
    pub fn constant(&mut self, name: String, shape: &[usize], value: f32) -> Parameter {
        self.parameter(name, shape, vec![value; shape.iter().product()])
    }

    fn parameter(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> Parameter {
        self.made += 1;
        let value = from_vec(values, [shape.iter().product()], &device::here());
        Parameter { name, shape: shape.to_vec(), value }
    }
}
