"""The run folder: where one training leaves everything.

`config.yaml` · `environment.json` · `splits.csv` · `log.jsonl` · `checkpoints/best/` (a model folder) ·
`checkpoints/last.safetensors` (to resume from) · `checkpoints/selections.safetensors` · `tensorboard/` ·
`predictions/` (of the model, and of the baselines that it must beat) · `studies.csv` · `metrics.json` · `reporting.md`
· `card.md`; of two stages also `first/` (a run folder) and `descriptors/` (a store)

A cross-validation leaves `config.yaml` · `environment.json` · `folds.csv` · `fold-0/` … (each a run folder) ·
`predictions/` (out of fold) · `studies.csv` · `metrics.json` · `reporting.md` · `card.md`
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmdx.config import Config
from mmdx.config_file import read_config
from mmdx.errors import UsageError

PACKAGES = (
    *("mmdx", "torch", "timm", "transformers", "datasets"),
    *("accelerate", "scikit-learn", "pandas", "pydicom", "numpy"),
)
BASELINES = "_baselines.csv"
"""How a file of baselines ends: after the split, or after `<split>_slices`."""
STORE_KEYS = ("folder", "fingerprint", "reader", "options", "studies", "patients", "quarantined")


class Run:
    """Paths of a run, and its log; `first` and `descriptors` are the first of two stages and what it leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_file = folder / "config.yaml"
        self.best = folder / "checkpoints" / "best"
        self.last = folder / "checkpoints" / "last.safetensors"
        self.selections = folder / "checkpoints" / "selections.safetensors"
        self.predictions = folder / "predictions"
        self.splits = folder / "splits.csv"
        self.environment_file = folder / "environment.json"
        self.first = folder / "first"
        self.descriptors = folder / "descriptors"
        self.folds = folder / "folds.csv"
        self.studies = folder / "studies.csv"
        self.card = folder / "card.md"
        self._log = folder / "log.jsonl"

    @property
    def concluded(self) -> bool:
        """Whether the training went to its end: the card is written last."""
        return self.card.is_file()

    def fold(self, number: int) -> Run:
        """One fold of a cross-validation."""
        return Run(self.folder / f"fold-{number}")

    def log(self, **entry: Any) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def forget_after(self, step: int) -> None:
        """Drops log lines of steps that a resumed run will take again."""
        if self._log.is_file():
            lines = self._log.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if line and json.loads(line)["step"] <= step]
            partial = self._log.with_suffix(".partial")
            partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
            partial.replace(self._log)

    def environment(self) -> dict[str, Any]:
        """What the run ran on. Raises `UsageError` where the folder is no run."""
        try:
            return json.loads(self.environment_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"{self.folder}: not a run folder (no environment.json)") from None

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        self.write_text(name, json.dumps(content, indent=2) + "\n")

    def write_text(self, name: str, content: str) -> None:
        partial = self.folder / f"{name}.partial"
        partial.write_text(content, encoding="utf-8")
        partial.replace(self.folder / name)


def choose_run(config: Config, name: str, *, resume: bool) -> Path:
    """Where a training goes: `run` of the config, else `runs/<name>-<n>`, the next free n, or the last when resuming.

    Raises `UsageError` where the folder is taken by another run, or there is nothing to resume.
    """
    taken = sorted(Path("runs").glob(f"{name}-*/config.yaml"), key=lambda path: _number(path.parent))
    last = taken[-1].parent if taken else None
    following = Path("runs") / f"{name}-{_number(last) + 1 if last else 1}"
    folder = config.run or (last if resume and last else following)
    if resume and not (folder / "config.yaml").is_file():
        raise UsageError(f"--resume: no run to resume in {config.run or f'runs/{name}-*'}; train without --resume")
    if resume:
        same_config(config, read_config(folder / "config.yaml"), folder)
    elif folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"{folder}: holds a run already; add --resume to go on with it, or choose another folder with run="
        )
    return folder


def _number(folder: Path) -> int:
    tail = folder.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0


def same_config(asked: Config, stored: Config, folder: Path) -> None:
    """Raises `UsageError` where a run folder was made with another config; where it lies does not count."""
    changed = changed_keys(asked, stored)
    if changed:
        raise UsageError(
            f"--resume: {folder} was made with another {', '.join(changed)}; use its config, or start a new run"
        )


def changed_keys(asked: Config, stored: Config) -> list[str]:
    """The dotted keys in which two configs differ; where they lie does not count."""
    pairs = _leaves(asked.model_dump(), stored.model_dump())
    return [key for key, (left, right) in pairs.items() if left != right and key != "run"]


def _leaves(left: Any, right: Any, key: str = "") -> dict[str, tuple[Any, Any]]:
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return {key: (left, right)}
    found: dict[str, tuple[Any, Any]] = {}
    for name in [*left, *(n for n in right if n not in left)]:
        found |= _leaves(left.get(name), right.get(name), f"{key}.{name}" if key else name)
    return found


def environment(*, device: str, processes: int, store: Mapping[str, Any]) -> dict[str, Any]:
    """What the run ran on: versions, machine kind, processes, and which store."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": device,
        "processes": processes,
        "store": {key: store[key] for key in STORE_KEYS},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def model_folder(run: Path) -> Path:
    """The model folder of a run, or `run` itself when it is one. Raises `UsageError` for anything else."""
    for folder in (run / "checkpoints" / "best", run):
        if (folder / "model.json").is_file():
            return folder
    if Run(run).folds.is_file():
        raise UsageError(f"{run}: a cross-validation, with a model a fold; name one of them, such as {run}/fold-0")
    raise UsageError(f"{run}: neither a run folder nor a model folder (no checkpoints/best, no model.json)")
