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

from pathlib import Path
from typing import Any

from mmdx.config_file import read_config
from mmdx.errors import UsageError
from mmdx.files import ModelLayout, RunLayout
from mmdx.schema import Config
from mmdx.stats.cohort.unfinished import unfinished


def choose_run(config: Config, name: str, *, resume: bool) -> Path:
    """Where a training goes: `run` of the config, else `runs/<name>-<n>`, the next free n, or the last when resuming.

    Raises `UsageError` where the folder is taken by another run, or there is nothing to resume.
    """
    folders = [folder for folder in Path("runs").glob(f"{name}-*") if RunLayout(folder).config.is_file()]
    last = max(folders, key=_number, default=None)
    following = Path("runs") / f"{name}-{_number(last) + 1 if last else 1}"
    folder = config.run or (last if resume and last else following)
    if resume and not RunLayout(folder).config.is_file():
        raise UsageError(f"--resume: no run to resume in {config.run or f'runs/{name}-*'}; train without --resume")
    if resume:
        same_config(config, read_config(RunLayout(folder).config), folder)
    elif folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"{folder}: holds a run already; add --resume to go on with it, or choose another folder with run="
        )
    return folder


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
