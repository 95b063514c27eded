"""What no training can use, refused before one starts: nothing is written and no step is taken until it is set right.

`docs/cross_validation.md` has the rules, and why they are so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mmdx.config import Config
from mmdx.data.loading.traits import says
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.data.text.redaction import redacted
from mmdx.engine.assembly.build import check_inputs
from mmdx.engine.assembly.judging import judge_problems
from mmdx.engine.assembly.kinds import kind_of
from mmdx.errors import DataError, UsageError, did_you_mean, some
from mmdx.study import Study


def check_studies_for(config: Config, studies: Sequence[Study]) -> None:
    """Refuses, before any image is decoded, a config that names what no study has. Raises `UsageError` for all."""
    modalities = {name for study in studies for name in study.modalities}
    findings = {name for study in studies for name in study.labels}
    source = config.data.source
    if not modalities:
        return  # nothing could be read at all, which preparing says
    stages = {"model": config.model} | ({"first.model": config.first.model} if config.first is not None else {})
    problems = [
        f"{stage}.inputs.{name}: no study in {source} has such a modality; {did_you_mean(name, modalities)}"
        for stage, model in stages.items()
        for name in model.inputs
        if name not in modalities and name not in config.data.tables
    ]
    problems += [
        f"data.findings: no study in {source} has a label '{name}'; {did_you_mean(name, findings)}"
        for name in config.data.findings or ()
        if name not in findings
    ]
    if problems:
        raise UsageError(problems)


def check_training(config: Config, store: Store, splits: Splits) -> None:
    """Refuses a training that could not learn what the config asks for.

    Raises `UsageError` where the store lacks a modality or a finding, or the model a head to judge epochs by, and
    `DataError` where no training study has a modality, where none is positive for a finding, or where no epoch could be
    judged, all at once.
    """
    if lacking := judge_problems(config):
        raise UsageError(lacking)
    if config.first is None:
        check_inputs(config, store)
    else:
        check_stages(config, store)
    present = Presence(config, store)
    rows = splits.rows("train")
    findings = config.data.findings or store.findings
    anew = f"deal the patients anew ({_other_seed(config)})"
    anew = anew if config.data.train_patients is None else f"train on more patients (data.train_patients), or {anew}"
    problems = [
        f"model.inputs.{name}: none of {len(rows)} training studies has '{name}'; leave it out, or {anew}"
        for name in config.model.inputs
        if not any(present(row, name) for row in rows)
    ]
    untaught = _without_positive(config, store, rows, findings)
    if untaught:
        elsewhere = len(_without_positive(config, store, range(len(store)), untaught)) < len(untaught)
        kept = [f for f in findings if f not in untaught]
        advice = [f"leave it out (data.findings=[{', '.join(kept)}])"] if kept else []
        advice += [anew] if elsewhere else []
        problems.append(
            f"data.findings: nothing to learn {some(untaught)} from, positive in none of {len(rows)} training studies; "
            f"{', or '.join(advice) or 'choose other findings'}"
        )
    validated = splits.rows("val")
    labels = _judged(config, store, validated)[:, store.columns_of(findings)]
    judged = any({0.0, 1.0} <= set(column.tolist()) for column in labels.T)
    if not judged and len(untaught) < len(findings):
        what = " slices of" if config.train.judge == "slices" else ""
        problems.append(
            f"{store.folder}: no finding has both classes among{what} {len(validated)} validation studies, so no epoch "
            f"can be judged; use more studies or other findings (data.findings), or {anew}"
        )
    if problems:
        raise DataError(problems)


def _judged(config: Config, store: Store, rows: Sequence[int]) -> Float[np.ndarray, "n f"]:
    """The labels by which epochs are judged: those of the studies in `rows`, or of their slices."""
    if config.train.judge == "studies":
        return store.labels[rows]
    kinds = {name: facts.kind for name, facts in store.modalities.items()}
    pictures = [name for name in config.model.inputs if kinds.get(name) in ("images", "vectors")]
    found = [store.read(row).slice_labels(name) for row in rows for name in pictures]
    return np.concatenate([np.zeros((0, len(store.findings)), np.float32), *found])


def check_stages(config: Config, store: Store) -> None:
    """Raises `UsageError` where the second stage asks for what neither the store nor the first stage has."""
    if config.first is None:
        return
    problems, left = [], [name for name in config.first.model.inputs if name in store.modalities]
    for name, section in config.model.inputs.items():
        kind, stored = kind_of(section), store.modalities.get(name)
        if name in config.data.tables:
            continue
        if stored is None:
            problems.append(
                f"model.inputs.{name}: no such modality in {store.folder}; {did_you_mean(name, store.modalities)}"
            )
        elif stored.kind == "images" and name not in left:
            problems.append(f"model.inputs.{name}: images, which first.model does not read; {did_you_mean(name, left)}")
        elif kind != ("text" if stored.kind == "text" else "vectors"):
            problems.append(
                f"model.inputs.{name}: '{section.encoder.type}' reads {kind}, but the second stage gets '{name}' as "
                f"{'text' if stored.kind == 'text' else 'vectors'}"
            )
    if config.first.folds is None:
        trainable = [name for name, section in config.first.model.inputs.items() if name in config.model.inputs]
        trainable = [n for n in trainable if not config.first.model.inputs[n].encoder.options.get("frozen")]
        problems += [
            f"first.folds: the encoder of '{name}' is trained, and would describe its own training studies; give a "
            "number of folds, or freeze it"
            for name in trainable
        ]
    if problems:
        raise UsageError(problems)


def _other_seed(config: Config) -> str:
    """An override that deals otherwise than `config` does."""
    if config.data.folds is not None:
        return f"data.folds.seed={config.data.folds.seed + 1}"
    return f"data.split.seed={config.data.split.seed + 1 if config.data.split is not None else 1}"


class Presence:
    """Whether a study has a modality as the config reads it: a report of which nothing is left is absent."""

    def __init__(self, config: Config, store: Store) -> None:
        self._store, self._reports = store, config.data.reports
        self._tables = {name: traits for name, traits in config.data.tables.items() if name in config.model.inputs}
        stored = [name for name in config.model.inputs if name not in self._tables]
        self._texts = {name for name in stored if store.modalities[name].kind == "text"}
        self._lengths = {name: store.lengths(name) for name in stored if name not in self._texts}

    def __call__(self, row: int, name: str) -> bool:
        if name in self._tables:
            told = self._store.read(row).traits()
            return any(says(told, trait) for trait in self._tables[name])
        if name in self._texts:
            return bool(redacted(self._store.read(row).text(name) or "", self._reports))
        return bool(self._lengths[name][row])

    def nothing(self, row: int) -> bool:
        """Whether the study has none of the modalities; reports are read last, and only where they decide."""
        return not any(self(row, name) for name in (*self._lengths, *sorted(self._texts), *self._tables))


def shown_nothing(config: Config, store: Store, splits: Splits) -> str | None:
    """The line about studies that have none of the modalities that the config reads; None where there are none."""
    present = Presence(config, store)
    rows = [row for row, split in enumerate(splits) if split != "unused" and present.nothing(row)]
    if not rows:
        return None
    counts = ", ".join(
        f"{name} {n}" for name in ("train", "val", "test") if (n := [splits[r] for r in rows].count(name))
    )
    return (
        f"without {' and '.join(config.model.inputs)}: {len(rows)} studies ({counts}), "
        f"{some([store.study_ids[row] for row in rows])}; they teach, and get, the answer to nothing shown"
    )


def _without_positive(config: Config, store: Store, rows: Sequence[int], findings: Sequence[str]) -> list[str]:
    """The findings that are positive in no study of `rows`, and on none of its images that the config reads."""
    columns = dict(zip(findings, store.columns_of(findings), strict=True))
    missing = {f for f, column in columns.items() if not (store.labels[rows, column] == 1).any()}
    kinds = {name: facts.kind for name, facts in store.modalities.items()}
    pictures = [name for name in config.model.inputs if kinds.get(name) in ("images", "vectors")]
    for row in rows if missing else ():
        study = store.read(row)
        for labels in map(study.slice_labels, pictures):
            missing -= {f for f in missing if (labels[:, columns[f]] == 1).any()}
    return [f for f in findings if f in missing]
