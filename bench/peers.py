"""vaekit's speed next to CPU PyTorch's, measured in turns on one machine.

    cargo build --release
    python bench/peers.py --rounds 5 --seconds 2
    python bench/peers.py --only mlp-784-400-20-b128 --mnist $VAEKIT_DATA/mnist --size-sweep

For each id that `vaekit bench` and `bench/torch_vae.py` both have, every round measures vaekit (a process of its
own), PyTorch as it is, PyTorch under `torch.compile`, and for one id Pythae, one after the other and with a thread
for every core. Compilation and warm-up come before the rounds. In a round each side's rate is rows over the whole time of
its passes, a mean; rates are medians of these over the rounds with (min-max), ratios are ratios of medians.
The same training must give the same loss: both losses are compared.

The script makes its own virtual environment with CPU PyTorch, and writes a report to `bench/runs`. The PyTorch
code is in `bench/torch_vae.py`.
"""

import argparse
import datetime
import gzip
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv

BENCH = pathlib.Path(__file__).resolve().parent
TRAINING_IDS = [
    "mlp-784-400-20-b64",
    "mlp-784-400-20-b128",
    "mlp-784-400-20-b1024",
    "mlp-784-512-256-32-b128",
    "conv-32-64-256-20-b128",
]
IDS = [*TRAINING_IDS, "encode-784-400-20", "decode-784-400-20"]
PYTHAE_ID = "mlp-784-400-20-b128"
LOSS_TOLERANCE = 0.01
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def can_import(python, names):
    return subprocess.run([python, "-c", f"import {names}"], capture_output=True).returncode == 0


def pip(python, *what):
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", *what]
    return subprocess.run(command).returncode == 0


def enter_environment(folder, with_pythae):
    """Makes the virtual environment where it is missing and goes on inside it."""
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    if not python.exists():
        venv.create(folder, with_pip=True)
        (folder / ".gitignore").write_text("*\n")
    if not can_import(python, "torch, numpy"):
        print("installing PyTorch ...", file=sys.stderr)
        cpu_only = ["--index-url", "https://download.pytorch.org/whl/cpu"]
        if not pip(python, "torch", "numpy", *cpu_only) and not pip(python, "torch", "numpy"):
            sys.exit(f"error: PyTorch could not be installed into {folder}")
    if with_pythae and not can_import(python, "pythae.models"):
        print("installing Pythae ...", file=sys.stderr)
        pins = "import torch, numpy; print(f'torch=={torch.__version__}'.split('+')[0], f'numpy=={numpy.__version__}')"
        kept = subprocess.run([python, "-c", pins], capture_output=True, text=True, check=True).stdout.split()
        pip(python, "pythae", *kept)
    os.execv(python, [str(python), *sys.argv])


def machine():
    """Lines on the machine, and the name of its processor."""
    cpu, flags, memory = platform.processor() or platform.machine(), set(), "unknown"
    if pathlib.Path("/proc/cpuinfo").exists():
        text = pathlib.Path("/proc/cpuinfo").read_text()
        fields = dict(re.findall(r"^(.+?)\s*: (.*)$", text, re.M))
        cpu, flags = fields.get("model name", cpu), set(fields.get("flags", fields.get("Features", "")).split())
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        memory = f"{pages / 2**30:.0f} GiB"
    seen = ", ".join(f"{flag} {'yes' if flag in flags else 'no'}" for flag in ["avx2", "avx512f"])
    return [f"- processor: {cpu}, {THREADS} cores, {seen}", f"- memory: {memory}"], cpu


def load():
    """How busy the machine is. Under other work PyTorch's threads wait for each other and its figures mean nothing."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if busy > 0.5:
        print(f"warning: other processes are at work (load {busy:.1f}); do not trust the figures", file=sys.stderr)
    return f"- load before the run: {busy:.2f}"


def versions(vaekit, notes):
    import numpy
    import torch

    name = subprocess.run([vaekit, "--version"], capture_output=True, text=True).stdout.strip() or "vaekit"
    libraries = [n for n, b in [("MKL", torch.backends.mkl), ("oneDNN", torch.backends.mkldnn)] if b.is_available()]
    found = [name, f"PyTorch {torch.__version__} on the CPU ({', '.join(libraries)})", f"NumPy {numpy.__version__}"]
    if "pythae" not in notes:
        from importlib.metadata import version

        found.append(f"Pythae {version('pythae')}")
    found += [f"Python {platform.python_version()}", f"{platform.system()} {platform.release()}"]
    return f"- versions: {', '.join(found)}"


def vaekit_bench(args, ids):
    """The objects that `vaekit bench` prints, by id."""
    command = [args.vaekit, "bench", "--json", "--only", ids, "--seconds", args.seconds, "--threads", THREADS]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"error: vaekit bench --only {ids}: {done.stderr.strip()}")
    return {row["id"]: row for row in json.loads(done.stdout)}


def torch_peers(name, args, notes):
    """The PyTorch side's peers for one id, ready to be measured."""
    import torch
    import torch_vae

    torch._dynamo.reset()
    peers = {"eager": torch_vae.peer(name, False, args.seconds)}
    if "torch.compile" not in notes:
        try:
            peers["torch.compile"] = torch_vae.peer(name, True, args.seconds)
        except Exception as error:  # no C++ compiler, most often
            notes["torch.compile"] = f"torch.compile did not work here: {str(error).strip().splitlines()[0]}"
    if name == PYTHAE_ID and "pythae" not in notes:
        peers["pythae"] = torch_vae.pythae_peer(name)
    return peers


def compare(name, args, notes):
    """All rounds of one id: lists of samples/s by peer, vaekit's GFLOP/s, both losses."""
    import torch_vae

    result = {"id": name, "rates": {"vaekit": []}, "gflops": [], "loss": None, "torch_loss": None}
    losses = []
    if name in TRAINING_IDS:
        result["torch_loss"] = torch_vae.training_loss(name, min(args.rounds, 3))
    peers = torch_peers(name, args, notes)
    for _ in range(args.rounds):
        row = vaekit_bench(args, name)[name]
        result["rates"]["vaekit"].append(row["samples_per_second"])
        result["gflops"].append(row["gflops"])
        losses.append(row["loss"])
        for peer, it in peers.items():
            result["rates"].setdefault(peer, []).append(it.rate(args.seconds))
    if name in TRAINING_IDS:
        result["loss"] = statistics.median(losses)
    rates = ", ".join(f"{peer} {statistics.median(r):,.0f}" for peer, r in result["rates"].items())
    print(f"{name}: {rates} samples/s", file=sys.stderr, flush=True)
    return result


def gemm_limits(args):
    """The best matrix product of each side in GFLOP/s, by turns."""
    import torch_vae

    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(vaekit_bench(args, "gemm-limit")["gemm-limit"]["gflops"])
        theirs.append(torch_vae.gemm_gflops(args.seconds))
    return ours, theirs


def whole_process(args):
    """Seconds of `vaekit train` from start to exit, and of PyTorch's epoch alone."""
    import numpy as np
    import torch
    import torch_vae

    folder = args.mnist / "mnist" if (args.mnist / "mnist").is_dir() else args.mnist
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as f:
        pixels = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784)
    data = torch.from_numpy(pixels.astype(np.float32) / 255)
    ours, theirs = [], []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as out:
            command = [args.vaekit, "train", "mnist", "--epochs", "1", "--batch", "128", "--data-dir", folder]
            command += ["--offline", "--quiet", "--threads", str(THREADS), "--out", pathlib.Path(out) / "run"]
            begun = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True)
            ours.append(time.perf_counter() - begun)
        if done.returncode != 0:
            sys.exit(f"error: vaekit train mnist: {done.stderr.strip()}")
        theirs.append(torch_vae.epoch_seconds(data, 128))
    return ours, theirs


def spread(values, digits=0):
    if not values:
        return "-"
    low, middle, high = (f"{v:,.{digits}f}" for v in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}-{high})"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def ratio(rates, peer):
    if peer not in rates:
        return "-"
    return f"{statistics.median(rates['vaekit']) / statistics.median(rates[peer]):.2f}"


def speed_table(results, limit):
    head = ["id", "vaekit samples/s", "eager", "torch.compile", "pythae", "vaekit / eager", "vaekit / compile"]
    head += ["vaekit GFLOP/s", "of GEMM limit", "loss vaekit", "loss PyTorch"]
    rows = []
    for r in results:
        cells = [r["id"], *(spread(r["rates"].get(p)) for p in ["vaekit", "eager", "torch.compile", "pythae"])]
        gflops = statistics.median(r["gflops"])
        cells += [ratio(r["rates"], "eager"), ratio(r["rates"], "torch.compile"), f"{gflops:.1f}", f"{gflops / limit:.0%}"]
        rows.append(cells + ["-" if loss is None else f"{loss:.2f}" for loss in (r["loss"], r["torch_loss"])])
    return table(head, rows)


def loss_checks(results):
    lines = []
    for r in results:
        if r["torch_loss"] is not None:
            apart = abs(r["loss"] - r["torch_loss"]) / r["torch_loss"]
            verdict = "agree" if apart <= LOSS_TOLERANCE else "DO NOT AGREE"
            lines.append(f"- {r['id']}: losses {verdict}, {apart:.1%} apart ({LOSS_TOLERANCE:.0%} allowed)")
    return lines


def sweep_tables(rows):
    """A table for each family of ids such as sweep-batch-16, sweep-batch-32, ..."""
    families = {}
    for row in rows:
        families.setdefault(row["id"].rpartition("-")[0], []).append(row)
    lines = []
    for family, members in families.items():
        fields = [k for k in members[0] if k != "id" and any(m.get(k) is not None for m in members)]
        cells = [[m["id"], *(number(m.get(k)) for k in fields)] for m in members]
        lines += ["", f"### {family}", "", *table(["id", *(k.replace("_", " ") for k in fields)], cells)]
    return lines


def number(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.1f}"
    return "-" if value is None else str(value)


def command_line(args):
    """The command without paths of this machine."""
    words = [f"python bench/peers.py --rounds {args.rounds} --seconds {args.seconds:g}"]
    words += [f"--only {','.join(args.only)}"] if args.only != IDS else []
    words += ["--skip-compile"] if args.skip_compile else []
    words += ["--skip-pythae"] if args.skip_pythae else []
    words += ["--size-sweep"] if args.size_sweep else []
    words += ['--mnist "$VAEKIT_DATA/mnist"'] if args.mnist else []
    return " ".join(words)


def free_name(folder, stem):
    """stem.md, or stem-2.md where that is taken, and so on."""
    names = [f"{stem}.md"] + [f"{stem}-{n}.md" for n in range(2, 1000)]
    return next(folder / name for name in names if not (folder / name).exists())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vaekit", type=pathlib.Path, default=BENCH.parent / "target/release/vaekit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="about so long for each peer in each round")
    parser.add_argument("--only", default=",".join(IDS), help="ids, with commas")
    parser.add_argument("--venv", type=pathlib.Path, default=BENCH / ".venv")
    parser.add_argument("--skip-compile", action="store_true")
    parser.add_argument("--skip-pythae", action="store_true")
    parser.add_argument("--size-sweep", action="store_true", help="also vaekit alone over sizes of batch and layers")
    parser.add_argument("--mnist", type=pathlib.Path, help="folder of the gz files: also a whole `vaekit train mnist`")
    args = parser.parse_args()
    args.only = args.only.split(",")
    for name in args.only:
        if name not in IDS:
            parser.error(f"{name}: no such id; there are {', '.join(IDS)}")
    if args.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if not args.vaekit.exists():
        parser.error(f"{args.vaekit} is missing; `cargo build --release` makes it")
    args.vaekit = args.vaekit.resolve()
    return args


def main():
    args = arguments()
    with_pythae = PYTHAE_ID in args.only and not args.skip_pythae
    enter_environment(args.venv, with_pythae)
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no worker processes beside the measurements
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    notes = {}
    if args.skip_compile:
        notes["torch.compile"] = "torch.compile was left out (--skip-compile)."
    if not with_pythae:
        notes["pythae"] = f"Pythae was left out (--skip-pythae, or {PYTHAE_ID} not among the ids)."
    elif not can_import(sys.executable, "pythae.models"):
        notes["pythae"] = "Pythae could not be installed or imported, and is left out."

    before = load()
    ours, theirs = gemm_limits(args)
    results = [compare(name, args, notes) for name in args.only]
    lines, cpu = machine()
    today = datetime.date.today().isoformat()
    report = [f"# vaekit and PyTorch on {cpu}, {today}", "", *lines, versions(args.vaekit, notes), before]
    report += [f"- threads: {THREADS} on both sides; rounds: {args.rounds}, of about {args.seconds:g} s for each peer in turn"]
    report += [f"- GEMM limit: vaekit {spread(ours, 1)}, PyTorch {spread(theirs, 1)} GFLOP/s in single precision"]
    report += ["", "```sh", command_line(args), "```", "", "Medians (min-max), samples/s.", ""]
    report += speed_table(results, max(ours))
    report += ["", *(f"{note}\n" for note in notes.values()), "PyTorch's Adam is its default, not `fused`. Losses: mean -ELBO"]
    report += ["in nats over steps 251 to 300, median of vaekit's rounds, mean of PyTorch's starts."]
    report += ["", *loss_checks(results)]
    if args.mnist:
        ours, theirs = whole_process(args)
        part = statistics.median(theirs) / statistics.median(ours)
        row = ["MNIST, 784-400-20, 1 epoch, batch 128", spread(ours, 2), spread(theirs, 2), f"{part:.2f}"]
        report += ["", "## Whole process", "", "`vaekit train` from start to exit: reads and unpacks the files, trains,"]
        report += ["tests, saves, draws pictures. PyTorch: the epoch alone, tensors already in memory. Seconds.", ""]
        report += table(["what", "vaekit, whole process", "eager, epoch alone", "eager / vaekit"], [row])
    if args.size_sweep:
        report += ["", "## Sizes, vaekit alone", "", "One measurement each.", *sweep_tables(vaekit_bench(args, "sweep").values())]
    text = "\n".join(report) + "\n"
    print(text)
    folder = BENCH / "runs"
    folder.mkdir(exist_ok=True)
    path = free_name(folder, f"{today}-{re.sub('[^a-z0-9]+', '-', cpu.lower()).strip('-')}")
    path.write_text(text)
    print(f"report {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
