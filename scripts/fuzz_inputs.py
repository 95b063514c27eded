"""Tries mutated images, archives and tables: `python scripts/fuzz_inputs.py dicom nifti png --count 2000`.

Each case is read as `mmdx inspect`, `prepare` and `predict` read it, up to the pixels that a store would have, and by
another reader of its kind: what that one refuses, or sees otherwise, is told as silent. Each line of what went wrong
ends in how to try that case again.
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz_files import (
    MAKERS,
    bytes_mutated,
    dicom_mutated,
    nifti_mutated,
    png_mutated,
    seeds,
    tiff_mutated,
)
from fuzz_readings import READINGS
from fuzzing import GOOD, leave, run_cases

from mmdx.data.images.decode import decode
from mmdx.engine.inference.source import opened
from mmdx.engine.intake.inspect import find_studies, rows_of
from mmdx.errors import DataError
from mmdx.study import ImageFiles

SIZE = 16
OF_KIND = {"dicom": dicom_mutated, "nifti": nifti_mutated, "png": png_mutated, "tiff": tiff_mutated}


def write_images(kind: str, folder: Path) -> None:
    """Those that a table names."""
    for k in range(4 if kind in ("csv", "json") else 0):
        (folder / f"{k}.png").write_bytes(seeds("png")[0][1])


def maker(kind: str) -> Callable[[random.Random, Path], str]:
    """Writes a mutated file of this kind, its images beside a table."""

    def make(chance: random.Random, folder: Path) -> str:
        number = chance.randrange(len(seeds(kind)))
        name, content = seeds(kind)[number]
        mutate = bytes_mutated if kind not in OF_KIND or chance.random() < 0.4 else OF_KIND[kind]
        said = []
        for _ in range(chance.choice([1, 1, 1, 2])):
            try:
                content, words = mutate(chance, content)
            except Exception:  # what was mutated already need not be one of its kind any more
                content, words = bytes_mutated(chance, content)
            said.append(words)
        (folder / name).write_bytes(content)
        write_images(kind, folder)
        return f"{name} {number}: {', '.join(said)}"

    return make


def tried(kind: str) -> Callable[[Path], None]:
    """Reads the one file as mmdx does, then as others do."""

    def attempt(folder: Path) -> None:
        path = next(path for path in sorted(folder.iterdir()) if not path.name[0].isdigit())
        with opened(path if kind == "zip" else folder) as source, warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            _, studies = find_studies(source)
            rows_of(studies, source)
            refused = [study.problems for study in studies if not study.modalities]
            for study in studies:
                for files in study.modalities.values():
                    if isinstance(files, ImageFiles):
                        decode(files, SIZE)
        if refused and kind not in ("csv", "json"):
            raise DataError([problem for problems in refused for problem in problems])
        READINGS[kind](path)

    return attempt


def warm(kind: str) -> None:
    """Reads each file as it is, so that all is imported before the processes of cases begin."""
    for name, content in seeds(kind):
        with TemporaryDirectory() as folder:
            Path(folder, name).write_bytes(content)
            write_images(kind, Path(folder))
            tried(kind)(Path(folder))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+", choices=sorted(MAKERS))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of the one case to try, in this process")
    parser.add_argument("--out", type=Path, help="a folder for one JSON object per case")
    return parser.parse_args()


if __name__ == "__main__":
    asked, wrong = options(), False
    for name in asked.what:
        warm(name)
        outcomes = run_cases(name, maker(name), tried(name), asked.count, asked.seed, only=asked.only)
        if asked.out is not None:
            asked.out.mkdir(parents=True, exist_ok=True)
            leave(outcomes, asked.out / f"{name}-{asked.seed}.jsonl")
        wrong |= any(outcome.kind not in GOOD for outcome in outcomes)
    sys.exit(wrong)
