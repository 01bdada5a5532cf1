"""Losses and gradients of one step of every variant and likelihood, in float64 with PyTorch.

Run `python reference/golden.py > reference/golden.json` with torch and numpy
installed. Weights and inputs come from the formula in `wave`, which the Rust
test repeats, so that the file holds only what PyTorch computed.
"""

import json
import math

import torch

torch.set_default_dtype(torch.float64)

X, HIDDEN, D, B, K = 6, 5, 3, 4, 2
MIN_LOG_VAR, START_LOG_VAR = -10.0, -2.0


def wave(n, phase):
    """n numbers in (-1, 1) that no symmetry hides: sin(1.7 i + phase)."""
    return torch.tensor([math.sin(1.7 * i + phase) for i in range(n)])


def bounded(raw):
    return torch.nn.functional.softplus(raw + START_LOG_VAR - MIN_LOG_VAR) + MIN_LOG_VAR


def parameters(code_width, out_width, shared):
    shapes = [
        ("encoder.0.weight", (X, HIDDEN)),
        ("encoder.0.bias", (HIDDEN,)),
        ("encoder.1.weight", (HIDDEN, code_width)),
        ("encoder.1.bias", (code_width,)),
        ("decoder.0.weight", (D, HIDDEN)),
        ("decoder.0.bias", (HIDDEN,)),
        ("decoder.1.weight", (HIDDEN, out_width)),
        ("decoder.1.bias", (out_width,)),
    ]
    if shared:
        shapes.append(("likelihood.log_var", (1,)))
    return {
        name: (0.5 * wave(math.prod(shape), float(i))).reshape(shape).requires_grad_()
        for i, (name, shape) in enumerate(shapes)
    }


def log_prob(likelihood, p, x, raw):
    """log p(x given z), summed over values: [K, B]."""
    if likelihood == "bernoulli":
        return -torch.nn.functional.binary_cross_entropy_with_logits(
            raw, x.expand_as(raw), reduction="none"
        ).sum(-1)
    if likelihood == "gaussian":
        return torch.distributions.Normal(raw, 1.0).log_prob(x).sum(-1)
    if likelihood == "gaussian-shared":
        scale = bounded(p["likelihood.log_var"]).mul(0.5).exp()
        return torch.distributions.Normal(raw, scale).log_prob(x).sum(-1)
    mean, log_var = raw.chunk(2, dim=-1)
    return torch.distributions.Normal(mean, bounded(log_var).mul(0.5).exp()).log_prob(x).sum(-1)


def step(variant, likelihood, activation, beta, free_bits):
    density = variant in ("vae", "beta-vae")
    k = K if density else 1
    p = parameters(2 * D if density else D, 2 * X if likelihood == "gaussian-learned" else X,
                   likelihood == "gaussian-shared")
    x = 0.5 + 0.5 * wave(B * X, 0.3).reshape(B, X)
    eps = wave(k * B * D, 0.9).reshape(k, B, D)
    # The damage of a denoising autoencoder, given: the test adds the same.
    seen = x + 0.3 * wave(B * X, 2.1).reshape(B, X) if variant == "dae" else x
    act = getattr(torch.nn.functional, activation, None) or getattr(torch, activation)
    code = act(seen @ p["encoder.0.weight"] + p["encoder.0.bias"])
    code = code @ p["encoder.1.weight"] + p["encoder.1.bias"]
    if density:
        mean, log_var = code.chunk(2, dim=-1)
        q = torch.distributions.Normal(mean, log_var.mul(0.5).exp())
        z = mean + q.scale * eps
        kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0))  # [B, D]
        rate = kl.sum(-1).mean()
        charged = kl.mean(0).clamp_min(free_bits).sum() if free_bits > 0 else rate
    else:
        z, rate, charged = code.unsqueeze(0), None, torch.zeros(())
    raw = act(z @ p["decoder.0.weight"] + p["decoder.0.bias"])
    raw = raw @ p["decoder.1.weight"] + p["decoder.1.bias"]
    distortion = -log_prob(likelihood, p, x, raw).mean()
    loss = distortion + beta * charged
    loss.backward()
    return {
        "variant": variant,
        "likelihood": likelihood,
        "activation": activation,
        "beta": beta,
        "free_bits": free_bits,
        "loss": loss.item(),
        "distortion": distortion.item(),
        "rate": None if rate is None else rate.item(),
        "gradients": {name: t.grad.flatten().tolist() for name, t in p.items()},
    }


def optimizer_paths():
    """Five steps of each optimizer on four numbers with given gradients."""
    def run(make):
        p = torch.nn.Parameter(wave(4, 0.5))
        optimizer = make([p])
        for t in range(5):
            p.grad = wave(4, 1.0 + t) * (t + 1)
            optimizer.step()
        return p.detach().tolist()

    optim = torch.optim
    return {
        "adam": run(lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1)),
        "adamw": run(lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1)),
        "sgd": run(lambda p: optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1)),
        "rmsprop": run(lambda p: optim.RMSprop(p, lr=0.01, weight_decay=0.1)),
    }


def main():
    likelihoods = ["bernoulli", "gaussian", "gaussian-shared", "gaussian-learned"]
    steps = [
        step(variant, likelihood, "tanh", 4.0 if variant == "beta-vae" else 1.0, 0.0)
        for variant in ["vae", "beta-vae", "ae", "dae"]
        for likelihood in likelihoods
    ]
    steps += [
        step("vae", "bernoulli", activation, 1.0, 0.0)
        for activation in ["relu", "sigmoid", "softplus", "gelu", "elu"]
    ]
    steps.append(step("vae", "gaussian-shared", "tanh", 0.5, 0.25))
    # A line a step, so that a change shows where it is.
    lines = ",\n".join(json.dumps(s) for s in steps)
    print(f'{{"torch": "{torch.__version__}",\n"optimizers": {json.dumps(optimizer_paths())},\n"steps": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
