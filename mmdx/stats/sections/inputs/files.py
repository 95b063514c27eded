"""The file of swaps: what a model says of studies whose inputs were exchanged, withheld or reworded.

It is safetensors, so that it holds numbers alone. All are log-odds of the finding: scores near 0 and 1 would lose what
tells them apart. Studies, findings and inputs are named in its metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mmdx.errors import DataError, reason, refuse_lack
from mmdx.files import written
from mmdx.strangers.bounded import parse_json, regular

AGAIN = "run mmdx inputs again"
MOST_BYTES = 2**31
_ABOUT, _DIGEST = "about", "digest"
_PAIRS, _SHOWN, _TEXTS, _CHANGED = "pairs/", "shown/", "texts/", "changed/"


@dataclass(frozen=True, eq=False)
class Swaps:
    """Log-odds of n `studies` and f `findings`, every finding in its column.

    `pairs[NAME][i, j]` is what is said of study i with the input NAME of study j. `shown` is by what was shown, such as
    `image+report`, for every set of `inputs`. `texts` is with a text reworded, by `report: typing errors` and the like,
    and `changed` says whose text became another by that. The studies have every input; `of` counts those of the split.
    """

    studies: tuple[str, ...]
    findings: tuple[str, ...]
    inputs: tuple[str, ...]
    of: int
    pairs: Mapping[str, Float32[np.ndarray, "n n f"]]
    shown: Mapping[str, Float32[np.ndarray, "n f"]]
    texts: Mapping[str, Float32[np.ndarray, "n f"]] = field(default_factory=dict)
    changed: Mapping[str, Bool[np.ndarray, "n"]] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes it whole or not at all. Raises `DataError` where it cannot."""
        named = [(_PAIRS, self.pairs), (_SHOWN, self.shown), (_TEXTS, self.texts), (_CHANGED, self.changed)]
        tensors = {
            f"{kind}{name}": np.ascontiguousarray(value) for kind, by_name in named for name, value in by_name.items()
        }
        about = {"studies": self.studies, "findings": self.findings, "inputs": self.inputs, "of": self.of}
        text = json.dumps(about, ensure_ascii=False)
        try:
            with written(path) as partial:
                save_file(tensors, partial, metadata={_ABOUT: text, _DIGEST: _digest(text, tensors)})
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path}: cannot be written ({reason(error)}); make room, then {AGAIN}") from None


def read_swaps(path: Path) -> Swaps:
    """The swaps of a file. Raises `FileNotFoundError` where there is none, and `DataError` where it is broken."""
    regular(path, most=MOST_BYTES)
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (OSError, SafetensorError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: is no safetensors file ({reason(error)}); {AGAIN}") from None
    text = metadata.get(_ABOUT, "")
    if metadata.get(_DIGEST) != _digest(text, tensors):
        raise DataError(f"{path}: is damaged (not what was written, by its digest); {AGAIN}")
    about = parse_json(text, str(path), AGAIN)
    named = {key: _names(about, key) for key in ("studies", "findings", "inputs")}
    if not all(named.values()) or not isinstance(about.get("of"), int):
        raise DataError(f"{path}: does not name its studies, findings and inputs; {AGAIN}")
    kinds = [_of_kind(tensors, kind) for kind in (_PAIRS, _SHOWN, _TEXTS, _CHANGED)]
    swaps = Swaps(named["studies"], named["findings"], named["inputs"], about["of"], *kinds)
    if not _whole(swaps):
        raise DataError(f"{path}: holds other tables than of the studies, findings and inputs that it names; {AGAIN}")
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise DataError(f"{path}: holds numbers that are none (NaN or infinite); {AGAIN}")
    return swaps


def _names(about: Any, key: str) -> tuple[str, ...]:
    """A list of names in the account of a file; empty where there is none."""
    names = about.get(key) if isinstance(about, dict) else None
    given = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if given else ()  # pyright: ignore[reportArgumentType]


def _whole(swaps: Swaps) -> bool:
    """Whether every table is there, and of the size that the names ask for."""
    rows, columns = len(swaps.studies), len(swaps.findings)
    by_set = {"+".join(names) for size in range(1, len(swaps.inputs) + 1) for names in combinations(swaps.inputs, size)}
    return (
        swaps.pairs.keys() == set(swaps.inputs)
        and swaps.shown.keys() == by_set
        and swaps.texts.keys() == swaps.changed.keys()
        and all(table.shape == (rows, rows, columns) for table in swaps.pairs.values())
        and all(table.shape == (rows, columns) for table in (*swaps.shown.values(), *swaps.texts.values()))
        and all(table.shape == (rows,) for table in swaps.changed.values())
    )


def _of_kind(tensors: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name.removeprefix(kind): value for name, value in tensors.items() if name.startswith(kind)}


def _digest(text: str, tensors: Mapping[str, np.ndarray]) -> str:
    """32 hex digits over the account, and names, types, shapes and values."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode("utf-8", "surrogatepass"))
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
