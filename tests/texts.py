"""Untrained models of texts."""

from __future__ import annotations

from mmdx.config_file import parse_config
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel
from mmdx.models.facts import InputFacts

TEXTS = {"history": "fall on the head", "findings": "no blood is seen"}


def model_of(*names: str) -> SavedModel:
    """An untrained model of these texts; each has the words of its own line in `TEXTS`."""
    encoder = {"encoder": {"type": "bilstm_attention", "embedding": 8, "hidden": 8}}
    raw = {"data": {"store": "unused"}, "model": {"inputs": dict.fromkeys(names, encoder), "dim": 16}}
    config = resolve(parse_config(raw, "test"))
    tokenizers = {name: fit_tokenizer([TEXTS[name]] * 2, max_tokens=16) for name in names}
    inputs = {name: InputFacts("text", vocabulary=tokenizers[name].vocabulary) for name in names}
    model, facts = build_model(config, ModelFacts(("bleed",), 32, inputs))
    return SavedModel(model.eval(), config, facts, tokenizers)
