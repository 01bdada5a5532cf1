"""The PyTorch side of `bench/peers.py`: what `vaekit bench` measures, in the plain code that people write.

Data are float tensors in memory, a batch is an `index_select` by a permutation, Adam is PyTorch's default.
`torch.compile` compiles the model with its loss, for one batch size. All batches are full ones, which spares
it a second compilation. Every round begins at the random start again, as `vaekit bench` does.
"""

import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

BATCHES_WITHOUT_GRADIENTS = [500, 1000, 5000]
LOSS_STEPS = (251, 300)


def rows_of_bench(count=6000):
    """The rows that `vaekit bench` trains on, by the same formula."""
    i, j = np.arange(count)[:, None], np.arange(784)[None, :]
    angle = 0.37 * (i % 10 + 1) * (j % 28) / 28 * 6.2831853 + 0.61 * (i % 7) + 0.23 * (j // 28) * (i % 5 + 1)
    pixels = np.round(255 * (0.5 + 0.5 * np.sin(angle))) / 255
    return torch.from_numpy(pixels.astype(np.float32))


def mlp(sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Vae(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x):
        """-ELBO in nats an example."""
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
        distortion = binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        rate = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum()
        return (distortion + rate) / len(x)

    def encode(self, x):
        return self.encoder(x).chunk(2, dim=1)[0]

    def decode(self, z):
        return self.decoder(z).sigmoid()


def mlp_vae(hidden, latent):
    return Vae(mlp([784, *hidden, 2 * latent]), mlp([latent, *hidden[::-1], 784]))


def conv_vae():
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3136, 256), nn.ReLU(),
        nn.Linear(256, 2 * 20),
    )
    decoder = nn.Sequential(
        nn.Linear(20, 256), nn.ReLU(),
        nn.Linear(256, 3136), nn.ReLU(),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),
        nn.Flatten(),
    )
    return Vae(encoder, decoder)


# What to train, and rows a batch.
TRAINING = {
    "mlp-784-400-20-b64": (lambda: mlp_vae([400], 20), 64),
    "mlp-784-400-20-b128": (lambda: mlp_vae([400], 20), 128),
    "mlp-784-400-20-b1024": (lambda: mlp_vae([400], 20), 1024),
    "mlp-784-512-256-32-b128": (lambda: mlp_vae([512, 256], 32), 128),
    "conv-32-64-256-20-b128": (conv_vae, 128),
}


class Training:
    """One step of training after another."""

    def __init__(self, model, data, batch, loss=None, compiled=False):
        self.model, self.data, self.batch = model, data, batch
        self.loss = loss or (torch.compile(model, dynamic=False) if compiled else model)
        self.start = {name: value.clone() for name, value in model.state_dict().items()}
        self.restart()

    def restart(self):
        self.model.load_state_dict(self.start)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.order = self.batches()

    def batches(self):
        while True:
            for rows in torch.randperm(len(self.data)).split(self.batch):
                if len(rows) == self.batch:
                    yield rows

    def step(self):
        x = self.data.index_select(0, next(self.order))
        self.optimizer.zero_grad(set_to_none=True)
        self.last_loss = self.loss(x)
        self.last_loss.backward()
        self.optimizer.step()
        return len(x)

    def rate(self, seconds):
        self.restart()
        return rate(self.step, seconds)


class Passing:
    """One batch of encoding or decoding after another, into an array of all results."""

    def __init__(self, function, data, width, batch):
        self.function, self.data, self.batch = function, data, batch
        self.out = torch.empty(len(data), width)
        self.at = 0

    def step(self):
        part = slice(self.at, self.at + self.batch)
        with torch.no_grad():
            self.out[part] = self.function(self.data[part])
        self.at = (self.at + self.batch) % len(self.data)
        return self.batch

    def rate(self, seconds):
        return rate(self.step, seconds)


def rate(step, seconds):
    """Rows a second, after three steps of warm-up."""
    for _ in range(3):
        step()
    rows, elapsed, begun = 0, 0.0, time.perf_counter()
    while elapsed < seconds:
        rows += step()
        elapsed = time.perf_counter() - begun
    return rows / elapsed


def passing(name, compiled, seconds):
    """Encoding or decoding of 60,000 rows at the batch size that suits PyTorch best."""
    model = mlp_vae([400], 20)
    if name.startswith("encode"):
        function, data, width = model.encode, rows_of_bench().repeat(10, 1), 20
    else:
        function, data, width = model.decode, torch.randn(60000, 20), 784
    if compiled:
        function = torch.compile(function, dynamic=False)
    choices = [Passing(function, data, width, batch) for batch in BATCHES_WITHOUT_GRADIENTS]
    return max(choices, key=lambda choice: choice.rate(min(seconds, 1)))


def peer(name, compiled, seconds):
    """Whatever `rate(seconds)` measures for this id, already compiled."""
    if name not in TRAINING:
        return passing(name, compiled, seconds)
    model, batch = TRAINING[name]
    training = Training(model(), rows_of_bench(), batch, compiled=compiled)
    training.step()
    return training


def training_loss(name, starts):
    """Mean loss over the steps that `vaekit bench` reports it for, mean of some random starts."""
    model, batch = TRAINING[name]
    losses = []
    for _ in range(starts):
        training = Training(model(), rows_of_bench(), batch)
        for step in range(1, LOSS_STEPS[1] + 1):
            training.step()
            if step >= LOSS_STEPS[0]:
                losses.append(training.last_loss.item())
    return float(np.mean(losses))


def pythae_peer(name):
    """Pythae's own VAE with our layers, in the loop of its trainer; batches come as above, not by its DataLoader."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.hidden = mlp([784, 400])
            self.mean, self.log_var = nn.Linear(400, 20), nn.Linear(400, 20)

        def forward(self, x):
            h = self.hidden(x).relu()
            return ModelOutput(embedding=self.mean(h), log_covariance=self.log_var(h))

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.layers = mlp([20, 400, 784])

        def forward(self, z):
            return ModelOutput(reconstruction=self.layers(z).sigmoid())

    config = VAEConfig(input_dim=(784,), latent_dim=20, reconstruction_loss="bce")
    model = VAE(config, encoder=Encoder(), decoder=Decoder())
    return Training(model, rows_of_bench(), TRAINING[name][1], loss=lambda x: model({"data": x}).loss)


def gemm_gflops(seconds):
    """Best single-precision matrix product of a few square sizes."""
    best = 0.0
    for n in [512, 1024, 2048]:
        a, b = torch.randn(n, n), torch.randn(n, n)
        a @ b
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds / 3:
            before = time.perf_counter()
            a @ b
            best = max(best, 2 * n**3 / (time.perf_counter() - before) / 1e9)
    return best


def epoch_seconds(data, batch):
    """Time of one epoch of 784-400-20 from a new start, tensors already in memory."""
    model = mlp_vae([400], 20)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    begun = time.perf_counter()
    for rows in torch.randperm(len(data)).split(batch):
        x = data.index_select(0, rows)
        optimizer.zero_grad(set_to_none=True)
        model(x).backward()
        optimizer.step()
    return time.perf_counter() - begun
