"""Config and facts become a model. Nothing else builds one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mmdx.engine.assembly.parts  # noqa: F401  (registers every part of a model)
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.models.branches.base import Branch
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import Findings
from mmdx.models.model import MultimodalModel
from mmdx.registry import BRANCHES, FUSIONS, HEADS
from mmdx.schema import Config


def build_model(config: Config, facts: ModelFacts) -> tuple[MultimodalModel, ModelFacts]:
    """The model, and `facts` with every encoder's architecture.

    Facts that already hold architectures (a saved model's) make it without looking for anything pretrained.
    """
    branches: dict[str, Branch] = {}
    complete: dict[str, InputFacts] = {}
    for name, section in config.model.inputs.items():
        where, stored = f"model.inputs.{name}", facts.inputs[name]
        branch: Any = BRANCHES.get(stored.kind, where)
        branches[name], architecture = branch.build(section, stored, dim=config.model.dim, where=where)
        complete[name] = replace(stored, architecture=dict(architecture))
    sizes = {name: branch.sizes for name, branch in branches.items()}
    findings = Findings(facts.findings, facts.prevalence, facts.texts)
    heads = {
        name: HEADS.build(head, f"model.heads.{name}", dim=config.model.dim, findings=findings, branches=sizes)
        for name, head in config.model.heads.items()
    }
    items = {name: size.items for name, size in sizes.items()}
    fusion = FUSIONS.build(config.model.fusion, "model.fusion", modalities=items, dim=config.model.dim)
    rates = config.model.modality_dropout
    first = {name: rates.get(name, 0.0) if isinstance(rates, dict) else rates for name in branches}
    dropout = {name: (rate, 1.0 if name in config.model.withhold else rate) for name, rate in first.items()}
    model = MultimodalModel(
        branches,
        fusion,
        heads,
        dim=config.model.dim,
        modality_dropout=dropout,
        alone=config.model.alone,
        modulate=config.model.modulate,
    )
    return model, replace(facts, inputs=complete)
