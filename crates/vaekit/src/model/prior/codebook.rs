//! Codes that are rows of a codebook, and an autoregressive distribution over which.

use std::cell::RefCell;
use std::rc::Rc;

use vaekit_ops::{Tensor, density, device, from_vec, to_vec};

use crate::model::{Latents, Support};
use crate::nn::{Init, Made, MadeShape, Parameter, Parameters};
use crate::rng::{Purpose, Rng, pick, unit};

use super::{Encode, Prior, PriorFamily};

/// Share of the past that the running means of a code keep at each step.
const DECAY: f32 = 0.99;
/// A code that is chosen less often than this, in rows a step, is dead and moved to where it is needed.
const DEAD: f32 = 0.01;

/// p(codes) = prod_i p(code i given the codes before it), by a masked network; the codebook itself follows the
/// encoder's outputs by running means.
///
/// van den Oord et al., NeurIPS 2017, arXiv:1711.00937, sections 3.2 and 3.3 and appendix A.1 (running means); dead
/// codes move to the outputs that are worst served, as in Dhariwal et al., Jukebox, 2020.
#[derive(Debug)]
pub struct Codebook {
    positions: usize,
    /// `[C, d]`; no gradient reaches it.
    codes: Parameter,
    /// Running counts `[C]` and sums `[C, d]` of the outputs of each code.
    counts: Parameter,
    sums: Parameter,
    net: Made,
    seen: RefCell<Seen>,
}

/// What the passes since the last step saw.
#[derive(Debug, Default)]
struct Seen {
    counts: Vec<f32>,
    sums: Vec<f32>,
    /// Outputs with their squared distance to their codes.
    worst: Vec<(f32, Vec<f32>)>,
}

impl Codebook {
    /// `size` codes for each of `positions` pieces of `latent` dimensions.
    pub fn new(size: usize, positions: usize, latent: usize, hidden: usize, init: &mut Init) -> Self {
        let wide = latent / positions;
        let shape = MadeShape { blocks: positions, inputs: size, outputs: size, context: 0, hidden };
        let codes = init.uniform("prior.codes".into(), &[size, wide], 1.0);
        let sums = codes.values();
        let mut sums_of = init.constant("prior.code_sums".into(), &[size, wide], 0.0);
        sums_of.set(sums, false);
        Self {
            positions,
            codes,
            counts: init.constant("prior.code_counts".into(), &[size], 1.0),
            sums: sums_of,
            net: Made::new("prior.codes_net", shape, init),
            seen: RefCell::default(),
        }
    }

    fn size(&self) -> usize {
        self.codes.shape()[0]
    }

    fn wide(&self) -> usize {
        self.codes.shape()[1]
    }

    /// The nearest code to each piece of `z`, and its squared distance.
    fn nearest(&self, z: &[f32]) -> Vec<(usize, f32)> {
        let (codes, wide) = (self.codes.values(), self.wide());
        vaekit_ops::pool::map(z.len() / wide, |i| {
            let piece = &z[i * wide..(i + 1) * wide];
            let distance = |code: &[f32]| piece.iter().zip(code).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            let each = codes.chunks(wide).map(distance).enumerate();
            each.fold((0, f32::INFINITY), |best, (i, d)| if d < best.1 { (i, d) } else { best })
        })
    }

    /// One-hot codes, `[N, positions size]`, of the codes that z consists of.
    fn indicators(&self, z: &[f32]) -> Tensor<2> {
        let size = self.size();
        let nearest = self.nearest(z);
        let mut out = vec![0f32; nearest.len() * size];
        nearest.iter().enumerate().for_each(|(i, (code, _))| out[i * size + code] = 1.0);
        let n = nearest.len() / self.positions;
        from_vec(out, [n, self.positions * size], &device::here())
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
        Support::Codes { positions: self.positions }
    }

    fn prior<'a>(&'a self, _encode: Encode<'a>) -> Rc<dyn Prior + 'a> {
        Rc::new(Chosen(self))
    }

    fn after_step(&mut self) {
        let seen = std::mem::take(&mut *self.seen.borrow_mut());
        if seen.counts.is_empty() {
            return;
        }
        let wide = self.wide();
        let mean = |old: Vec<f32>, new: &[f32]| -> Vec<f32> {
            old.iter().zip(new).map(|(old, new)| DECAY * old + (1.0 - DECAY) * new).collect()
        };
        let mut counts = mean(self.counts.values(), &seen.counts);
        let mut sums = mean(self.sums.values(), &seen.sums);
        let mut worst = seen.worst;
        worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut worst = worst.into_iter();
        for code in 0..counts.len() {
            if counts[code] < DEAD
                && let Some((_, output)) = worst.next()
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

/// Outputs that are remembered for dead codes.
const REMEMBERED: usize = 64;

struct Chosen<'a>(&'a Codebook);

impl Prior for Chosen<'_> {
    fn log_prob(&self, z: &Latents) -> Tensor<2> {
        let [k, b, _] = z[0].dims();
        let (size, positions) = (self.0.size(), self.0.positions);
        let chosen = self.0.indicators(&to_vec(z[0].clone()));
        let logits = self.0.net.forward(chosen.clone(), None).reshape([k * b, positions, size]);
        let each = density::log_softmax(logits, 2) * chosen.reshape([k * b, positions, size]);
        each.reshape([k * b, positions * size]).sum_dim(1).reshape([k, b])
    }

    fn sample(&self, rows: &[u64], rng: Rng) -> Vec<Tensor<2>> {
        let (n, size, positions) = (rows.len(), self.0.size(), self.0.positions);
        let uniform: Vec<Vec<f32>> = rows
            .iter()
            .map(|id| {
                let mut stream = rng.stream(Purpose::Prior, *id);
                (0..positions).map(|_| unit(rand::Rng::next_u32(&mut stream))).collect()
            })
            .collect();
        let mut chosen = vec![0f32; n * positions * size];
        let (codes, wide) = (self.0.codes.values(), self.0.wide());
        let mut z = vec![0f32; n * positions * wide];
        for i in 0..positions {
            let so_far = from_vec(chosen.clone(), [n, positions * size], &device::here());
            let logits = self.0.net.forward(so_far, None).reshape([n, positions, size]).narrow(1, i, 1);
            let p = to_vec(density::log_softmax(logits, 2).exp());
            for row in 0..n {
                let code = pick(uniform[row][i], p[row * size..(row + 1) * size].iter().copied());
                chosen[(row * positions + i) * size + code] = 1.0;
                let at = (row * positions + i) * wide;
                z[at..at + wide].copy_from_slice(&codes[code * wide..(code + 1) * wide]);
            }
        }
        vec![from_vec(z, [n, positions * wide], &device::here())]
    }

    fn quantized(&self, z: &Tensor<2>, learn: bool) -> Option<Tensor<2>> {
        let shape = z.dims();
        let outputs = to_vec(z.clone());
        let nearest = self.0.nearest(&outputs);
        let (codes, wide, size) = (self.0.codes.values(), self.0.wide(), self.0.size());
        if learn {
            let mut seen = self.0.seen.borrow_mut();
            seen.counts.resize(size, 0.0);
            seen.sums.resize(size * wide, 0.0);
            for (output, (code, distance)) in outputs.chunks(wide).zip(&nearest) {
                seen.counts[*code] += 1.0;
                seen.sums[code * wide..(code + 1) * wide].iter_mut().zip(output).for_each(|(s, v)| *s += v);
                if seen.worst.len() < REMEMBERED || seen.worst.iter().any(|(d, _)| d < distance) {
                    seen.worst.push((*distance, output.to_vec()));
                }
            }
            seen.worst.sort_by(|a, b| b.0.total_cmp(&a.0));
            seen.worst.truncate(REMEMBERED);
        }
        let picked =
            nearest.iter().flat_map(|(code, _)| codes[code * wide..(code + 1) * wide].iter().copied()).collect();
        Some(from_vec(picked, shape, &device::here()))
    }

    fn chosen(&self, z: &Tensor<2>) -> Option<(Vec<u32>, usize)> {
        let nearest = self.0.nearest(&to_vec(z.clone()));
        Some((nearest.into_iter().map(|(code, _)| code as u32).collect(), self.0.size()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_code_is_taken_and_follows_what_it_is_taken_for() {
        let mut book = Codebook::new(3, 2, 4, 8, &mut Init::new(Rng::new(1)));
        let z = from_vec(vec![5.0, 5.0, 5.1, 4.9], [1, 4], &device::cpu());
        let distance = |book: &Codebook| {
            let picked = to_vec(Chosen(book).quantized(&z, false).unwrap());
            picked.iter().zip([5.0, 5.0, 5.1, 4.9]).map(|(a, b)| (a - b).powi(2)).sum::<f32>()
        };
        let before = distance(&book);
        for _ in 0..600 {
            Chosen(&book).quantized(&z, true);
            book.after_step();
        }
        assert!(before > 10.0 && distance(&book) < 0.1, "{before} to {}", distance(&book));
    }

    #[test]
    fn the_probabilities_of_all_codes_sum_to_one() {
        let book = Codebook::new(3, 2, 2, 8, &mut Init::new(Rng::new(2)));
        let codes = book.codes.values();
        let all: Vec<f32> = (0..9).flat_map(|i| [codes[i / 3], codes[i % 3]]).collect();
        let log_p = to_vec(Chosen(&book).log_prob(&vec![from_vec(all, [1, 9, 2], &device::cpu())]));
        assert!((log_p.iter().map(|l| l.exp()).sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn indicators_mark_one_code_a_position() {
        let book = Codebook::new(3, 2, 2, 8, &mut Init::new(Rng::new(2)));
        let codes = book.codes.values();
        assert_eq!(to_vec(book.indicators(&[codes[2], codes[0]])), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }
}
