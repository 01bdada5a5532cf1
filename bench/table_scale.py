"""A csv that does not fit in memory: how much memory its training and scoring take, and what rows on disk cost.

    cargo build --release
    python bench/table_scale.py --gigabytes 5 --folder FOLDER

Makes a csv of so many gigabytes by a script of fixed draws: a name, a day, a shop, a flag, three counts and fifteen numbers that
hang together, with gaps, and a remark that nobody models. Then, side by side:

- trains with `--memory 1GiB`, so that rows go to disk, and with memory for all of them, and compares rows a second once the file
  is read
- scores the whole file with `--memory 1GiB`

and prints seconds and the most memory that each process held (resident set, by the system's own count). Needs numpy and
pyarrow.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = 200_000
REALS = 15
WORDS = "left at the door; called twice, nobody in; the parcel was wet on one side and the customer kept it all the same; paid on delivery with a card that was not the one of the order, see the note of the driver"


def block(first):
    import pyarrow as pa

    draw = np.random.default_rng(first)
    rows = np.arange(first, first + BLOCK)
    shop = draw.integers(0, 12, BLOCK)
    cause = draw.normal(size=(BLOCK, 4)) + shop[:, None] / 6
    mix = np.random.default_rng(7).normal(size=(4, REALS))
    reals = np.round(np.tanh(cause @ mix) * 9 + draw.normal(size=(BLOCK, REALS)), 4)
    columns = {
        "name": pa.array([f"r{row:09d}" for row in rows]),
        "day": pa.array(np.datetime64("2020-01-01") + (rows // 20_000) % 1500, pa.date32()),
        "shop": pa.array([f"shop {s}" for s in shop]),
        "flag": pa.array((cause[:, 0] > 0).astype(int)),
    }
    for i in range(3):
        columns[f"count{i}"] = pa.array(draw.poisson(np.exp(0.7 * cause[:, i])))
    for i in range(REALS):
        columns[f"real{i}"] = pa.array(reals[:, i], mask=draw.random(BLOCK) < 0.01)
    columns["remark"] = pa.array([f"order {row}: {WORDS[row % 7 :]}" for row in rows])
    return pa.table(columns)


def make(path, size):
    import pyarrow.csv

    first = 0
    with open(path, "wb") as out:
        while out.tell() < size:
            pyarrow.csv.write_csv(block(first), out, pyarrow.csv.WriteOptions(include_header=first == 0))
            first += BLOCK
    return first


def run(command):
    """Seconds, peak of memory in GiB, and what it printed."""
    begin = time.perf_counter()
    read, write = os.pipe()
    child = subprocess.Popen([str(part) for part in command], stdout=write)
    os.close(write)
    with os.fdopen(read) as out:
        text = out.read()
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command}: status {status}")
    return time.perf_counter() - begin, used.ru_maxrss / 2**20, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="for the csv, the runs and the rows on disk")
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--epochs", default="1")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--no-score", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "large.csv"
    if not path.exists():
        make(path, options.gigabytes * 1e9)
    print(f"{path.stat().st_size / 1e9:.2f} GB\n\n| | seconds | GiB | rows a second |\n|---|---|---|---|", flush=True)
    for name, memory in [("rows on disk", options.memory), ("rows in memory", "64GiB")]:
        folder = options.folder / name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        command = [options.program, "train", path, "--out", folder, "--memory", memory, "--cache", options.folder]
        seconds, peak, _ = run([*command, "--epochs", options.epochs, "--quiet", "--json"])
        last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        print(f"| train, {name} | {seconds:.0f} | {peak:.2f} | {last['samples_per_second']:.0f} |", flush=True)
    if not options.no_score:
        folder = options.folder / "rows-on-disk"
        command = [options.program, "score", folder, "--memory", options.memory, "--cache", options.folder]
        seconds, peak, text = run([*command, "--out", options.folder / "scores.csv", "--force", "--json"])
        rows = json.loads(text)["rows"]
        print(f"| score | {seconds:.0f} | {peak:.2f} | {rows / seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
