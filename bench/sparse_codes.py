"""Are sparse codes of latent codes better than sparse codes of pixels?

    cargo build --release
    python bench/sparse_codes.py --data $VAEKIT_DATA/mnist

Of MNIST, 10,000 training images and 2,000 test images. Each representation z of an image (its pixels, its first 32 principal
components, the 32 latent codes of an autoencoder and of a VAE, 784-512-256-32, all learned from the same 10,000 images) gets a
dictionary of 256 atoms and codes of at most k atoms by orthogonal matching pursuit. The image is rebuilt from D a: as it is,
through the inverse of the components, through the decoder. `linear` rebuilds it as x = mean + P a in place of the decoder, P
fitted to the training codes by least squares. The variational sparse coder has the numbers of its own codes that are not 0.

Errors are mean squared errors a pixel. First at equal numbers of non-zeros, then at equal bits: an atom of 256 takes 8 bits,
its coefficient q, on a uniform grid over the range of the training coefficients; of all k and q whose bits fit, the best
on the training images. ± is half the 95 % interval by Student's t over seeds.

Needs scikit-learn, pandas and scipy.
"""

import argparse
import gzip
import pathlib
import subprocess
import tempfile

import numpy as np
import pandas
from safetensors.numpy import load_file
from scipy.stats import t as student
from sklearn.decomposition import PCA

ROOT = pathlib.Path(__file__).resolve().parent.parent
NON_ZEROS = (2, 4, 8, 16)
BITS = (64, 128, 256)
LATENT = 32


def images(folder, stem):
    path = next(pathlib.Path(folder).glob(f"{stem}-images*"))
    data = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
    return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255


class Bench:
    def __init__(self, given, place):
        self.given, self.place = given, place
        self.train = images(given.data, "train")[: given.images]
        self.test = images(given.data, "t10k")[: given.tests]
        folder = place / "mnist.npy"
        np.save(folder, np.concatenate([self.train, self.test]).reshape(-1, 28, 28))

    def call(self, *words):
        done = subprocess.run([self.given.program, *map(str, words), "--quiet"], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{words}: {done.stderr}")

    def codes(self, folder, rows):
        lines = pandas.read_csv(folder / "codes.csv")
        found = np.zeros((rows, 256), np.float32)
        found[lines["row"], lines["atom"]] = lines["value"]
        return found

    def model(self, variant, seed, *more):
        """A run on the training images, its codes of both parts, and what rebuilds images from codes."""
        run = self.place / f"{variant}-{seed}"
        np.save(self.place / "train.npy", self.train.reshape(-1, 28, 28))
        np.save(self.place / "test.npy", self.test.reshape(-1, 28, 28))
        size = ["--hidden", "512,256", "--latent", LATENT, "--epochs", self.given.epochs, "--seed", seed, "--valid", 0, "--test", 0, *more]
        self.call("train", self.place / "train.npy", "--variant", variant, *size, "--likelihood", "bernoulli", "--normalize", "0..1", "--out", run)
        z = []
        for part in ("train", "test"):
            self.call("encode", run, self.place / f"{part}.npy", "--part", "all", "--out", self.place / "z.npy", "--force")
            z.append(np.load(self.place / "z.npy"))

        def rebuild(codes):
            np.save(self.place / "d.npy", codes.astype(np.float32))
            self.call("decode", run, self.place / "d.npy", "--out", self.place / "x.npy", "--force")
            return np.load(self.place / "x.npy").reshape(-1, 784)

        return z, rebuild

    def sparse(self, z, k, seed):
        """Dictionary, mean, and codes of both parts."""
        np.save(self.place / "ztrain.npy", z[0])
        np.save(self.place / "ztest.npy", z[1])
        out, test = self.place / "learned", self.place / "coded"
        flags = ["--as-is", "--test", 0, "--atoms", 256, "-k", k, "--passes", 6, "--seed", seed, "--force", "--out", out]
        self.call("sparse", self.place / "ztrain.npy", *flags)
        self.call("sparse", self.place / "ztest.npy", "--dictionary", out / "dictionary.safetensors", "--force", "--out", test)
        loaded = load_file(out / "dictionary.safetensors")
        return loaded["atoms"], loaded["shift"], self.codes(out, len(z[0])), self.codes(test, len(z[1]))

    def representation(self, name, z, rebuild, linear, seed, results):
        error = lambda x, made: float(np.square(x - made).mean())  # noqa: E731
        tried = []
        for k in NON_ZEROS:
            atoms, mean, *codes = self.sparse(z, min(k, 256), seed)
            results.append((name, f"k = {k}", seed, error(self.test, rebuild(mean + codes[1] @ atoms))))
            if linear:
                centre = self.train.mean(0)
                fitted = np.linalg.lstsq(codes[0], self.train - centre, rcond=None)[0]
                results.append((f"{name}, linear", f"k = {k}", seed, error(self.test, centre + codes[1] @ fitted)))
            largest = np.abs(codes[0]).max()
            for q in range(3, 9):
                step = 2 * largest / (2**q - 1)
                some = [np.round(of[:2000] / step) * step for of in codes]
                made = [rebuild(mean + of @ atoms) for of in some]
                tried.append((k * (8 + q), error(self.train[:2000], made[0]), error(self.test[:2000], made[1])))
        for bits in BITS:
            fit = [one for one in tried if one[0] <= bits]
            if fit:
                results.append((name, f"{bits} bits", seed, min(fit, key=lambda one: one[1])[2]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the folder of MNIST")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--tests", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    given = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(given, pathlib.Path(name))
        for seed in range(given.seeds):
            bench.representation("pixels", [bench.train, bench.test], lambda z: z, False, seed, results)
            pca = PCA(LATENT, random_state=seed).fit(bench.train)
            z = [pca.transform(x).astype(np.float32) for x in (bench.train, bench.test)]
            bench.representation("PCA", z, pca.inverse_transform, False, seed, results)
            for variant in ("ae", "vae"):
                z, rebuild = bench.model(variant, seed)
                results.append((variant, "no sparse code", seed, float(np.square(bench.test - rebuild(z[1])).mean())))
                bench.representation(variant, z, rebuild, True, seed, results)
            z, rebuild = bench.model("vsc", seed)
            print(f"vsc, seed {seed}: {(np.abs(z[1]) > 1e-6).sum(1).mean():.1f} non-zeros an image", flush=True)
            results.append(("vsc", "its own non-zeros", seed, float(np.square(bench.test - rebuild(z[1])).mean())))
            table = pandas.DataFrame(results, columns=["of", "at", "seed", "error"])
            table.to_csv(ROOT / "target/sparse_codes.csv", index=False)
            print(f"seed {seed} done", flush=True)
    groups = table.groupby(["of", "at"], sort=False)["error"]
    for (of, at), errors in groups:
        half = student.ppf(0.975, max(len(errors) - 1, 1)) * errors.std() / np.sqrt(len(errors)) if len(errors) > 1 else 0
        print(f"{of:<14} {at:<18} {errors.mean():.5f} ± {half:.5f}")


if __name__ == "__main__":
    main()
