"""Classes of MNIST from few labels, by every method of `vaekit classify`.

    cargo build --release
    python bench/few_labels.py --data $VAEKIT_DATA

One VAE, 784-512-256-32, is trained on all training images without labels. Then each method gets the same labels, so many of
each class, several draws of them. Errors are those of the 10,000 test images; the network that sees only the labelled rows and the
neighbours of codes are the measure of the others.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the folder that holds mnist")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--labels", type=int, default=10, help="labels of each class")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--methods", default="propagation,supervised,m1,m1+m2")
    parser.add_argument("--epochs", type=int, default=20, help="of the VAE, and of m2 and m1+m2")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = pathlib.Path(name) / "vae"

        def call(*words):
            line = [given.program, *map(str, words), "--data-dir", given.data, "--quiet", "--json"]
            done = subprocess.run(line, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            return json.loads(done.stdout) if done.stdout else {}

        call("train", "mnist", "--hidden", "512,256", "--latent", 32, "--epochs", given.epochs, "--out", run)
        for method in given.methods.split(","):
            found, begun = [], time.time()
            for seed in range(given.draws):
                passes = ["--epochs", given.epochs] if "m2" in method else []
                flags = ["--labels-per-class", given.labels, *passes, "--seed", seed, "--force"]
                found.append(call("classify", "train", run, "--method", method, *flags, "--out", f"{name}/c.safetensors"))
            errors = [100 * one["error"] for one in found]
            calibration = statistics.mean(one["calibration_error"] for one in found)
            seconds = (time.time() - begun) / given.draws
            print(
                f"{method}: {statistics.mean(errors):.1f} % ({', '.join(f'{e:.1f}' for e in errors)}), "
                f"calibration error {calibration:.3f}, {seconds:.0f} s a draw",
                flush=True,
            )


if __name__ == "__main__":
    main()
