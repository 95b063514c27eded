"""Whether the training of a run folder went to its end; where it did not, how far it is, and what goes on with it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdx.files import RunLayout
from mmdx.stats.cohort.predictions import read_text
from mmdx.strangers.bounded import MOST_OF_CONFIG, parse_log_line
from mmdx.strangers.bounded import read_text as text_of
from mmdx.yaml_text import parse_yaml

UNFINISHED = "unfinished"
"""The key of `evaluation.json` that says how far a run was when it was scored; a finished one leaves no such key."""
_DEEPEST = 5
"""Folders between a run and a part of it at most: `fold-0/first/extract/fold-1`."""


@dataclass(frozen=True)
class Unfinished:
    """A run folder whose training has not come to its end: `so_far` says how far it is, `whole` is the run to go on
    with, of which it may be a part (a fold, a stage), None where no training goes on with it."""

    folder: Path
    so_far: str
    whole: Path | None

    @property
    def sentence(self) -> str:
        return f"not finished: {self.so_far}; unless it still runs, go on with {self.command}"

    @property
    def command(self) -> str:
        """What goes on with it, as it is typed."""
        if self.whole is None:
            return "the command that began it"
        config = RunLayout(self.whole).config
        return f"mmdx train {shlex.quote(str(config))} {shlex.quote(f'run={self.whole}')} --resume"


def unfinished(folder: Path) -> Unfinished | None:
    """How a training stands that has not come to its end, by its run folder or the model folder in it; None for a
    finished one, and for a folder that is no run.

    While a training makes its last files, it is not finished either: ask from outside of it.
    """
    run = next((run for run in (RunLayout(folder), RunLayout(folder.parent.parent)) if _holds(run, folder)), None)
    if run is None or _ended(run):
        return None
    whole = [place for place in (run.folder, *tuple(run.folder.parents)[:_DEEPEST]) if _is_run(RunLayout(place))][-1]
    ended, parts = _ended(RunLayout(whole)), run.folder.relative_to(whole).parts
    if "crossfit" in parts:
        # Models that left a fold out have no card of their own: they are done when the run is.
        return None if ended else Unfinished(folder, _so_far(RunLayout(whole)), whole)
    if RunLayout(whole).members.is_file():
        return Unfinished(folder, "an ensemble that is not scored to the end", None)
    return Unfinished(folder, _so_far(run), None if ended and "extract" in parts else whole)


def unfinished_of(evaluation: Mapping[str, Any] | None, folder: Path | None) -> str | None:
    """That scores are of a training that had not come to its end, as the `evaluation.json` beside them says or, where
    there is none, the run `folder` that they lie in."""
    if evaluation is not None:
        so_far = evaluation.get(UNFINISHED)
        return None if so_far is None else f"not finished: scored at {so_far}"
    standing = None if folder is None else unfinished(folder)
    return None if standing is None else standing.sentence


def _is_run(run: RunLayout) -> bool:
    return run.config.is_file() and (run.splits.is_file() or run.folds.is_file())


def _holds(run: RunLayout, folder: Path) -> bool:
    """Whether a folder is this run, or the model folder in it."""
    return _is_run(run) and folder in (run.folder, run.best)


def _ended(run: RunLayout) -> bool:
    """The last file of a run is its card, of one with guidance the shares that are recovered."""
    return run.card.is_file() or run.recovery.is_file()


def _so_far(run: RunLayout) -> str:
    config = parse_yaml(text_of(run.config, most=MOST_OF_CONFIG), str(run.config))
    config = config if isinstance(config, Mapping) else {}
    if config.get("guidance") is not None:
        return "not all of its stages are done"
    if run.folds.is_file():
        count = len(set(read_text(run.folds, ("fold",))["fold"]))
        return f"{sum(run.fold(fold).card.is_file() for fold in range(count))} of {count} folds"
    done, total = _epochs_done(run.log), (config.get("train") or {}).get("epochs")
    if total is None:
        return f"epoch {done}"
    rest = ", not scored to the end" if done == total else ""
    if not done and (run.folder / "crossfit").is_dir():
        rest = ", models out of fold come first"
    elif not done and config.get("first") is not None:
        rest = ", its first stage comes first"
    return f"epoch {done} of {total}{rest}"


def _epochs_done(log: Path) -> int:
    """The last epoch in a log that is done; lines of steps have no `seconds`, and a killed training may leave its last
    line torn."""
    lines = text_of(log).splitlines() if log.is_file() else []
    for line in reversed(lines):
        if '"seconds"' in line and line.endswith("}"):
            return int(parse_log_line(line, str(log))["epoch"])
    return 0
