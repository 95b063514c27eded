"""Which folder a training takes as its run folder, and whether it may.

`config.yaml` · `environment.json` · `splits.csv` · `log.jsonl` · `checkpoints/best/` (a model folder) ·
`checkpoints/last.safetensors` (to resume from) · `checkpoints/selections.safetensors` · `tensorboard/` ·
`predictions/` (of the model, and of the baselines that it must beat) · `studies.csv` · `metrics.json` · `reporting.md`
· `card.md`; where the model was refitted also `final.json` and `crossfit/fold-0/` … (the models that scored studies out
of fold); of two stages also `first/` (a run folder) and `descriptors/` (a store)

A cross-validation leaves `config.yaml` · `environment.json` · `folds.csv` · `fold-0/` … (each a run folder) ·
`checkpoints/best/` (the ensemble of the fold models) · `predictions/` (out of fold) · `studies.csv` · `metrics.json` ·
`reporting.md` · `card.md`
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

from mmdx.config_file import read_config
from mmdx.data.store.lock import LOCK
from mmdx.engine.runs.claim import claim, claimed, clear, holder, stopped_early
from mmdx.errors import UsageError
from mmdx.files import ModelLayout, RunLayout
from mmdx.schema import Config
from mmdx.stats.cohort.unfinished import unfinished


@dataclass(frozen=True)
class Chosen:
    """The folder that a training has claimed; `resume` says whether it goes on with what lies there, and `anew` that a
    training was stopped here before its first state, of which nothing is left."""

    folder: Path
    resume: bool
    anew: bool = False

    def lines(self) -> list[str]:
        return [f"{self.folder}: was stopped before its first state, and begins anew"] if self.anew else []


@contextmanager
def chosen_run(config: Config, name: str, *, resume: bool) -> Iterator[Chosen]:
    """Where a training goes: `run` of the config, else `runs/<name>-<n>`, the next free n, or the last when resuming.

    Inside the block no other training takes the folder. Raises `UsageError` where it is taken by another run, another
    process trains there, or there is nothing to resume.
    """
    folder = config.run or (_last(name) if resume else None)
    strange = folder is not None and _is_strange(folder)
    folder, lock = _claim_next(name) if folder is None and not resume else _claim_named(config, name, folder, resume)
    with claimed(folder, lock):
        if resume and RunLayout(folder).config.is_file():
            same_config(config, read_config(RunLayout(folder).config), folder)
        early = stopped_early(folder) and not strange
        if not (resume or early):
            raise _taken(folder)
        cleared = early and clear(folder)
        yield Chosen(folder, resume and not early, anew=cleared or (resume and early))


def free_run(config: Config, name: str) -> Path:
    """Where a training would go that does not resume; nothing is claimed or written. Raises `UsageError` where the
    folder is taken by another run."""
    if config.run is None:
        return next(folder for folder in _following(name) if _is_free(folder))
    if not (_is_free(config.run) or stopped_early(config.run)):
        raise _taken(config.run)
    return config.run


def _claim_next(name: str) -> tuple[Path, IO[str]]:
    """The first folder after the last run of this name that nobody has, and its lock."""
    for folder in _following(name):
        if not _is_free(folder) or (lock := claim(folder)) is None:
            continue
        if _is_free(folder):
            return folder, lock
        with claimed(folder, lock):  # another training has come and gone since it was looked at
            pass
    raise AssertionError("numbers do not end")


def _following(name: str) -> Iterator[Path]:
    """The folders after the last run of this name, by number without an end."""
    last = max((_number(folder) for folder in _runs(name) if RunLayout(folder).config.is_file()), default=0)
    return (Path("runs") / f"{name}-{number}" for number in count(last + 1))


def _is_free(folder: Path) -> bool:
    """Whether a folder holds nothing, or what a training left that was stopped before it wrote its config."""
    early = stopped_early(folder) and not RunLayout(folder).config.is_file()
    return early or not folder.exists() or not any(folder.iterdir())


def _claim_named(config: Config, name: str, folder: Path | None, resume: bool) -> tuple[Path, IO[str]]:
    """The folder that a config names, or the last run of this name, and its lock."""
    begun = folder is not None and (RunLayout(folder).config.is_file() or stopped_early(folder))
    if folder is None or (resume and not begun):
        raise UsageError(f"--resume: no run to resume in {config.run or f'runs/{name}-*'}; train without --resume")
    if _is_strange(folder) and not resume:
        raise _taken(folder)
    lock = claim(folder)
    if lock is None:
        raise UsageError(f"{folder}: is being trained by {holder(folder)}; wait for it to end, or choose another run=")
    return folder, lock


def _taken(folder: Path) -> UsageError:
    return UsageError(
        f"{folder}: holds a run already; add --resume to go on with it, or choose another folder with run="
    )


def _runs(name: str) -> list[Path]:
    return sorted(Path("runs").glob(f"{name}-*"), key=_number)


def _last(name: str) -> Path | None:
    """The last run of this name that has a config, else the last folder where a training was stopped early."""
    runs = _runs(name)
    begun = [folder for folder in runs if RunLayout(folder).config.is_file()]
    return next(reversed(begun or [folder for folder in runs if stopped_early(folder)]), None)


def _is_strange(folder: Path) -> bool:
    """Whether something lies in a folder that no training has claimed."""
    return folder.exists() and not (folder / LOCK).is_file() and any(folder.iterdir())


def same_config(config: Config, stored: Config, folder: Path) -> None:
    """Raises `UsageError` where a run folder was made with another config than this; where it lies does not count."""
    changed = changed_keys(config, stored)
    if changed == ["train.epochs"]:
        made, asked = stored.train.epochs, config.train.epochs
        raise UsageError(
            f"--resume: {folder} is a training of {made} epochs, not of {asked}: from the first step on its learning "
            f"rate goes down to 0 at epoch {made}, so that one of {asked} is another training; go on with "
            f"train.epochs={made}, or train anew: run=OTHER, without --resume"
        )
    if changed:
        raise UsageError(
            f"--resume: {folder} was made with another {', '.join(changed)}; use its config, or start a new run"
        )


def changed_keys(config: Config, stored: Config) -> list[str]:
    """The dotted keys in which two configs differ; where they lie does not count."""
    pairs = _leaves(config.model_dump(), stored.model_dump())
    return [key for key, (left, right) in pairs.items() if left != right and key != "run"]


def model_folder(folder: Path) -> Path:
    """The model folder of a run, or `folder` itself where it is one. Raises `UsageError` for anything else, and where a
    training has left no weights yet."""
    run, standing = RunLayout(folder), unfinished(folder)
    for place in (run.best, folder):
        if is_model_folder(place):
            if standing is None or ModelLayout(place).weights.is_file() or ModelLayout(place).ensemble.is_file():
                return place
            break
    if standing is not None:
        fold = f", or name a fold, such as {run.fold(0).folder}" if run.folds.is_file() else ""
        raise UsageError(f"{folder}: has no model yet, {standing.sentence}{fold}")
    raise UsageError(f"{folder}: neither a run folder nor a model folder (no checkpoints/best, no model.json)")


def is_model_folder(folder: Path) -> bool:
    """Whether a model, or an ensemble, has been described there; weights may still be missing."""
    layout = ModelLayout(folder)
    return layout.facts.is_file() or layout.ensemble.is_file()


def is_concluded(run: RunLayout) -> bool:
    """Whether a training went to its end: the card is written last."""
    return run.card.is_file()


def _number(folder: Path) -> int:
    tail = folder.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0


def _leaves(left: Any, right: Any, key: str = "") -> dict[str, tuple[Any, Any]]:
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return {key: (left, right)}
    pairs: dict[str, tuple[Any, Any]] = {}
    for name in [*left, *(n for n in right if n not in left)]:
        pairs |= _leaves(left.get(name), right.get(name), f"{key}.{name}" if key else name)
    return pairs
