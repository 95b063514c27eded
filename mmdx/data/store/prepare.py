"""Raw files become a store: parallel, resumable, and with everything that could not be read named.

Processes that were launched together (`torchrun`, `accelerate launch`) each write their share of the shards into the
same folder, on one machine or on several that share a disk; the main one waits for all shards and then writes the rest.
That none of them is left waiting for one that is gone is the launcher's work.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from rich.console import Console
from rich.progress import track

from mmdx.data.privacy.privacy import notices, summary
from mmdx.data.privacy.pseudonyms import Pseudonyms
from mmdx.data.splits.splits import Splits, make_splits, prove_disjoint
from mmdx.data.store.fingerprint import STORE_FORMAT
from mmdx.data.store.finish import Making, finish_store, write_quarantine
from mmdx.data.store.layout import Layout, layout_of, stored_bytes
from mmdx.data.store.lock import Group, locked
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.shards import is_written, problems_of, quarantine_of, shard_path, write_shard
from mmdx.data.store.store import QUARANTINE, Store, is_store
from mmdx.data.tables.label_lines import label_lines
from mmdx.data.text.missing import empty_lines
from mmdx.data.workers import in_folder
from mmdx.errors import DataError, UsageError, reason, refuse_lack
from mmdx.registry import READERS
from mmdx.schema import SplitOptions
from mmdx.study import PATIENTS_UNKNOWN, Split, Study, groups_of

STUDIES_PER_SHARD = 16
BYTES_PER_SHARD = 2**26
SHARDS = 64
_PAUSE = 0.2


def prepare_store(
    recipe: Recipe,
    out: Path,
    split: SplitOptions | None,
    console: Console,
    *,
    turn: AbstractContextManager[None] | None = None,
    look: Callable[[Sequence[Study]], None] | None = None,
    under: bool = False,
) -> Store:
    """Prepares `recipe` in the folder `out`, or goes on where a killed run stopped, or finds it done.

    With `under`, the store gets a folder of its own in `out`, named by its fingerprint, and nothing is said of one that
    is there. `split` deals the patients; None deals a new store by the defaults and takes a finished one as it is.
    Several processes read the raw files within `turn`, which lets the main one go first: a reader may write its own
    source (the phantom does). `look` may refuse the studies before any is decoded. Raises `DataError` where the folder
    holds something else, a store that was split otherwise included: nothing is replaced.
    """
    _keep_apart(recipe.source, out)
    with turn or nullcontext():
        store = _finished(recipe, out, under)
        studies = _looked_at(recipe, look) if store is None else []
    if store is None:
        # A reader may write its own source, so the fingerprint is known for good only after it has read.
        return _fill(recipe, studies, recipe.folder(out) if under else out, split or SplitOptions(), console)
    if split is not None and store.dealt != split.model_dump():
        dealt = ", ".join(f"{name} {value}" for name, value in store.dealt.items())
        raise DataError(f"{out}: its patients were dealt otherwise ({dealt}); prepare into another folder")
    if not under:
        _say(console, f"{out}: up to date, {len(store)} studies, {store.quarantined} quarantined")
    return store


def _finished(recipe: Recipe, out: Path, under: bool) -> Store | None:
    """The store of `recipe`, None where it is not there or not whole."""
    if under:
        folder = recipe.folder(out)
        return Store(folder) if is_store(folder) else None
    store = Store(out) if is_store(out) else None
    return store if store is not None and store.fingerprint == recipe.fingerprint() else None


def _looked_at(recipe: Recipe, look: Callable[[Sequence[Study]], None] | None) -> list[Study]:
    studies = recipe.read()
    if look is not None:
        look(studies)
    return studies


def _fill(recipe: Recipe, studies: list[Study], out: Path, split: SplitOptions, console: Console) -> Store:
    key, layout, group = recipe.fingerprint(), layout_of(studies, size=recipe.size), Group.of_environment()
    if is_store(out) and (store := Store(out)).fingerprint != key:
        raise DataError(recipe.refusal(out, store.description))
    readable = [study for study in studies if study.modalities]
    if readable:  # what forbids a split should show before hours of decoding
        deal_studies(readable, layout, split)
    with _disk_errors(out), locked(out, key, group):
        shards = [(shard_path(out, i), part) for i, part in enumerate(_portions(studies, layout))]
        _write_shards(out, shards[group.rank :: group.world], layout, recipe, group, console)
        if group.rank:
            while not is_store(out):
                time.sleep(_PAUSE)
        else:
            _wait_for(shards)
            making = _making(recipe, key, studies, layout, split, out, [path for path, _ in shards])
            description = finish_store(out, making)
            _say_found(console, studies, making.studies)
            _say_done(console, out, making, description)
    return Store(out)


def _making(
    recipe: Recipe,
    key: str,
    studies: Sequence[Study],
    layout: Layout,
    split: SplitOptions,
    out: Path,
    shards: Sequence[Path],
) -> Making:
    """What the whole shards hold, dealt. Raises `DataError` where that is no study at all.

    `key` is the fingerprint under which they were written.
    """
    quarantine = [row for path in shards for row in quarantine_of(path)]
    refused = {row["study_id"] for row in quarantine}
    kept = [study for study in studies if study.study_id not in refused]
    if not kept:
        write_quarantine(out, quarantine)
        first = quarantine[0]["reason"]
        raise DataError(f"{out}: none of {len(studies)} studies could be read; {QUARANTINE} says why: {first}")
    problems = {study_id: named for path in shards for study_id, named in problems_of(path).items()}
    stored = [replace(study, problems=problems.get(study.study_id, study.problems)) for study in kept]
    origin: dict[str, Any] = {
        "format": STORE_FORMAT,
        "fingerprint": key,
        "reader": recipe.reader.type,
        "options": {k: str(v) for k, v in READERS.options(recipe.reader, "reader").items()},
        "at_use": recipe.at_use(),
        "size": recipe.size,
        "modalities": {name: facts.to_json() for name, facts in layout.modalities.items()},
        "findings": list(layout.findings),
        "groups": groups_of(layout.findings),
        "studies": len(stored),
        "patients": len({study.patient_id for study in stored}),
        "patients_unknown": sum(not study.patient_known for study in stored),
        "quarantined": len(quarantine),
        "split": split.model_dump(),
    }
    remarks = {"privacy": summary(stored, recipe.pseudonyms())}
    return Making(layout, stored, deal_studies(stored, layout, split), quarantine, len(shards), origin, remarks)


def _say_done(console: Console, out: Path, making: Making, description: dict[str, Any]) -> None:
    """Says which studies could not be read, how many were stored, and what the store still holds of persons."""
    quarantine = making.quarantine
    for row in quarantine[:5]:
        _say(console, f"quarantined: {row['study_id']}: {row['reason']}")
    if len(quarantine) > 5:
        _say(console, f"quarantined: {len(quarantine) - 5} more; {out / QUARANTINE} names all")
    counts = ", ".join(f"{name} {count}" for name, count in making.splits.counts().items())
    _say(console, f"{out}: {len(making.studies)} studies ({counts}), {len(quarantine)} quarantined")
    if unknown := description["patients_unknown"]:
        _say(console, f"{PATIENTS_UNKNOWN}: {unknown} of {len(making.studies)} studies count as a patient each")
    for line in [*label_lines(making.studies), *empty_lines(making.studies), *notices(description["privacy"])]:
        _say(console, line)


def _say_found(console: Console, read: Sequence[Study], stored: Sequence[Study]) -> None:
    """Says what was found only when the pixels were decoded; what the reader names, `mmdx inspect` shows."""
    named = {study.study_id: study.problems for study in read}
    found = [(study.study_id, problem) for study in stored for problem in study.problems[len(named[study.study_id]) :]]
    for study_id, problem in found[:5]:
        _say(console, f"kept, but: {study_id}: {problem}")
    if len(found) > 5:
        _say(console, f"kept, but: {len(found) - 5} more, named in the problems of the studies")


def _wait_for(shards: Sequence[tuple[Path, list[Study]]]) -> None:
    """Until the other processes of the group have written theirs."""
    while shards := [(path, part) for path, part in shards if not is_written(path, _ids(part))]:
        time.sleep(_PAUSE)


def _ids(studies: Sequence[Study]) -> list[str]:
    return [study.study_id for study in studies]


def _keep_apart(source: Path, out: Path) -> None:
    """Raises `UsageError` for a store within its own source, which would change with every study written."""
    if out.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{out}: lies within the raw files in {source}; prepare into a folder outside them")


def _portions(studies: Sequence[Study], layout: Layout) -> list[list[Study]]:
    """The studies of each shard: up to `STUDIES_PER_SHARD`, and no more than `BYTES_PER_SHARD` of images.

    A small cohort makes `SHARDS` shards of fewer studies, to keep many processors busy. Nothing but the studies counts,
    so that every process, and every run that goes on, deals alike.
    """
    most = max(1, min(STUDIES_PER_SHARD, len(studies) // SHARDS))
    portions: list[list[Study]] = []
    room = 0
    for study in studies:
        size = stored_bytes(study, layout)
        if not portions or size > room or len(portions[-1]) == most:
            portions.append([])
            room = BYTES_PER_SHARD
        portions[-1].append(study)
        room -= size
    return portions


def _write_shards(
    out: Path,
    shards: Sequence[tuple[Path, list[Study]]],
    layout: Layout,
    recipe: Recipe,
    group: Group,
    console: Console,
) -> None:
    """Those of `shards` that are not there yet, on all processors; several processes of one machine share them."""
    waiting = [(path, part) for path, part in shards if not is_written(path, _ids(part))]
    if waiting and len(waiting) < len(shards):
        _say(console, f"{out}: going on after {len(shards) - len(waiting)} of {len(shards)} shards")
    names = recipe.pseudonyms()
    tasks = (
        joblib.delayed(in_folder)(Path.cwd(), _write_for, os.getpid(), path, part, layout, recipe.source, names)
        for path, part in waiting
    )
    workers = max(1, min(len(waiting), joblib.cpu_count() // group.local_world))
    done = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(tasks)
    try:
        silent = not waiting or not console.is_terminal
        for _ in track(done, "preparing", total=len(waiting), console=console, disable=silent, transient=True):
            pass
    except BrokenProcessPool:
        raise DataError(
            f"{out}: a worker was killed, for want of memory most likely; run the same command again: it goes on"
        ) from None


def _write_for(
    run: int, path: Path, studies: Sequence[Study], layout: Layout, root: Path, names: Pseudonyms | None = None
) -> None:
    """A shard for the process `run`. The workers of a killed run outlive it, and take no more from its queue."""
    if run not in (os.getpid(), os.getppid()):
        raise SystemExit(1)
    if run != os.getpid():
        # Ctrl-C reaches the whole group; the run itself ends its workers, which need not speak of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_shard(path, studies, layout, root=root, pseudonyms=names)


def deal_studies(studies: Sequence[Study], layout: Layout, split: SplitOptions) -> Splits:
    """The split of each study, by patient; one that came with the data stays. Proved disjoint."""
    labels = np.array([[s.labels.get(f, np.nan) for f in layout.findings] for s in studies], dtype=np.float32)
    ids, patients = [s.study_id for s in studies], [s.patient_id for s in studies]
    before: list[Split | None] = [s.split for s in studies]
    splits = make_splits(ids, patients, labels, before, val=split.val, test=split.test, seed=split.seed)
    prove_disjoint(ids, patients, splits)
    return splits


@contextmanager
def _disk_errors(out: Path) -> Iterator[None]:
    """A refused write in one line; the shards already whole stay."""
    try:
        yield
    except OSError as error:
        refuse_lack(error, out)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            what = "a file is larger than may be written there" if error.errno == errno.EFBIG else "the disk is full"
            raise DataError(f"{out}: {what}; make room and run the same command again: it goes on") from None
        why = error.strerror or reason(error)
        raise UsageError(f"{out}: cannot be written ({why}); choose another folder") from None


def _say(console: Console, line: str) -> None:
    """A line as it is: paths are neither markup nor to be broken."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
