"""The only assembler: config and store become tokenizers, model and loaders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from torch.utils.data import DataLoader

from mmdx.config import Component, Config, InputConfig, ModelConfig
from mmdx.data.collate import StudyDataset, collate_for
from mmdx.data.readers import register_all
from mmdx.data.redaction import redacted
from mmdx.data.sampler import SliceBudgetSampler
from mmdx.data.store import Store
from mmdx.data.text import ReportTokenizer, fit_tokenizer, pretrained_tokenizer
from mmdx.engine.plugins import import_plugins
from mmdx.errors import UsageError, did_you_mean
from mmdx.models.augment import StudyAugment
from mmdx.models.heads import Findings
from mmdx.models.model import Branch, ImageBranch, MultimodalModel, TextBranch, VectorBranch
from mmdx.models.select import Affine
from mmdx.models.text import source_of
from mmdx.registry import (
    FUSIONS,
    HEADS,
    IMAGE_ENCODERS,
    IMAGE_VIEWS,
    READERS,
    SELECTORS,
    SEQUENCES,
    TEXT_ENCODERS,
    VECTOR_ENCODERS,
    Registry,
)

Kind = Literal["images", "vectors", "text"]
ENCODERS: dict[Kind, Registry] = {"images": IMAGE_ENCODERS, "vectors": VECTOR_ENCODERS, "text": TEXT_ENCODERS}


@dataclass(frozen=True)
class InputFacts:
    """What a branch must know of its modality; `architecture` is filled in once the encoder is built.

    Of the `width` values of a descriptor the last `logits` are a first stage's; `selected` of the others are left,
    where there is a selection, once it is fitted.
    """

    kind: Kind
    unit: str = "intensity"
    channels: int = 1
    width: int = 0
    logits: int = 0
    selected: int | None = None
    vocabulary: int = 0
    architecture: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ModelFacts:
    """The sizes of a model: with its config and its weights, all that it takes to make it again.

    `first` tells the weights of the model whose descriptors it reads, None where it reads what a store has.
    """

    findings: tuple[str, ...]
    size: int
    inputs: Mapping[str, InputFacts] = field(default_factory=dict)
    first: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ModelFacts:
        inputs = {name: InputFacts(**facts) for name, facts in raw["inputs"].items()}
        return cls(tuple(raw["findings"]), int(raw["size"]), inputs, raw.get("first"))


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
            if section.select is not None and kind_of(section) != "vectors":
                problems.append(f"{where}.select: is for descriptors, and '{section.encoder.type}' reads none; drop it")
            inside["view"] = settle(IMAGE_VIEWS, section.view, f"{where}.view")
            inside["select"] = settle(SELECTORS, section.select, f"{where}.select")
            inside["sequence"] = settle(SEQUENCES, section.sequence, f"{where}.sequence")

    raw["data"]["reader"] = settle(READERS, config.data.reader, "data.reader")
    settle_model(config.model, raw["model"], "model")
    if config.first is not None:
        settle_model(config.first.model, raw["first"]["model"], "first.model")
    if problems:
        raise UsageError(problems)
    return Config.model_validate(raw)


def kind_of(section: InputConfig) -> Kind:
    """The kind of modality that the encoder reads; images where it is not known."""
    for kind, known in ENCODERS.items():
        if section.encoder.type in known.names():
            return kind
    return "images"


def facts_of(config: Config, store: Store, tokenizers: Mapping[str, ReportTokenizer]) -> ModelFacts:
    """What the model must know of the store. Raises `UsageError` where config and store disagree, all at once."""
    check_inputs(config, store)
    inputs = {}
    for name in config.model.inputs:
        stored = store.modalities[name]
        if stored.kind == "vectors":
            inputs[name] = InputFacts("vectors", width=stored.width, logits=stored.logits)
        elif stored.kind == "text":
            inputs[name] = InputFacts("text", vocabulary=tokenizers[name].vocabulary)
        else:
            inputs[name] = InputFacts("images", unit=stored.unit, channels=stored.channels)
    return ModelFacts(tuple(config.data.findings or store.findings), store.layout.size, inputs, store.described_by)


def check_inputs(config: Config, store: Store) -> None:
    """Raises `UsageError` where the config names modalities, kinds or findings that the store does not have."""
    problems = []
    for name, section in config.model.inputs.items():
        stored = store.modalities.get(name)
        wanted = kind_of(section)
        if stored is None:
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
    """
    tokenizers = {}
    for name, section in config.model.inputs.items():
        if kind_of(section) != "text" or name not in store.modalities:
            continue
        options = TEXT_ENCODERS.options(section.encoder)
        source, longest = options.get("source"), options["max_tokens"]
        if source:
            tokenizers[name] = pretrained_tokenizer(source_of(source), max_tokens=longest)
        else:
            reports = (redacted(store.read(row).text(name) or "", config.data.reports) for row in rows)
            tokenizers[name] = fit_tokenizer(reports, max_tokens=longest)
    return tokenizers


def build_model(config: Config, facts: ModelFacts) -> tuple[MultimodalModel, ModelFacts]:
    """The model, and `facts` with every encoder's architecture.

    Facts that already hold architectures (a saved model's) make it without looking for anything pretrained.
    """
    branches: dict[str, Branch] = {}
    complete: dict[str, InputFacts] = {}
    for name, section in config.model.inputs.items():
        make = {"images": _image_branch, "vectors": _vector_branch, "text": _text_branch}[facts.inputs[name].kind]
        branches[name], architecture = make(section, facts.inputs[name], config.model.dim, f"model.inputs.{name}")
        complete[name] = InputFacts(**{**asdict(facts.inputs[name]), "architecture": dict(architecture)})
    sizes, findings = {name: branch.sizes for name, branch in branches.items()}, Findings(facts.findings)
    heads = {
        name: HEADS.build(head, f"model.heads.{name}", dim=config.model.dim, findings=findings, branches=sizes)
        for name, head in config.model.heads.items()
    }
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
        section.encoder, f"{where}.encoder", channels=view.channels, architecture=facts.architecture
    )
    sequence = SEQUENCES.build(section.sequence, f"{where}.sequence", width=encoder.dim)
    return ImageBranch(view, StudyAugment(section.augment), encoder, sequence, dim), encoder.architecture


def _vector_branch(section: InputConfig, facts: InputFacts, dim: int, where: str) -> tuple[Branch, Mapping[str, Any]]:
    select, width = None, facts.width
    if section.select is not None and facts.selected is not None:
        select, width = Affine(width - facts.logits, facts.selected), facts.selected + facts.logits
    encoder = VECTOR_ENCODERS.build(section.encoder, f"{where}.encoder", width=width)
    sequence = SEQUENCES.build(section.sequence, f"{where}.sequence", width=encoder.dim)
    return VectorBranch(encoder, sequence, dim, select=select), {}


def _text_branch(section: InputConfig, facts: InputFacts, dim: int, where: str) -> tuple[Branch, Mapping[str, Any]]:
    encoder = TEXT_ENCODERS.build(
        section.encoder, f"{where}.encoder", vocabulary=facts.vocabulary, architecture=facts.architecture
    )
    return TextBranch(encoder, dim), encoder.architecture


def build_loader(
    config: Config,
    store: Store,
    rows: Sequence[int],
    tokenizers: Mapping[str, ReportTokenizer],
    *,
    shuffle: bool,
    shown: Sequence[str] | None = None,
    rank: int = 0,
    world: int = 1,
    pin: bool = False,
) -> tuple[DataLoader, SliceBudgetSampler]:
    """Loads `rows` for one process, a `Batch` at a time, with the sampler that orders them."""
    modalities = list(config.model.inputs)
    studies = StudyDataset(
        store,
        rows,
        modalities=modalities,
        findings=config.data.findings or store.findings,
        tokenizers=tokenizers,
        shown=shown,
        max_images=config.data.max_images,
        reports=config.data.reports,
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
        collate_fn=collate_for(store, modalities),
        num_workers=config.train.workers,
        persistent_workers=config.train.workers > 0,
        pin_memory=pin,
    )
    return loader, sampler
