"""A model folder of untrained parts: what a stranger's may look like before anything in it is changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mmdx.config_file import parse_config
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel, write_calibration, write_description, write_weights
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.predict import predict_study
from mmdx.models.facts import InputFacts
from mmdx.models.heads.calibration import Calibration
from mmdx.study import Column

FINDINGS = ("bleed", "fracture")
AGE = Column("age", 50.0, 10.0, gaps=True)


def write_model(folder: Path) -> Path:
    """A model of images, a report and a table, with calibrated study answers."""
    inputs = {
        "image": {"encoder": "test_patches", "sequence": {"type": "lstm", "hidden": 8}},
        "report": {"encoder": {"type": "bilstm_attention", "embedding": 8, "hidden": 8}},
        "clinic": "table_mlp",
    }
    raw = {"data": {"store": "unused", "tables": {"clinic": ["age"]}}, "model": {"inputs": inputs, "dim": 8}}
    config = resolve(parse_config({**raw, "plugins": ["patches"]}, "test"))
    tokenizer = fit_tokenizer(["fall on the head, no blood is seen"] * 2, max_tokens=16)
    known = {
        "image": InputFacts("images"),
        "report": InputFacts("text", vocabulary=tokenizer.vocabulary),
        "clinic": InputFacts("tabular", columns=(AGE,)),
    }
    torch.manual_seed(0)
    model, facts = build_model(config, ModelFacts(FINDINGS, 16, known, {"study": (0.5, 0.25)}))
    write_description(folder, config, facts, {"report": tokenizer})
    write_weights(folder, model)
    write_calibration(folder, {"study": Calibration(torch.tensor([1.5, 0.5]), torch.tensor([0.0, 0.1]))}, facts)
    return folder


def answer(saved: SavedModel) -> str:
    """What a model says of one study, as text."""
    pixels = np.arange(2 * 16 * 16, dtype=np.uint8).reshape(2, 16, 16)
    study = ArrayStudy({"image": ImageArrays(pixels), "report": "no blood on the head"}, traits={"age": 63.0})
    return repr(predict_study(saved, study))
