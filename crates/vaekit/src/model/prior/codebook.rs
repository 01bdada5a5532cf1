//! Codes that are rows of a codebook, and an autoregressive distribution over which.

use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec, to_vec};

use crate::Result;
use crate::model::{Latents, Support};
use crate::nn::{Init, Made, MadeShape, Parameter, Parameters};
use crate::rng::{Purpose, Rng, pick, unit};

use super::{Encode, Moment, Prior, PriorFamily};

/// Share of the past that the running means of a code keep at each step.
const DECAY: f32 = 0.99;
/// A code that is chosen less often than this, in rows a step, is dead and moved to where it is needed.
const DEAD: f32 = 0.01;

/// p(codes) = prod_i p(code i given the codes before it), by a masked network; the codebook itself follows the
/// encoder's outputs by running means.
///
/// With several levels each has C codes of its own, for what the levels before leave over of an output; z holds the
/// levels side by side, the coarsest first, and a decoder sees their sum (after Lee et al., CVPR 2022,
/// arXiv:2203.01941, section 3.1, who share one codebook and charge the distance at each level; here at the last).
///
/// van den Oord et al., NeurIPS 2017, arXiv:1711.00937, sections 3.2 and 3.3 and appendix A.1 (running means); dead
/// codes move to the outputs that are worst served, as in Dhariwal et al., Jukebox, 2020.
#[derive(Debug)]
pub struct Codebook {
    levels: usize,
    /// Pieces of z: levels times positions.
    pieces: usize,
    /// `[levels C, d]`; no gradient reaches it.
    codes: Parameter,
    /// Running counts `[levels C]` and sums `[levels C, d]` of the outputs of each code.
    counts: Parameter,
    sums: Parameter,
    net: Made,
}

/// What the batches since the last step say of the codes.
#[derive(Debug, Default)]
struct Seen {
    counts: Vec<f32>,
    sums: Vec<f32>,
    /// Of each level outputs with their squared distance to their codes, the farthest first.
    worst: Vec<Vec<(f32, Vec<f32>)>>,
}

impl Codebook {
    /// `size` codes a level for `levels` times `positions` pieces of `latent` dimensions.
    pub fn new(
        size: usize,
        (levels, positions): (usize, usize),
        latent: usize,
        hidden: usize,
        init: &mut Init,
    ) -> Self {
        let pieces = levels * positions;
        let (all, wide) = (levels * size, latent / pieces);
        let shape = MadeShape { blocks: pieces, inputs: size, outputs: size, context: 0, hidden };
        let codes = init.uniform("prior.codes".into(), &[all, wide], 1.0);
        let sums = codes.values();
        let mut sums_of = init.constant("prior.code_sums".into(), &[all, wide], 0.0);
        sums_of.set(sums, false);
        Self {
            levels,
            pieces,
            codes,
            counts: init.constant("prior.code_counts".into(), &[all], 1.0),
            sums: sums_of,
            net: Made::new("prior.codes_net", shape, init),
        }
    }

    /// Codes of a level.
    fn size(&self) -> usize {
        self.codes.shape()[0] / self.levels
    }

    /// The first code of the level that a piece of z belongs to.
    fn first_of(&self, piece: usize) -> usize {
        piece / (self.pieces / self.levels) * self.size()
    }

    fn wide(&self) -> usize {
        self.codes.shape()[1]
    }

    /// The nearest code to each of `values`, among those that start at `first(i)`, and its squared distance.
    fn nearest(&self, values: &[f32], first: impl Fn(usize) -> usize + Sync) -> Vec<(usize, f32)> {
        let (codes, wide, size) = (self.codes.values(), self.wide(), self.size());
        vaekit_ops::pool::map(values.len() / wide, |i| {
            let (value, first) = (&values[i * wide..(i + 1) * wide], first(i));
            let distance = |code: &[f32]| value.iter().zip(code).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            let each = codes[first * wide..(first + size) * wide].chunks(wide).map(distance).zip(first..);
            each.fold((first, f32::INFINITY), |best, (d, i)| if d < best.1 { (i, d) } else { best })
        })
    }

    /// The codes that z `[N, pieces d]` consists of.
    fn read(&self, z: &[f32]) -> Vec<usize> {
        let first: Vec<usize> = (0..self.pieces).map(|piece| self.first_of(piece)).collect();
        self.nearest(z, |i| first[i % first.len()]).into_iter().map(|(code, _)| code).collect()
    }

    /// One-hot codes, `[N, pieces size]`, of the codes that z consists of.
    fn indicators(&self, z: &[f32]) -> Tensor<2> {
        let size = self.size();
        let codes = self.read(z);
        let mut out = vec![0f32; codes.len() * size];
        codes.iter().enumerate().for_each(|(i, code)| out[i * size + code % size] = 1.0);
        let n = codes.len() / self.pieces;
        from_vec(out, [n, self.pieces * size], &device::here())
    }

    /// The codes that outputs are nearest to, level by level: calls `each` with the level, what the levels before left
    /// over, and the code and its squared distance for each piece of that.
    fn walk(&self, outputs: &[f32], mut each: impl FnMut(usize, &[f32], &[(usize, f32)])) {
        let (codes, wide) = (self.codes.values(), self.wide());
        let mut left = outputs.to_vec();
        for level in 0..self.levels {
            let first = level * self.size();
            let nearest = self.nearest(&left, |_| first);
            each(level, &left, &nearest);
            for (left, (code, _)) in left.chunks_mut(wide).zip(&nearest) {
                left.iter_mut().zip(&codes[code * wide..]).for_each(|(left, code)| *left -= code);
            }
        }
    }

    /// Moves each code towards the mean of the outputs that it was the nearest to, and dead codes to outputs that are
    /// badly served.
    fn follow(&mut self, batches: &[Vec<f32>]) {
        let (wide, all) = (self.wide(), self.levels * self.size());
        let mut seen =
            Seen { counts: vec![0.0; all], sums: vec![0.0; all * wide], worst: vec![Vec::new(); self.levels] };
        batches
            .iter()
            .for_each(|outputs| self.walk(outputs, |level, left, nearest| seen.add(level, left, nearest, wide)));
        let mean = |old: Vec<f32>, new: &[f32]| -> Vec<f32> {
            old.iter().zip(new).map(|(old, new)| DECAY * old + (1.0 - DECAY) * new).collect()
        };
        let mut counts = mean(self.counts.values(), &seen.counts);
        let mut sums = mean(self.sums.values(), &seen.sums);
        let mut worst: Vec<_> = seen.worst.into_iter().map(Vec::into_iter).collect();
        let size = self.size();
        for code in 0..counts.len() {
            if counts[code] < DEAD
                && let Some((_, output)) = worst[code / size].next()
            {
                counts[code] = 1.0;
                sums[code * wide..(code + 1) * wide].copy_from_slice(&output);
            }
        }
        let codes = sums.iter().enumerate().map(|(i, s)| s / counts[i / wide].max(1e-6)).collect();
        self.codes.set(codes, true);
        self.counts.set(counts, true);
        self.sums.set(sums, true);
    }
}

impl Seen {
    fn add(&mut self, level: usize, values: &[f32], nearest: &[(usize, f32)], wide: usize) {
        let worst = &mut self.worst[level];
        for (value, (code, distance)) in values.chunks(wide).zip(nearest) {
            self.counts[*code] += 1.0;
            self.sums[code * wide..(code + 1) * wide].iter_mut().zip(value).for_each(|(s, v)| *s += v);
            if worst.len() < REMEMBERED || worst.iter().any(|(d, _)| d < distance) {
                worst.push((*distance, value.to_vec()));
            }
        }
        worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        worst.truncate(REMEMBERED);
    }
}

impl Parameters for Codebook {
    fn parameters(&self) -> Vec<&Parameter> {
        let mut all = vec![&self.codes, &self.counts, &self.sums];
        all.extend(self.net.parameters());
        all
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut all = vec![&mut self.codes, &mut self.counts, &mut self.sums];
        all.extend(self.net.parameters_mut());
        all
    }
}

impl PriorFamily for Codebook {
    fn name(&self) -> &'static str {
        "codebook"
    }

    fn support(&self) -> Support {
        Support::Codes { pieces: self.pieces, levels: self.levels }
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(Chosen(self))
    }

    fn begin(&mut self, moment: Moment<'_>) -> Result<()> {
        if let Moment::Step(outputs) = moment
            && !outputs.is_empty()
        {
            self.follow(outputs);
        }
        Ok(())
    }
}

/// Outputs that are remembered for dead codes.
const REMEMBERED: usize = 64;

struct Chosen<'a>(&'a Codebook);

impl Prior for Chosen<'_> {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, _] = z[0].dims();
        let (size, pieces) = (self.0.size(), self.0.pieces);
        let chosen = self.0.indicators(&to_vec(z[0].clone()));
        let logits = self.0.net.forward(chosen.clone(), None).reshape([k * b, pieces, size]);
        let each = density::log_softmax(logits, 2) * chosen.reshape([k * b, pieces, size]);
        each.reshape([k * b, pieces * size]).sum_dim(1).reshape([k, b])
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let (n, size, pieces) = (rows.len(), self.0.size(), self.0.pieces);
        let uniform: Vec<Vec<f32>> = rows
            .iter()
            .map(|id| {
                let mut stream = rng.stream(Purpose::Prior, *id);
                (0..pieces).map(|_| unit(rand::Rng::next_u32(&mut stream))).collect()
            })
            .collect();
        let mut chosen = vec![0f32; n * pieces * size];
        let (codes, wide) = (self.0.codes.values(), self.0.wide());
        let mut z = vec![0f32; n * pieces * wide];
        for i in 0..pieces {
            let so_far = from_vec(chosen.clone(), [n, pieces * size], &device::here());
            let logits = self.0.net.forward(so_far, None).reshape([n, pieces, size]).narrow(1, i, 1);
            let p = to_vec(density::log_softmax(logits, 2).exp());
            for row in 0..n {
                let code = pick(uniform[row][i], p[row * size..(row + 1) * size].iter().copied());
                chosen[(row * pieces + i) * size + code] = 1.0;
                let (from, at) = ((self.0.first_of(i) + code) * wide, (row * pieces + i) * wide);
                z[at..at + wide].copy_from_slice(&codes[from..from + wide]);
            }
        }
        vec![from_vec(z, [n, pieces * wide], &device::here())]
    }

    fn quantized(&self, outputs: &Tensor<2>) -> Option<Tensor<2>> {
        let [n, width] = outputs.dims();
        let (codes, wide) = (self.0.codes.values(), self.0.wide());
        let mut levels = Vec::with_capacity(self.0.levels);
        self.0.walk(&to_vec(outputs.clone()), |_, _, nearest| {
            let picked = nearest.iter().flat_map(|(code, _)| codes[code * wide..(code + 1) * wide].iter().copied());
            levels.push(from_vec(picked.collect(), [n, width], &device::here()));
        });
        Some(Tensor::cat(levels, 1))
    }

    fn chosen(&self, z: &Tensor<2>) -> Option<(Vec<u32>, usize)> {
        let codes = self.0.read(&to_vec(z.clone()));
        Some((codes.into_iter().map(|code| code as u32).collect(), self.0.levels * self.0.size()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_code_is_taken_and_follows_what_it_is_taken_for() {
        let mut book = Codebook::new(3, (1, 2), 4, 8, &mut Init::new(Rng::new(1)));
        let z = from_vec(vec![5.0, 5.0, 5.1, 4.9], [1, 4], &device::cpu());
        let distance = |book: &Codebook| {
            let picked = to_vec(Chosen(book).quantized(&z).unwrap());
            picked.iter().zip([5.0, 5.0, 5.1, 4.9]).map(|(a, b)| (a - b).powi(2)).sum::<f32>()
        };
        let before = distance(&book);
        for _ in 0..600 {
            book.begin(Moment::Step(&[to_vec(z.clone())])).unwrap();
        }
        assert!(before > 10.0 && distance(&book) < 0.1, "{before} to {}", distance(&book));
    }

    #[test]
    fn the_probabilities_of_all_codes_sum_to_one() {
        let book = Codebook::new(3, (1, 2), 2, 8, &mut Init::new(Rng::new(2)));
        let codes = book.codes.values();
        let all: Vec<f32> = (0..9).flat_map(|i| [codes[i / 3], codes[i % 3]]).collect();
        let log_p = to_vec(Chosen(&book).log_prob(&vec![from_vec(all, [1, 9, 2], &device::cpu())]));
        assert!((log_p.iter().map(|l| l.exp()).sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn indicators_mark_one_code_a_position() {
        let book = Codebook::new(3, (1, 2), 2, 8, &mut Init::new(Rng::new(2)));
        let codes = book.codes.values();
        assert_eq!(to_vec(book.indicators(&[codes[2], codes[0]])), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn a_second_level_takes_what_the_first_leaves_over() {
        let mut book = Codebook::new(2, (2, 1), 4, 8, &mut Init::new(Rng::new(1)));
        book.codes.set(vec![1.0, 0.0, 0.0, 1.0, 0.2, 0.0, 0.0, -0.3], false);
        let outputs = from_vec(vec![1.25, 0.05, -0.1, 0.6], [2, 2], &device::cpu());
        let z = Chosen(&book).quantized(&outputs).unwrap();
        assert_eq!(to_vec(z.clone()), [1.0, 0.0, 0.2, 0.0, 0.0, 1.0, 0.0, -0.3]);
        assert_eq!(Chosen(&book).chosen(&z).unwrap(), (vec![0, 2, 1, 3], 4));
        let drawn = Chosen(&book).sample(&[0, 1, 2], Rng::new(1)).remove(0);
        assert_eq!(Chosen(&book).chosen(&drawn).unwrap().0.chunks(2).filter(|c| c[0] < 2 && c[1] >= 2).count(), 3);
    }
}
