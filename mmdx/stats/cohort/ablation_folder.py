"""What an ablation folder holds to compare: its finished runs by variant and seed, from `ablation.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmdx.errors import DataError, UsageError, some
from mmdx.files import SLICES, RunLayout
from mmdx.stats.cohort.chances import Chances, read_chances
from mmdx.stats.cohort.predictions import read_text
from mmdx.stats.cohort.sources import Inputs, every_deal, paths_and_tables, with_repeats
from mmdx.strangers.bounded import read_json

RECORD = "ablation.json"
GUIDED_OWN = "guided_own"


@dataclass(frozen=True)
class Selection:
    """What to compare. Inputs of one config are trainings of one variant; None where every input stands for itself.

    Of the configs in `fullest` only what was shown the most is an arm. `sizes` are the trainings of the reference by
    number of training patients, for a learning curve. `left_out` has one sentence per thing that is missing.
    `chances` says how the settings of an ablation were chosen.
    """

    inputs: Inputs
    configs: tuple[str, ...] | None = None
    fullest: frozenset[str] = frozenset()
    sizes: Mapping[str, Mapping[int, Sequence[Path]]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    chances: Chances | None = None


def select(inputs: Inputs) -> Selection:
    """What a call compares: an ablation folder stands for its runs.

    Raises `UsageError` where an ablation stands beside anything else, and `DataError` where its reference is not done.
    """
    ablations = [thing for thing in paths_and_tables(inputs) if isinstance(thing, Path) and (thing / RECORD).is_file()]
    if not ablations:
        return Selection(*with_repeats(inputs))
    if len(inputs) > 1:
        raise UsageError(f"{ablations[0]}: is an ablation, which is compared alone; name the runs in it instead")
    return read_ablation(ablations[0])


def read_ablation(folder: Path) -> Selection:
    """The finished runs of an ablation, the reference first; a seed that not every variant has is still taken."""
    record = _read(folder / RECORD)
    reference, done = record["reference"], [run for run in record["runs"] if run["state"] == "done"]
    on_all = [run for run in done if run["size"] is None]
    if not any(run["variant"] == reference for run in on_all):
        raise DataError(f"{folder}: '{reference}', with which all others are compared, is not trained; run mmdx ablate")
    pairs = [
        (deal, _config(run["variant"], place))
        for run in on_all
        for place in run["predictions"]
        for deal in every_deal(_inside(folder, place))
    ]
    pairs.sort(key=lambda pair: pair[1] != reference)
    waiting = [f"{run['variant']} seed {run['seed']}" for run in record["runs"] if run["state"] != "done"]
    left_out = [f"{name}: {reason}" for name, reason in record["refused"].items()]
    left_out += [f"not trained: {some(waiting, most=5)}"] if waiting else []
    return Selection(
        inputs=tuple(path for path, _ in pairs),
        configs=tuple(config for _, config in pairs),
        fullest=frozenset(config for _, config in pairs if config != reference),
        sizes=_sizes(folder, reference, done),
        left_out=tuple(left_out),
        chances=read_chances(record, str(folder / RECORD)),
    )


def with_slices(selection: Selection, split: str) -> Selection:
    """An ablation without the runs that score no slices, which are named; a learning curve is of studies, and goes."""
    runs = [run for run in selection.inputs if isinstance(run, Path)]
    scored = [RunLayout(run).scores(split, SLICES).is_file() for run in runs]
    configs = selection.configs or ()
    lost = dict.fromkeys(config for config, there in zip(configs, scored, strict=True) if not there)
    return replace(
        selection,
        inputs=tuple(run for run, there in zip(runs, scored, strict=True) if there),
        configs=tuple(config for config, there in zip(configs, scored, strict=True) if there),
        sizes={},
        left_out=(*selection.left_out, *(f"{name}: scores no slices" for name in lost)),
    )


def _sizes(folder: Path, reference: str, done: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, list[Path]]]:
    """The reference's trainings on fewer patients, and on all of them, where there are any on fewer."""
    by_size: dict[int, list[Path]] = {}
    for run in done:
        if run["variant"] == reference:
            place = _inside(folder, run["predictions"][0])
            by_size.setdefault(run["size"] or _training_patients(place), []).append(place)
    return {reference: dict(sorted(by_size.items()))} if len(by_size) > 1 else {}


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


def _config(variant: str, place: str) -> str:
    """The name that a run is compared under: its variant, and for guidance also which of its two models it is."""
    return GUIDED_OWN if Path(place).name == GUIDED_OWN else variant


def _read(path: Path) -> Mapping[str, Any]:
    try:
        record = read_json(path, "run mmdx ablate again")
    except FileNotFoundError:
        raise DataError(f"{path}: missing; run mmdx ablate again") from None
    if not isinstance(record, dict) or not {"reference", "refused", "runs"} <= record.keys():
        raise DataError(f"{path}: is no record of an ablation; run mmdx ablate again")
    return record
