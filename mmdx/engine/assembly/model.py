"""Config and facts become a model. Nothing else builds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import mmdx.engine.assembly.parts  # noqa: F401  (registers every part of a model)
from mmdx.config import Component, Config, InputConfig
from mmdx.engine.assembly.facts import InputFacts, ModelFacts
from mmdx.kinds import IMAGES, TABULAR, TEXT, VECTORS
from mmdx.models.augment import StudyAugment
from mmdx.models.heads.base import Findings
from mmdx.models.model import Branch, ImageBranch, MultimodalModel, TableBranch, TextBranch, VectorBranch
from mmdx.models.select import Affine
from mmdx.registry import (
    FUSIONS,
    HEADS,
    IMAGE_ENCODERS,
    IMAGE_VIEWS,
    SEQUENCES,
    TABLE_ENCODERS,
    TEXT_ENCODERS,
    VECTOR_ENCODERS,
)


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
    items = {name: size.items for name, size in sizes.items()}
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
    facts_by_name = {"vocabulary": facts.vocabulary, "architecture": facts.architecture, "idf": facts.idf}
    sizes = {size: facts_by_name[size] for size in TEXT_ENCODERS.sizes(section.encoder.type)}
    encoder = TEXT_ENCODERS.build(section.encoder, f"{where}.encoder", **sizes)
    return TextBranch(encoder, dim), encoder.architecture


def _table_branch(section: InputConfig, facts: InputFacts, dim: int, where: str) -> tuple[Branch, Mapping[str, Any]]:
    return TableBranch(TABLE_ENCODERS.build(section.encoder, f"{where}.encoder", columns=facts.columns), dim), {}


_BRANCHES: dict[str, Callable[[InputConfig, InputFacts, int, str], tuple[Branch, Mapping[str, Any]]]] = {
    IMAGES.name: _image_branch,
    VECTORS.name: _vector_branch,
    TEXT.name: _text_branch,
    TABULAR.name: _table_branch,
}
