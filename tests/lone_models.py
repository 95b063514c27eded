"""Small untrained models of every part, and studies for them, as what is exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mmdx.config_file import parse_config
from mmdx.data.text.terms import fit_terms
from mmdx.data.text.tokenizer import ReportTokenizer, fit_tokenizer, inverse_document_frequencies
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel, write_calibration, write_description, write_weights
from mmdx.engine.assembly.stacks import write_stack
from mmdx.models.facts import InputFacts
from mmdx.models.heads.calibration import Calibration
from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.stack import Stack, Weighting
from mmdx.models.stack.summaries import Words
from mmdx.study import Column

FINDINGS = ("bleed", "fracture")
REPORTS = ["fall on the head, no blood is seen", "headache, no fall, no blood on the head", "a fall, blood is seen"] * 2
SITE = Column("site", words=("north", "south"), shares=(0.6, 0.4), gaps=True)


def lone_model(
    image: Mapping[str, Any] | None = None,
    report: Mapping[str, Any] | None = None,
    *,
    traits: bool = True,
    **model: Any,
) -> SavedModel:
    """A model of images, and of a report, with `traits` also of a table, where a `report` encoder is given; `image` are
    options of the image input, `model` of the section of that name."""
    inputs: dict[str, Any] = {"image": {"encoder": "test_patches", **(image or {})}}
    tables = {}
    if report is not None:
        inputs["report"] = {"encoder": dict(report)}
    if report is not None and traits:
        inputs["clinic"], tables = "table_mlp", {"clinic": ["age", "site"]}
    raw = {"data": {"store": "unused", "tables": tables}, "model": {"inputs": inputs, "dim": 8, **model}}
    config = resolve(parse_config({**raw, "plugins": ["patches"]}, "test"))
    tokenizers: dict[str, ReportTokenizer] = {}
    known = {"image": InputFacts("images")}
    if report is not None:
        words = tokenizers["report"] = fit_tokenizer(REPORTS, max_tokens=64)
        idf, terms = inverse_document_frequencies(words, REPORTS), fit_terms(words, REPORTS, [*"abcdef"])
        known["report"] = InputFacts("text", vocabulary=words.vocabulary, idf=idf, terms=terms)
    if "clinic" in inputs:
        known["clinic"] = InputFacts("tabular", columns=(Column("age", 50.0, 10.0), SITE))
    torch.manual_seed(0)
    built, facts = build_model(config, ModelFacts(FINDINGS, 16, known, {"study": (0.5, 0.25)}))
    return SavedModel(built.eval(), config, facts, tokenizers)


def write_lone_model(folder: Path, saved: SavedModel) -> Path:
    """Its folder, with a calibration and, where it reads reports, a stack with a linear model of their words."""
    write_description(folder, saved.config, saved.facts, saved.tokenizers)
    write_weights(folder, saved.model)
    calibration = Calibration(torch.tensor([1.5, 0.5]), torch.tensor([0.0, 0.1]))
    if "report" not in saved.facts.inputs:
        write_calibration(folder, {"study": calibration}, saved.facts)
        return folder
    write_stack(folder, stack_of(saved), saved.facts)
    return folder


def stack_of(saved: SavedModel) -> Stack:
    """A stack whose weights differ by what is shown, with a linear model of the report."""
    terms = saved.facts.inputs["report"].terms
    assert terms is not None
    summary = Words(terms)
    linear = LinearAnswer(summary, torch.full((summary.width,), 0.1), torch.randn(summary.width, 2), torch.ones(2))
    members = ("network", "network image", "linear report")
    weight = torch.tensor([[0.5, 0.4], [0.3, 0.2], [1.0, 2.0]])
    weightings = [
        Weighting(tuple(saved.facts.inputs), members, weight, torch.tensor([0.1, -0.1])),
        Weighting(("image",), ("network",), torch.tensor([[0.7, 0.8]]), torch.tensor([0.2, 0.3])),
    ]
    return Stack("study", list(saved.facts.inputs), {"report": linear}, weightings)


def by_hand(
    step: Any, state: list[torch.Tensor], read: torch.Tensor, *, dim: int
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What torch's `scan` does, without a compiler."""
    said = []
    for item in read.unbind(dim):
        state, one = step(state, item)
        said.append(one)
    return state, torch.stack(said)
