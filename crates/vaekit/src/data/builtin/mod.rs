//! Data sets that are computed, not downloaded: the same bytes from the same seed everywhere.

mod digits;
mod shapes;
mod toy;

use crate::Result;

use super::Dataset;

/// A built-in set.
#[derive(Debug)]
pub struct Builtin {
    /// The name that a person types.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// Builds the set from a seed.
    pub make: fn(&Builtin, u64) -> Result<Dataset>,
}

/// Every built-in set, in the order in which lists show them.
pub const BUILTIN: &[Builtin] = &[
    Builtin {
        name: "digits",
        summary: "12,000 grey 28x28 handwritten-like digits, classes 0 to 9, factors slant, thickness, scale, position",
        make: digits::make,
    },
    Builtin {
        name: "shapes",
        summary: "9,600 grey 64x64 sprites, independent factors shape, scale, rotation, x, y",
        make: shapes::make,
    },
    Builtin { name: "rings", summary: "4,000 points on two noisy circles, 2-D", make: toy::rings },
    Builtin { name: "moons", summary: "4,000 points on two noisy half circles, 2-D", make: toy::moons },
    Builtin { name: "pinwheel", summary: "4,000 points on five bent arms, 2-D", make: toy::pinwheel },
    Builtin { name: "grid-of-gaussians", summary: "4,000 points around 25 centres, 2-D", make: toy::grid },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_the_same_from_the_same_seed_and_another_from_another() {
        for set in BUILTIN {
            let make = |seed| (set.make)(set, seed).unwrap();
            let a = make(1);
            assert_eq!(a.fingerprint().unwrap(), make(1).fingerprint().unwrap(), "{}", set.name);
            assert_ne!(a.fingerprint().unwrap(), make(2).fingerprint().unwrap(), "{}", set.name);
            assert_eq!(a.name, set.name);
            assert_eq!(a.labels().unwrap().ids.len(), a.len(), "{}", set.name);
        }
    }

    #[test]
    fn the_factors_of_the_sprites_are_independent() {
        let set = BUILTIN.iter().find(|s| s.name == "shapes").unwrap();
        let factors = (set.make)(set, 0).unwrap().factors.unwrap();
        let (k, n) = (factors.names.len(), factors.values.len() / factors.names.len());
        let column = |j: usize| -> Vec<f64> {
            let v: Vec<f64> = (0..n).map(|i| f64::from(factors.values[i * k + j])).collect();
            let mean = v.iter().sum::<f64>() / n as f64;
            let sd = (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
            v.iter().map(|x| (x - mean) / sd).collect()
        };
        for a in 0..k {
            for b in 0..a {
                let r: f64 = column(a).iter().zip(column(b)).map(|(x, y)| x * y).sum::<f64>() / n as f64;
                assert!(r.abs() < 4.0 / (n as f64).sqrt(), "{} and {}: {r}", factors.names[a], factors.names[b]);
            }
        }
    }
}
