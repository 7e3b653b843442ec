"""`python -m bench.gpu`: faces a second through the service's own batcher, against the network alone.

Needs Keras with a backend that sees a GPU (`KERAS_BACKEND=jax`, say) and nothing else of the service's requirements.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from backend.domain import CROP_SIDE, Pixels
from backend.model.batching import BATCH_SIZES, BATCHES_AHEAD, Batcher
from backend.model.device_network import DeviceNetwork, find_gpus
from backend.model.gpu_classifier import GpuClassifier
from backend.model.keras_network import import_keras
from bench.documents import publish
from bench.measuring import spread

MODEL_PATH = Path(__file__).resolve().parent.parent / "temp_model.h5"
ROUNDS = 5  # in each of which both are timed, in turn
SECONDS = 2.0  # of each timing
SMALL_REQUESTS = 64  # clients that post one crop each, so that only filling across requests makes batches
TARGET_SHARE, TARGET_RATE = 0.7, 12_000  # at the largest batch: of the network alone, and faces a second


def main() -> None:
    """Measure, print the table, and write the figures."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--json", type=Path, help="where the figures are written")
    ask.add_argument("--devices", nargs="+", help="as Keras calls them; by default all GPUs")
    ask.add_argument("--sizes", type=int, nargs="+", default=BATCH_SIZES, help="batches, rising")
    ask.add_argument("--seconds", type=float, default=SECONDS, help="of each timing")
    ask.add_argument("--publish", type=Path, help="figures measured elsewhere, to be written into the README")
    wanted = ask.parse_args()
    if wanted.publish:
        figures = json.loads(wanted.publish.read_text(encoding="utf-8"))
        publish(MODEL_PATH.with_name("README.md"), "gpu", "\n".join(as_markdown(figures)))
        return
    devices = wanted.devices or find_gpus()
    if not devices:
        raise SystemExit("Keras sees no GPU here; name another device with --devices cpu:0")
    start = time.perf_counter()
    classifier = GpuClassifier(MODEL_PATH, 1, devices, reduced_precision=True, sizes=wanted.sizes)
    figures = {
        "machine": describe_machine(devices),
        "devices": devices,
        "logit_tolerance": classifier.logit_tolerance,
        "loading_seconds": time.perf_counter() - start,
        "rows": [measure(classifier.networks, size, wanted.seconds) for size in wanted.sizes],
        "single_crops": measure_single_crops(classifier, wanted.seconds),
    }
    if wanted.json:
        wanted.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print("\n".join(as_markdown(figures)))


def measure(networks: Sequence[DeviceNetwork], size: int, seconds: float) -> dict[str, Any]:
    """Faces a second of one batch size: through a batcher, and of the network alone with its crops on the device."""
    crops = some_crops(size)
    batcher = Batcher(networks, [size])
    clients = (BATCHES_AHEAD + 1) * len(networks)
    sent = networks[0].put(crops)

    def ask_network() -> None:
        answers = [networks[0].run(sent) for _ in range(BATCHES_AHEAD)]
        for answer in answers:
            networks[0].fetch(answer, size)

    alone, served = [], []
    with ThreadPoolExecutor(clients) as pool:
        for _ in range(ROUNDS):
            alone.append(rate(ask_network, BATCHES_AHEAD * size, seconds) * len(networks))
            served.append(sum(pool.map(lambda _: rate(lambda: batcher.predict(crops), size, seconds), range(clients))))
    shares = [one / other for one, other in zip(served, alone, strict=True)]
    return {"batch": size, "alone": alone, "served": served, "shares": shares}


def measure_single_crops(classifier: GpuClassifier, seconds: float) -> list[float]:
    """Faces a second of many clients with a crop each, in the batches that come of it."""
    crop = some_crops(1)
    with ThreadPoolExecutor(SMALL_REQUESTS) as pool:
        return [
            sum(pool.map(lambda _: rate(lambda: classifier.predict(crop), 1, seconds), range(SMALL_REQUESTS)))
            for _ in range(ROUNDS)
        ]


def rate(work: Callable[[], object], faces: int, seconds: float) -> float:
    """Faces a second of some work, repeated for so many seconds."""
    start = time.perf_counter()
    done = 0
    while (spent := time.perf_counter() - start) < seconds or not done:
        work()
        done += 1
    return done * faces / spent


def some_crops(count: int) -> Pixels:
    """Noise: what a face looks like does not change how long it takes."""
    return np.random.default_rng(0).integers(0, 256, (count, CROP_SIDE, CROP_SIDE, 3), np.uint8)


def describe_machine(devices: Sequence[str]) -> str:
    """What it was measured on; GPUs of one host are of one kind."""
    keras = import_keras()
    name = platform.processor() or platform.machine()
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return f"{len(devices)} {name}, Keras {keras.__version__} on {keras.backend.backend()}, {time.strftime('%Y-%m-%d')}"


def as_markdown(figures: dict[str, Any]) -> list[str]:
    """The table: medians, and in brackets the smallest and the largest."""
    rows = figures["rows"]
    last = rows[-1]
    reached = spread(last["shares"]).median >= TARGET_SHARE and spread(last["served"]).median >= TARGET_RATE
    return [
        f"Measured on {figures['machine']}; logits within {figures['logit_tolerance']:g} of float32.",
        "",
        "| crops a batch | faces a second through the batcher | the network alone | share |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['batch']} | {spread(row['served'])} | {spread(row['alone'])} | {spread(row['shares'])} |"
            for row in rows
        ),
        "",
        f"{SMALL_REQUESTS} clients with one crop each: {spread(figures['single_crops'])} faces a second.",
        f"Target at {last['batch']}: {TARGET_SHARE:.0%} of the network alone and {TARGET_RATE} faces a second: "
        f"{'reached' if reached else '**not reached**'}.",
    ]


if __name__ == "__main__":
    main()
