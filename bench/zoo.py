"""Trains every variant on dynamically binarised MNIST for a fixed budget and writes one table with sample sheets.

    python bench/zoo.py --vaekit target/release/vaekit --epochs 5

Needs VAEKIT_DATA and no other package. Writes docs/zoo.md and docs/images/zoo-NAME.png; runs go to --runs.
"""

import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What a step costs beyond `vae`'s arithmetic, and why.
REASONS = {
    "iwae": "five samples a row", "miwae": "eight samples a row", "piwae": "eight samples a row, decoded three times",
    "ciwae": "five samples a row", "factor-vae": "a discriminator of five layers", "flow-vae": "eight masked products a pass",
    "vamp-vae": "200 pseudo-rows are encoded with each batch of 128", "vq-vae": "a masked network over 16 x 64 codes; nearest codes on the host",
    "sphere-vae": "draws and their slopes row by row on the host", "vae-gan": "the decoder twice, two discriminators",
    "two-stage-vae": "a second posterior and prior", "beta-tcvae": "densities of all pairs of rows", "ladder-vae": "a second group", "aae": "a discriminator",
    "full-cov-vae": "210 factors a row from the encoder", "cat-vae": "100 dimensions of z; Gumbel noise", "vsc": "50 dimensions of z",
    "swae": "sorting on the host", "gm-vae": "ten components", "joint-vae": "Gumbel noise", "info-vae": "kernels of all pairs of rows",
    "wae-mmd": "kernels of all pairs of rows",
}
# Settings that a budget of a few epochs needs.
SHORT = ["--kl-period", "2"]
EXTRA = {
    "vsc": SHORT, "ladder-vae": SHORT, "capacity-vae": SHORT, "joint-vae": SHORT,
    "gm-vae": ["--pretrain", "1"],
    "ciwae": ["--samples", "5"],
    "miwae": ["--samples", "2", "--bounds", "4"],
    "piwae": ["--samples", "2", "--bounds", "4"],
}


def run(*command):
    out = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{out.stderr}")
    return out.stdout


def speed(args, name, budget, extra):
    """Rows a second of one epoch on 12,800 rows."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        short = [*budget[: budget.index("--epochs")], "--epochs", 1, "--limit", 12_800, "--quiet", "--json"]
        run(args.vaekit, "train", "mnist", "--variant", name, *short, *extra, "--out", out)
        return json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["samples_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vaekit", default="vaekit")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/zoo"))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    budget = ["--binarize", "dynamic", "--hidden", "400", "--batch", "128", "--epochs", args.epochs, "--quiet", "--json"]
    rows = []
    for variant in json.loads(run(args.vaekit, "variants", "--json")):
        name = variant["name"]
        if args.only and name not in args.only:
            continue
        out = args.runs / name
        extra = EXTRA.get(name, [])
        if not (out / "plots/loss.svg").exists():
            run(args.vaekit, "train", "mnist", "--variant", name, *budget, *extra, "--out", out)
        seconds = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["seconds"]
        weighed = name not in ("ae", "dae", "wae-mmd", "swae", "aae", "rae", "vq-vae")
        bound = ["--importance-samples", "200"] if weighed else []
        kept = out / "zoo.json"
        if not kept.exists():
            all_rows = json.loads(run(args.vaekit, "evaluate", out, "--json", "--quiet"))
            few = json.loads(run(args.vaekit, "evaluate", out, "--limit", "1000", *bound, "--json", "--quiet"))
            kept.write_text(json.dumps({"all": all_rows, "few": few}))
        all_rows = json.loads(kept.read_text())["all"]
        few = json.loads(kept.read_text())["few"]
        picture = ROOT / f"docs/images/zoo-{name}.png"
        source = [] if "sample" in variant["uses"] else ["--from", "mixture"]
        if not picture.exists():
            run(args.vaekit, "sample", out, "-n", "20", *source, "--out", picture, "--quiet")
        # One step beside one of `vae`, in turns on an otherwise idle machine.
        pairs = [(speed(args, "vae", budget, []), speed(args, name, budget, extra)) for _ in range(args.rounds)]
        times = statistics.median(a / b for a, b in pairs) if pairs else None
        rows.append({"name": name, "seconds": seconds, "all": all_rows, "few": few, "times": times})
        print(name, f"{seconds:.1f} s", all_rows["elbo_nats"], flush=True)
    base = next((r["seconds"] for r in rows if r["name"] == "vae"), rows[0]["seconds"])
    number = lambda v, d=1: "-" if v is None else f"{v:.{d}f}"
    lines = [
        "# Every variant on MNIST", "",
        f"{args.epochs} epochs of dynamically binarised MNIST, 784-400-20 unless a variant's own defaults say otherwise, batch",
        "128, Adam 1e-3, seed 0. ELBO, rate and distortion are of the 10,000 test rows, nats an example; the bound is of 200",
        f"importance samples on 1,000 of them. `times vae` is the time of a step beside one of `vae`, in turns, whose {args.epochs}",
        f"epochs take {base:.0f} seconds. So short a training ranks speed of learning, not what a variant ends at. Made by",
        f"`python bench/zoo.py --epochs {args.epochs}` on {platform.machine()}, 2 cores, {time.strftime('%Y-%m-%d')}. What suits",
        "so short a training differs from the defaults: " + "; ".join(f"`{n}` {' '.join(x)}" for n, x in EXTRA.items()) + ".", "",
        "| variant | ELBO | bound | rate | distortion | active | MSE | times `vae` | why | samples |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        a, few = r["all"], r["few"]
        times = r["times"]
        nll = few.get("nll_nats")
        why = REASONS.get(r["name"], "") if times and times > 1.15 else ""
        lines.append(
            f"| `{r['name']}` | {number(a['elbo_nats'])}{' (density)' if a.get('elbo_stored_nats') is not None else ''} | {number(None if nll is None else -nll)} | {number(a['rate_nats'])} | "
            f"{number(a['distortion_nats'])} | {a['active_units'] if a['active_units'] is not None else '-'} | {number(a['mse'], 4)} | "
            f"{number(times)} | {why} | ![samples](images/zoo-{r['name']}.png) |"
        )
    lines += ["", "`ae`, `dae`, `rae`, `wae-mmd`, `swae` and `aae` have no likelihood; `vq-vae` has one code a row, so no better bound. Samples of `ae`, `dae` and `rae` are of a mixture",
              "fitted to their codes (`sample --from mixture`). The figures of `cvae` are of log p(x | class). Nats of a density compare with no",
              "row of probabilities."]
    (ROOT / "docs/zoo.md").write_text("\n".join(lines) + "\n")


main()
