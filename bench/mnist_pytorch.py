"""The same VAE in plain PyTorch: test -ELBO after ten epochs, to compare with `vaekit train mnist`.

    python bench/mnist_pytorch.py --data $VAEKIT_DATA/mnist --hidden 400 --latent 20 --seeds 0 1 2

Adam 1e-3, batch 128, all 60,000 rows, one sample of z, the tensors of the whole
set in memory. `--binarize` draws pixels anew every epoch.
"""

import argparse
import gzip
import json
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits


def images(folder, stem):
    with gzip.open(pathlib.Path(folder) / f"{stem}-images-idx3-ubyte.gz") as f:
        pixels = np.frombuffer(f.read(), np.uint8, offset=16)
    return torch.from_numpy(pixels.reshape(-1, 784).astype(np.float32) / 255)


def mlp(sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Vae(nn.Module):
    def __init__(self, hidden, latent):
        super().__init__()
        self.encoder = mlp([784, *hidden, 2 * latent])
        self.decoder = mlp([latent, *hidden[::-1], 784])

    def negative_elbo(self, x):
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
        distortion = binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        rate = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum()
        return (distortion + rate) / len(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--hidden", default="400")
    parser.add_argument("--latent", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--binarize", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--json", action="store_true", help="the last seed's figures as one JSON object")
    args = parser.parse_args()
    train, test = images(args.data, "train"), images(args.data, "t10k")
    for seed in args.seeds:
        torch.manual_seed(seed)
        model = Vae([int(h) for h in args.hidden.split(",")], args.latent)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        begun = time.time()
        for _ in range(args.epochs):
            for rows in torch.randperm(len(train)).split(args.batch):
                x = torch.bernoulli(train[rows]) if args.binarize else train[rows]
                optimizer.zero_grad()
                model.negative_elbo(x).backward()
                optimizer.step()
        seconds = time.time() - begun
        with torch.no_grad():
            x = torch.bernoulli(test) if args.binarize else test
            value = np.mean([model.negative_elbo(part).item() for part in x.split(1000)])
        if args.json:
            found = {"elbo_nats": -float(value), "seconds": seconds}
            continue
        print(f"seed {seed}: test -ELBO {value:.2f} nats, {seconds:.1f} s, {args.epochs * len(train) / seconds:,.0f} rows/s", flush=True)
    if args.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
