//! Networks whose outputs look only at the inputs before them.

use vaekit_ops::{Activation, Tensor, device, from_vec};

use super::{Init, Parameter, Parameters};

/// A masked network for autoregressive models: output block i depends on input blocks before i, and on all of a context.
/// Some hidden units see the context alone, so that the first block hears of it too.
///
/// Germain et al., MADE, ICML 2015, arXiv:1502.03509, equations 8 to 10; one hidden layer, degrees in turn.
#[derive(Debug)]
pub struct Made {
    hidden: Parameter,
    hidden_bias: Parameter,
    output: Parameter,
    output_bias: Parameter,
    /// 0 and 1 in the shapes of the weights.
    masks: [Vec<f32>; 2],
}

/// What a masked network is made of.
#[derive(Clone, Copy, Debug)]
pub struct MadeShape {
    /// Blocks that follow each other.
    pub blocks: usize,
    /// Inputs a block.
    pub inputs: usize,
    /// Outputs a block.
    pub outputs: usize,
    /// Inputs that every output may see.
    pub context: usize,
    /// Hidden units.
    pub hidden: usize,
}

impl Made {
    /// A network of this shape.
    pub fn new(name: &str, shape: MadeShape, init: &mut Init) -> Self {
        let MadeShape { blocks, inputs, outputs, context, hidden } = shape;
        let (wide, out) = (blocks * inputs + context, blocks * outputs);
        let least = usize::from(context == 0);
        let degrees = (blocks - least).max(1);
        // Where hidden units are fewer than degrees, degrees in turn would leave the last blocks unseen; the weights have
        // a name of their own, for builds before left them so.
        let few = hidden < degrees;
        let name = if few { format!("{name}.spread") } else { name.to_owned() };
        let (weight, hidden_bias) = init.affine(&format!("{name}.0"), wide, hidden);
        let (output, output_bias) = init.affine(&format!("{name}.1"), hidden, out);
        // A hidden unit of degree d sees the first d blocks, and is seen by blocks from d on.
        let degree = |unit: usize| match few {
            true => least + (unit + 1) * degrees / hidden - 1,
            false => least + unit % degrees,
        };
        let sees = |input: usize, unit: usize| input >= blocks * inputs || input / inputs < degree(unit);
        let into = (0..wide * hidden).map(|i| f32::from(sees(i / hidden, i % hidden))).collect();
        let from = (0..hidden * out).map(|i| f32::from(degree(i / out) <= i % out / outputs)).collect();
        Self { hidden: weight, hidden_bias, output, output_bias, masks: [into, from] }
    }

    /// # Shapes
    /// `x`: `[N, blocks inputs]`; `context`: `[N, context]`; result: `[N, blocks outputs]`.
    pub fn forward(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> Tensor<2> {
        let x = match context {
            Some(context) => Tensor::cat(vec![x, context], 1),
            None => x,
        };
        let masked = |weight: &Parameter, mask: &[f32]| {
            let weight = weight.tensor::<2>();
            let shape = weight.dims();
            weight * from_vec(mask.to_vec(), shape, &device::here())
        };
        let hidden = vaekit_ops::linear(
            x,
            masked(&self.hidden, &self.masks[0]),
            self.hidden_bias.tensor(),
            Some(Activation::Elu),
        );
        vaekit_ops::linear(hidden, masked(&self.output, &self.masks[1]), self.output_bias.tensor(), None)
    }
}

impl Parameters for Made {
    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.hidden, &self.hidden_bias, &self.output, &self.output_bias]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.hidden, &mut self.hidden_bias, &mut self.output, &mut self.output_bias]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use vaekit_ops::to_vec;

    #[test]
    fn few_hidden_units_hear_of_every_block_but_the_last() {
        let (blocks, hidden) = (20, 4);
        let shape = MadeShape { blocks, inputs: 1, outputs: 1, context: 0, hidden };
        let net = Made::new("m", shape, &mut Init::new(Rng::new(1)));
        let at = |x: &[f32]| to_vec(net.forward(from_vec(x.to_vec(), [1, blocks], &device::cpu()), None));
        let base = at(&vec![0.1; blocks]);
        for input in 0..blocks {
            let mut x = vec![0.1f32; blocks];
            x[input] = 3.0;
            let moved = at(&x);
            assert!((0..=input).all(|block| base[block] == moved[block]), "input {input} reaches back");
            assert_eq!(base[blocks - 1] != moved[blocks - 1], input + 1 < blocks, "input {input} is heard at the end");
        }
    }

    #[test]
    fn outputs_look_only_at_the_blocks_before_them_and_the_context() {
        let shape = MadeShape { blocks: 4, inputs: 2, outputs: 3, context: 1, hidden: 16 };
        let net = Made::new("m", shape, &mut Init::new(Rng::new(1)));
        let at = |x: &[f32], c: f32| {
            let context = from_vec(vec![c], [1, 1], &device::cpu());
            to_vec(net.forward(from_vec(x.to_vec(), [1, 8], &device::cpu()), Some(context)))
        };
        let base = at(&[0.1; 8], 0.0);
        for input in 0..8 {
            let mut x = [0.1f32; 8];
            x[input] = 3.0;
            let moved = at(&x, 0.0);
            for block in 0..4 {
                let same = base[3 * block..3 * block + 3] == moved[3 * block..3 * block + 3];
                assert_eq!(same, block <= input / 2, "input {input}, block {block}");
            }
        }
        assert!(base.iter().zip(at(&[0.1; 8], 2.0)).all(|(a, b)| *a != b));
    }
}
