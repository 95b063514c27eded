"""Kills commands for real at their file operations, runs each again to its end, and compares what it leaves.

`python scripts/kill_at_files.py train prepare ablate compare --every 3 --out FOLDER` prints a table: at how many of its
file operations a command was killed, and how often the same command then came to the same files. A process ends as by
`kill -9` right before it opens a file for writing, before it renames or removes one, and, with `--empty`, where a file
was just opened and is empty. Times are set aside, tensors compared by value. Trainings of an ablation are processes of
their own and are not killed here.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file

from mmdx.cli import main
from mmdx.engine.experiments import run  # noqa: F401  (imported once, not in every process)
from mmdx.files import PARTIAL

CONFIG = """
data: {reader: {type: phantom, patients: 24, matrix: 64}, source: phantom, stores: stores, size: 32}
model:
  dim: 16
  inputs: {image: {encoder: test_resnet}, report: {encoder: {type: bilstm_attention, embedding: 8, hidden: 8}}}
train: {epochs: 1, slices: 96, checkpoint_steps: 1, final: best, stack: false}
"""
COMMANDS = {
    "prepare": ["prepare", "phantom", "phantom", "store", "patients=24", "matrix=64", "size=32"],
    "train": ["train", "small.yaml", "run=run"],
    "ablate": ["ablate", "small.yaml", "--fusion", "gated", "--jobs", "1", "--out", "ablation"],
    "compare": ["compare", "trained", "--resamples", "100", "--out", "compared"],
}
LEFT = {"prepare": "store", "train": "run", "ablate": "ablation", "compare": "compared"}
TIMES = re.compile(r"[\d.]+ s\b|\"?(seconds|\w+_per_second|peak\w+|date|took)\"?: [^,}\n]+|20\d\d-\d\d-\d\d[T\d:.+Z-]*")
KILLED = 137


class Watch:
    """Counts the file operations of this process below `folder`, and ends it before number `kill_at`."""

    def __init__(self, folder: Path, kill_at: int, *, empty: bool) -> None:
        self.count, self._folder, self._kill_at, self._empty, self._own = 0, str(folder), kill_at, empty, os.getpid()

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in ("open", "os.rename", "os.remove") or os.getpid() != self._own:
            return
        path, flags = args[0], args[2] if event == "open" else os.O_WRONLY
        if not isinstance(path, (str, Path)) or not flags & (os.O_WRONLY | os.O_RDWR):
            return
        if not os.path.abspath(path).startswith(self._folder):  # noqa: PTH100
            return
        self.count += 1
        if self.count == self._kill_at:
            if self._empty and event == "open" and flags & os.O_TRUNC:
                Path(path).write_bytes(b"")
            os._exit(KILLED)


def attempt(command: Sequence[str], home: Path, *, kill_at: int = 0, empty: bool = False) -> tuple[int, int]:
    """Runs `mmdx` with these words in `home`, in a process of its own; its exit code and file operations."""
    log, counted = home.with_suffix(".log"), home.with_suffix(".count")
    pid = os.fork()
    if pid == 0:
        os.chdir(home)
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        watch, code = Watch(home, kill_at, empty=empty), 1
        sys.addaudithook(watch)
        try:
            main(list(command))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        finally:
            sys.stdout.flush()
            counted.write_text(str(watch.count))
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, int(counted.read_text()) if counted.is_file() else 0


def based(out: Path, *trainings: str) -> Path:
    """A folder below `out` with a small config, and a run of it for the words of each training."""
    torch.set_num_threads(1)
    base = (out / "base").resolve()
    if not base.is_dir():
        base.mkdir(parents=True)
        (base / "small.yaml").write_text(CONFIG, encoding="utf-8")
        for words in trainings:
            if attempt(["train", "small.yaml", *words.split()], base)[0]:
                sys.exit(f"{base}: cannot be trained; {base.with_suffix('.log')} says why")
    return base


def difference(left: Path, right: Path) -> str:
    """The first file in which two folders differ; empty where they are the same."""
    names = [
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and _counts(path)}
        for folder in (left, right)
    ]
    if names[0] != names[1]:
        return ", ".join(sorted(map(str, names[0] ^ names[1])))
    return next((str(name) for name in sorted(names[0]) if _content(left / name) != _content(right / name)), "")


def _counts(path: Path) -> bool:
    """Partial files count: none may be left. Locks, what was said, and TensorBoard do not."""
    beside = ".lock" in path.name or path.suffix == ".log" or "tfevents" in path.name
    return path.suffix == PARTIAL or not beside


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return {name: (value.dtype, value.tolist()) for name, value in sorted(load_file(path).items())}
    if path.name == "environment.json" or path.suffix in (".png", ".html", ".pdf"):
        return path.stat().st_size > 0
    return TIMES.sub("", path.read_bytes().decode("utf-8", errors="replace"))


def ready(home: Path, source: Path) -> Path:
    """A fresh folder with what a command starts from."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(source, home, symlinks=True)
    home.with_suffix(".count").unlink(missing_ok=True)
    return home


def attack(verb: str, out: Path, source: Path, every: int, *, empty: bool) -> tuple[int, int, list[str]]:
    """Kills a command at each `every`-th of its file operations: how many it has, how often it was killed, what went
    wrong."""
    command, wrong, kills = COMMANDS[verb], [], 0
    code, operations = attempt(command, ready(out / f"{verb}-calm", source))
    if code:
        return operations, 0, [f"the calm one ended with {code}"]
    for number in range(1, operations + 1, every):
        home = ready(out / f"{verb}-killed", source)
        if attempt(command, home, kill_at=number, empty=empty)[0] != KILLED:
            continue
        kills += 1
        resume = ["--resume"] if verb == "train" and kills % 2 else []
        code = attempt([*command, *resume], home)[0]
        if code == 2 and verb == "train":  # there is a state, and it must be told to go on; or nothing to go on with
            code = attempt([*command, *([] if resume else ["--resume"])], home)[0]
        found = f"ended with {code}" if code else difference(out / f"{verb}-calm" / LEFT[verb], home / LEFT[verb])
        if found:
            wrong.append(f"{number}: {found}")
    return operations, kills, wrong


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verbs", nargs="+", choices=list(COMMANDS))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    asked = options()
    base = based(asked.out, "run=trained")
    table = Table("command", "file operations", "killed at", "same files", "seconds")
    for verb in asked.verbs:
        begin = time.perf_counter()
        operations, kills, wrong = attack(verb, base.parent, base, asked.every, empty=asked.empty)
        seconds = f"{time.perf_counter() - begin:.0f}"
        table.add_row(verb, str(operations), str(kills), str(kills - len(wrong)), seconds)
        for line in wrong:
            print(f"{verb} {line}")
    Console().print(table)
