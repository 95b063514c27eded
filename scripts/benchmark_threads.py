"""The number of threads that a training chooses against the best fixed one: processes that take turns, one JSON line.

    python scripts/benchmark_threads.py [--busy N] [--patients N] [--size N] [--encoder NAME] [--repeats N]

Ours is an epoch of a training as `mmdx train` begins it: threads that sleep while they wait, their number timed. The
others have one thread or all cores, and threads that spin, as OpenMP's own do. `--busy` processes compute beside them
all the while.

`threads`  seconds of an epoch, median of the repeats, against the best of the others; ratio = ours / reference, aim 1.3
           or less. `chosen` is ours, `timing` the seconds that the choice took, `others` are the seconds of the others.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import joblib
from benchmark_timing import Runner, report, serve
from benchmark_training import epoch as first_epoch
from benchmark_training import training_in

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.training.loop import Training
from mmdx.engine.training.threads import choose_threads

CONFIG = Path(__file__).parents[1] / "configs" / "phantom.yaml"
OURS = "ours"


def training_of(asked: argparse.Namespace) -> Training:
    """A training of the default experiment on fewer patients, in a run folder of its own."""
    folder = asked.folder / asked.part
    words = [f"data.source={asked.folder / 'phantom'}", f"data.stores={asked.folder / 'stores'}", f"run={folder}"]
    words += [f"data.reader.patients={asked.patients}", f"data.size={asked.size}"]
    words += [f"model.inputs.image.encoder.name={asked.encoder}"]
    return training_in(resolve(read_config(CONFIG, words)), folder)


def child(asked: argparse.Namespace) -> None:
    training = training_of(asked)
    begin = time.perf_counter()
    threads = choose_threads(training)
    timing = time.perf_counter() - begin

    def epoch() -> None:
        first_epoch(training)

    with threads.applied():
        serve(epoch, {"chosen": threads.count, "seconds": dict(threads.seconds), "timing": round(timing, 2)})


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that do nothing but compute, beside the block."""
    processes = [multiprocessing.Process(target=_compute, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()


def _compute() -> None:
    while True:
        pass


def row(asked: argparse.Namespace, folder: Path) -> None:
    words = [__file__, "--folder", str(folder), "--patients", str(asked.patients), "--size", str(asked.size)]
    words += ["--encoder", asked.encoder, "--part"]
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))}
    spinning = plain | {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "300000"}  # libgomp's own count
    fixed = {f"fixed-{count}": spinning | {"OMP_NUM_THREADS": str(count)} for count in (1, joblib.cpu_count())}
    with busy(asked.busy):
        runners = {name: Runner([*words, name], environment) for name, environment in {OURS: plain, **fixed}.items()}
        laps = [{name: runner.lap().seconds for name, runner in runners.items()} for _ in range(asked.repeats)]
    for runner in runners.values():
        runner.end()
    seconds = {name: median(lap[name] for lap in laps) for name in runners}
    others = {name: round(value, 3) for name, value in seconds.items() if name != OURS}
    about = runners[OURS].about
    report(
        "threads",
        seconds[OURS],
        min(others.values()),
        unit="s",
        busy=asked.busy,
        encoder=asked.encoder,
        size=asked.size,
        others=others,
        load=round(os.getloadavg()[0], 1),
        **about,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--encoder", default="test_resnet")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part is not None:
        child(asked)
        sys.exit()
    with tempfile.TemporaryDirectory(prefix="mmdx-benchmark-") as folder:
        row(asked, Path(folder))


if __name__ == "__main__":
    main()
