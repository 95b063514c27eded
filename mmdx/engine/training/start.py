"""Weights that a training begins from, where another model was trained before it: a file beside the checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmdx.errors import DataError, reason
from mmdx.files import written
from mmdx.models.model import MultimodalModel


def transferred(source: MultimodalModel, pairs: Mapping[str, str], model: MultimodalModel) -> dict[str, Tensor]:
    """The weights of `source` that fit `model`, by name and shape, under the names that they have there.

    `pairs` names the branch of `source` that each of `model` begins from. Where they pair all branches of both, one to
    one, fusion and heads are taken too.
    """
    own, theirs = model.state_dict(), source.state_dict()
    found = {
        f"branches.{name}.{key}": value
        for name, teacher in pairs.items()
        for key, value in source.branches[teacher].state_dict().items()
    }
    renamed = {teacher: name for name, teacher in pairs.items()}
    if set(pairs) == set(model.branches) and set(renamed) == set(source.branches) and len(renamed) == len(pairs):
        for key, value in theirs.items():
            kind, part, *rest = key.split(".")
            if kind in ("fusion", "heads"):
                found[".".join([kind, part, *(renamed.get(name, name) for name in rest)])] = value
    return {key: value.contiguous() for key, value in found.items() if key in own and own[key].shape == value.shape}


def write_start(path: Path, state: Mapping[str, Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as partial:
        save_file(dict(state), partial)


def load_start(path: Path, model: MultimodalModel) -> None:
    """Puts the weights into a new model, where there is such a file. Raises `DataError` where it does not fit."""
    if not path.is_file():
        return
    try:
        state = load_file(path)
        unexpected = model.load_state_dict(state, strict=False).unexpected_keys
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); start a new run") from None
    if unexpected:
        raise DataError(f"{path}: holds {unexpected[0]}, which this model has not; start a new run")
