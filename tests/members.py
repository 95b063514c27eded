"""Untrained model folders that answer alike, each with weights and a tokenizer of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from parts import FACTS, FINDINGS, config_of

from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.saved import write_description, write_weights
from mmdx.models.facts import InputFacts


def write_member(
    folder: Path, *, seed: int, words: str = "history of a fall", findings: tuple[str, ...] = FINDINGS, **model: object
) -> Path:
    """A model of images and a report whose tokenizer knows `words`; `model` are keys of the config's section."""
    tokenizer = fit_tokenizer([words, words], max_tokens=16)
    inputs = {**FACTS.inputs, "report": InputFacts("text", vocabulary=tokenizer.vocabulary)}
    config = config_of(**model).model_copy(update={"seed": seed})
    torch.manual_seed(seed)
    built, facts = build_model(config, replace(FACTS, findings=findings, inputs=inputs, texts={}))
    assert isinstance(facts, ModelFacts)
    write_description(folder, config, facts, {"report": tokenizer})
    write_weights(folder, built)
    return folder
