"""The head of a comparison: which data set, which runs, how much they learned from, when, and by which version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from mmdx import __version__
from mmdx.stats.cohort.origins import DataSet, Origin
from mmdx.stats.report.words import counted, listed


def provenance(origins: Sequence[Origin], today: date) -> list[str]:
    """The data set, or the data set of each run where they differ; then each run; then this comparison.

    What no run says is left out: predictions that lie outside of runs have the last line alone.
    """
    sets = {origin.run: _data_sets(origin) for origin in origins if origin.scored is not None}
    lines = []
    if sets:
        alike = len(set(sets.values())) == 1
        of = next(iter(sets.values())) if alike else listed([f"{each} ({run})" for run, each in sets.items()])
        lines.append(f"Data set: {of}.")
    lines += [f"Run {origin.run}: {', '.join(told)}." for origin in origins if (told := _training(origin))]
    return [*lines, f"Compared on {today.isoformat()} with mmdx {__version__}."]


def _data_sets(origin: Origin) -> str:
    """The data set that was scored, and where it is a second one that of the training as well."""
    trained = DataSet(origin.reader, origin.source, origin.store)
    if origin.second is None:
        return data_set(trained)
    known = "one that is not known" if origin.reader is None else data_set(trained)
    return f"{data_set(origin.second)}; trained on another, {known}"


def data_set(of: DataSet) -> str:
    """A data set by its reader, its source and its store, as far as they are known."""
    named = f"{of.reader} {of.source}" if of.source not in (None, of.reader) else str(of.reader)
    return named if of.store is None else f"{named}, store {of.store}"


def _training(origin: Origin) -> list[str]:
    """What is known of a training; of a cross-validation, how many folds."""
    told = []
    if origin.studies is not None and origin.patients is not None:
        size = f"{counted(origin.studies, 'study')} of {counted(origin.patients, 'patient')}"
        by = "each scored by a model of the others" if origin.second is None else "whose models answer together"
        folds = "" if origin.folds is None else f" in {origin.folds} folds, {by}"
        told.append(f"trained on {size}{folds}")
    told += [f"begun on {origin.date}"] if origin.date else []
    return told + ([f"mmdx {origin.version}"] if origin.version else [])
