"""The file of swaps of a run: `predictions/test_swaps.safetensors`, of which `mmdx compare` makes a section."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdx.data.counting import Count, uncounted
from mmdx.data.store.store import Store
from mmdx.data.text.redaction import redacted
from mmdx.data.text.rewording import CHANGES
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.store import store_of, stores_of_members
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.runs.record import splits_of
from mmdx.engine.runs.threads import threads_of_run
from mmdx.engine.scoring.lone import alone
from mmdx.engine.scoring.swaps.ask import Asked, subsets
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.kinds import KINDS
from mmdx.stats.sections.inputs.files import Swaps
from mmdx.stats.sections.inputs.section import swaps_path

MOST_STUDIES = 400
"""Studies among which inputs are exchanged, by default: their pairs are 160,000."""
FEWEST_STUDIES = 10


def write_swaps(folder: Path, *, most: int = MOST_STUDIES, count: Count = uncounted) -> Path:
    """Exchanges the inputs of the test studies of a finished run, and writes what its model says; returns the file.

    Studies are those that have every input, at most `most` of them, drawn by the run's seed. Raises `UsageError` for a
    run of one input and as `alone` does, and `DataError` where too few studies have every input.
    """
    run = RunLayout(folder)
    path = swaps_path(run.scores("test"))
    saved = load_model(model_folder(folder))
    accelerator = alone(folder, "inputs")
    if len(saved.facts.inputs) < 2:
        raise UsageError(f"{folder}: reads one input, {next(iter(saved.facts.inputs))}; there is nothing to exchange")
    with threads_of_run(run):
        store = store_of(run, saved.config, accelerator)
        saved = saved.to(accelerator.device)
        stores = stores_of_members(run, store) or (store,)
        rows = _complete(saved, store, splits_of(run, store).joined().rows("test"), most)
        asked = Asked.of(saved, stores, rows, accelerator)
        swaps = swaps_among(asked, saved, store, rows, of=len(splits_of(run, store).rows("test")), count=count)
    swaps.save(path)
    return path


def swaps_among(
    asked: Asked, saved: SavedModel, store: Store, rows: Sequence[int], *, of: int, count: Count = uncounted
) -> Swaps:
    """Everything that a model says of some studies with their inputs exchanged, withheld and reworded."""
    names = asked.names
    pairs = {}
    for place, name in enumerate(names):
        if len(names) == 2 and place == 1:  # to lend the one is to keep the other
            pairs[name] = np.ascontiguousarray(pairs[names[0]].transpose(1, 0, 2))
        else:
            pairs[name] = asked.pairs(name, count)
    texts, changed = {}, {}
    options = saved.config.data.reports
    for name in [name for name in names if KINDS[saved.facts.inputs[name].kind].worded]:
        reports = [redacted(store.read(row).text(name) or "", options) for row in rows]
        for called, change in CHANGES.items():
            count(f"rewording {name}", len(texts), len(CHANGES), "ways")
            texts[f"{name}: {called}"] = asked.reworded(name, change)
            changed[f"{name}: {called}"] = np.array([change(report) != report for report in reports])
    return Swaps(
        studies=tuple(store.study_ids[row] for row in rows),
        findings=tuple(saved.facts.findings),
        inputs=tuple(names),
        of=of,
        pairs=pairs,
        shown={"+".join(chosen): asked.shown(chosen) for chosen in subsets(names)},
        texts=texts,
        changed=changed,
    )


def _complete(saved: SavedModel, store: Store, rows: Sequence[int], most: int) -> list[int]:
    """The rows with every input of the model, at most `most`, in the order of the store."""
    complete = [row for row in rows if all(_has(saved, store, row, name) for name in saved.facts.inputs)]
    if len(complete) < FEWEST_STUDIES:
        raise DataError(
            f"{len(complete)} of {len(rows)} test studies have every input of the model; inputs are exchanged among "
            f"{FEWEST_STUDIES} or more"
        )
    chance = np.random.default_rng(saved.config.seed)
    return sorted(chance.permutation(complete)[:most].tolist())


def _has(saved: SavedModel, store: Store, row: int, name: str) -> bool:
    kind = KINDS[saved.facts.inputs[name].kind]
    if kind.made:
        return len(saved.facts.tables()[name](store.read(row).traits())) > 0
    if kind.worded:
        return bool(redacted(store.read(row).text(name) or "", saved.config.data.reports))
    return int(store.lengths(name)[row]) > 0
