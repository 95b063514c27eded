"""What no training can use, refused before one starts: nothing is written and no step is taken until it is set right.

Each check is a function that returns its problems, one line per problem. `docs/cross_validation.md` has the rules, and
why they are so.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

from mmdx.data.loading.reading import Reading
from mmdx.data.loading.reports import Reports
from mmdx.data.loading.traits import says
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.facts import check_inputs, primary_problems
from mmdx.engine.assembly.finals import final_of, settled
from mmdx.engine.assembly.judging import judge_problems, nothing_labelled
from mmdx.engine.assembly.narrow import level_of, only_describes
from mmdx.errors import DataError, UsageError, did_you_mean, some
from mmdx.kinds import KINDS, TEXT, VECTORS
from mmdx.schema import Config
from mmdx.study import Study

MEASURED_WITH = {"box": ("faster_coco_eval", "boxes"), "text": ("sacrebleu", "text")}
"""By the level of a head, the package that measures what it gives, and the extra of mmdx that brings it."""


def check_studies_for(config: Config, studies: Sequence[Study]) -> None:
    """Refuses, before any image is decoded, a config that names what no study has. Raises `UsageError` for all."""
    modalities = {name for study in studies for name in study.modalities}
    findings = {name for study in studies for name in study.labels}
    source = config.data.source
    if not modalities:
        return  # nothing could be read at all, which preparing says
    stages = {"model": config.model} | ({"first.model": config.first.model} if config.first is not None else {})
    made = (*config.data.tables, *config.data.stacks)
    wanted = {f"{stage}.inputs.{name}": name for stage, model in stages.items() for name in model.inputs}
    wanted = {place: name for place, name in wanted.items() if name not in made}
    wanted |= {f"data.stacks.{stack}, {part}": part for stack, parts in config.data.stacks.items() for part in parts}
    problems = [
        f"{place}: no study in {source} has such a modality; {did_you_mean(name, modalities)}"
        for place, name in wanted.items()
        if name not in modalities
    ]
    primary = () if config.data.primary is None else (config.data.primary,)
    problems += [
        f"data.{key}: no study in {source} has a label '{name}'; {did_you_mean(name, findings)}"
        for key, names in (("findings", config.data.findings or ()), ("primary", primary))
        for name in names
        if name not in findings
    ]
    if problems:
        raise UsageError(problems)


class Presence:
    """Whether a study has a modality as the config reads it: a report of which nothing is left is absent.

    Each report is read once, when it is first asked for.
    """

    def __init__(self, config: Config, store: Store) -> None:
        self.names = tuple(config.model.inputs)
        self.study_ids = store.study_ids
        self._store, self._reports = store, Reports(store, config.data.reports)
        self._tables = {name: traits for name, traits in config.data.tables.items() if name in self.names}
        stored = [name for name in self.names if name not in self._tables]
        self._texts = {name for name in stored if KINDS[store.modalities[name].kind].worded}
        self._lengths = {name: store.lengths(name) for name in stored if name not in self._texts}
        self._answers: dict[tuple[int, str], bool] = {}

    def __call__(self, row: int, name: str) -> bool:
        if name in self._lengths:
            return bool(self._lengths[name][row])
        if (row, name) not in self._answers:
            self._answers[row, name] = self._read(row, name)
        return self._answers[row, name]

    def nothing(self, row: int) -> bool:
        """Whether the study has none of the modalities; reports are read last, and only where they decide."""
        return not any(self(row, name) for name in (*self._lengths, *sorted(self._texts), *self._tables))

    def _read(self, row: int, name: str) -> bool:
        if name in self._tables:
            traits = self._store.read(row).traits()
            return any(says(traits, trait) for trait in self._tables[name])
        return bool(self._reports.of(row, name))


def check_training(config: Config, store: Store, splits: Splits) -> Presence:
    """Refuses a training that could not learn what the config asks for; returns what the studies of `store` have.

    Raises `UsageError` where the store lacks a modality or a finding, or the model a head to judge epochs by, and
    `DataError` where no study to learn from or to score has a label, where no training study has a modality, where
    none is positive for a finding, or where no epoch could be judged, all at once.
    """
    if problems := judge_problems(config) + _missing_packages(config):
        raise UsageError(problems)
    if config.first is None:
        check_inputs(config, store)
    else:
        check_stages(config, store)
    present = Presence(config, store)
    findings = tuple(config.data.findings or store.findings)
    if problem := nothing_labelled(store, splits, findings):
        raise DataError(problem)
    rows = splits.rows("train")
    untaught = _without_positive(config, store, rows, findings)
    problems = _absent_problems(config, present, rows) + _batch_problems(config, store, rows)
    if untaught:
        problems.append(_untaught_problem(config, store, rows, findings, untaught))
    primary = config.data.primary
    judging, taught = ((primary,), primary not in untaught) if primary else (findings, len(untaught) < len(findings))
    final = final_of(settled(config, splits))
    judges = splits.joined().rows("train") if final.folds else splits.rows("val")
    judged = final.folds > 0 or final.keeper().judged
    if judged and taught and not _can_judge(config, store, judges, judging):
        of = "studies of training and validation" if final.folds else "validation studies"
        problems.append(_unjudged_problem(config, store, f"{len(judges)} {of}"))
    if problems:
        raise DataError(problems)
    return present


def _missing_packages(config: Config) -> list[str]:
    """What is not installed of all that the scores of a head need: better told before hours of training than after."""
    models = [config.model, *([config.first.model] if config.first else [])]
    levels = {level_of(head) for model in models for head in model.heads.values()}
    problems: list[str] = []
    for level, (package, extra) in MEASURED_WITH.items():
        if level in levels and find_spec(package) is None:
            problems.append(f"a head of level {level} needs the package {package}; pip install 'mmdx[{extra}]'")
    return problems


def _absent_problems(config: Config, present: Presence, rows: Sequence[int]) -> list[str]:
    """Inputs that no training study has."""
    return [
        f"model.inputs.{name}: none of {len(rows)} training studies has '{name}'; leave it out, or {_anew(config)}"
        for name in config.model.inputs
        if not any(present(row, name) for row in rows)
    ]


def _batch_problems(config: Config, store: Store, rows: Sequence[int]) -> list[str]:
    """The line about a training study with more images than a batch may hold."""
    if only_describes(config):
        return []
    key, stage = ("train", config) if config.first is None else ("first.train", config.first)
    names = [name for name in stage.model.inputs if name in store.modalities]
    lengths = [store.lengths(name)[list(rows)] for name in names if KINDS[store.modalities[name].kind].pictured]
    reading = Reading.of(config.data, config.seed)
    images = [sum(map(reading.count, of_study)) for of_study in zip(*(of.tolist() for of in lengths), strict=True)]
    longest = max(images, default=0)
    if longest <= stage.train.slices:
        return []
    study_id = store.study_ids[rows[images.index(longest)]]
    return [
        f"{key}.slices={stage.train.slices}: study '{study_id}' has {longest} images, more than a batch may hold; "
        f"raise {key}.slices, or set data.max_images to keep that many evenly spaced ones"
    ]


def _untaught_problem(
    config: Config, store: Store, rows: Sequence[int], findings: Sequence[str], untaught: Sequence[str]
) -> str:
    """The line about findings that are positive in no training study."""
    problem = f"data.findings: nothing to learn {some(untaught)} from, positive in none of {len(rows)} training studies"
    others = ", ".join(finding for finding in findings if finding not in untaught)
    elsewhere = len(_without_positive(config, store, range(len(store)), untaught)) < len(untaught)
    if others and elsewhere:
        return f"{problem}; leave it out (data.findings=[{others}]), or {_anew(config)}"
    if others:
        return f"{problem}; leave it out (data.findings=[{others}])"
    return f"{problem}; {_anew(config) if elsewhere else 'choose other findings'}"


def _unjudged_problem(config: Config, store: Store, studies: str) -> str:
    """The line about `studies`, in words, by which no epoch can be judged."""
    primary = config.data.primary
    judges = f"slices of {studies}" if config.train.judge == "slices" else studies
    missing = f"'{primary}' (data.primary) lacks a class" if primary else "no finding has both classes"
    other = "another primary finding" if primary else "other findings (data.findings)"
    return (
        f"{store.folder}: {missing} among {judges}, so no epoch can be judged; "
        f"use more studies or {other}, or {_anew(config)}"
    )


def _anew(config: Config) -> str:
    """How to get other training studies: an override that deals otherwise than `config` does."""
    if config.data.folds is not None:
        seed = f"data.folds.seed={config.data.folds.seed + 1}"
    else:
        seed = f"data.split.seed={config.data.split.seed + 1 if config.data.split is not None else 1}"
    if config.data.train_patients is not None:
        return f"train on more patients (data.train_patients), or deal the patients anew ({seed})"
    return f"deal the patients anew ({seed})"


def _can_judge(config: Config, store: Store, rows: Sequence[int], findings: Sequence[str]) -> bool:
    """Whether a finding has both classes among the validation studies, or their slices, that judge an epoch."""
    labels = _judging_labels(config, store, rows)[:, store.columns_of(findings)]
    return any({0.0, 1.0} <= set(column.tolist()) for column in labels.T)


def _judging_labels(config: Config, store: Store, rows: Sequence[int]) -> Float[np.ndarray, "n f"]:
    """The labels by which epochs are judged: those of the studies in `rows`, or of their slices."""
    if config.train.judge == "studies":
        return store.labels[rows]
    labels = [store.read(row).slice_labels(name) for row in rows for name in _sliced_inputs(config, store)]
    return np.concatenate([np.zeros((0, len(store.findings)), np.float32), *labels])


def _sliced_inputs(config: Config, store: Store) -> list[str]:
    """The inputs that are stored slice by slice."""
    stored = store.modalities
    return [name for name in config.model.inputs if name in stored and KINDS[stored[name].kind].sliced]


def _without_positive(config: Config, store: Store, rows: Sequence[int], findings: Sequence[str]) -> list[str]:
    """The findings that are positive in no study of `rows`, and on none of its images that the config reads."""
    columns = dict(zip(findings, store.columns_of(findings), strict=True))
    missing = {f for f, column in columns.items() if not (store.labels[rows, column] == 1).any()}
    for row in rows if missing else ():
        study = store.read(row)
        for labels in map(study.slice_labels, _sliced_inputs(config, store)):
            missing -= {f for f in missing if (labels[:, columns[f]] == 1).any()}
    return [f for f in findings if f in missing]


def check_stages(config: Config, store: Store) -> None:
    """Raises `UsageError` where the second stage asks for what neither the store nor the first stage has."""
    if config.first is None:
        return
    problems = [line for name in config.model.inputs if (line := _stage_problem(config, store, name)) is not None]
    problems += primary_problems(config, store)
    if config.first.folds is None:
        problems += _self_description_problems(config)
    if problems:
        raise UsageError(problems)


def _stage_problem(config: Config, store: Store, name: str) -> str | None:
    """What is wrong with one input of the second stage, which reads images as the vectors that the first stage left."""
    section, stored = config.model.inputs[name], store.modalities.get(name)
    pictures = list(config.first.model.inputs) if config.first is not None else []
    if name in config.data.tables:
        return None
    if stored is None:
        return f"model.inputs.{name}: no such modality in {store.folder}; {did_you_mean(name, store.modalities)}"
    if KINDS[stored.kind].pictured and name not in pictures:
        choices = [other for other in pictures if other in store.modalities]
        return f"model.inputs.{name}: images, which first.model does not read; {did_you_mean(name, choices)}"
    kind, target = kind_of(section), TEXT if KINDS[stored.kind].worded else VECTORS
    if kind != target:
        return (
            f"model.inputs.{name}: '{section.encoder.type}' reads {kind.name}, but the second stage gets '{name}' as "
            f"{target.name}"
        )
    return None


def _self_description_problems(config: Config) -> list[str]:
    """Encoders of a first stage without folds that are trained, one line per encoder."""
    inputs = config.first.model.inputs if config.first is not None else {}
    return [
        f"first.folds: the encoder of '{name}' is trained, and would describe its own training studies; give a "
        "number of folds, or freeze it"
        for name, section in inputs.items()
        if name in config.model.inputs and not section.encoder.options.get("frozen")
    ]


def shown_nothing(present: Presence, splits: Splits) -> str | None:
    """The line about studies that have none of the modalities that the config reads; None where there are none."""
    rows = [row for row, split in enumerate(splits) if split != "unused" and present.nothing(row)]
    if not rows:
        return None
    counts = {name: [splits[row] for row in rows].count(name) for name in ("train", "val", "test")}
    listing = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return (
        f"without {' and '.join(present.names)}: {len(rows)} studies ({listing}), "
        f"{some([present.study_ids[row] for row in rows])}; the model learns, and gives them, the answer for an empty "
        "study"
    )
