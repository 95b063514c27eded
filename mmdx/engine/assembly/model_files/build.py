"""A model is made of the files of its folder: of no more than its weights fill, and with these weights alone in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.errors import DataError, MmdxError, reason, some
from mmdx.files import ModelLayout
from mmdx.models.model import MultimodalModel
from mmdx.models.weights import read_tensors
from mmdx.schema import Config

AGAIN = "copy the whole model folder again"
_BYTES, _TENSORS = 2**28, 20_000
"""What a model may take beside its weights: what layers calculate while they are made, and buffers."""


class _Bounded(TorchFunctionMode):
    """Within it, no more tensors are made than weights of so many tensors and bytes can fill."""

    def __init__(self, weights: Iterable[Tensor]) -> None:
        super().__init__()
        sizes = [value.numel() * max(value.element_size(), 4) for value in weights]
        self.bytes, self.tensors = 4 * sum(sizes) + _BYTES, 16 * len(sizes) + _TENSORS

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        # What works in place gives a tensor that was counted.
        if isinstance(made, Tensor) and not any(made is value for value in args):
            self.bytes -= made.numel() * made.element_size()
            self.tensors -= 1
        if self.bytes < 0 or self.tensors < 0:
            raise MemoryError
        return made


def model_of(folder: Path, config: Config, facts: ModelFacts) -> MultimodalModel:
    """The model that a folder describes, with its weights.

    Raises `DataError` where no model can be made of the description, or the weights are not this model's.
    """
    path = ModelLayout(folder).weights
    try:
        weights = read_tensors(path, AGAIN)
    except FileNotFoundError:
        raise DataError(f"{path}: missing; training has not reached its first validation") from None
    try:
        with _Bounded(weights.values()):
            model, _ = build_model(config, facts)
    except MmdxError as error:
        raise DataError([f"{folder}: {line}; {AGAIN}" for line in error.problems]) from None
    except MemoryError:
        raise DataError(
            f"{folder}: config.yaml and model.json ask for a larger model than {path.name} holds; {AGAIN}"
        ) from None
    except Exception as error:  # what the libraries of layers refuse of sizes has no type of its own
        raise DataError(
            f"{folder}: no model can be made of its config.yaml and model.json ({reason(error)}); {AGAIN}"
        ) from error
    fill(model, weights, path)
    return model


def fill(model: Any, weights: Mapping[str, Tensor], path: Path) -> None:
    """Puts weights into a model. Raises `DataError` where they are not its own."""
    expected: Mapping[str, Tensor] = model.state_dict()
    odd = [
        f"{name} is {_words(weights[name])}, not {_words(value)}"
        for name, value in expected.items()
        if name in weights and not _fits(weights[name], value)
    ]
    lacking, strange = ([*a.keys() - b.keys()] for a, b in ((expected, weights), (weights, expected)))
    problems = [f"missing {some(sorted(lacking))}"] if lacking else []
    problems += [f"unknown {some(sorted(strange))}"] if strange else []
    if problems := [*problems, *odd[:1]]:
        raise DataError(f"{path}: does not hold this model's weights ({'; '.join(problems)}); {AGAIN}")
    model.load_state_dict(weights)


def _fits(value: Tensor, expected: Tensor) -> bool:
    alike = value.dtype == expected.dtype or (value.is_floating_point() and expected.is_floating_point())
    return alike and value.shape == expected.shape


def _words(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
