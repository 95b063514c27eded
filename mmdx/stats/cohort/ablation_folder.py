"""What an ablation folder holds to compare: its finished runs by variant and seed, from `ablation.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmdx.errors import DataError, UsageError, some
from mmdx.files import SLICES, RunLayout
from mmdx.stats.cohort.predictions import read_text
from mmdx.stats.cohort.sources import Given

RECORD = "ablation.json"
GUIDED_OWN = "guided_own"


@dataclass(frozen=True)
class Asked:
    """Sources to compare. Those of one group are trainings of one variant; of the groups in `fullest` only what was
    shown the most is an arm; `sizes` are trainings of the reference by number of training patients, for a learning
    curve. `groups` is None where every source stands for itself. `left_out` says what is not there, a sentence each."""

    given: Given
    groups: tuple[str, ...] | None = None
    fullest: frozenset[str] = frozenset()
    sizes: Mapping[str, Mapping[int, Sequence[Path]]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def asked_for(given: Given) -> Asked:
    """The sources of a call: an ablation folder stands for its runs.

    Raises `UsageError` where an ablation stands beside anything else, and `DataError` where its reference is not done.
    """
    things = given.values() if isinstance(given, Mapping) else given
    ablations = [thing for thing in things if isinstance(thing, Path) and (thing / RECORD).is_file()]
    if not ablations:
        return Asked(given)
    if len(given) > 1:
        raise UsageError(f"{ablations[0]}: is an ablation, which is compared alone; name the runs in it instead")
    return read_ablation(ablations[0])


def read_ablation(folder: Path) -> Asked:
    """The finished runs of an ablation, the reference first; a seed that not every variant has is still taken."""
    record = _read(folder / RECORD)
    reference, done = record["reference"], [run for run in record["runs"] if run["state"] == "done"]
    whole = [run for run in done if run["size"] is None]
    if not any(run["variant"] == reference for run in whole):
        raise DataError(f"{folder}: '{reference}', with which all others are compared, is not trained; run mmdx ablate")
    pairs = [(_inside(folder, place), _group(run["variant"], place)) for run in whole for place in run["predictions"]]
    pairs.sort(key=lambda pair: pair[1] != reference)
    waiting = [f"{run['variant']} seed {run['seed']}" for run in record["runs"] if run["state"] != "done"]
    left_out = [f"{name}: {reason}" for name, reason in record["refused"].items()]
    left_out += [f"not trained: {some(waiting, most=5)}"] if waiting else []
    return Asked(
        given=tuple(path for path, _ in pairs),
        groups=tuple(group for _, group in pairs),
        fullest=frozenset(group for _, group in pairs if group != reference),
        sizes=_sizes(folder, reference, done),
        left_out=tuple(left_out),
    )


def with_slices(asked: Asked, split: str) -> Asked:
    """An ablation without the runs that score no slices, which are named; a learning curve is of studies, and goes."""
    runs = [run for run in asked.given if isinstance(run, Path)]
    kept = [RunLayout(run).scores(split, SLICES).is_file() for run in runs]
    groups = asked.groups or ()
    lost = dict.fromkeys(group for group, there in zip(groups, kept, strict=True) if not there)
    return replace(
        asked,
        given=tuple(run for run, there in zip(runs, kept, strict=True) if there),
        groups=tuple(group for group, there in zip(groups, kept, strict=True) if there),
        sizes={},
        left_out=(*asked.left_out, *(f"{name}: scores no slices" for name in lost)),
    )


def _sizes(folder: Path, reference: str, done: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, list[Path]]]:
    """The reference's trainings on fewer patients, and on all of them, where there are any on fewer."""
    found: dict[int, list[Path]] = {}
    for run in done:
        if run["variant"] == reference:
            place = _inside(folder, run["predictions"][0])
            found.setdefault(run["size"] or _training_patients(place), []).append(place)
    return {reference: dict(sorted(found.items()))} if len(found) > 1 else {}


def _inside(folder: Path, place: str) -> Path:
    """A run folder that the record names. Raises `DataError` where it lies outside of the ablation, links followed."""
    path = folder / place
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{folder / RECORD}: '{place}' lies outside of the ablation; run mmdx ablate again")
    return path


def _training_patients(run: Path) -> int:
    """Of a cross-validation, those of its first fold: folds differ by a patient or two."""
    layout = RunLayout(run)
    path = layout.splits if layout.splits.is_file() else layout.fold(0).splits
    table = read_text(path, ("patient_id", "split"))
    return table.loc[table["split"] == "train", "patient_id"].nunique()


def _group(variant: str, place: str) -> str:
    """The variant; guidance has two, of which the second has a decoder of its own."""
    return GUIDED_OWN if Path(place).name == GUIDED_OWN else variant


def _read(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); run mmdx ablate again") from None
    if not isinstance(record, dict) or not {"reference", "refused", "runs"} <= record.keys():
        raise DataError(f"{path}: is no record of an ablation; run mmdx ablate again")
    return record
