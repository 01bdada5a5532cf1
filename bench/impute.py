"""How well vaekit fills gaps, next to the usual methods.

    cargo build --release
    python bench/impute.py --data $VAEKIT_DATA/adbench

Of each set, 1,500 random rows; of their cells a share is hidden completely at random, in all columns alike. Columns are
standardised by their known cells, and the error is the mean squared error over the hidden cells, so that 1 is what the mean
of the column reaches. `cover` is the share of hidden cells that lie in vaekit's 90 % interval. No setting looks at a hidden
cell, and all sets have the same settings.

Needs scikit-learn.
"""

import argparse
import collections
import csv
import math
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETS = "letter,pendigits,cardio,vowels,thyroid"


def hidden(x, share, seed):
    rng = np.random.default_rng(seed)
    x = x[rng.permutation(len(x))[:1500]]
    x = x[:, x.std(0) > 1e-9]
    mask = rng.random(x.shape) < share
    # A row or a column of nothing tells nothing.
    mask[mask.all(1), 0] = False
    return x, mask


def gaussian(x, mask, rounds=60):
    """Expectation maximisation of one Gaussian."""
    n, d = x.shape
    filled = np.where(mask, 0, x)
    mean, cov = filled.mean(0), np.eye(d)
    for _ in range(rounds):
        total = np.zeros((d, d))
        for i in range(n):
            m = mask[i]
            if m.any():
                o = ~m
                gain = cov[np.ix_(m, o)] @ np.linalg.pinv(cov[np.ix_(o, o)] + 1e-3 * np.eye(o.sum()))
                filled[i, m] = mean[m] + gain @ (filled[i, o] - mean[o])
                total[np.ix_(m, m)] += cov[np.ix_(m, m)] - gain @ cov[np.ix_(o, m)]
        mean = filled.mean(0)
        cov = ((filled - mean).T @ (filled - mean) + total) / n
    return filled


def iterative(estimator, rounds):
    def of(x, mask):
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return IterativeImputer(estimator(), max_iter=rounds, random_state=0).fit_transform(np.where(mask, np.nan, x))

    return of


def neighbours(x, mask):
    from sklearn.impute import KNNImputer

    return KNNImputer(n_neighbors=5).fit_transform(np.where(mask, np.nan, x))


def forest():
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(100, min_samples_leaf=2, n_jobs=-1, random_state=0)


def ridge():
    from sklearn.linear_model import BayesianRidge

    return BayesianRidge()


PEERS = {
    "missForest-like": iterative(forest, 5),
    "Gaussian EM": gaussian,
    "kNN": neighbours,
    "iterative ridge": iterative(ridge, 10),
}


def vaekit(program, x, mask, members, more):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / "t.csv", "w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow([f"x{i}" for i in range(x.shape[1])])
            writer.writerows([["NA" if m else repr(float(v)) for v, m in zip(*row)] for row in zip(x, mask)])
        run = [program, "train", folder / "t.csv", "--out", folder / "run", "--quiet", "--json", "--test", "0"]
        run += ["--members", str(members)]
        subprocess.run([*run, *more], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        fill = [program, "impute", folder / "run", "--out", folder / "f.csv", "--cells", folder / "c.csv", "--unrounded"]
        subprocess.run([*fill, "--quiet"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        filled = np.genfromtxt(folder / "f.csv", delimiter=",", skip_header=1, missing_values="NA")
        covered = []
        with open(folder / "c.csv") as file:
            for cell in csv.DictReader(file):
                row, column = int(cell["row"]), int(cell["column"][1:])
                if cell["low"]:
                    slack = 1e-5 * (1 + abs(x[row, column]))
                    covered.append(float(cell["low"]) - slack <= x[row, column] <= float(cell["high"]) + slack)
        # A column that vaekit leaves out of its model is filled with its mean.
        means = np.nanmean(np.where(mask, np.nan, x), 0)
        return np.where(np.isnan(filled), means, filled), float(np.mean(covered))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder of .npz archives")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--shares", default="0.3,0.5")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--methods", default="")
    parser.add_argument("--flags", default="", help="more flags of vaekit train, to try what defaults should be")
    options = parser.parse_args()
    sets = options.sets.split(",")
    paths = {s: next(pathlib.Path(options.data).glob(f"*_{s}.npz")) for s in sets}
    names = [n for n in ["vaekit", *PEERS] if not options.methods or n in options.methods.split(",")]
    for share in map(float, options.shares.split(",")):
        errors, seconds, cover = collections.defaultdict(list), collections.defaultdict(float), []
        for name in sets:
            for seed in range(options.seeds):
                x, mask = hidden(np.load(paths[name])["X"].astype(float), share, seed)
                known = np.where(mask, np.nan, x)
                x = (x - np.nanmean(known, 0)) / np.maximum(np.nanstd(known, 0), 1e-9)
                base = np.mean(x[mask] ** 2)
                for method in names:
                    begin = time.perf_counter()
                    if method == "vaekit":
                        filled, within = vaekit(options.program, x, mask, options.members, options.flags.split())
                        cover.append(within)
                    else:
                        filled = PEERS[method](x, mask)
                    seconds[method] += time.perf_counter() - begin
                    errors[method, name].append(np.mean((filled - x)[mask] ** 2) / base)
            line = ", ".join(f"{m} {np.mean(errors[m, name]):.3f}" for m in names)
            print(f"{share:.0%} {name}: {line}" + (f", cover {cover[-1]:.2f}" if cover else ""), file=sys.stderr, flush=True)
        print(f"\n{share:.0%} of the cells hidden; mean squared error, 1 is the column mean's\n")
        print("| method | " + " | ".join(sets) + " | mean | seconds |")
        print("|---" * (len(sets) + 3) + "|")
        for method in names:
            of = [np.mean(errors[method, s]) for s in sets]
            cells = " | ".join(f"{v:.3f}" for v in of)
            print(f"| {method} | {cells} | **{np.mean(of):.3f}** | {seconds[method]:.0f} |")
        if cover and not math.isnan(cover[0]):
            print(f"\n90 % intervals cover {np.mean(cover):.1%} ({min(cover):.1%} to {max(cover):.1%})")


if __name__ == "__main__":
    main()
