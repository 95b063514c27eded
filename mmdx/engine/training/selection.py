"""Selections of descriptors and of the terms of reports: fitted on training studies alone, kept as numbers beside the
checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmdx.data.store.store import Store
from mmdx.data.text.terms import fit_components
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.texts import reports_of
from mmdx.errors import DataError, reason
from mmdx.files import written
from mmdx.models.branches.text import TextBranch
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.model import MultimodalModel
from mmdx.registry import SELECTORS, TEXT_ENCODERS
from mmdx.schema import Config

MOST_ITEMS = 20_000
"""Training items that a selection is fitted on; of more, so many are drawn by the seed of the config."""


def fit_selections(
    config: Config, store: Store, rows: Sequence[int], facts: ModelFacts, tokenizers: Mapping[str, ReportTokenizer]
) -> tuple[ModelFacts, dict[str, Tensor]]:
    """The selections that `config` asks for, fitted on the items and reports of `rows` (training).

    Returns the facts with the widths that are left, and the buffers of the branches by name. A study without slice
    labels lends its own to its items.
    """
    inputs, buffers = dict(facts.inputs), {}
    for name, section in config.model.inputs.items():
        terms = facts.inputs[name].terms
        if terms is not None and "rank" in (options := TEXT_ENCODERS.options(section.encoder)):
            reports = reports_of(config, store, rows, name)
            fitted = fit_components(terms, tokenizers[name], reports, rank=options["rank"], seed=config.seed)
            buffers |= _buffers(name, *fitted)
        if section.select is None:
            continue
        selector = SELECTORS.build(section.select, f"model.inputs.{name}.select")
        descriptors, labels = training_items(store, rows, name, facts.findings, seed=config.seed)
        mean, matrix = selector.fit(
            descriptors[:, : store.modalities[name].width - facts.inputs[name].logits], labels, seed=config.seed
        )
        inputs[name] = replace(facts.inputs[name], selected=matrix.shape[1])
        buffers |= _buffers(name, mean, matrix)
    return replace(facts, inputs=inputs), buffers


def _buffers(name: str, mean: Float[np.ndarray, "d"], matrix: Float[np.ndarray, "d e"]) -> dict[str, Tensor]:
    """The buffers of an `Affine`, under the name of its input."""
    arrays = {f"{name}.mean": mean, f"{name}.matrix": matrix}
    return {key: torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)) for key, array in arrays.items()}


def training_items(
    store: Store, rows: Sequence[int], modality: str, findings: Sequence[str], *, seed: int
) -> tuple[Float32[np.ndarray, "n d"], Float[np.ndarray, "n f"]]:
    """Descriptors of these rows with the labels of each, at most `MOST_ITEMS`; one study is read at a time."""
    lengths, columns = store.lengths(modality)[list(rows)], store.columns_of(findings)
    total = int(lengths.sum())
    if not total:
        raise DataError(f"{store.folder}: no training study has '{modality}', so nothing can be selected; drop select")
    items = np.sort(np.random.default_rng(seed).permutation(total)[:MOST_ITEMS])
    descriptors, labels = [], []
    for row, start, count in zip(rows, np.cumsum(lengths) - lengths, lengths, strict=True):
        places: Int[np.ndarray, " k"] = items[(items >= start) & (items < start + count)] - start
        if len(places):
            study = store.read(row)
            of_items = study.slice_labels(modality)
            if not len(of_items):
                of_items = np.repeat(store.labels[row][None], count, axis=0)
            descriptors.append(study.vectors(modality)[places])
            labels.append(of_items[places][:, columns])
    return np.concatenate(descriptors), np.concatenate(labels)


def write_selections(path: Path, buffers: Mapping[str, Tensor]) -> None:
    """Writes them in one step, also where there are none: then `path` says so."""
    with written(path) as partial:
        save_file(dict(buffers), partial)


def load_selections(path: Path, model: MultimodalModel) -> None:
    """Puts fitted selections into the branches of a new model. Raises `DataError` where the file does not fit."""
    branches = model.branches.items()
    descriptors = {name: branch.select for name, branch in branches if isinstance(branch, VectorBranch)}
    terms = {name: branch.encoder.selection() for name, branch in branches if isinstance(branch, TextBranch)}
    selections = {name: selection for name, selection in (descriptors | terms).items() if selection is not None}
    if not selections:
        return
    try:
        buffers = load_file(path)
        for name, selection in selections.items():
            selection.load_state_dict({part: buffers[f"{name}.{part}"] for part in ("mean", "matrix")})
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); start a new run") from None
