"""The small model of the golden cases in PyTorch, with its rows, its noise, and how a case is written down."""

import json
import math
import pathlib

import torch
from torch import distributions as dist
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)

X, HIDDEN, B, ROWS = 6, 5, 4, 100
NOISE = json.loads((pathlib.Path(__file__).parent / "noise.json").read_text())
STANDARD = dist.Normal(0.0, 1.0)


def wave(n, phase):
    return torch.tensor([math.sin(1.7 * i + phase) for i in range(n)])


class Model:
    """Parameters in vaekit's order, with its names."""

    def __init__(self, latent, code_width, out_width=X, own=(), after=(), inputs=X, head=None):
        shapes = [
            ("encoder.0.weight", (inputs, HIDDEN)), ("encoder.0.bias", (HIDDEN,)),
            *(head or [("encoder.1.weight", (HIDDEN, code_width)), ("encoder.1.bias", (code_width,))]),
            *own,
            ("decoder.0.weight", (latent, HIDDEN)), ("decoder.0.bias", (HIDDEN,)),
            ("decoder.1.weight", (HIDDEN, out_width)), ("decoder.1.bias", (out_width,)),
            *after,
        ]
        self.p = {}
        for i, (name, shape) in enumerate(shapes):
            values = 0.5 * wave(math.prod(shape), float(i))
            if name.endswith("code_counts"):
                values = values.abs() + 0.5
            self.p[name] = values.reshape(shape).requires_grad_()

    def encode(self, x):
        h = torch.tanh(x @ self.p["encoder.0.weight"] + self.p["encoder.0.bias"])
        return h @ self.p["encoder.1.weight"] + self.p["encoder.1.bias"]

    def decode(self, z):
        h = torch.tanh(z @ self.p["decoder.0.weight"] + self.p["decoder.0.bias"])
        return h @ self.p["decoder.1.weight"] + self.p["decoder.1.bias"]

    def made(self, name, x, context, inputs, outputs, blocks, hidden):
        """A masked network, degrees in turn."""
        least = 0 if context else 1
        degree = torch.tensor([least + u % max(blocks - least, 1) for u in range(hidden)])
        rows = torch.tensor([i // inputs if i < blocks * inputs else -1 for i in range(blocks * inputs + context)])
        into = (rows.unsqueeze(1) < degree).double()
        out = torch.tensor([o // outputs for o in range(blocks * outputs)])
        from_ = (degree.unsqueeze(1) <= out).double()
        h = F.elu(x @ (self.p[f"{name}.0.weight"] * into) + self.p[f"{name}.0.bias"])
        return h @ (self.p[f"{name}.1.weight"] * from_) + self.p[f"{name}.1.bias"]

    def mlp(self, name, x, layers, frozen=False):
        for i in range(layers):
            w, b = self.p[f"{name}.{i}.weight"], self.p[f"{name}.{i}.bias"]
            x = x @ (w.detach() if frozen else w) + (b.detach() if frozen else b)
            x = F.leaky_relu(x, 0.2) if i + 1 < layers else x
        return x


def affine(name, i, o):
    return [(f"{name}.weight", (i, o)), (f"{name}.bias", (o,))]


def rows():
    return 0.5 + 0.5 * wave(B * X, 0.3).reshape(B, X)


def eps(k, d):
    """[K, B, D] of the stored [B, K, D]."""
    return torch.tensor(NOISE[f"posterior-{k}x{d}"]).reshape(B, k, d).transpose(0, 1)


def bernoulli(x, raw):
    return -F.binary_cross_entropy_with_logits(raw, x.expand_as(raw), reduction="none").sum(-1)


def gaussian(code):
    mean, log_var = code.chunk(2, -1)
    return dist.Normal(mean, (0.5 * log_var).exp())


def result(name, model, loss, settings, **more):
    loss.backward()
    gradients = {n: (None if t.grad is None else t.grad.flatten().tolist()) for n, t in model.p.items()}
    return {"case": name, "settings": settings, "loss": loss.item(), "gradients": gradients, **more}


def drawn(k=1, d=3, **of_model):
    """A model with a diagonal Gaussian: model, q, z [K, B, D], log p(x given z) [K, B]."""
    model = Model(d, 2 * d, **of_model)
    q = gaussian(model.encode(rows()))
    z = q.mean + q.scale * eps(k, d)
    return model, q, z, bernoulli(rows(), model.decode(z))
