//! Methods that find sparse codes, by their names.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How codes are found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solver {
    /// The method.
    pub method: Method,
    /// No number of a code is below 0.
    pub positive: bool,
}

/// What a code minimises, and by what steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
pub enum Method {
    /// Orthogonal matching pursuit: `k` atoms, one by one, each time all of them refitted (Pati, Rezaiifar & Krishnaprasad
    /// 1993), from the Gram matrix with Cholesky updates (Rubinstein, Zibulevsky & Elad 2008).
    Omp {
        /// The most atoms of a row.
        k: usize,
    },
    /// Matching pursuit (Mallat & Zhang 1993): `k` steps, none of which refits an earlier one.
    Mp {
        /// Steps.
        k: usize,
    },
    /// The lasso, 1/2 |x - D a|^2 + `penalty` |a|_1, by coordinate descent (Friedman et al. 2007).
    Lasso {
        /// What a unit of |a|_1 costs.
        penalty: f64,
    },
    /// The same by iterative soft thresholding (Daubechies, Defrise & De Mol 2004).
    Ista {
        /// What a unit of |a|_1 costs.
        penalty: f64,
    },
    /// The same with momentum (Beck & Teboulle 2009).
    Fista {
        /// What a unit of |a|_1 costs.
        penalty: f64,
    },
}

/// Makes a method of the number of atoms of a row and the penalty, of which each uses one.
pub type MakeMethod = fn(usize, f64) -> Method;

/// Methods by their names.
pub const METHODS: &[(&str, MakeMethod)] = &[
    ("omp", |k, _| Method::Omp { k }),
    ("mp", |k, _| Method::Mp { k }),
    ("lasso", |_, penalty| Method::Lasso { penalty }),
    ("ista", |_, penalty| Method::Ista { penalty }),
    ("fista", |_, penalty| Method::Fista { penalty }),
];

impl Solver {
    /// A method whose codes may have any sign.
    pub fn new(method: Method) -> Self {
        Self { method, positive: false }
    }

    /// Refuses a solver that does not go with a number of atoms.
    ///
    /// # Errors
    /// More atoms of a row than there are, none, or a penalty that is not above 0.
    pub(super) fn check(self, atoms: usize) -> Result<()> {
        match self.method {
            Method::Omp { k } | Method::Mp { k } if k == 0 || k > atoms => {
                Err(Error::setting("k", format!("found {k}, expected 1 to {atoms}, the number of atoms")))
            }
            Method::Lasso { penalty } | Method::Ista { penalty } | Method::Fista { penalty }
                if !(penalty.is_finite() && penalty > 0.0) =>
            {
                Err(Error::setting("penalty", format!("found {penalty}, expected a number above 0")))
            }
            _ => Ok(()),
        }
    }
}
