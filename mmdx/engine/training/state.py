"""How far a training has come, and all that it takes to go on, in one safetensors file: `checkpoints/last.safetensors`.

Weights and optimizer are its tensors; the progress stands in its header. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mmdx.engine.assembly.finals import Keeper
from mmdx.errors import DataError, reason
from mmdx.models.weights import write_tensors


@dataclass(frozen=True)
class Progress:
    """How far a training has come; `batch` counts the batches of this epoch that are done, on each of `processes`."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = -1
    finished: bool = False
    processes: int | None = None
    """None: a state of an earlier version, which does not say."""


def save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    scaler: Mapping[str, float],
    kept: Mapping[str, Tensor],
) -> None:
    """Weights, optimizer, progress and what the keeper of the weights holds (`kept`) in one file."""
    state = optimizer.state_dict()
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    for index, slots in state["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in slots.items()}
    tensors |= {f"kept.{name}": value for name, value in kept.items()}
    header = {
        "progress": json.dumps(asdict(progress)),
        "groups": json.dumps(state["param_groups"]),
        "scaler": json.dumps(dict(scaler)),
    }
    write_tensors(path, tensors, header)


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, keeper: Keeper
) -> tuple[Progress, dict[str, float]]:
    """Puts a saved state into model, optimizer and keeper; returns the progress and the loss scaler's state.

    Raises `DataError` where the file is broken, or the state of another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        optimizer.load_state_dict({"state": _slots(tensors), "param_groups": json.loads(header["groups"])})
        device = next(model.parameters()).device
        keeper.restore({k.removeprefix("kept."): v.to(device) for k, v in tensors.items() if k.startswith("kept.")})
        return Progress(**json.loads(header["progress"])), json.loads(header["scaler"])
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: cannot be resumed from ({reason(error)}); start a new run") from None


def _slots(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """The optimizer's tensors by the number of their parameter."""
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".")
            slots.setdefault(int(index), {})[slot] = value
    return slots
