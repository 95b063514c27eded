"""What a run reads of a second cohort, and what of it is stored in another way than in training."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from mmdx.data.cohorts.names import Known, Names
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.layout import Layout, content_of
from mmdx.data.store.stacks import with_stacks
from mmdx.data.store.store import Store
from mmdx.engine.assembly.facts import stored_facts
from mmdx.engine.assembly.saved import SavedModel
from mmdx.errors import DataError, UsageError
from mmdx.kinds import KINDS
from mmdx.models.facts import InputFacts

COLOURS = {1: "grey", 3: "colour"}


def known_to(saved: SavedModel) -> Known:
    """The findings that a model answers for, and the modalities that it reads or writes: of a stack its parts."""
    inputs = [name for name, facts in saved.facts.inputs.items() if not KINDS[facts.kind].made]
    parts = [part for name in inputs for part in saved.config.data.stacks.get(name, (name,))]
    return Known(tuple(saved.facts.findings), tuple(dict.fromkeys([*parts, *saved.facts.texts])))


def layout_for(saved: SavedModel) -> Layout:
    """What a store holds for a model: its findings, and a modality for each input that is no table and each text that
    it writes."""
    stored = {name: stored_facts(facts) for name, facts in saved.facts.inputs.items() if not KINDS[facts.kind].made}
    written = {name: ModalityFacts("text") for name in saved.facts.texts if name not in stored}
    return Layout(stored | written, tuple(saved.facts.findings), saved.facts.size)


def stacked(saved: SavedModel, store: Store, names: Names) -> tuple[Store, Names, list[str]]:
    """A second store with the stacks that a model reads, and the names with them; a stack of which the store lacks a
    part is absent. Lines say what a person should know of them."""
    stacks = {}
    for name, parts in saved.config.data.stacks.items():
        held = [names.modalities[part] for part in parts if part in names.modalities]
        if name in saved.facts.inputs and len(held) == len(parts):
            stacks[name] = tuple(held)
    made, lines = with_stacks(store, stacks)
    return made, replace(names, modalities={**names.modalities, **{name: name for name in stacks}}), lines


def check_alike(saved: SavedModel, store: Store, names: Names) -> None:
    """Raises `DataError`, one line per input, where a second store holds it in other units, colours, widths or sizes
    than the model was trained on: nothing is converted in silence."""
    problems = []
    for name, facts in saved.facts.inputs.items():
        parts = saved.config.data.stacks.get(name, (name,))
        for part in [part for part in parts if part in names.modalities]:
            problem = _difference(saved, facts, part, store, names.modalities[part])
            problems += [f"{store.folder}: '{names.modalities[part]}' {problem}"] if problem else []
    size, reader = _stored_size(saved), store.layout.size
    pictures = [theirs for theirs in names.modalities.values() if KINDS[store.modalities[theirs].kind].pictured]
    if pictures and reader != size:
        problems.append(
            f"{store.folder}: images of {reader} pixels, and the run was trained on {size}; prepare it with size={size}"
        )
    if problems:
        raise DataError(problems)


def described_inputs(saved: SavedModel, store: Store, names: Names) -> list[str]:
    """The inputs that a model reads as descriptors of its first stage, and that a second store holds as images."""
    return [
        name
        for name, facts in saved.facts.inputs.items()
        if saved.first is not None
        and name in saved.first.facts.inputs
        and KINDS[facts.kind].sliced
        and not KINDS[facts.kind].pictured
        and name in names.modalities
        and KINDS[store.modalities[names.modalities[name]].kind].pictured
    ]


def _stored_size(saved: SavedModel) -> int:
    """The side of the images that a model, or its first stage, was trained on."""
    return (saved.first or saved).facts.size


def _difference(saved: SavedModel, facts: InputFacts, name: str, store: Store, theirs: str) -> str | None:
    """In what an input, or a part of a stack, is stored otherwise, with both values and the way out; None if not."""
    held = store.modalities[theirs]
    if saved.first is not None and name in described_inputs(saved, store, Names({}, {name: theirs})):
        return _difference(saved.first, saved.first.facts.inputs[name], name, store, theirs)
    asked = stored_facts(facts)
    if (KINDS[held.kind].pictured, held.unit) != (KINDS[asked.kind].pictured, asked.unit) or held.kind != asked.kind:
        hint = _remedy(asked)
        return f"holds {content_of(held)}, and the run was trained on {content_of(asked)}; {hint}"
    channels = cast(int, dict(facts.details).get(name, facts.channels))
    if held.channels != channels:
        here, there = (COLOURS.get(count, f"{count} channels") for count in (channels, held.channels))
        return f"is {there}, and the run was trained on {here} images; convert its files, then prepare them again"
    if (held.width, held.logits) != (asked.width, asked.logits):
        return (
            f"has {held.width} values per descriptor, and the run was trained on {asked.width}; describe its images "
            "with the encoder of the training"
        )
    if saved.facts.first is not None and held.width and store.described_by != saved.facts.first:
        return (
            f"holds descriptors of other weights ({store.described_by or 'unknown'}) than the run's first stage "
            f"({saved.facts.first}); give the store of its images"
        )
    return None


def _remedy(asked: ModalityFacts) -> str:
    if KINDS[asked.kind].pictured and asked.unit == "HU":
        return "prepare its files from DICOM or NIfTI, which tell Hounsfield units"
    if KINDS[asked.kind].pictured:
        return "prepare it from images like those of the training"
    return f"prepare it with {content_of(asked)} under this name"


def check_any(names: Names, known: Known, store: Store, tables: bool) -> None:
    """Raises `UsageError` where a second store shares no finding with a run, or nothing that it reads; `tables` says
    whether the run reads traits."""
    if not names.findings:
        raise UsageError(
            f"{store.folder}: labels {', '.join(store.findings) or 'nothing'}, and the run answers for "
            f"{', '.join(known.findings)}; say which are the same: --map NAME_IN_STORE=NAME_IN_RUN"
        )
    if not names.modalities and not tables:
        raise UsageError(
            f"{store.folder}: holds {', '.join(store.modalities) or 'nothing'}, and the run reads "
            f"{', '.join(known.modalities)}; say which are the same: --map NAME_IN_STORE=NAME_IN_RUN"
        )
