"""Noise taken off MNIST, next to two filters.

    cargo build --release
    python bench/denoise.py --data $VAEKIT_DATA

Test images, N(0, sigma^2) added to pixels from 0 to 1 and not cut off. A median filter and non-local means get the settings
that do best on these very images; no setting of a model is tuned on them. PSNR is a mean over images; SSIM has Gaussian windows.

Needs scipy and scikit-image.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
from scipy.ndimage import median_filter
from skimage.metrics import structural_similarity
from skimage.restoration import denoise_nl_means

from sparse_codes import images

ROOT = pathlib.Path(__file__).resolve().parent.parent


def quality(clean, found):
    found = np.clip(found, 0, 1) if found.min() < 0 else found
    errors = np.square(clean - found).mean((1, 2))
    same = [
        structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        for a, b in zip(clean, found)
    ]
    return float((-10 * np.log10(errors)).mean()), float(np.mean(same))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the folder that holds mnist")
    parser.add_argument("--program", default=ROOT / "target/release/vaekit")
    parser.add_argument("--sigmas", default="0.25,0.5")
    parser.add_argument("--tests", type=int, default=500, help="images that the filters get")
    parser.add_argument("--epochs", type=int, default=15)
    given = parser.parse_args()
    clean = images(f"{given.data}/mnist", "t10k")[: given.tests].reshape(-1, 28, 28)
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)

        def call(*words):
            done = subprocess.run([given.program, *map(str, words), "--quiet", "--json"], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            return json.loads(done.stdout) if done.stdout else {}

        size = ["--hidden", "1024,1024", "--latent", 128, "--epochs", given.epochs, "--data-dir", given.data]
        begun = time.time()
        call("train", "mnist", *size, "--beta", 0.3, "--out", place / "vae")
        print(f"vae trained in {time.time() - begun:.0f} s", flush=True)
        for sigma in map(float, given.sigmas.split(",")):
            noisy = clean + np.random.default_rng(0).normal(0, sigma, clean.shape).astype(np.float32)
            print(f"sigma {sigma}: noisy {quality(clean, noisy)[0]:.2f} dB")
            filters = {f"median {n} x {n}": np.stack([median_filter(x, n) for x in noisy]) for n in (3, 5, 7)}
            for h in (0.4, 0.6, 0.8, 1.0, 1.2):
                found = [
                    denoise_nl_means(x, patch_size=5, patch_distance=9, h=h * sigma, sigma=sigma, fast_mode=False)
                    for x in noisy
                ]
                filters[f"non-local means, h = {h} sigma"] = np.stack(found)
            scored = {name: quality(clean, found) for name, found in filters.items()}
            for kind in ("median", "non-local"):
                best = max((name for name in scored if name.startswith(kind)), key=lambda name: scored[name][0])
                print(f"  {best}: {scored[best][0]:.2f} dB, SSIM {scored[best][1]:.3f}", flush=True)
            out = ["--data-dir", given.data, "--add", "--level", sigma, "--force", "--out", place / "x.png"]
            dae = ["--variant", "dae", "--set", f"noise_level={sigma}", "--out", place / f"dae-{sigma}"]
            begun = time.time()
            call("train", "mnist", *size, *dae)
            seconds = time.time() - begun
            for name, run, by in (
                (f"dae, trained in {seconds:.0f} s", f"dae-{sigma}", "pass"),
                ("vae by passing", "vae", "pass"),
                ("vae by searching z", "vae", "search"),
            ):
                after = call("denoise", place / run, *out, "--by", by)["after"]
                print(f"  {name}: {after['psnr']:.2f} dB, SSIM {after['ssim']:.3f}", flush=True)


if __name__ == "__main__":
    main()
