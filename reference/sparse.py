"""Sparse codes of a small problem, by scikit-learn: the numbers in crates/vaekit/src/uses/sparse/tests.rs.

    python reference/sparse.py
"""

import numpy as np
from scipy.optimize import nnls
from sklearn.linear_model import Lasso, orthogonal_mp

ATOMS, WIDTH, ROWS, PENALTY = 6, 4, 2, 0.2

numbers = np.arange(1, ATOMS * WIDTH + 1)
atoms = np.sin(1.3 * numbers + 0.1 * numbers**2).reshape(ATOMS, WIDTH)
atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
rows = np.cos(0.7 * np.arange(1, ROWS * WIDTH + 1)).reshape(ROWS, WIDTH)

print("omp, k = 2:", np.round(orthogonal_mp(atoms.T, rows.T, n_nonzero_coefs=2).T, 6).tolist())
lasso = Lasso(alpha=PENALTY / WIDTH, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(atoms.T, rows.T).coef_
print("lasso:", np.round(lasso, 6).tolist())
print("non-negative least squares, |x - D a|^2:", [round(float(nnls(atoms.T, x)[1] ** 2), 6) for x in rows])
