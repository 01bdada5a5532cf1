"""Dictionaries and sparse codes of MNIST, next to scikit-learn's.

    cargo build --release
    python bench/sparse.py --data $VAEKIT_DATA/mnist

Both learn atoms from the same training images, the mean image taken off, and code the same test images by orthogonal
matching pursuit. Then both solve the same problems with the same dictionary, which is what `same` compares: the largest
difference between codes, and the relative difference between values of the lasso's objective. Times are those of the work
alone, without reading files, side by side in one run.

Needs scikit-learn and safetensors.
"""

import argparse
import csv
import gzip
import json
import pathlib
import subprocess
import tempfile
import time
import warnings

import numpy as np
from safetensors.numpy import load_file
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.linear_model import Lasso, orthogonal_mp_gram

ROOT = pathlib.Path(__file__).resolve().parent.parent


def images(folder, stem):
    path = next(pathlib.Path(folder).glob(f"{stem}-images*"))
    data = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
    return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255


def run(program, *flags):
    done = subprocess.run([program, "sparse", *map(str, flags), "--json", "--quiet", "--force"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def codes(folder, rows, atoms):
    found = np.zeros((rows, atoms))
    with open(folder / "codes.csv") as file:
        for line in csv.DictReader(file):
            found[int(line["row"]), int(line["atom"])] = float(line["value"])
    return found


def pursuit(atoms, x, k):
    return orthogonal_mp_gram(atoms @ atoms.T, atoms @ x.T, n_nonzero_coefs=k).T


def best(times, work):
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    return result, min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the folder of MNIST")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--tests", type=int, default=2_000)
    parser.add_argument("--atoms", type=int, default=256)
    parser.add_argument("--passes", type=int, default=6, help="of vaekit")
    parser.add_argument("--iterations", type=int, default=10, help="passes of scikit-learn")
    parser.add_argument("--batch", type=int, default=256, help="of scikit-learn")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    train = images(given.data, "train")[: given.images]
    test = images(given.data, "t10k")[: given.tests]
    mean = train.mean(0)
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        np.save(place / "train.npy", train - mean)
        np.save(place / "test.npy", test - mean)
        begun = time.perf_counter()
        learner = MiniBatchDictionaryLearning(
            given.atoms, alpha=1, max_iter=given.iterations, batch_size=given.batch, random_state=0, n_jobs=2
        ).fit(train - mean)
        peer = time.perf_counter() - begun
        theirs = learner.components_ / np.linalg.norm(learner.components_, axis=1, keepdims=True)
        for k in (5, 10, 20):
            flags = ["--as-is", "--test", 0, "--atoms", given.atoms, "-k", k, "--passes", given.passes]
            own = run(given.program, place / "train.npy", *flags, "--out", place / "own")
            dictionary = place / "own/dictionary.safetensors"
            seen = best(3, lambda: run(given.program, place / "test.npy", "--dictionary", dictionary, "--out", place / "test"))[0]
            atoms = load_file(dictionary)["atoms"].astype(np.float64)
            shift = load_file(dictionary)["shift"].astype(np.float64)
            x = (test - mean).astype(np.float64)
            with_theirs, their_seconds = best(3, lambda: pursuit(theirs, x, k))
            error = np.square(x - with_theirs @ theirs).mean()
            same = np.abs(codes(place / "test", len(test), given.atoms) - pursuit(atoms, x - shift, k)).max()
            print(
                f"k = {k}: error a pixel vaekit {seen['mse']:.5f}, scikit-learn {error:.5f}; "
                f"learning {own['learn_seconds']:.1f} s and {peer:.1f} s ({peer / own['learn_seconds']:.1f}x); "
                f"coding {len(test)} images {seen['code_seconds']:.3f} s and {their_seconds:.3f} s "
                f"({their_seconds / seen['code_seconds']:.1f}x); same dictionary: codes differ by {same:.1e}",
                flush=True,
            )
        few = (test - mean)[:200].astype(np.float32)
        np.save(place / "few.npy", few)
        penalty = 0.5
        for method in ("lasso", "ista", "fista"):
            flags = ["--as-is", "--test", 0, "--atoms", 64, "--method", method, "--penalty", penalty, "--passes", 1]
            run(given.program, place / "few.npy", *flags, "--out", place / "lasso")
            loaded = load_file(place / "lasso/dictionary.safetensors")
            atoms, x = loaded["atoms"].astype(np.float64), few.astype(np.float64) - loaded["shift"]
            own = codes(place / "lasso", len(few), 64)
            # scikit-learn's objective is divided by the number of pixels.
            solver = Lasso(alpha=penalty / 784, fit_intercept=False, tol=1e-10, max_iter=100_000)
            peer = solver.fit(atoms.T, x.T).coef_
            value = lambda a: np.square(x - a @ atoms).sum(1) / 2 + penalty * np.abs(a).sum(1)  # noqa: E731
            worst = np.abs(value(own) / value(peer) - 1).max()
            print(f"{method}: objective of {len(few)} images differs by {worst:.1e} of its value at most", flush=True)


if __name__ == "__main__":
    main()
