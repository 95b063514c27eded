"""What a model must know of its store: with its config and its weights, all that it takes to make it again.

Facts are plain values, `model.json` of a model folder, and are collected before the model is built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isnan, nan
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int

from mmdx.data.loading.traits import Table, fit_table, unknown_traits
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.store import Store
from mmdx.data.text.terms import fit_terms
from mmdx.data.text.tokenizer import ReportTokenizer, inverse_document_frequencies
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.texts import reports_of, target_key, text_heads
from mmdx.errors import UsageError, did_you_mean
from mmdx.kinds import KINDS, TABULAR
from mmdx.models.facts import InputFacts
from mmdx.registry import TEXT_ENCODERS
from mmdx.schema import Config
from mmdx.study import Unit


@dataclass(frozen=True)
class ModelFacts:
    """The sizes of a model: with its config and its weights, all that it takes to make it again.

    `prevalence` is that of the training labels, by level, as `Findings` has it. `texts` says how many tokens each text
    has that a head writes, by modality. `first` tells the weights of the model whose descriptors it reads, None where
    it reads what a store has. `trained` is False of a model whose heads have learned nothing, which only describes.
    `at_use` are options of the reader that found the studies by which others are read: `Recipe.at_use`.
    """

    findings: tuple[str, ...]
    size: int
    inputs: Mapping[str, InputFacts] = field(default_factory=dict)
    prevalence: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    texts: Mapping[str, int] = field(default_factory=dict)
    first: str | None = None
    trained: bool = True
    at_use: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values; JSON has no NaN, which is null there. That a model is trained, and that nothing is special
        about its reader, go without saying."""
        rates = {level: [None if isnan(share) else share for share in row] for level, row in self.prevalence.items()}
        inputs = {name: _plain(facts) for name, facts in self.inputs.items()}
        plain = {**asdict(self), "inputs": inputs, "prevalence": rates}
        if self.trained:
            del plain["trained"]
        if not self.at_use:
            del plain["at_use"]
        return plain

    def unbuilt(self) -> ModelFacts:
        """These facts as they were before any encoder was made: a model of them starts from what is pretrained."""
        return replace(self, inputs={name: replace(f, architecture=None) for name, f in self.inputs.items()})

    def tables(self) -> dict[str, Table]:
        """What reads the traits of a study, by table input."""
        return {name: Table(facts.columns) for name, facts in self.inputs.items() if KINDS[facts.kind].made}


def facts_of(
    config: Config, store: Store, tokenizers: Mapping[str, ReportTokenizer], rows: Sequence[int]
) -> ModelFacts:
    """What the model must know of the store, and of its `rows` for training: columns of tables, prevalence.

    Raises `UsageError` where config and store disagree, all at once.
    """
    check_inputs(config, store)
    inputs = {name: _input_facts(config, store, tokenizers, rows, name) for name in config.model.inputs}
    findings = tuple(config.data.findings or store.findings)
    texts = {name: tokenizers[target_key(name)].vocabulary for name in text_heads(config, store)}
    # A model that reads no descriptors needs none of what makes them.
    reads_descriptors = any(facts.width for facts in inputs.values())
    first = store.described_by if reads_descriptors else None
    return ModelFacts(
        findings, store.layout.size, inputs, prevalence(store, rows, findings), texts, first, at_use=store.at_use
    )


def _input_facts(
    config: Config, store: Store, tokenizers: Mapping[str, ReportTokenizer], rows: Sequence[int], name: str
) -> InputFacts:
    """The facts of one input, which the store is known to hold."""
    if name in config.data.tables:
        table = fit_table(store, rows, config.data.tables[name], f"data.tables.{name}")
        return InputFacts(TABULAR.name, columns=table.columns)
    stored = store.modalities[name]
    kind = KINDS[stored.kind]
    if kind.worded:
        tokenizer, sizes = tokenizers[name], TEXT_ENCODERS.sizes(config.model.inputs[name].encoder.type)
        # No report is read for an encoder that asks for nothing of them.
        reports = reports_of(config, store, rows, name)
        idf = inverse_document_frequencies(tokenizer, reports) if "idf" in sizes else None
        patients = [store.patient_ids[row] for row in rows]
        terms = fit_terms(tokenizer, reports, patients) if "terms" in sizes else None
        return InputFacts(kind.name, vocabulary=tokenizer.vocabulary, idf=idf, terms=terms)
    return InputFacts(
        kind.name,
        unit=stored.unit,
        channels=stored.channels,
        width=stored.width,
        logits=stored.logits,
        details=stored.details,
    )


def stored_facts(facts: InputFacts) -> ModalityFacts:
    """How a store holds an input that is no table."""
    unit = cast(Unit, facts.unit)
    return ModalityFacts(facts.kind, unit, facts.channels, facts.width, facts.logits, facts.details)


def check_inputs(config: Config, store: Store) -> None:
    """Raises `UsageError` where the config names modalities, kinds or findings that the store does not have."""
    problems = [line for name in config.model.inputs for line in _input_problems(config, store, name)]
    problems += primary_problems(config, store)
    problems += [
        f"data.findings: no '{name}' in {store.folder}; {did_you_mean(name, store.findings)}"
        for name in config.data.findings or ()
        if name not in store.findings
    ]
    if problems:
        raise UsageError(problems)


def primary_problems(config: Config, store: Store) -> list[str]:
    """The line about a primary finding that the store does not have; empty where it has it, or none is named."""
    primary, findings = config.data.primary, store.findings
    if primary is None or primary in findings:
        return []
    return [f"data.primary: no finding '{primary}' in {store.folder}; {did_you_mean(primary, findings)}"]


def _input_problems(config: Config, store: Store, name: str) -> list[str]:
    """Where one input and the store disagree, one line per problem."""
    section, stored = config.model.inputs[name], store.modalities.get(name)
    kind, where = kind_of(section), f"model.inputs.{name}"
    if kind.made:
        where = f"data.tables.{name}"
        problems = unknown_traits(store, config.data.tables[name], where)
        if stored is not None:
            problems.append(f"{where}: {store.folder} holds a modality of this name; choose another for the table")
        return problems
    if stored is None:
        return [f"{where}: no such modality in {store.folder}; {did_you_mean(name, store.modalities)}"]
    if stored.kind != kind.name:
        return [f"{where}: '{section.encoder.type}' reads {kind.name}, but '{name}' is stored as {stored.kind}"]
    view = section.view.type if section.view is not None else None
    if view == "windows" and stored.unit != "HU" and stored.channels > 1:
        return [f"{where}.view: windows are for Hounsfield units, and '{name}' holds plain intensities; leave it out"]
    if view in ("grey", "rgb") and name in store.layout.stacks:
        return [f"{where}.view: '{view}' is for one image, and '{name}' is a stack of several; take stacked"]
    return []


def prevalence(store: Store, rows: Sequence[int], findings: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """The share of known labels that is positive, one value per finding: of studies under `study`, of images under the
    name of each image modality.

    NaN where no label is known. A modality of which no image of these studies is labelled has no entry. No pixel is
    read.
    """
    columns = store.columns_of(findings)
    rates = {"study": _shares(*_counts(store.labels[list(rows)][:, columns]))}
    for name in [name for name, facts in store.modalities.items() if KINDS[facts.kind].pictured]:
        total = positive = np.zeros(len(columns), dtype=np.int64)
        for row in rows:
            labelled, ones = _counts(store.read(row).slice_labels(name)[:, columns])
            total, positive = total + labelled, positive + ones
        if total.any():
            rates[name] = _shares(total, positive)
    return rates


def _shares(total: Int[np.ndarray, " f"], positive: Int[np.ndarray, " f"]) -> tuple[float, ...]:
    return tuple(p / n if n else nan for n, p in zip(total.tolist(), positive.tolist(), strict=True))


def _counts(labels: Float[np.ndarray, "k f"]) -> tuple[Int[np.ndarray, " f"], Int[np.ndarray, " f"]]:
    """How many labels of each finding are known, and how many positive."""
    return (~np.isnan(labels)).sum(axis=0), (labels == 1).sum(axis=0)


def _plain(facts: InputFacts) -> dict[str, Any]:
    """The facts of one input; `terms` and `details` are named where there are some, for few have any."""
    plain = asdict(facts)
    rare = {"terms": plain.pop("terms"), "details": dict(plain.pop("details"))}
    return plain | {name: value for name, value in rare.items() if value}
