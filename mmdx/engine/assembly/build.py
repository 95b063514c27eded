"""The only assembler: config and store become tokenizers, model and loaders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch.utils.data import DataLoader

import mmdx.models.fusion.attention
import mmdx.models.fusion.guided
import mmdx.models.heads.boxes
import mmdx.models.heads.slice
import mmdx.models.heads.study
import mmdx.models.sequence.pooling
import mmdx.models.views  # noqa: F401  (they register their parts)
from mmdx.config import Component, Config, InputConfig, ModelConfig
from mmdx.data.loading.collate import StudyDataset, collate_for
from mmdx.data.loading.reading import Reading
from mmdx.data.loading.sampler import SliceBudgetSampler
from mmdx.data.loading.traits import Table, fit_table, unknown_traits
from mmdx.data.readers import register_all
from mmdx.data.store.store import Store
from mmdx.data.text.redaction import redacted
from mmdx.data.text.tokenizer import ReportTokenizer, fit_tokenizer, inverse_document_frequencies, pretrained_tokenizer
from mmdx.engine.assembly.facts import InputFacts, Kind, ModelFacts
from mmdx.engine.assembly.judging import judge_problems
from mmdx.engine.assembly.kinds import ENCODERS, kind_of
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.engine.assembly.prevalence import prevalence
from mmdx.engine.assembly.sides import head_problems, side_problems
from mmdx.engine.assembly.texts import described, target_key, target_reports, written
from mmdx.errors import UsageError, did_you_mean
from mmdx.models.augment import StudyAugment
from mmdx.models.heads.base import Findings
from mmdx.models.model import Branch, ImageBranch, MultimodalModel, TableBranch, TextBranch, VectorBranch
from mmdx.models.select import Affine
from mmdx.models.sequence import adjacent as sequence_adjacent  # noqa: F401  (registers them)
from mmdx.models.sequence import transformer as sequence_transformer  # noqa: F401  (registers them)
from mmdx.models.text.transformer import source_of
from mmdx.registry import (
    FUSIONS,
    HEADS,
    IMAGE_ENCODERS,
    IMAGE_VIEWS,
    READERS,
    SELECTORS,
    SEQUENCES,
    TABLE_ENCODERS,
    TEXT_ENCODERS,
    VECTOR_ENCODERS,
    Registry,
)


def register_parts(config: Config) -> None:
    """Registers the readers, and the parts of the user's own modules. Raises `UsageError` where one has no import."""
    register_all()
    import_plugins(config.plugins)


def resolve(config: Config) -> Config:
    """`config` with every component's defaults written out. Raises `UsageError` with all problems at once."""
    register_parts(config)
    problems: list[str] = []

    def settle(registry: Registry, component: Component | None, where: str) -> Any:
        if component is None:
            return None
        try:
            return registry.resolve(component, where).model_dump()
        except UsageError as error:
            problems.extend(error.problems)
            return component.model_dump()

    raw = config.model_dump()

    def settle_model(model: ModelConfig, below: dict[str, Any], at: str) -> None:
        below["fusion"] = settle(FUSIONS, model.fusion, f"{at}.fusion")
        for name, head in model.heads.items():
            below["heads"][name] = settle(HEADS, head, f"{at}.heads.{name}")
        for name, section in model.inputs.items():
            where, inside, encoders = f"{at}.inputs.{name}", below["inputs"][name], ENCODERS[kind_of(section)]
            if section.encoder.type not in encoders.names():
                asked, known = section.encoder.type, [name for kind in ENCODERS.values() for name in kind.names()]
                problems.append(f"{where}.encoder: no encoder is called '{asked}'; {did_you_mean(asked, known)}")
            else:
                inside["encoder"] = settle(encoders, section.encoder, f"{where}.encoder")
                problems.extend(_table_problems(config, name, section, where))
            if section.neighbours and kind_of(section) != "images":
                problems.append(f"{where}.neighbours: '{section.encoder.type}' reads no images; leave it out")
            if section.select is not None and kind_of(section) != "vectors":
                problems.append(f"{where}.select: is for descriptors, and '{section.encoder.type}' reads none; drop it")
            inside["view"] = settle(IMAGE_VIEWS, section.view, f"{where}.view")
            inside["select"] = settle(SELECTORS, section.select, f"{where}.select")
            inside["sequence"] = settle(SEQUENCES, section.sequence, f"{where}.sequence")

    raw["data"]["reader"] = settle(READERS, config.data.reader, "data.reader")
    settle_model(config.model, raw["model"], "model")
    if config.first is not None:
        settle_model(config.first.model, raw["first"]["model"], "first.model")
    problems += side_problems(config)
    if problems:
        raise UsageError(problems)
    settled = Config.model_validate(raw)
    if problems := head_problems(settled) + judge_problems(settled):
        raise UsageError(problems)
    return settled


def _table_problems(config: Config, name: str, section: InputConfig, where: str) -> list[str]:
    """Where an input and `data.tables` do not agree that it is a table."""
    kind = kind_of(section)
    if kind == "tabular" and name not in config.data.tables:
        return [f"{where}: '{section.encoder.type}' reads traits; name them, such as data.tables.{name}=[age,sex]"]
    if kind != "tabular" and name in config.data.tables:
        known = ", ".join(TABLE_ENCODERS.names())
        return [
            f"{where}: '{section.encoder.type}' reads {kind}, but data.tables makes '{name}' of traits; take {known}"
        ]
    return []


def facts_of(
    config: Config, store: Store, tokenizers: Mapping[str, ReportTokenizer], rows: Sequence[int]
) -> ModelFacts:
    """What the model must know of the store, and of its `rows` for training: columns of tables, prevalence.

    Raises `UsageError` where config and store disagree, all at once.
    """
    check_inputs(config, store)
    inputs = {}
    for name, section in config.model.inputs.items():
        if name in config.data.tables:
            table = fit_table(store, rows, config.data.tables[name], f"data.tables.{name}")
            inputs[name] = InputFacts("tabular", columns=table.columns)
            continue
        stored = store.modalities[name]
        if stored.kind == "vectors":
            inputs[name] = InputFacts("vectors", width=stored.width, logits=stored.logits)
        elif stored.kind == "text":
            rare = "idf" in TEXT_ENCODERS.sizes(section.encoder.type)
            reports = reports_of(config, store, rows, name)
            idf = inverse_document_frequencies(tokenizers[name], reports) if rare else None
            inputs[name] = InputFacts("text", vocabulary=tokenizers[name].vocabulary, idf=idf)
        else:
            inputs[name] = InputFacts("images", unit=stored.unit, channels=stored.channels)
    findings = tuple(config.data.findings or store.findings)
    texts = {name: tokenizers[target_key(name)].vocabulary for name in described(config, store)}
    shares = prevalence(store, rows, findings)
    # A model that reads no descriptors needs none of what makes them.
    reads_descriptors = any(facts.kind == "vectors" for facts in inputs.values())
    first = store.described_by if reads_descriptors else None
    return ModelFacts(findings, store.layout.size, inputs, shares, texts, first)


def check_inputs(config: Config, store: Store) -> None:
    """Raises `UsageError` where the config names modalities, kinds or findings that the store does not have."""
    problems = []
    for name, section in config.model.inputs.items():
        stored = store.modalities.get(name)
        wanted = kind_of(section)
        if wanted == "tabular":
            where = f"data.tables.{name}"
            problems += unknown_traits(store, config.data.tables[name], where)
            if stored is not None:
                problems.append(f"{where}: {store.folder} holds a modality of this name; choose another for the table")
        elif stored is None:
            problems.append(
                f"model.inputs.{name}: no such modality in {store.folder}; {did_you_mean(name, store.modalities)}"
            )
        elif stored.kind != wanted:
            problems.append(
                f"model.inputs.{name}: '{section.encoder.type}' reads {wanted}, but '{name}' is stored as {stored.kind}"
            )
    if problems:
        raise UsageError(problems)
    store.columns_of(config.data.findings or store.findings)


def build_tokenizers(config: Config, store: Store, rows: Sequence[int]) -> dict[str, ReportTokenizer]:
    """A tokenizer a text input: the pretrained encoder's own, else fitted on the reports of `rows` (training).

    It meets what `data.reports` leaves of them: a term that is masked or stands in a dropped section is no word of it.
    A text that a head writes has one of its own (`target_key`), fitted on what is written.
    """
    tokenizers = {}
    for name, head in described(config, store).items():
        options = target_reports(config, head)
        reports = (redacted(store.read(row).text(name) or "", options) for row in rows)
        tokenizers[target_key(name)] = fit_tokenizer(reports, max_tokens=HEADS.options(head)["max_words"])
    for name, section in config.model.inputs.items():
        if kind_of(section) != "text" or name not in store.modalities:
            continue
        options = TEXT_ENCODERS.options(section.encoder)
        source, longest = options.get("source"), options["max_tokens"]
        if source:
            tokenizers[name] = pretrained_tokenizer(source_of(source), max_tokens=longest)
        else:
            tokenizers[name] = fit_tokenizer(reports_of(config, store, rows, name), max_tokens=longest)
    return tokenizers


def reports_of(config: Config, store: Store, rows: Sequence[int], name: str) -> Iterator[str]:
    """What `data.reports` leaves of the reports of `rows`, empty where there is none."""
    return (redacted(store.read(row).text(name) or "", config.data.reports) for row in rows)


def build_model(config: Config, facts: ModelFacts) -> tuple[MultimodalModel, ModelFacts]:
    """The model, and `facts` with every encoder's architecture.

    Facts that already hold architectures (a saved model's) make it without looking for anything pretrained.
    """
    branches: dict[str, Branch] = {}
    complete: dict[str, InputFacts] = {}
    for name, section in config.model.inputs.items():
        make = _BRANCHES[facts.inputs[name].kind]
        branches[name], architecture = make(section, facts.inputs[name], config.model.dim, f"model.inputs.{name}")
        complete[name] = replace(facts.inputs[name], architecture=dict(architecture))
    sizes = {name: branch.sizes for name, branch in branches.items()}
    findings = Findings(facts.findings, facts.prevalence, facts.texts)
    heads = {
        name: HEADS.build(head, f"model.heads.{name}", dim=config.model.dim, findings=findings, branches=sizes)
        for name, head in config.model.heads.items()
    }
    for head in heads.values():
        branch = branches.get(head.modality)
        if isinstance(branch, ImageBranch):
            branch.maps = max(branch.maps, head.maps)
    items = {name: given.items for name, given in sizes.items()}
    fusion = FUSIONS.build(config.model.fusion, "model.fusion", modalities=items, dim=config.model.dim)
    rates = config.model.modality_dropout
    dropout = {name: rates.get(name, 0.0) if isinstance(rates, dict) else rates for name in branches}
    model = MultimodalModel(branches, fusion, heads, dim=config.model.dim, modality_dropout=dropout)
    return model, replace(facts, inputs=complete)


def _image_branch(section: InputConfig, facts: InputFacts, dim: int, where: str) -> tuple[Branch, Mapping[str, Any]]:
    default = "windows" if facts.unit == "HU" else "rgb" if facts.channels == 3 else "grey"
    view = IMAGE_VIEWS.build(section.view or Component(type=default), f"{where}.view", stored=facts.channels)
    encoder = IMAGE_ENCODERS.build(
        section.encoder,
        f"{where}.encoder",
        channels=view.channels * (2 * section.neighbours + 1),
        architecture=facts.architecture,
    )
    sequence = SEQUENCES.build(section.sequence, f"{where}.sequence", width=encoder.dim)
    augment = StudyAugment(section.augment)
    branch = ImageBranch(view, augment, encoder, sequence, dim, neighbours=section.neighbours)
    return branch, encoder.architecture


def _vector_branch(section: InputConfig, facts: InputFacts, dim: int, where: str) -> tuple[Branch, Mapping[str, Any]]:
    select, width = None, facts.width
    if section.select is not None and facts.selected is not None:
        select, width = Affine(width - facts.logits, facts.selected), facts.selected + facts.logits
    encoder = VECTOR_ENCODERS.build(section.encoder, f"{where}.encoder", width=width)
    sequence = SEQUENCES.build(section.sequence, f"{where}.sequence", width=encoder.dim)
    return VectorBranch(encoder, sequence, dim, select=select), {}


def _text_branch(section: InputConfig, facts: InputFacts, dim: int, where: str) -> tuple[Branch, Mapping[str, Any]]:
    known = {"vocabulary": facts.vocabulary, "architecture": facts.architecture, "idf": facts.idf}
    asked = {size: known[size] for size in TEXT_ENCODERS.sizes(section.encoder.type)}
    encoder = TEXT_ENCODERS.build(section.encoder, f"{where}.encoder", **asked)
    return TextBranch(encoder, dim), encoder.architecture


def _table_branch(section: InputConfig, facts: InputFacts, dim: int, where: str) -> tuple[Branch, Mapping[str, Any]]:
    return TableBranch(TABLE_ENCODERS.build(section.encoder, f"{where}.encoder", columns=facts.columns), dim), {}


_BRANCHES: dict[Kind, Callable[[InputConfig, InputFacts, int, str], tuple[Branch, Mapping[str, Any]]]] = {
    "images": _image_branch,
    "vectors": _vector_branch,
    "text": _text_branch,
    "tabular": _table_branch,
}


def build_loader(
    config: Config,
    store: Store,
    rows: Sequence[int],
    tokenizers: Mapping[str, ReportTokenizer],
    *,
    shuffle: bool,
    tables: Mapping[str, Table] | None = None,
    shown: Sequence[str] | None = None,
    rank: int = 0,
    world: int = 1,
    pin: bool = False,
) -> tuple[DataLoader, SliceBudgetSampler]:
    """Loads `rows` for one process, a `Batch` at a time, with the sampler that orders them.

    `tables` are those of the model's facts; a config without table inputs needs none.
    """
    modalities, writes = list(config.model.inputs), written(config, store, tokenizers)
    studies = StudyDataset(
        store,
        rows,
        modalities=modalities,
        findings=config.data.findings or store.findings,
        tokenizers=tokenizers,
        tables=tables,
        shown=shown,
        reading=Reading.of(config.data, config.seed),
        reports=config.data.reports,
        writes=writes,
    )
    sampler = SliceBudgetSampler(
        studies.images(),
        slices=config.train.slices,
        studies=config.train.studies,
        shuffle=shuffle,
        seed=config.seed,
        rank=rank,
        world=world,
    )
    loader: DataLoader = DataLoader(
        studies,
        batch_sampler=sampler,
        collate_fn=collate_for(store, modalities, tables, list(writes)),
        num_workers=config.train.workers,
        persistent_workers=config.train.workers > 0,
        pin_memory=pin,
    )
    return loader, sampler
