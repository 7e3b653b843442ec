"""`make bench`: time the service against its baselines and write the table into the README.

Every row is measured on this machine in this run; ratios are taken pair by pair between runs in turn.
"""

from __future__ import annotations

import argparse
import csv
import platform
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import requests

from backend.config import ROOT
from backend.model.classifier import LOGIT_TOLERANCE
from bench.baselines import UnavoidableWork, bare_decode, converted, keras_model, the_usual_way
from bench.clips import LONG_SECONDS, SHORT_SECONDS, synthesize
from bench.documents import publish
from bench.measuring import Row, ratios, row, seconds, spread
from tests.generators import face_picture
from tests.server import Server, children_of, running_server

PAIRS = 7
DECODING_PAIRS = 21  # a decode by all cores shares them with whatever else runs: ratios to it spread most
CLIPS = 12
CLIENTS = 8
BATCH = 16
README = ROOT / "README.md"


def main() -> None:
    """Measure everything, print the table, and put it into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of small clips, with an index.csv or without")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "bench", help="where large clips are made")
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    large = synthesize(wanted.folder)
    small = some_clips(wanted.clips) if wanted.clips else [large["1080p, 15 s, a key frame every 2 s"]]
    lines = []
    for line in as_markdown(measure(small, large)):
        print(line, flush=True)
        lines.append(line)
    table = "\n".join([describe_machine(), "", *lines])
    publish(README, "bench", table)


def some_clips(folder: Path) -> list[Path]:
    """Clips spread over a folder's list."""
    index = folder / "index.csv"
    if index.exists():
        with index.open(newline="") as stream:
            paths = [folder.parent / line["path"] for line in csv.DictReader(stream)]
    else:
        paths = sorted(folder.rglob("*.mp4"))
    paths = [path for path in paths if path.suffix == ".mp4"]
    return paths[:: max(1, len(paths) // CLIPS)][:CLIPS]


def measure(small: Sequence[Path], large: dict[str, Path]) -> Iterator[Row]:
    """All rows, in the order of the table."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        server.wait_for("/readyz", 200)
        idle = resident_megabytes(server)
        yield from against_the_usual_way(server, small)
        yield from against_a_bare_decode(server, large)
        yield from against_the_unavoidable(server, small)
        yield from of_the_network()
        yield from many_at_once(server, small, large)
        yield from alone(server, large)
        yield Row("memory, idle", f"{idle:.0f} MB", "under 400 MB", idle < 400)
        yield Row("memory, after all of the above", f"{resident_megabytes(server):.0f} MB", "", None)
    starts = []
    for _ in range(PAIRS):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            with running_server(Path(folder)) as server:
                server.wait_for("/readyz", 200)
                starts.append(time.perf_counter() - start)
    yield row("start until ready, conversion cached", spread(starts), " s", "at most 3", max(starts) <= 3)


def against_the_usual_way(server: Server, clips: Sequence[Path]) -> Iterator[Row]:
    """Baseline A."""
    times = [np.median(ratios(partial(the_usual_way, clip), partial(post, server, clip), 2)) for clip in clips]
    measured = spread([float(value) for value in times])
    yield row(
        f"speed-up over the usual way, {len(clips)} clips",
        measured,
        " times",
        "median 10, never under 1",
        measured.median >= 10 and measured.low >= 1,
    )


def against_a_bare_decode(server: Server, large: dict[str, Path]) -> Iterator[Row]:
    """Baseline B."""
    for (name, path), target in zip(large.items(), (0.5, 1.2, 0.1), strict=True):
        pairs = 2 if target == 0.1 else DECODING_PAIRS
        measured = spread(ratios(partial(post, server, path), partial(bare_decode, path), pairs))
        yield row(f"time over a bare decode: {name}", measured, "", f"at most {target}", measured.median <= target)


def against_the_unavoidable(server: Server, clips: Sequence[Path]) -> Iterator[Row]:
    """Baseline C."""
    times = []
    for clip in clips:
        work = UnavoidableWork(clip)
        times.append(float(np.median(ratios(partial(post, server, clip), work.run, PAIRS))))
    measured = spread(times)
    yield row(
        f"time over the unavoidable work on one thread, {len(clips)} clips",
        measured,
        "",
        "median at most 0.8",
        measured.median <= 0.8,
    )


def of_the_network() -> Iterator[Row]:
    """Faces a second of the converted network over Keras at batch 16, on the same cores."""
    crops = np.random.default_rng(0).integers(0, 256, (BATCH, 224, 224, 3), np.uint8)
    floats = crops.astype(np.float32)
    streams = cores()
    for reduced, target in ((False, 1.8), (True, 2.7)):
        network = converted(reduced_precision=reduced, streams=streams)
        name = f"faces a second over Keras at batch {BATCH}, {'reduced precision' if reduced else 'float32'}"
        if reduced and network.logit_tolerance == LOGIT_TOLERANCE:
            yield Row(name, "this processor has none", f"at least {target}", None)
            return
        with ThreadPoolExecutor(streams) as pool:
            parts = np.array_split(crops, streams)

            def ours(network=network, pool=pool, parts=parts) -> None:  # type: ignore[no-untyped-def]
                list(pool.map(network.predict, parts))

            measured = spread(ratios(lambda: keras_model().predict_on_batch(floats), ours, PAIRS))
        yield row(name, measured, " times", f"at least {target}", measured.median >= target)


def many_at_once(server: Server, clips: Sequence[Path], large: dict[str, Path]) -> Iterator[Row]:
    """Eight clients against one, and a picture behind a long video."""
    work = [clip for clip in clips for _ in range(2)]

    def one_client() -> None:
        for clip in work:
            post(server, clip)

    def eight_clients() -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda clip: post(server, clip), work))

    measured = spread(ratios(one_client, eight_clients, 3))
    yield row(f"faces a second, {CLIENTS} clients over one", measured, " times", "at least 0.9", measured.median >= 0.9)

    def latest(clients: int) -> float:
        with ThreadPoolExecutor(clients) as pool:
            latencies = list(pool.map(lambda clip: seconds(partial(post, server, clip)), work))
        return float(np.percentile(latencies, 95))

    measured = spread([latest(CLIENTS) / latest(1) for _ in range(3)])
    name = f"95th percentile of the latency, {CLIENTS} clients over one"
    yield row(name, measured, " times", f"at most {CLIENTS}, as the queue", measured.median <= CLIENTS)
    with tempfile.TemporaryDirectory() as folder:
        picture = small_picture(Path(folder))
        alone = [seconds(lambda: post(server, picture)) for _ in range(PAIRS)]
        behind = []
        for _ in range(3):
            video = threading.Thread(target=post, args=(server, large["1080p, 10 min, a key frame every 2 s"]))
            video.start()
            time.sleep(0.5)
            behind.append(seconds(lambda: post(server, picture)))
            assert video.is_alive(), "the video ended before the picture was posted"
            video.join()
    yield row("a picture while a 10 min video is judged", spread([1000 * value for value in behind]), " ms", "", None)
    yield row(
        "a picture of 640 px with one face",
        spread([1000 * value for value in alone]),
        " ms",
        "under 60",
        spread(alone).median < 0.06,
    )


def alone(server: Server, large: dict[str, Path]) -> Iterator[Row]:
    """How much faster than it plays a video is judged."""
    for name, played in (("15 s", SHORT_SECONDS), ("10 min", LONG_SECONDS)):
        path = large[f"1080p, {name}, a key frame every 2 s"]
        measured = spread([played / seconds(partial(post, server, path)) for _ in range(PAIRS)])
        yield row(f"1080p, {name}: judged faster than it plays", measured, " times", "at least 10", measured.low >= 10)


def small_picture(folder: Path) -> Path:
    """A photograph of 640 px with one face."""
    path = folder / "face.jpg"
    pixels = cv2.resize(face_picture(), (640, 640), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return path


def post(server: Server, path: Path) -> requests.Response:
    """Have a file judged."""
    response = server.predict(path)
    response.raise_for_status()
    return response


def resident_megabytes(server: Server) -> float:
    """Memory of the service's process and of all that it started; pages that they share count once."""
    family = [server.process.pid]
    for parent in family:
        family += children_of(parent)
    reports = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in family]
    return sum(int(re.search(r"^Pss:\s+(\d+)", report, re.MULTILINE)[1]) for report in reports) / 1024  # type: ignore[index]


def cores() -> int:
    """The cores that the service uses by default."""
    from backend.config import load_settings

    return load_settings().threads


def describe_machine() -> str:
    """What it was measured on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"Measured on {cores()} cores of {model[1] if model else platform.processor()}, {time.strftime('%Y-%m-%d')}."


def as_markdown(rows: Iterator[Row]) -> Iterator[str]:
    """The table: median, and in brackets the smallest and the largest."""
    yield "| what | measured: median (range) | target | reached |"
    yield "| --- | --- | --- | --- |"
    for line in rows:
        reached = "" if line.reached is None else "yes" if line.reached else "**no**"
        yield f"| {line.name} | {line.measured} | {line.target} | {reached} |"


if __name__ == "__main__":
    main()
