"""log p(x) of linear-Gaussian models, exactly and by importance sampling, in NumPy.

    pip install numpy
    python reference/evidence.py > reference/evidence.json

A VAE without hidden layers and with one variance for all values is probabilistic PCA (Tipping & Bishop 1999):
x = z W + b + noise, so x ~ N(b, W'W + s^2 I). The encoder is a linear map that is a little wrong on purpose.

With a run, the exact figure of what vaekit trained, to compare with `vaekit evaluate RUN --importance-samples`:

    pip install numpy safetensors
    python reference/evidence.py RUN/model.safetensors rows.npy
"""
import json
import sys

import numpy as np

X = 12


def log_normal(x, mean, cov):
    """log N(x; mean, cov) of each row."""
    d = x - mean
    _, log_det = np.linalg.slogdet(cov)
    return -0.5 * (len(mean) * np.log(2 * np.pi) + log_det + np.sum(d * np.linalg.solve(cov, d.T).T, axis=1))


def variance_of(raw):
    """The variance that the raw parameter of gaussian-shared stands for: softplus(raw + 8) - 10, a log."""
    return np.exp(np.log1p(np.exp(raw + 8.0)) - 10.0)


def exact(x, w, b, raw):
    return log_normal(x, b, w.T @ w + variance_of(raw) * np.eye(x.shape[1]))


def importance(x, w, b, raw, weight, bias, k, rng):
    d = w.shape[0]
    s2 = variance_of(raw)
    out = x @ weight + bias
    values, errors = [], []
    for i in range(len(x)):
        mean, log_var = out[i, :d], out[i, d:]
        eps = rng.standard_normal((k, d))
        z = mean + np.exp(log_var / 2) * eps
        log_w = -0.5 * (X * np.log(2 * np.pi * s2) + np.sum((x[i] - z @ w - b) ** 2, axis=1) / s2)
        log_w += -0.5 * np.sum(z**2, axis=1) + 0.5 * np.sum(eps**2, axis=1) + 0.5 * np.sum(log_var)
        top = log_w.max()
        weights = np.exp(log_w - top)
        values.append(top + np.log(weights.mean()))
        errors.append(weights.std() / np.sqrt(k) / weights.mean())
    return values, errors


def model(d, seed):
    rng = np.random.default_rng(seed)
    w, b, raw = rng.standard_normal((d, X)) * 0.7, rng.standard_normal(X), float(rng.uniform(0.5, 1.5))
    s2 = variance_of(raw)
    x = (rng.standard_normal((4, d)) @ w + b + np.sqrt(s2) * rng.standard_normal((4, X))).astype(np.float32)
    # The posterior is N((x - b) W' C, s^2 C) with C = (W W' + s^2 I)^-1.
    c = np.linalg.inv(w @ w.T + s2 * np.eye(d))
    to_mean = 0.95 * w.T @ c
    weight = np.concatenate([to_mean, np.zeros((X, d))], axis=1)
    bias = np.concatenate([-b @ to_mean, np.log(s2 * np.diag(c)) + 0.4])
    float32 = lambda a: np.asarray(a, dtype=np.float32).astype(np.float64)
    w, b, weight, bias, raw = float32(w), float32(b), float32(weight), float32(bias), float(np.float32(raw))
    x = x.astype(np.float64)
    values, errors = importance(x, w, b, raw, weight, bias, 50_000, rng)
    return {
        "latent": d, "x": x.ravel().tolist(), "raw_log_var": raw,
        "decoder_weight": w.ravel().tolist(), "decoder_bias": b.tolist(),
        "encoder_weight": weight.ravel().tolist(), "encoder_bias": bias.tolist(),
        "exact": exact(x, w, b, raw).tolist(), "importance": list(map(float, values)), "error": list(map(float, errors)),
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        from safetensors.numpy import load_file

        t = {k: v.astype(np.float64) for k, v in load_file(sys.argv[1]).items()}
        log_p = exact(np.load(sys.argv[2]).astype(np.float64), t["decoder.0.weight"], t["decoder.0.bias"], float(t["likelihood.log_var"][0]))
        print(f"exact -log p(x): {-log_p.mean():.4f} +- {log_p.std(ddof=1) / np.sqrt(len(log_p)):.4f} nats, {len(log_p)} rows")
    else:
        print(json.dumps([model(d, 100 + d) for d in (1, 2, 5, 10)], indent=0))
