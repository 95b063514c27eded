"""Small models of any registered part, and batches for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import patches  # noqa: F401  (registers test_patches)
import torch
from transformers import BertConfig, BertModel

from mmdx.batch import Batch, Sample
from mmdx.config_file import parse_config
from mmdx.data.loading.collate import Collate
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.models.facts import InputFacts
from mmdx.models.model import MultimodalModel
from mmdx.schema import Config
from mmdx.study import Column, Terms

SIDE, WORDS, WIDTH, FINDINGS = 32, 20, 6, ("bleed", "fracture")
IMAGES = {"encoder": "test_patches", "sequence": {"type": "lstm", "hidden": 8}}
RARITIES = (0.0, 0.0, *[1.0] * (WORDS - 2))
TERMS = Terms(RARITIES, pairs=tuple((word, word + 1) for word in range(2, WORDS - 1)), rarities=(1.5,) * (WORDS - 3))
REPORT_FACTS = InputFacts("text", vocabulary=WORDS, idf=RARITIES, terms=TERMS)
FACTS = ModelFacts(FINDINGS, SIDE, {"image": InputFacts("images"), "report": REPORT_FACTS}, texts={"report": WORDS})
CT_FACTS = ModelFacts(FINDINGS, SIDE, {"image": InputFacts("images", unit="HU"), "report": FACTS.inputs["report"]})
VECTOR_FACTS = ModelFacts(FINDINGS, SIDE, {"image": InputFacts("images"), "report": InputFacts("vectors", width=WIDTH)})
"""The second modality, whatever its name, is one of descriptors here."""
COLUMNS = (Column("age", 50.0, 10.0, gaps=True), Column("sex", words=("f", "m"), shares=(0.5, 0.5), gaps=True))
TABLE_FACTS = ModelFacts(
    FINDINGS, SIDE, {"image": InputFacts("images"), "report": InputFacts("tabular", columns=COLUMNS)}
)
"""The second modality is a row of traits here."""


def tiny_bert(folder: Path) -> str:
    """A Hugging Face encoder on disk."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)


def config_of(*, image: dict | None = None, report: dict | str = "bilstm_attention", **model: object) -> Config:
    raw = {
        "inputs": {"image": image or IMAGES, "report": report},
        "dim": 12,
        "heads": {"study": "study", "slice": "slice"},
    }
    return parse_config({"data": {"store": "unused"}, "model": {**raw, **model}}, "test")


def model_of(config: Config, facts: ModelFacts = FACTS) -> MultimodalModel:
    torch.manual_seed(0)
    return build_model(config, facts)[0]


def sample(index: int, *, images: int, words: int, unit: str = "intensity", second: str = "text") -> Sample:
    """A study of random content; 0 images or words: absent.

    `second` is the kind of the second modality: of `vectors` it has as many as words, of `tabular` one row, with gaps.
    """
    rng = np.random.default_rng(index)
    shape = (images, 1, SIDE, SIDE)
    pixels = rng.integers(0, 256, shape, np.uint8) if unit == "intensity" else rng.integers(-100, 200, shape, np.int16)
    told = rng.integers(2, WORDS, words)
    if second == "vectors":
        told = rng.normal(size=(words, WIDTH)).astype(np.float32)
    elif second == "tabular":
        row = [[np.nan if index % 3 == 0 else 40 + index, np.nan if index % 3 == 1 else index % 2]]
        told = np.array(row[: min(words, 1)], dtype=np.float32).reshape(-1, len(COLUMNS))
    inputs = {"image": pixels, "report": told}
    slice_labels = {"image": rng.integers(0, 2, (images, 2)).astype(np.float32)} if images else {}
    boxes = {}
    if images:
        slice_labels["image"][0, 0] = 1
        boxes["image"] = np.array([[0, 0, 4, 4, 20, 18]], dtype=np.float32)
    return Sample(
        study_id=f"s{index}",
        patient_id=f"p{index}",
        inputs={name: value for name, value in inputs.items() if len(value)},
        labels=np.array([index % 2, np.nan], dtype=np.float32),
        slice_labels=slice_labels,
        boxes=boxes,
        targets={"report": rng.integers(2, WORDS, words)},
    )


def batch_of(samples: list[Sample], unit: str = "intensity", *, second: str = "text") -> Batch:
    dtype = np.dtype("int16" if unit == "HU" else "uint8")
    widths = {"text": (), "vectors": (WIDTH,), "tabular": (len(COLUMNS),)}
    told = (widths[second], np.dtype("int64" if second == "text" else "float32"))
    return Collate({"image": ((1, SIDE, SIDE), dtype), "report": told}, ["report"])(samples)


def mixed_batch(unit: str = "intensity", *, second: str = "text") -> Batch:
    """Studies with everything, with one modality, and of different lengths."""
    sizes = [(3, 5), (1, 0), (0, 4), (5, 2), (2, 7)]
    samples = [sample(i, images=n, words=w, unit=unit, second=second) for i, (n, w) in enumerate(sizes)]
    return batch_of(samples, unit, second=second)
