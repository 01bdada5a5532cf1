"""What is published, as a list: what to train, on which seeds, and what to measure of it.

`all` runs them, `pages` writes the tables. An experiment is trained once a seed; what it is compared with is another of
the list, paired by seed. `beside` is what a paper has, `weight` the minutes of a seed on two cores, so that the cheap
ones come first.
"""

import dataclasses

CONFIGS = "bench/reproduce"
EVIDENCE = ["--importance-samples", "5000", "--limit", "1000"]


@dataclasses.dataclass(frozen=True)
class Experiment:
    id: str
    what: str
    train: tuple
    seeds: tuple = (0, 1, 2)
    evaluate: tuple = ()
    figure: str = "nll_nats"
    unit: str = "-log p(x), nats"
    group: str = ""
    against: str = ""
    beside: str = ""
    weight: float = 1.0
    # Data that does not come with vaekit: the folder that VAEKIT_DATA names, or a script that writes it.
    needs: str = "mnist"
    # Figures of another command than `evaluate`: the script that prints JSON, with SEED in its place.
    peer: tuple = ()


def mnist(id, what, *flags, **more):
    train = ("mnist", "--epochs", "10", "--batch", "128", *flags)
    return Experiment(id, what, train, figure="elbo_nats", unit="test ELBO, nats", group="mnist", weight=0.5, **more)


def peer(id, what, *flags):
    script = ("python", "bench/mnist_pytorch.py", "--data", "DATA/mnist", "--seeds", "SEED", "--json", *flags)
    return Experiment(id, what, (), figure="elbo_nats", unit="test ELBO, nats", group="mnist", weight=1.0, peer=script)


def frey(likelihood, what):
    train = ("DATA/tables/freyfaces.npz", "--config", "configs/frey-faces.toml", "--likelihood", likelihood)
    return Experiment(f"frey-{likelihood}", what, train, figure="elbo_nats", unit="test ELBO, nats, pixels from 0 to 1",
                      group="frey", weight=2.0, needs="tables/freyfaces.npz")


def one_layer(id, what, *flags, weight, beside="", against="one-layer-vae"):
    train = ("--config", f"{CONFIGS}/one-layer.toml", *flags)
    return Experiment(id, what, train, evaluate=tuple(EVIDENCE), group="one-layer", against=against, beside=beside,
                      weight=weight)


def shapes(id, what, config, against=""):
    train = ("--config", f"{CONFIGS}/{config}")
    return Experiment(id, what, train, seeds=(0, 1, 2, 3, 4), evaluate=("--disentanglement",),
                      figure="disentanglement.mig_sampled", unit="MIG, by samples", group="shapes", against=against,
                      weight=6.0, needs="")


def beta(value):
    train = ("shapes", "--variant", "beta-vae", "--hidden", "400,400", "--latent", "10", "--epochs", "60", "--beta", value)
    return Experiment(f"beta-shapes-{value}", f"beta-VAE, beta {value}", train, evaluate=("--disentanglement",),
                      figure="disentanglement.mig_binned", unit="MIG, 20 bins", group="beta-shapes", weight=4.0, needs="")


EXPERIMENTS = [
    mnist("mnist-grey", "MNIST, 784-400-20, grey pixels"),
    peer("mnist-grey-pytorch", "the same in PyTorch"),
    mnist("mnist-binary", "MNIST, 784-400-20, `--binarize dynamic`", "--binarize", "dynamic"),
    peer("mnist-binary-pytorch", "the same in PyTorch", "--binarize"),
    mnist("mnist-deep", "MNIST, 784-512-256-32, grey pixels", "--hidden", "512,256", "--latent", "32"),
    peer("mnist-deep-pytorch", "the same in PyTorch", "--hidden", "512,256", "--latent", "32"),
    frey("gaussian", "`gaussian` (unit variance)"),
    frey("gaussian-shared", "`gaussian-shared` (one learned variance)"),
    frey("gaussian-learned", "`gaussian-learned` (a variance a pixel, from z)"),
    Experiment("ppca", "probabilistic PCA, 12 values, 5 latents", ("--config", f"{CONFIGS}/ppca.toml"),
               evaluate=("--part", "all", "--importance-samples", "5000"), group="single",
               beside="Tipping & Bishop 1999: the exact value by closed form, `reference/evidence.py`", weight=0.1, needs="ppca"),
    Experiment("vq", "VQ-VAE of MNIST, 16 positions, 64 codes", ("--config", f"{CONFIGS}/vq.toml"),
               figure="chosen.perplexity.0", unit="perplexity of 64", group="single",
               beside="van den Oord et al. 2017 give none for MNIST", weight=0.6),
    Experiment("clusters", "clusters of MNIST, 784-500-500-10", ("--config", f"{CONFIGS}/clusters.toml"),
               figure="chosen.clusters.accuracy", unit="accuracy", group="single", seeds=(0, 1, 2, 3, 4),
               beside="Jiang et al. 2017, wider, 300 epochs after pretraining: 0.9446, the best of several", weight=2.8),
    Experiment("one-layer-stages", "one layer of 200, 50 latents, 82 epochs in eight stages",
               ("--config", f"{CONFIGS}/importance-weighted-k1.toml"), evaluate=("--importance-samples", "5000", "--limit", "2000"),
               group="single", beside="Burda et al. 2016, table 1, k = 1, 3,280 epochs: 86.76", weight=6.0),
    one_layer("one-layer-vae", "plain, `vae`", weight=2.1, against="", beside="86.76 (Burda et al. 2016, 3,280 epochs)"),
    one_layer("one-layer-flow", "autoregressive flow, `flow-vae`", "--variant", "flow-vae", "--flow-steps", "2", weight=4.4),
    one_layer("one-layer-ladder", "two groups, `ladder-vae`", "--variant", "ladder-vae", weight=4.8),
    one_layer("one-layer-iwae5", "importance weights, `iwae`, 5 samples", "--variant", "iwae", "--samples", "5", weight=5.9,
              beside="85.54 (Burda et al. 2016, k = 5)"),
    one_layer("one-layer-vamp", "VampPrior, `vamp-vae`", "--variant", "vamp-vae", weight=7.3),
    one_layer("one-layer-vae5", "plain, 5 samples a row", "--samples", "5", weight=7.4, beside="86.47 (VAE, k = 5)"),
    one_layer("one-layer-iwae50", "importance weights, `iwae`, 50 samples", "--variant", "iwae", "--samples", "50", weight=37.0,
              beside="84.78 (k = 50)"),
    one_layer("one-layer-vae50", "plain, 50 samples a row", "--samples", "50", weight=39.0, beside="86.35 (VAE, k = 50)"),
    beta("1"),
    beta("4"),
    beta("8"),
    shapes("shapes-vae", "`vae`", "shapes-vae.toml"),
    shapes("shapes-tcvae", "`beta-tcvae`, beta 20", "shapes-tcvae.toml", against="shapes-vae"),
    shapes("shapes-factor", "`factor-vae`, gamma 100", "shapes-factor.toml", against="shapes-vae"),
]
