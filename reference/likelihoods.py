"""Golden cases of likelihoods, and what else is compared by value: von Mises-Fisher divergences, MS-SSIM."""

import math

import torch
from model import B, STANDARD, X, Model, eps, gaussian, result, rows, wave
from scipy import special
from torch import distributions as dist
from torch.nn import functional as F


def colours():
    """Red, green and blue of two pixels under five logistic distributions that share weights."""
    m, pixels, k = 5, X // 3, 2
    x = torch.round(255 * rows()) / 255
    model = Model(3, 6, out_width=4 * m * X)
    q = gaussian(model.encode(x))
    raw = model.decode(q.mean + q.scale * eps(k, 3)).reshape(k, B, 4, m, 3, pixels)
    mean, scale, weight, c = raw[:, :, 0] + 0.5, (raw[:, :, 1] - 2.3).exp(), raw[:, :, 2], torch.tanh(raw[:, :, 3])
    wide = x.reshape(B, 1, 3, pixels)
    red, green = wide[..., 0, :] - 0.5, wide[..., 1, :] - 0.5
    mean = torch.stack([mean[..., 0, :], mean[..., 1, :] + c[..., 0, :] * red,
                        mean[..., 2, :] + c[..., 1, :] * red + c[..., 2, :] * green], -2)
    cdf = lambda v: torch.sigmoid((v - mean) / scale)
    wide = wide.expand_as(mean)
    up = torch.where(wide > 0.999, torch.ones(()), cdf(wide + 1 / 510))
    low = torch.where(wide < 0.001, torch.zeros(()), cdf(wide - 1 / 510))
    of_component = torch.log(up - low).sum(-2) + F.log_softmax(weight.sum(-2), 2)
    log_p = torch.logsumexp(of_component, 2).sum(-1)
    loss = -log_p.mean() + dist.kl_divergence(q, STANDARD).sum(-1).mean()
    settings = {"variant": "vae", "samples": "2", "likelihood": "logistic-mixture"}
    return result("colours", model, loss, settings, x=x.flatten().tolist(), image=[3, 1, pixels])


def scale_of(raw):
    return (0.5 * (F.softplus(raw - 2.0 + 10.0) - 10.0)).exp()


def likelihood(name):
    """`vae` with another likelihood."""
    width, after, x = {"continuous-bernoulli": 1, "poisson": 1, "negative-binomial": 1, "logistic-mixture": 15}.get(name, 2), [], rows()
    if name in ("negative-binomial", "zero-inflated"):
        after = [("likelihood.log_inverse_dispersion", (X,))]
    if name == "student":
        after = [("likelihood.freedom", (1,))]
    counts = name in ("poisson", "negative-binomial", "zero-inflated")
    if counts:
        x = torch.round(3 + 3 * wave(B * X, 0.3)).reshape(B, X)
    if name in ("logistic", "logistic-mixture"):
        x = torch.round(255 * x) / 255
    model = Model(3, 6, out_width=width * X, after=after)
    q = gaussian(model.encode(torch.log1p(x) if counts else x))
    raw = model.decode(q.mean + q.scale * eps(2, 3))
    if name == "continuous-bernoulli":
        each = dist.ContinuousBernoulli(logits=raw).log_prob(x)
    elif name == "laplace":
        each = dist.Laplace(raw[..., :X], scale_of(raw[..., X:])).log_prob(x)
    elif name == "student":
        freedom = 2 + F.softplus(model.p["likelihood.freedom"])
        each = dist.StudentT(freedom, raw[..., :X], scale_of(raw[..., X:])).log_prob(x)
    elif name == "log-cosh":
        s = scale_of(raw[..., X:])
        each = -torch.log(torch.cosh((x - raw[..., :X]) / s)) - torch.log(math.pi * s)
    elif name == "poisson":
        each = dist.Poisson(raw.exp()).log_prob(x)
    elif counts:
        r = model.p["likelihood.log_inverse_dispersion"].exp()
        each = dist.NegativeBinomial(r, logits=raw[..., :X] - r.log()).log_prob(x)
        if name == "zero-inflated":
            forced, free = F.logsigmoid(raw[..., X:]), F.logsigmoid(-raw[..., X:]) + each
            each = torch.where(x == 0, torch.logaddexp(forced, free), free)
    else:
        m = 1 if name == "logistic" else 5
        blocks = raw.reshape(2, B, -1, m, X)
        mean, scale = blocks[:, :, 0] + 0.5, (blocks[:, :, 1] - 2.3).exp()
        cdf = lambda v: torch.sigmoid((v - mean) / scale)
        wide = x.unsqueeze(1).expand_as(mean)
        up = torch.where(wide > 0.999, torch.ones(()), cdf(wide + 1 / 510))
        low = torch.where(wide < 0.001, torch.zeros(()), cdf(wide - 1 / 510))
        each = torch.log(up - low)
        if m > 1:
            each = each + F.log_softmax(blocks[:, :, 2], 2)
        each = torch.logsumexp(each, 2)
    loss = -each.sum(-1).mean() + dist.kl_divergence(q, STANDARD).sum(-1).mean()
    return result(f"likelihood {name}", model, loss, {"variant": "vae", "samples": "2", "likelihood": name}, x=x.flatten().tolist())


def mises_fisher():
    """KL from the uniform distribution on the sphere, and its slope, by the formula with scaled Bessel functions."""
    table = []
    for d, kappa in [(2, 1.5), (3, 0.7), (3, 30.0), (10, 12.0), (20, 100.0), (10, 500.0)]:
        def kl(k):
            v = d / 2 - 1
            log_bessel = math.log(special.ive(v, k)) + k
            ratio = special.ive(v + 1, k) / special.ive(v, k)
            log_c = v * math.log(k) - d / 2 * math.log(2 * math.pi) - log_bessel
            return k * ratio + log_c - (math.lgamma(d / 2) - math.log(2) - d / 2 * math.log(math.pi))
        h = 1e-4 * kappa
        table.append({"d": d, "kappa": kappa, "kl": kl(kappa), "slope": (kl(kappa + h) - kl(kappa - h)) / (2 * h)})
    return table


def structure(c=2, h=25, w=23):
    """MS-SSIM of two images at two scales, by convolutions, and every 37th slope by the second."""
    x = (0.5 + 0.5 * wave(c * h * w, 0.1)).reshape(1, c, h, w)
    y = (0.5 + 0.4 * wave(c * h * w, 0.4)).reshape(1, c, h, w).requires_grad_()
    bell = torch.exp(-((torch.arange(11.0) - 5) ** 2) / (2 * 1.5**2))
    bell = bell / bell.sum()
    window = (bell[:, None] * bell[None, :]).expand(c, 1, 11, 11)
    blur = lambda t: F.conv2d(t, window, groups=c)
    weights, value = [0.0448, 0.2856], torch.tensor(1.0)
    a, b = x, y
    for j, weight in enumerate(weights):
        if j:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        ma, mb = blur(a), blur(b)
        cs = (2 * (blur(a * b) - ma * mb) + 9e-4) / (blur(a * a) - ma**2 + blur(b * b) - mb**2 + 9e-4)
        if j + 1 == len(weights):
            cs = cs * (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4)
        value = value * cs.mean() ** (weight / sum(weights))
    (slope,) = torch.autograd.grad(value, y)
    return {"shape": [c, h, w], "value": value.item(), "slope": slope.flatten()[::37].tolist()}
