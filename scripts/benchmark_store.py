"""The rows of `benchmark.py` about the store; all of one core, where nothing else is said.

`ingest`          DICOM files/s of `mmdx prepare`, from raw files to a finished store, against a plain loop of pydicom,
                  rescale and the same resize, which checks and keeps nothing.
`ingest_2_cores`  files/s on two cores against one; `machine` is what they bring the plain loop, cut in two.
`ingest_monai`    files/s against MONAI's LoadImage and Resize, where MONAI is installed.
`epoch`           slices/s out of the store through the loader, against that plain loop.
`store_open`      seconds to open a store of 100,000 studies, against one of 100.
`store_memory`    peak memory (MB) of a process that opens a store and goes through one epoch of the loader: 100,000
                  studies against 1,000.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pydicom
import torch
from benchmark_timing import in_turn, report
from PIL import Image
from rich.console import Console
from torch.utils.data import DataLoader

from mmdx.config_file import parse_config
from mmdx.data.readers import register_all
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import BatchRecipe, build_loader
from mmdx.engine.assembly.resolve import resolve
from mmdx.registry import READERS
from mmdx.schema import Component, SplitOptions
from mmdx.study import ImageFiles, ImageRef, Order, Study

STORE_ROWS = ("ingest", "ingest_2_cores", "ingest_monai", "epoch", "store_open", "store_memory")
SIZE = 224
FEW, SOME, MANY = 100, 1_000, 100_000
QUIET = Console(quiet=True)
EPOCH = """
import re, sys
from pathlib import Path
from benchmark_store import loader_of
from mmdx.data.store.store import Store
studies = sum(len(batch.study_ids) for batch in loader_of(Store(Path(sys.argv[1]))))
# Of this program alone: getrusage counts what the process was before it.
print(studies, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def store_rows(wanted: Collection[str], repeats: int) -> None:
    register_all()
    with tempfile.TemporaryDirectory(prefix="mmdx-benchmark-") as name:
        folder = Path(name)
        if {"ingest", "ingest_2_cores", "ingest_monai", "epoch"} & set(wanted):
            dicom_rows(folder, wanted, repeats)
        if {"store_open", "store_memory"} & set(wanted):
            scale_rows(folder, wanted, repeats)


def dicom_rows(folder: Path, wanted: Collection[str], repeats: int) -> None:
    """Phantom head CTs of 512 x 512 pixels."""
    raw = {"type": "phantom", "patients": 40, "matrix": 512, "missing_enhanced": 0.5}
    recipe = Recipe(Component.model_validate(raw), folder / "raw", SIZE)
    recipe.read()
    files = sorted(recipe.source.rglob("*.dcm"))
    fresh = (folder / f"store{number}" for number in itertools.count())

    def prepared() -> Store:
        return prepare_store(recipe, next(fresh), SplitOptions(val=0.2, test=0.2), QUIET)

    def row(name: str, ours: Callable[[], object], reference: Callable[[], object], **more: object) -> None:
        seconds = in_turn(ours, reference, repeats)
        report(name, len(files) / seconds[0], len(files) / seconds[1], unit="files/s", files=len(files), **more)

    with cores(1):
        if "ingest" in wanted:
            row("ingest", prepared, lambda: plainly(files))
        if "ingest_monai" in wanted:
            if importlib.util.find_spec("monai"):
                row("ingest_monai", prepared, monai_loading(files))
            else:
                print("ingest_monai: skipped, MONAI is not installed (pip install monai)", file=sys.stderr)
        if "epoch" in wanted:
            epoch(prepared(), files, repeats)
    if "ingest_2_cores" in wanted and len(os.sched_getaffinity(0)) < 2:
        print("ingest_2_cores: skipped, there is one core", file=sys.stderr)
    elif "ingest_2_cores" in wanted:
        parts = [joblib.delayed(plainly)(files[i::2]) for i in range(2)]
        both = in_turn(lambda: joblib.Parallel(n_jobs=2)(parts), on_cores(1, lambda: plainly(files)), repeats)
        row("ingest_2_cores", on_cores(2, prepared), on_cores(1, prepared), machine=round(both[1] / both[0], 3))


@contextmanager
def cores(count: int) -> Iterator[None]:
    """This process on that many cores: joblib starts as many workers, none for one, and torch as many threads."""
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, sorted(before)[:count])
    torch.set_num_threads(count)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        torch.set_num_threads(threads)


def on_cores(count: int, work: Callable[[], object]) -> Callable[[], None]:
    def held() -> None:
        with cores(count):
            work()

    return held


def plainly(files: Sequence[Path]) -> None:
    """What a first script does: nothing is checked, nothing is kept."""
    for path in files:
        source = pydicom.dcmread(path)
        values = source.pixel_array.astype(np.float32) * float(source.RescaleSlope) + float(source.RescaleIntercept)
        fitted = Image.fromarray(values).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        np.rint(np.asarray(fitted)).astype(np.int16)


def monai_loading(files: Sequence[Path]) -> Callable[[], None]:
    from monai.transforms.compose import Compose  # pyright: ignore[reportMissingImports]
    from monai.transforms.io.array import LoadImage  # pyright: ignore[reportMissingImports]
    from monai.transforms.spatial.array import Resize  # pyright: ignore[reportMissingImports]

    load = LoadImage(reader="PydicomReader", image_only=True, ensure_channel_first=True)
    transform = Compose([load, Resize((SIZE, SIZE), mode="area")])

    def work() -> None:
        for path in files:
            transform(path)

    return work


def loader_of(store: Store) -> DataLoader:
    """All training batches of a store with images alone, as `mmdx train` loads them."""
    raw = {
        "data": {"store": str(store.folder)},
        "model": {
            "inputs": {name: {"encoder": "timm"} for name, facts in store.modalities.items() if facts.kind == "images"}
        },
    }
    recipe = BatchRecipe(resolve(parse_config(raw, "benchmark")))
    loader, sampler = build_loader(recipe, store, range(len(store)), shuffle=True)
    sampler.set_epoch(0)
    return loader


def epoch(store: Store, files: Sequence[Path], repeats: int) -> None:
    loader = loader_of(store)

    def ours() -> int:
        return sum(len(packed.values) for batch in loader for packed in batch.inputs.values())

    slices = ours()
    seconds = in_turn(ours, lambda: plainly(files), repeats)
    report("epoch", slices / seconds[0], len(files) / seconds[1], unit="slices/s", slices=slices, size=SIZE)


def scale_rows(folder: Path, wanted: Collection[str], repeats: int) -> None:
    """Stores of many studies, each with one small image, made by `mmdx prepare`."""
    READERS("benchmark_tiny")(tiny)
    (folder / "tiny").mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / "tiny" / "a.png")
    sizes = {FEW, MANY} if "store_open" in wanted else set()
    sizes |= {SOME, MANY} if "store_memory" in wanted else set()
    stores: dict[int, Path] = {}
    for size in sorted(sizes):
        recipe = Recipe(Component.model_validate({"type": "benchmark_tiny", "studies": size}), folder / "tiny", 8)
        stores[size] = prepare_store(recipe, folder / f"tiny{size}", SplitOptions(), QUIET).folder
    if "store_open" in wanted:
        seconds = in_turn(lambda: Store(stores[MANY]), lambda: Store(stores[FEW]), 20 * repeats)
        report("store_open", *seconds, unit="s", studies=[MANY, FEW])
    if "store_memory" in wanted:
        report("store_memory", epoch_memory(stores[MANY]), epoch_memory(stores[SOME]), unit="MB", studies=[MANY, SOME])


def tiny(root: Path, *, studies: int = FEW) -> list[Study]:
    """Many studies of the same one image."""
    image = ImageFiles((ImageRef(root / "a.png"),), Order("given"))
    return [Study(f"s{i:06d}", f"p{i:06d}", {"image": image}, {"bleed": float(i % 2)}) for i in range(studies)]


def epoch_memory(store: Path) -> float:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", EPOCH, str(store)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    studies, peak = done.stdout.split()
    assert int(studies) == Store(store).description["studies"]
    return float(peak)
