"""Pretrained weights without a network: a file, a folder, or an installed package that carries one."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmdx.errors import DataError, UsageError, reason, refuse_lack
from mmdx.files import written
from mmdx.strangers.bounded import regular

WEIGHT_FILES = (".safetensors", ".pth", ".pt", ".bin")
_DIGEST = "digest"
"""What the metadata of a file of tensors call its digest; one of an earlier version has none."""


def package_folder(name: str) -> Path | None:
    """Where the installed Python package `name` lies, None where there is none; nothing of it is imported.

    `name` is what is imported, or what pip installs: `my_weights` or `my-weights`.
    """
    for module in (name, re.sub(r"[-.]+", "_", name)):
        spec = importlib.util.find_spec(module) if module.isidentifier() else None
        if spec is not None and spec.origin:
            return Path(spec.origin).parent
    return None


def find_weights(source: str) -> Path | None:
    """The weight file that `source` (a path, or a package that holds exactly one) names; None where it names neither.

    Raises `UsageError` where a package holds none or several.
    """
    if Path(source).is_file():
        return Path(source)
    folder = package_folder(source)
    if folder is None:
        return None
    files = sorted(p for p in folder.rglob("*") if p.suffix in WEIGHT_FILES)
    if len(files) != 1:
        raise UsageError(f"package '{source}' holds {len(files)} weight files; give the path of one file instead")
    return files[0]


def find_model_folder(source: str) -> Path | None:
    """The folder with a Hugging Face `config.json` that `source` (a folder or a package) names; None for neither."""
    folder = Path(source) if Path(source).is_dir() else package_folder(source)
    if folder is None:
        return None
    # The topmost one: sentence-transformers keep the configs of further layers in folders below it.
    configs = sorted(folder.rglob("config.json"), key=lambda path: len(path.parts))
    if not configs:
        raise UsageError(f"'{source}': no config.json below {folder}; is it a Hugging Face model folder?")
    return configs[0].parent


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a weight file; code in a pickled file is never run. Raises `UsageError` for any other content."""
    try:
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # torch and safetensors raise a dozen unrelated types for a broken file
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"{path}: not a weight file ({type(error).__name__}: {reason})") from None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UsageError(f"{path}: holds something else than tensors by name; save a state_dict")
    return dict(state)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str] | None = None) -> None:
    """Writes tensors as safetensors, whole or not at all, with `header` as their metadata and a digest over all of
    them. Without a header the same tensors make the same file: metadata of one key have one order. Raises `DataError`
    where it cannot."""
    # Copies: safetensors refuses views that share memory, such as an expanded buffer.
    own = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    try:
        with written(path) as partial:
            save_file(own, partial, metadata={_DIGEST: _digest(own), **(header or {})})
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path}: cannot be written ({reason(error)}); make room, then go on with train --resume"
        ) from None


def read_tensors(path: Path, again: str) -> dict[str, Tensor]:
    """The tensors in a file of safetensors; `again` says what to do about one that cannot be used.

    Raises `FileNotFoundError` where there is none, and `DataError` where it is broken, not as it was written, or holds
    numbers that are none.
    """
    regular(path)
    try:
        with safe_open(path, framework="pt") as file:
            digest = (file.metadata() or {}).get(_DIGEST)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (OSError, SafetensorError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: is no safetensors file ({reason(error)}); {again}") from None
    if digest is not None and digest != _digest(tensors):
        raise DataError(f"{path}: is damaged (not what was written, by its digest); {again}")
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise DataError(f"{path}: '{name}' holds numbers that are none (NaN or infinite); {again}")
    return tensors


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """32 hex digits over names, types, shapes and values."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode("utf-8", "surrogatepass"))
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def rename_by_order(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str, *, classifier: Sequence[str] = ()
) -> dict[str, Tensor]:
    """`state` under the names of `expected`: as it is where the names fit, else one by one in order.

    Weights of one architecture, saved by another library, stand in the same order with the same shapes. Names that
    begin as one of `classifier` may have any shape. Raises `UsageError` where weights do not fit, or are left over: a
    larger model of the same family holds all names of a smaller one.
    """
    if set(expected) <= set(state):
        odd = [name for name, tensor in state.items() if not _fits(name, tensor, expected, classifier)]
        if odd:
            raise UsageError(
                f"{where}: of another architecture: {len(odd)} of its tensors do not fit, such as {odd[0]}"
            )
        return dict(state)
    if [v.shape for v in state.values()] != [v.shape for v in expected.values()]:
        raise UsageError(
            f"{where}: its {len(state)} tensors fit the model's {len(expected)} neither by name nor by order and shape"
        )
    return dict(zip(expected, state.values(), strict=True))


def _fits(name: str, tensor: Tensor, expected: Mapping[str, Tensor], classifier: Sequence[str]) -> bool:
    return name in expected and (tensor.shape == expected[name].shape or name.startswith(tuple(classifier)))
