"""Rows of a linear-Gaussian model, for bench/reproduce/ppca.toml: writes ppca.csv and ppca.npy. Needs NumPy."""
import numpy as np

rng = np.random.default_rng(0)
w, b = rng.standard_normal((5, 12)), rng.standard_normal(12)
x = rng.standard_normal((6000, 5)) @ w + b + 0.5 * rng.standard_normal((6000, 12))
np.savetxt("ppca.csv", x, delimiter=",", header=",".join(f"c{i}" for i in range(12)), comments="")
np.save("ppca.npy", x.astype(np.float32))
