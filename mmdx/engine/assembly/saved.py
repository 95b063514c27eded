"""Models and training states on disk: safetensors, JSON and YAML; nothing is ever unpickled.

A *model folder* holds `config.yaml`, `model.json` (sizes and architectures), `tokenizers/` and `model.safetensors`: it
moves to another machine as it is and loads with no network. A *training state* is one safetensors file with weights and
optimizer, and the progress in its header; every file appears under its name only when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmdx.config import Config
from mmdx.config_file import dump_config, read_config
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.build import ModelFacts, build_model, register_parts
from mmdx.engine.assembly.texts import target_key
from mmdx.errors import DataError
from mmdx.models.model import MultimodalModel

WEIGHTS = "model.safetensors"
FIRST = "first"
"""The folder in a store of descriptors, and in a model folder, with the model that makes them of images."""


@dataclass(frozen=True)
class SavedModel:
    """A model with what it needs to read a study; `first` makes the descriptors that it reads of images."""

    model: MultimodalModel
    config: Config
    facts: ModelFacts
    tokenizers: Mapping[str, ReportTokenizer]
    first: SavedModel | None = None


@dataclass(frozen=True)
class Progress:
    """How far a training has come; `batch` counts the batches of this epoch that are done, per process."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = -1
    finished: bool = False


def write_description(
    folder: Path, config: Config, facts: ModelFacts, tokenizers: Mapping[str, ReportTokenizer]
) -> None:
    """Everything of a model folder but the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    (folder / "model.json").write_text(json.dumps(facts.to_json(), indent=2) + "\n", encoding="utf-8")
    for name, tokenizer in tokenizers.items():
        tokenizer.save(folder / "tokenizers" / name)


def write_weights(folder: Path, model: nn.Module) -> None:
    _save_whole(folder / WEIGHTS, _contiguous(model.state_dict()), {})


def load_description(folder: Path) -> tuple[Config, ModelFacts, dict[str, ReportTokenizer]]:
    """Config, sizes and tokenizers of a model folder. Raises `DataError` where one is missing or broken."""
    config = read_config(folder / "config.yaml")
    register_parts(config)
    try:
        facts = ModelFacts.from_json(json.loads((folder / "model.json").read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise DataError(f"{folder / 'model.json'}: cannot be read ({error}); the model folder is not whole") from None
    texts = [name for name, known in facts.inputs.items() if known.kind == "text"] + list(map(target_key, facts.texts))
    return config, facts, {name: ReportTokenizer.load(folder / "tokenizers" / name) for name in texts}


def load_model(folder: Path) -> SavedModel:
    """The model in a model folder, in evaluation mode, on the CPU.

    Raises `DataError` where the folder is not whole or the weights do not fit.
    """
    config, facts, tokenizers = load_description(folder)
    model, _ = build_model(config, facts)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except FileNotFoundError:
        raise DataError(f"{folder / WEIGHTS}: missing; training has not reached its first validation") from None
    except (SafetensorError, RuntimeError) as error:
        raise DataError(f"{folder / WEIGHTS}: does not hold this model's weights ({_one_line(error)})") from None
    return SavedModel(model.eval(), config, facts, tokenizers, _first_of(folder, facts))


def _first_of(folder: Path, facts: ModelFacts) -> SavedModel | None:
    """The first stage that lies in a model folder. Raises `DataError` where it is not the one whose descriptors the
    model was trained on."""
    if facts.first is None:
        return None
    first = load_model(folder / FIRST)
    if weights_digest(folder / FIRST) != facts.first:
        raise DataError(
            f"{folder / FIRST}: holds other weights than those whose descriptors this model was trained on; copy the "
            "whole model folder again"
        )
    return first


def copy_first(store: Store, folder: Path, facts: ModelFacts) -> None:
    """The model that left the descriptors of a store into a model folder, where the model of `facts` reads them."""
    if facts.first is not None:
        copy_model(store.folder / FIRST, folder / FIRST)


def copy_model(source: Path, folder: Path) -> None:
    """A model folder, and nothing that lies beside it."""
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.partial"))


def weights_digest(folder: Path) -> str:
    """32 hex digits that tell the weights in a model folder from others."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with (folder / WEIGHTS).open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except FileNotFoundError:
        raise DataError(f"{folder / WEIGHTS}: missing; training has not reached its first validation") from None
    return digest.hexdigest()


def save_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, scaler: Mapping[str, float]
) -> None:
    """Weights, optimizer and progress in one file."""
    state = optimizer.state_dict()
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    for index, slots in state["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in slots.items()}
    header = {
        "progress": json.dumps(asdict(progress)),
        "groups": json.dumps(state["param_groups"]),
        "scaler": json.dumps(dict(scaler)),
    }
    _save_whole(path, _contiguous(tensors), header)


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Progress, dict[str, float]]:
    """Puts a saved state into model and optimizer; returns the progress and the loss scaler's state.

    Raises `DataError` where the file is broken, or the state of another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        optimizer.load_state_dict({"state": _slots(tensors), "param_groups": json.loads(header["groups"])})
        return Progress(**json.loads(header["progress"])), json.loads(header["scaler"])
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: cannot be resumed from ({_one_line(error)}); start a new run") from None


def _slots(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """The optimizer's tensors by the number of their parameter."""
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".")
            slots.setdefault(int(index), {})[slot] = value
    return slots


def _save_whole(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        save_file(tensors, partial, metadata={"format": "pt", **header})
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        reason = _one_line(error)
        raise DataError(f"{path}: cannot be written ({reason}); make room, then go on with train --resume") from None
    finally:
        partial.unlink(missing_ok=True)


def _contiguous(tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    # safetensors refuses views that share memory, such as an expanded buffer.
    return {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
