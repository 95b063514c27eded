"""Starts trainings at the same moment, for one run folder and for the next free one, and compares what they leave.

`python scripts/start_at_once.py --rounds 20 --out FOLDER` starts 2, 4 and 8 in turn, each with a seed of its own, in
processes that have imported everything. Without `run=` each must have a whole run of its own; with one `run=` for all,
one must have it and the others be refused in a line. A run is whole where its files are those of the same seed trained
alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kill_at_files import based, difference, ready
from rich.console import Console
from rich.table import Table

from mmdx.config_file import read_config
from mmdx.files import RunLayout

REFUSED = 2
TAKEN = ("is being trained by", "holds a run already")


NAMED = "run=runs/one-for-all"


def at_once(home: Path, seeds: Sequence[int], *, named: bool) -> list[tuple[int, str]]:
    """Trains with these seeds at once in `home`; the exit code and the output of each."""
    begin = time.time() + 0.2
    pids = []
    for seed in seeds:
        pid = os.fork()
        if pid == 0:
            log = home / f"seed{seed}.log"
            with log.open("wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            os.chdir(home)
            time.sleep(max(0.0, begin - time.time()))
            os._exit(_trained(["train", "small.yaml", f"seed={seed}", *([NAMED] if named else [])]))
        pids.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    return [
        (code, (home / f"seed{seed}.log").read_text(errors="replace")) for seed, code in zip(seeds, codes, strict=True)
    ]


def _trained(words: list[str]) -> int:
    from mmdx.cli import main

    try:
        main(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
    return 0


def alone(base: Path, seed: int, *, named: bool) -> Path:
    """The run of a seed that is trained alone, under the name that it would have beside others."""
    home = ready(base.parent / f"alone-{'same' if named else 'next'}-{seed}", base)
    [(code, said)] = at_once(home, [seed], named=named)
    if code:
        sys.exit(f"{home}: cannot be trained: {said}")
    return next(folder for folder in (home / "runs").iterdir() if folder.is_dir())


def faults(home: Path, count: int, alone: Sequence[Path], *, named: bool) -> list[str]:
    """What is wrong after one round in `home`; nothing where each training has a whole run, or was refused."""
    answers = at_once(home, range(count), named=named)
    wrong = [f"ended with {code}: {said.strip()[-200:]}" for code, said in answers if code not in (0, REFUSED)]
    refused = [said for code, said in answers if code == REFUSED]
    wrong += [f"said {said.strip()[-200:]}" for said in refused if not any(words in said for words in TAKEN)]
    runs = sorted(folder for folder in (home / "runs").iterdir() if folder.is_dir())
    expected = 1 if named else count
    if len(runs) != expected or len(refused) != count - expected:
        wrong.append(f"{len(runs)} runs and {len(refused)} refusals, not {expected} and {count - expected}")
    seeds = [read_config(RunLayout(run).config).seed for run in runs]
    if len(set(seeds)) < len(seeds):
        wrong.append(f"seeds {seeds}")
    return wrong + [
        f"{run.name}: {found}" for run, seed in zip(runs, seeds, strict=True) if (found := _differs(run, alone[seed]))
    ]


def _differs(run: Path, alone: Path) -> str:
    """The first file that differs from the run of the same seed alone, but for the name of the folder in it."""
    for path in (path for path in run.rglob("*") if path.suffix in (".md", ".json", ".yaml", ".csv", ".tex")):
        path.write_bytes(path.read_bytes().replace(run.name.encode(), alone.name.encode()))
    return difference(alone, run)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--counts", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    asked = options()
    base = based(asked.out)
    begun = ready(base.parent / "begun", base)  # with the cohort and its store, which all trainings share
    at_once(begun, [0], named=True)
    shutil.rmtree(begun / "runs")
    whole_runs = {k: [alone(begun, seed, named=k) for seed in range(max(asked.counts))] for k in (False, True)}
    table = Table("started at once", "run folder", "rounds", "whole", "seconds")
    for count in asked.counts:
        for named in (False, True):
            begin, whole = time.perf_counter(), 0
            for number in range(asked.rounds):
                home = base.parent / f"{count}-{'same' if named else 'next'}"
                found = faults(ready(home, begun), count, whole_runs[named], named=named)
                print(*(f"{count} round {number}: {line}" for line in found[:3]), sep="\n", end="\n" if found else "")
                whole += not found
            kind = "one for all" if named else "the next free"
            table.add_row(str(count), kind, str(asked.rounds), str(whole), f"{time.perf_counter() - begin:.0f}")
    Console().print(table)
