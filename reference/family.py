"""Losses and gradients of one step of the family's members, in float64 with PyTorch.

Run `python reference/family.py > reference/family.json` with torch, numpy and scipy installed. Weights and inputs come
from the formula in `wave`, noise from reference/noise.json, which vaekit's generator made and the Rust test checks.
"""

import json
import math

import torch
from likelihoods import colours, likelihood, mises_fisher, structure
from model import B, HIDDEN, NOISE, ROWS, STANDARD, X, Model, affine, bernoulli, drawn, eps, gaussian, result, rows
from torch import distributions as dist
from torch.nn import functional as F


def iwae():
    model, q, z, log_p = drawn(k=5)
    log_w = log_p + STANDARD.log_prob(z).sum(-1) - q.log_prob(z).sum(-1)
    loss = -(torch.logsumexp(log_w, 0) - math.log(5)).mean()
    return result("iwae", model, loss, {"variant": "iwae", "samples": "5"})


def beta_tc(weighting):
    model, q, z, log_p = drawn()
    z, log_p = z[0], log_p[0]
    each = q.log_prob(z.unsqueeze(1))  # [B, B, D]
    n, m = ROWS, B - 1
    if weighting == "weighted":
        log_weight = torch.full((B, B), -math.log(n * B))
    else:
        rest = (n - m) / (n * m)
        w = lambda i, j: [1 / n, rest][(j - i) % B] if (j - i) % B < 2 else 1 / m
        log_weight = torch.tensor([[math.log(w(i, j)) for j in range(B)] for i in range(B)])
    log_q = torch.logsumexp(each.sum(-1) + log_weight, 1)
    log_product = torch.logsumexp(each + log_weight.unsqueeze(-1), 1).sum(-1)
    own, prior = q.log_prob(z).sum(-1), STANDARD.log_prob(z).sum(-1)
    loss = (-log_p + (own - log_q) + 6 * (log_q - log_product) + (log_product - prior)).mean()
    return result(f"beta-tc {weighting}", model, loss, {"variant": "beta-tcvae", "weighting": weighting})


def factor():
    sizes = [3, 4, 4, 4, 4, 4, 1]
    net = [s for i in range(6) for s in affine(f"objective.factor.{i}", sizes[i], sizes[i + 1])]
    model, q, z, log_p = drawn(after=net)
    z = z[0]
    kl = dist.kl_divergence(q, STANDARD).sum(-1).mean()
    correlation = model.mlp("objective.factor", z, 6, frozen=True).mean()
    z = z.detach()
    other = torch.stack([z[NOISE["shuffle"][d], d] for d in range(3)], 1)
    told = F.softplus(-model.mlp("objective.factor", z, 6)).mean() + F.softplus(model.mlp("objective.factor", other, 6)).mean()
    loss = -log_p.mean() + kl + 10 * correlation + 0.5 * told
    return result("factor", model, loss, {"variant": "factor-vae", "discriminator": "4"})


def dip(of):
    model, q, z, log_p = drawn()
    centred = q.mean - q.mean.mean(0)
    cov = centred.T @ centred / B
    if of == "codes":
        cov = cov + torch.diag(q.variance.mean(0))
    off = (cov - torch.diag(torch.diag(cov))).square().sum()
    on = (torch.diag(cov) - 1).square().sum()
    loss = -log_p.mean() + dist.kl_divergence(q, STANDARD).sum(-1).mean() + 10 * off + 10 * on
    return result(f"dip {of}", model, loss, {"variant": "dip-vae", "of": of})


def mmd(kernel):
    model = Model(3, 3)
    z = model.encode(rows())
    prior = torch.tensor(NOISE["prior-3"]).reshape(B, 3)
    d = 3

    def k(a, b):
        squares = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
        if kernel == "rbf":
            return sum((-squares / (2 * d * s)).exp() for s in (0.25, 1, 4))
        return sum(2 * d * s / (2 * d * s + squares) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    # cdist has no slope at 0: pairs of one row with itself are left out before.
    def within(a):
        i, j = torch.tensor([(i, j) for i in range(B) for j in range(B) if i != j]).T
        squares = (a[i] - a[j]).square().sum(-1)
        if kernel == "rbf":
            return sum((-squares / (2 * d * s)).exp() for s in (0.25, 1, 4)).mean()
        return sum(2 * d * s / (2 * d * s + squares) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10)).mean()

    apart = within(z) + within(prior) - 2 * k(z, prior).mean()
    loss = -bernoulli(rows(), model.decode(z)).mean() + 500 * apart
    return result(f"mmd {kernel}", model, loss, {"variant": "wae-mmd", "kernel": kernel})


def iaf():
    hidden, steps, d, k = 4, 2, 3, 2
    own = [s for i in range(steps)
           for s in affine(f"posterior.iaf{i}.0", 2 * d, hidden) + affine(f"posterior.iaf{i}.1", hidden, 2 * d)]
    model = Model(d, 2 * d + steps * d, own=own)
    raw = model.encode(rows())
    q = gaussian(raw[:, :2 * d])
    z = q.mean + q.scale * eps(k, d)
    log_q = q.log_prob(z).sum(-1)
    for i in range(steps):
        context = raw[:, 2 * d + i * d:2 * d + (i + 1) * d].expand(k, B, d)
        out = model.made(f"posterior.iaf{i}", torch.cat([z, context], -1), d, 1, 2, d, hidden).reshape(k, B, d, 2)
        m, s = out[..., 0], out[..., 1] + 2
        z = (torch.sigmoid(s) * (z - m) + m).flip(-1)
        log_q = log_q - F.logsigmoid(s).sum(-1)
    loss = (-bernoulli(rows(), model.decode(z)) + log_q - STANDARD.log_prob(z).sum(-1)).mean()
    return result("iaf", model, loss, {"variant": "flow-vae", "samples": "2", "flow_steps": "2", "flow_hidden": "4"})


def vamp():
    c, d, k = 3, 3, 2
    model = Model(d, 2 * d, own=[("prior.rows", (c, X))])
    q = gaussian(model.encode(rows()))
    z = q.mean + q.scale * eps(k, d)
    components = gaussian(model.encode(model.p["prior.rows"]))
    log_prior = torch.logsumexp(components.log_prob(z.unsqueeze(2)).sum(-1), -1) - math.log(c)
    loss = (-bernoulli(rows(), model.decode(z)) + q.log_prob(z).sum(-1) - log_prior).mean()
    return result("vamp", model, loss, {"variant": "vamp-vae", "samples": "2", "components": "3"})


def gumbel():
    v, c, k = 2, 2, 2
    model = Model(v * c, v * c)
    log_pi = F.log_softmax(model.encode(rows()).reshape(B, v, c), -1)
    u = torch.tensor(NOISE["classes"]).reshape(B, k, v, c).transpose(0, 1)
    z = torch.softmax((log_pi - torch.log(-torch.log(u + 3e-8))) / 0.5, -1).reshape(k, B, v * c)
    kl = (log_pi.exp() * (log_pi + math.log(c))).sum((-1, -2))
    loss = -bernoulli(rows(), model.decode(z)).mean() + kl.mean()
    return result("gumbel", model, loss, {"variant": "cat-vae", "latent": "4", "categories": "2", "samples": "2"})


def vq():
    size, positions, wide, hidden = 3, 2, 2, 4
    own = [("prior.codes", (size, wide)), ("prior.code_counts", (size,)), ("prior.code_sums", (size, wide)),
           *affine("prior.codes_net.0", positions * size, hidden), *affine("prior.codes_net.1", hidden, positions * size)]
    model = Model(positions * wide, positions * wide, own=own)
    raw = model.encode(rows())
    pieces, codes = raw.reshape(-1, wide), model.p["prior.codes"].detach()
    chosen = torch.cdist(pieces, codes).argmin(1)
    nearest = codes[chosen].reshape(B, -1)
    z = raw + (nearest - raw).detach()
    one_hot = F.one_hot(chosen, size).double().reshape(B, positions * size)
    logits = model.made("prior.codes_net", one_hot, 0, size, size, positions, hidden).reshape(B, positions, size)
    rate = -(F.log_softmax(logits, -1) * one_hot.reshape(B, positions, size)).sum((-1, -2))
    loss = (-bernoulli(rows(), model.decode(z)) + rate + 0.25 * (raw - nearest).square().sum(-1)).mean()
    counts = 0.99 * model.p["prior.code_counts"].detach() + 0.01 * F.one_hot(chosen, size).double().sum(0)
    sums = 0.99 * model.p["prior.code_sums"].detach() + 0.01 * F.one_hot(chosen, size).double().T @ pieces.detach()
    return result("vq", model, loss, {"variant": "vq-vae", "latent": "4", "positions": "2", "components": "3", "flow_hidden": "4"},
                  codes=(sums / counts.unsqueeze(1)).flatten().tolist())


def ladder(free_bits):
    """Three groups of 3, 1 and 1 dimensions, each joined with its prior given the one above."""
    head = [*affine("encoder.lower", HIDDEN, 6), *affine("encoder.upper.0", HIDDEN, 8), *affine("encoder.upper.1", 8, 2),
            *affine("encoder.upper2.0", 8, 8), *affine("encoder.upper2.1", 8, 2)]
    own = [*affine("prior.lower.0", 1, 4), *affine("prior.lower.1", 4, 6),
           *affine("prior.lower2.0", 1, 4), *affine("prior.lower2.1", 4, 2)]
    model = Model(3, 0, own=own, head=head)
    to = lambda name, x: x @ model.p[f"{name}.weight"] + model.p[f"{name}.bias"]
    one = torch.tanh(to("encoder.0", rows()))
    two = torch.tanh(to("encoder.upper.0", one))
    said = [to("encoder.lower", one), to("encoder.upper.1", two), to("encoder.upper2.1", torch.tanh(to("encoder.upper2.0", two)))]
    said = [gaussian(s) for s in said]
    noise = [eps(1, 3)[0], *(torch.tensor(NOISE[f"upper-{g}"]).reshape(B, 1) for g in (1, 2))]
    q, z = [None, None, said[2]], [None, None, said[2].mean + said[2].scale * noise[2]]
    p = [None, None, STANDARD]
    for g, name in ((1, "prior.lower2"), (0, "prior.lower")):
        p[g] = gaussian(to(f"{name}.1", torch.tanh(to(f"{name}.0", z[g + 1]))))
        precision = said[g].variance**-1 + p[g].variance**-1
        mean = (said[g].mean / said[g].variance + p[g].mean / p[g].variance) / precision
        q[g] = dist.Normal(mean, precision**-0.5)
        z[g] = mean + precision**-0.5 * noise[g]
    ratios = [(q[g].log_prob(z[g]) - p[g].log_prob(z[g])).sum(-1).mean() for g in range(3)]
    charged = sum(r.clamp(min=free_bits * d) if free_bits else r for r, d in zip(ratios, (3, 1, 1)))
    loss = -bernoulli(rows(), model.decode(z[0])).mean() + charged
    settings = {"variant": "ladder-vae", "groups": "3", "kl_schedule": "constant", "free_bits": str(free_bits), "flow_hidden": "4"}
    return result(f"ladder, free bits {free_bits}", model, loss, settings)


def full():
    d, k = 3, 2
    model = Model(d, 2 * d + d * (d - 1) // 2)
    raw = model.encode(rows())
    factor = torch.diag_embed(raw[:, d:2 * d].exp())
    i, j = torch.tril_indices(d, d, -1)
    factor = factor.index_put((torch.arange(B).unsqueeze(1), i, j), raw[:, 2 * d:])
    q = dist.MultivariateNormal(raw[:, :d], scale_tril=factor)
    z = raw[:, :d] + (factor @ eps(k, d).unsqueeze(-1)).squeeze(-1)
    kl = dist.kl_divergence(q, dist.MultivariateNormal(torch.zeros(d), torch.eye(d)))
    loss = -bernoulli(rows(), model.decode(z)).mean() + kl.mean()
    return result("full", model, loss, {"variant": "full-cov-vae", "samples": "2"})


def held(raw):
    return 3 * torch.tanh(raw / 3)


def flow_prior(name):
    """`vae` with a masked autoregressive flow or with couplings for its prior."""
    d, k, hidden, steps = 3, 2, 4, 3
    layers = {"maf": [("maf", d, 2 * d)], "realnvp": [("alternating", d, 2 * d)]}[name]
    own = [s for i in range(steps) for n, a, b in layers
           for s in affine(f"prior.{n}{i}.0", a, hidden) + affine(f"prior.{n}{i}.1", hidden, b)]
    model, q, z, log_p = drawn(k=k, own=own)
    u, log_det = z, 0
    for i in range(steps):
        if name == "maf":
            out = model.made(f"prior.maf{i}", u, 0, 1, 2, d, hidden).reshape(k, B, d, 2)
            m, s = out[..., 0], held(out[..., 1])
        else:
            stays = torch.tensor([float((j + i + 1) % 2 == 0) for j in range(d)])
            net = f"prior.alternating{i}"
            h = torch.tanh((u * stays) @ model.p[f"{net}.0.weight"] + model.p[f"{net}.0.bias"])
            out = h @ model.p[f"{net}.1.weight"] + model.p[f"{net}.1.bias"]
            m, s = out[..., :d] * (1 - stays), held(out[..., d:]) * (1 - stays)
        u, log_det = ((u - m) * torch.exp(-s)).flip(-1), log_det - s.sum(-1)
    loss = (-log_p + q.log_prob(z).sum(-1) - STANDARD.log_prob(u).sum(-1) - log_det).mean()
    settings = {"variant": "vae", "prior": name, "samples": "2", "flow_steps": "3", "flow_hidden": "4"}
    return result(f"prior {name}", model, loss, settings)


def mixture_prior():
    c, d = 3, 3
    model, q, z, log_p = drawn(k=2, own=[("prior.logits", (c,)), ("prior.mean", (c, d)), ("prior.log_var", (c, d))])
    each = dist.Normal(model.p["prior.mean"], (0.5 * model.p["prior.log_var"]).exp())
    mixed = dist.MixtureSameFamily(dist.Categorical(logits=model.p["prior.logits"]), dist.Independent(each, 1))
    loss = (-log_p + q.log_prob(z).sum(-1) - mixed.log_prob(z)).mean()
    return result("prior mixture", model, loss, {"variant": "vae", "prior": "mixture", "samples": "2", "components": "3"})


def bent(name):
    """Planar and Householder flows whose parameters come from the encoder."""
    d, k, steps = 3, 2, 2
    wide = {"planar": 2 * d + 1, "householder": d}[name]
    model = Model(d, 2 * d + steps * wide)
    raw = model.encode(rows())
    q = gaussian(raw[:, :2 * d])
    z = q.mean + q.scale * eps(k, d)
    log_q = q.log_prob(z).sum(-1)
    for i in range(steps):
        own = raw[:, 2 * d + i * wide:2 * d + (i + 1) * wide]
        if name == "householder":
            z = z - 2 * own * (own * z).sum(-1, keepdim=True) / (own.square().sum(-1, keepdim=True) + 1e-6)
            continue
        w, u, b = own[:, :d], own[:, d:2 * d], own[:, 2 * d:]
        wu = (w * u).sum(-1, keepdim=True)
        u = u + (F.softplus(wu) - 1 - wu) * w / (w.square().sum(-1, keepdim=True) + 1e-6)
        h = torch.tanh((w * z).sum(-1, keepdim=True) + b)
        log_q = log_q - torch.log(1 + (1 - h.square()) * (w * u).sum(-1, keepdim=True)).squeeze(-1)
        z = z + u * h
    loss = (-bernoulli(rows(), model.decode(z)) + log_q - STANDARD.log_prob(z).sum(-1)).mean()
    return result(name, model, loss, {"variant": "flow-vae", "posterior": name, "samples": "2", "flow_steps": "2"})


def spike():
    d, slab = 3, 0.2
    model = Model(d, 3 * d)
    raw = model.encode(rows())
    q, g = gaussian(raw[:, :2 * d]), torch.sigmoid(raw[:, 2 * d:])
    u = torch.tensor(NOISE["spikes"]).reshape(B, d)
    z = (q.mean + q.scale * eps(1, d)[0]) * torch.sigmoid(50 * (u + g - 1))
    choice = dist.kl_divergence(dist.Bernoulli(g), dist.Bernoulli(torch.tensor(slab)))
    kl = (g * dist.kl_divergence(q, STANDARD) + choice).sum(-1)
    loss = (-bernoulli(rows(), model.decode(z)) + kl).mean()
    return result("spike and slab", model, loss, {"variant": "vsc", "latent": "3", "kl_schedule": "constant", "slab": "0.2"})


def two_stage():
    own = [*affine("posterior.stage.0", 3, 4), *affine("posterior.stage.1", 4, 2),
           *affine("prior.lower.0", 1, 4), *affine("prior.lower.1", 4, 6)]
    model, q, z, log_p = drawn(own=own)
    to = lambda name, x: x @ model.p[f"{name}.weight"] + model.p[f"{name}.bias"]
    two = lambda name, x: gaussian(to(f"{name}.1", torch.tanh(to(f"{name}.0", x))))
    z1 = z[0].detach()
    q2 = two("posterior.stage", z1)
    z2 = q2.mean + q2.scale * torch.tensor(NOISE["stage"]).reshape(B, 1)
    second = q2.log_prob(z2) - STANDARD.log_prob(z2) - two("prior.lower", z2).log_prob(z1).sum(-1, keepdim=True)
    loss = -log_p.mean() + dist.kl_divergence(q, STANDARD).sum(-1).mean() + second.mean()
    return result("two-stage", model, loss, {"variant": "two-stage-vae", "flow_hidden": "4"})


def aae():
    net = [s for i, (a, b) in enumerate([(3, 4), (4, 4), (4, 1)]) for s in affine(f"objective.adversary.{i}", a, b)]
    model = Model(3, 3, after=net)
    z, prior = model.encode(rows()), torch.tensor(NOISE["prior-3"]).reshape(B, 3)
    judge = lambda x, frozen=False: model.mlp("objective.adversary", x, 3, frozen)
    told = F.softplus(-judge(prior)).mean() + F.softplus(judge(z.detach())).mean()
    loss = -bernoulli(rows(), model.decode(z)).mean() + 2 * F.softplus(-judge(z, True)).mean() + told
    return result("aae", model, loss, {"variant": "aae", "weight": "2", "discriminator": "4"})


def swae():
    model = Model(3, 3)
    z, prior = model.encode(rows()), torch.tensor(NOISE["prior-3"]).reshape(B, 3)
    lines = torch.tensor(NOISE["lines"]).reshape(4, 3)
    lines = (lines / lines.norm(dim=1, keepdim=True)).T
    apart = ((z @ lines).sort(0).values - (prior @ lines).sort(0).values).square().mean()
    loss = -bernoulli(rows(), model.decode(z)).mean() + 2 * apart
    return result("swae", model, loss, {"variant": "swae", "weight": "2", "lines": "4"})


def vae_gan():
    """The game reaches the decoder alone: its codes are held."""
    net = [*affine("objective.features.0", X, 4), *affine("objective.judge.0", 4, 4), *affine("objective.judge.1", 4, 1)]
    model, q, z, log_p = drawn(after=net)
    z = z[0]

    def seen(x, frozen):
        features = F.leaky_relu(model.mlp("objective.features", x, 1, frozen), 0.2)
        return features, model.mlp("objective.judge", features, 2, frozen)

    means = lambda z: torch.sigmoid(model.decode(z))
    made, played, drawn_ = means(z), means(z.detach()), means(torch.tensor(NOISE["prior-3"]).reshape(B, 3))
    alike = 0.5 * (seen(rows(), True)[0] - seen(made, True)[0]).square().sum(-1).mean()
    fooled = F.softplus(-seen(played, True)[1]).mean() + F.softplus(-seen(drawn_, True)[1]).mean()
    wrong = F.softplus(seen(made.detach(), False)[1]).mean() + F.softplus(seen(drawn_.detach(), False)[1]).mean()
    told = F.softplus(-seen(rows(), False)[1]).mean() + 0.5 * wrong
    loss = -log_p.mean() + dist.kl_divergence(q, STANDARD).sum(-1).mean() + alike + 5 * fooled + told
    return result("vae-gan", model, loss, {"variant": "vae-gan", "discriminator": "4"})


NAMES = ["continuous-bernoulli", "laplace", "student", "log-cosh", "poisson", "negative-binomial", "zero-inflated",
         "logistic", "logistic-mixture"]
STEPS = [iwae(), beta_tc("weighted"), beta_tc("stratified"), factor(), dip("means"), dip("codes"), mmd("imq"), mmd("rbf"),
         iaf(), vamp(), gumbel(), vq(), ladder(0.0), ladder(0.2), full(), flow_prior("maf"), flow_prior("realnvp"), mixture_prior(),
         bent("planar"), bent("householder"), spike(), two_stage(), aae(), swae(), vae_gan(), colours(),
         *[likelihood(n) for n in NAMES]]
print(json.dumps({"steps": STEPS, "mises_fisher": mises_fisher(), "structure": structure()}, indent=1))
