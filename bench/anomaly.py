"""How well vaekit finds anomalies in tables, next to the usual detectors.

    cargo build --release
    python bench/anomaly.py --data $VAEKIT_DATA/adbench                    # one class: train on ordinary rows
    python bench/anomaly.py --data $VAEKIT_DATA/adbench --unsupervised     # train (--trim 0.3) and score on all rows
    python bench/anomaly.py --speed                                        # 50,000 x 10, next to PyOD's VAE

DATA is a folder of .npz archives with `X` and `y` (1 for an anomaly), such as those of ADBench (Han et al., NeurIPS 2022).
Copies of rows are dropped and at most 50,000 rows kept. One class: a random half of the ordinary rows trains, the
others and every anomaly are scored. Unsupervised: all rows train and all are scored. No setting looks at a label, and all
sets have the same settings. Figures are percent, means over seeds: area under the ROC curve, average precision.

Needs scikit-learn, and PyOD with PyTorch for its VAE, ECOD and --speed.
"""

import argparse
import collections
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOST_ROWS = 50_000


def load(path, seed):
    archive = np.load(path, allow_pickle=False)
    x, y = archive["X"].astype(np.float64), archive["y"].ravel().astype(int)
    _, first = np.unique(x, axis=0, return_index=True)
    keep = np.random.default_rng(seed).permutation(np.sort(first))[:MOST_ROWS]
    return x[keep], y[keep]


def parts(x, y, seed, unsupervised):
    if unsupervised:
        return x, x, y
    order = np.random.default_rng(seed + 1).permutation(np.flatnonzero(y == 0))
    train, rest = order[: len(order) // 2], order[len(order) // 2 :]
    test = np.concatenate([rest, np.flatnonzero(y == 1)])
    return x[train], x[test], y[test]


def standardised(train, test):
    mean, spread = train.mean(0), train.std(0)
    spread[spread < 1e-12] = 1
    return (train - mean) / spread, (test - mean) / spread


def neighbours(train, test, k):
    from sklearn.neighbors import NearestNeighbors

    same = train is test or (train.shape == test.shape and np.array_equal(train, test))
    found = NearestNeighbors(n_neighbors=k + same).fit(train).kneighbors(test)[0]
    return found[:, -1]


def outlier_factor(train, test, _):
    from sklearn.neighbors import LocalOutlierFactor

    return -LocalOutlierFactor(n_neighbors=20, novelty=True).fit(train).score_samples(test)


def kernel(train, test, _):
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KernelDensity

    some = train[:5000]
    grid = GridSearchCV(KernelDensity(), {"bandwidth": np.geomspace(0.05, 3, 15)}, cv=3).fit(some[:1500])
    return -KernelDensity(bandwidth=grid.best_params_["bandwidth"]).fit(some).score_samples(test)


def mixture(train, test, seed):
    from sklearn.mixture import GaussianMixture

    few = max(1, min(30, len(train) // (4 * train.shape[1])))
    return -GaussianMixture(few, reg_covar=1e-2, random_state=seed).fit(train).score_samples(test)


def forest(train, test, seed):
    from sklearn.ensemble import IsolationForest

    return -IsolationForest(n_estimators=200, random_state=seed).fit(train).score_samples(test)


def pyod(name):
    def of(train, test, seed):
        if name == "ECOD":
            from pyod.models.ecod import ECOD

            return ECOD().fit(train).decision_function(test)
        import torch
        from pyod.models.vae import VAE

        torch.manual_seed(seed)
        np.random.seed(seed)
        return VAE(verbose=0, random_state=seed).fit(train).decision_function(test)

    return of


PEERS = {
    "kNN (5)": lambda train, test, seed: neighbours(train, test, 5),
    "LOF (20)": outlier_factor,
    "kernel density": kernel,
    "mixture": mixture,
    "isolation forest": forest,
    "ECOD": pyod("ECOD"),
    "PyOD VAE": pyod("VAE"),
}
# By the flag --by; the last is the default, which knows whether the rows are those of the run.
VAEKIT = {"vaekit, importance": "importance", "vaekit, kernel density alone": "density", "vaekit, bags alone": "bags", "vaekit": None}

# What the documentation asks for where training rows hold anomalies.
TRIMMED = ["--trim", "0.3"]


def write(path, rows):
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([f"x{i}" for i in range(rows.shape[1])])
        writer.writerows([[repr(float(v)) for v in row] for row in rows])


def vaekit(program, train, test, seed, members, names, more):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder / "train.csv", train)
        write(folder / "test.csv", test)
        run = folder / "run"
        command = [program, "train", folder / "train.csv", "--out", run, "--seed", str(seed), "--test", "0", "--quiet", "--json"]
        subprocess.run([*command, "--members", str(members), *more], check=True, stdout=subprocess.DEVNULL)
        found = {}
        for name in names:
            out = folder / "scores.csv"
            command = [program, "score", run, folder / "test.csv", "--part", "all", "--force", "--unknown", "missing"]
            command += ["--by", VAEKIT[name]] if VAEKIT[name] else []
            command += ["--reasons", "0", "--out", out, "--quiet", "--json"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(out) as file:
                found[name] = np.array([float(row["score"]) for row in csv.DictReader(file)])
        return found


def judge(options):
    from sklearn.metrics import average_precision_score, roc_auc_score

    paths = sorted(pathlib.Path(options.data).glob("*.npz"))
    if options.only:
        paths = [path for path in paths if any(word in path.stem for word in options.only.split(","))]
    names = [name for name in [*VAEKIT, *PEERS] if not options.methods or any(w in name for w in options.methods.split(","))]
    flags = (TRIMMED if options.unsupervised else []) + options.flags.split()
    results = collections.defaultdict(dict)
    for path in paths:
        name = path.stem.split("_", 1)[-1]
        for seed in range(options.seeds):
            x, y = load(path, seed)
            train, test, label = parts(x, y, seed, options.unsupervised)
            scaled = standardised(train, test)
            scores = {}
            own = [n for n in names if n in VAEKIT]
            begin = time.perf_counter()
            if own:
                scores.update(vaekit(options.program, train, test, seed, options.members, own, flags))
            seconds = time.perf_counter() - begin
            for peer in [n for n in names if n in PEERS]:
                scores[peer] = PEERS[peer](*scaled, seed)
            for method, found in scores.items():
                pair = (100 * roc_auc_score(label, found), 100 * average_precision_score(label, found))
                results[method].setdefault(name, []).append(pair)
            line = ", ".join(f"{m} {results[m][name][-1][0]:.1f}" for m in scores)
            print(f"{name} seed {seed}: {line} ({seconds:.0f} s)", file=sys.stderr, flush=True)
    sets = [path.stem.split("_", 1)[-1] for path in paths]
    print("| method | " + " | ".join(sets) + " | mean AUROC | mean AP |")
    print("|---" * (len(sets) + 3) + "|")
    for method in names:
        of = {s: np.mean(results[method][s], 0) for s in sets}
        cells = [f"{of[s][0]:.1f}" for s in sets]
        mean = np.mean(list(of.values()), 0)
        print(f"| {method} | " + " | ".join(cells) + f" | **{mean[0]:.2f}** | **{mean[1]:.1f}** |")


def speed(options):
    from pyod.models.vae import VAE

    rng = np.random.default_rng(0)
    x = rng.normal(size=(50_000, 4)) @ rng.normal(size=(4, 10)) + 0.1 * rng.normal(size=(50_000, 10))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder / "t.csv", x)
        command = [options.program, "train", folder / "t.csv", "--out", folder / "run", "--json", "--quiet"]
        command += ["--epochs", str(options.epochs), "--test", "0", "--valid", "0"]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
        ours = json.loads(found.stdout)["seconds"]
        begin = time.perf_counter()
        VAE(epoch_num=options.epochs, verbose=0, random_state=0).fit(x)
        theirs = time.perf_counter() - begin
        big = np.tile(x, (20, 1))
        write(folder / "big.csv", big)
        begin = time.perf_counter()
        command = [options.program, "score", folder / "run", folder / "big.csv", "--part", "all", "--quiet", "--json"]
        subprocess.run([*command, "--out", folder / "s.csv"], check=True, stdout=subprocess.DEVNULL)
        scored = time.perf_counter() - begin
    print(f"training, {options.epochs} epochs of 50,000 x 10: vaekit {ours:.1f} s, PyOD VAE {theirs:.1f} s, {theirs / ours:.1f}x")
    print(f"scoring 1,000,000 x 10 with vaekit: {scored:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a folder of .npz archives")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--unsupervised", action="store_true")
    parser.add_argument("--only", help="words of sets, with commas")
    parser.add_argument("--methods", help="words of methods, with commas")
    parser.add_argument("--flags", default="", help="more flags of vaekit train, to try what defaults should be")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    if not options.speed and not options.data:
        parser.error("name --data, or --speed")
    speed(options) if options.speed else judge(options)


if __name__ == "__main__":
    main()
