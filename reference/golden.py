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


# Convolutional networks: images of an odd size with two channels, [C, H, W] = [2, 6, 5].
IMAGE, STAGES, PER_HEAD = (2, 6, 5), (2, 10), 5


def groups_of(channels):
    return max(g for g in range(1, 9) if channels % g == 0)


class Pyramid:
    """The networks of `--net conv` and `--net resnet`, with weights in vaekit's layouts and order."""

    def __init__(self, residual, resize, per_value):
        self.residual, self.resize, self.p = residual, resize, {}
        c, h, w = IMAGE
        self.sizes = [(h, w)]
        for i, out in enumerate(STAGES):
            self.add(f"encoder.stage{i}.conv.weight", (16 * c, out))
            self.add(f"encoder.stage{i}.conv.bias", (out,))
            h, w, c = (h - 2) // 2 + 1, (w - 2) // 2 + 1, out
            self.sizes.append((h, w))
            self.add_block(f"encoder.stage{i}.block", c)
        if residual:
            self.add("encoder.norm.gamma", (c,))
            self.add("encoder.norm.beta", (c,))
        self.add_linear("encoder.head.0", h * w * c, PER_HEAD)
        self.add_linear("encoder.head.1", PER_HEAD, 2 * D)
        self.add_linear("decoder.head.0", D, PER_HEAD)
        self.add_linear("decoder.head.1", PER_HEAD, h * w * c)
        for i in reversed(range(len(STAGES))):
            self.add_block(f"decoder.stage{i}.block", c)
            out = STAGES[i - 1] if i > 0 else per_value * IMAGE[0]
            self.add(f"decoder.stage{i}.conv.weight", (9 * c, out) if resize else (c, 16 * out))
            self.add(f"decoder.stage{i}.conv.bias", (out,))
            c = out

    def add(self, name, shape):
        values = 0.5 * wave(math.prod(shape), float(len(self.p)))
        self.p[name] = values.reshape(shape).requires_grad_()

    def add_linear(self, name, inputs, outputs):
        self.add(f"{name}.weight", (inputs, outputs))
        self.add(f"{name}.bias", (outputs,))

    def add_block(self, name, c):
        if self.residual:
            for i in (0, 1):
                self.add(f"{name}.norm{i}.gamma", (c,))
                self.add(f"{name}.norm{i}.beta", (c,))
            for i in (0, 1):
                self.add(f"{name}.conv{i}.weight", (9 * c, c))
                self.add(f"{name}.conv{i}.bias", (c,))

    def conv(self, name, x, kernel, stride):
        weight = self.p[f"{name}.weight"]
        weight = weight.reshape(kernel, kernel, x.shape[1], -1).permute(3, 2, 0, 1)
        return torch.nn.functional.conv2d(x, weight, self.p[f"{name}.bias"], stride, padding=1)

    def norm(self, name, x):
        c = x.shape[1]
        return torch.nn.functional.group_norm(x, groups_of(c), self.p[f"{name}.gamma"], self.p[f"{name}.beta"])

    def block(self, name, x):
        if not self.residual:
            return x
        inner = x
        for i in (0, 1):
            inner = self.conv(f"{name}.conv{i}", self.norm(f"{name}.norm{i}", inner).tanh(), 3, 1)
        return x + inner

    def head(self, name, x):
        x = (x @ self.p[f"{name}.0.weight"] + self.p[f"{name}.0.bias"]).tanh()
        return x @ self.p[f"{name}.1.weight"] + self.p[f"{name}.1.bias"]

    def encode(self, x):
        for i in range(len(STAGES)):
            x = self.conv(f"encoder.stage{i}.conv", x, 4, 2)
            x = self.block(f"encoder.stage{i}.block", x) if self.residual else x.tanh()
        x = self.norm("encoder.norm", x).tanh() if self.residual else x
        return self.head("encoder.head", x.permute(0, 2, 3, 1).flatten(1))

    def decode(self, z):
        h, w = self.sizes[-1]
        x = self.head("decoder.head", z).tanh().reshape(len(z), h, w, -1).permute(0, 3, 1, 2)
        for i in reversed(range(len(STAGES))):
            x, (h, w), name = self.block(f"decoder.stage{i}.block", x), self.sizes[i], f"decoder.stage{i}.conv"
            if self.resize:
                rows = [r * x.shape[2] // h for r in range(h)]
                columns = [c * x.shape[3] // w for c in range(w)]
                x = self.conv(name, x[:, :, rows][:, :, :, columns], 3, 1)
            else:
                weight = self.p[f"{name}.weight"].reshape(x.shape[1], 4, 4, -1).permute(0, 3, 1, 2)
                left = (h - 2 * x.shape[2], w - 2 * x.shape[3])
                bias = self.p[f"{name}.bias"]
                x = torch.nn.functional.conv_transpose2d(x, weight, bias, 2, padding=1, output_padding=left)
            x = x.tanh() if i > 0 else x
        return x.flatten(1)


def network_step(net, upsample, likelihood):
    pixels = math.prod(IMAGE)
    model = Pyramid(net == "resnet", upsample == "resize", 2 if likelihood == "gaussian-learned" else 1)
    x = 0.5 + 0.5 * wave(B * pixels, 0.3).reshape(B, pixels)
    mean, log_var = model.encode(x.reshape(B, *IMAGE)).chunk(2, dim=-1)
    q = torch.distributions.Normal(mean, log_var.mul(0.5).exp())
    z = mean + q.scale * wave(K * B * D, 0.9).reshape(K, B, D)
    rate = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(-1).mean()
    raw = model.decode(z.reshape(K * B, D)).reshape(K, B, -1)
    distortion = -log_prob(likelihood, model.p, x, raw).mean()
    (distortion + rate).backward()
    return {
        "net": net,
        "upsample": upsample,
        "likelihood": likelihood,
        "distortion": distortion.item(),
        "rate": rate.item(),
        # Twelve digits: these are many, and are compared to five.
        "gradients": {n: [float(f"{v:.12g}") for v in t.grad.flatten().tolist()] for n, t in model.p.items()},
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
    networks = [
        network_step("conv", "transposed", "gaussian-learned"),
        network_step("resnet", "resize", "bernoulli"),
    ]
    # A line a step, so that a change shows where it is.
    lines, more = (",\n".join(json.dumps(s) for s in each) for each in (steps, networks))
    print(
        f'{{"torch": "{torch.__version__}",\n"optimizers": {json.dumps(optimizer_paths())},\n'
        f'"steps": [\n{lines}\n],\n"networks": [\n{more}\n]}}'
    )


if __name__ == "__main__":
    main()
