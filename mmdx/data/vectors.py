"""Descriptors in `.npy` files, as an encoder of slides or slices leaves them: one of `[d]`, or several of `[n d]`.

Files are arrays and nothing else: pickled objects are refused unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped
from numpy.lib.format import MAGIC_PREFIX

from mmdx.errors import DataError, reason, refuse_lack
from mmdx.study import VectorFiles


def vectors_listed(paths: Sequence[Path]) -> VectorFiles:
    """The descriptors of a list of files, in its order; only their headers are read.

    Raises `DataError` where a file holds no descriptors, or those of another width than the first.
    """
    widths = [_mapped(path).shape[1] for path in paths]
    for path, width in zip(paths, widths, strict=True):
        if width != widths[0]:
            raise DataError(
                f"{path}: {width} values per descriptor, but {widths[0]} in {paths[0].name}; keep one width"
            )
    return VectorFiles(tuple(paths), widths[0])


def read_vectors(vectors: VectorFiles) -> Float32[np.ndarray, "n d"]:
    """The descriptors of all files, one below the other. Raises `DataError` for values that are no numbers."""
    parts = []
    for path in vectors.files:
        with np.errstate(over="ignore"):
            part = np.asarray(_mapped(path), dtype=np.float32)
        if part.shape[1] != vectors.width:
            raise DataError(f"{path}: {part.shape[1]} values per descriptor, but {vectors.width} were announced")
        if not np.isfinite(part).all():
            row = int(np.argmin(np.isfinite(part).all(axis=1)))
            raise DataError(f"{path}: descriptor {row} has values that are no numbers (NaN or infinite) in float32")
        parts.append(part)
    return np.concatenate(parts)


def _mapped(path: Path) -> Shaped[np.ndarray, "n d"]:
    """The array of a file as `[n d]`, on disk until it is used."""
    try:
        with path.open("rb") as file:
            is_npy = file.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX
    except OSError as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not is_npy:
        raise DataError(f"{path}: no array of numpy's format; save the descriptors with numpy.save")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises whatever a broken header makes its parsers stumble over
        refuse_lack(error, path)
        raise DataError(f"{path}: no array that can be read ({reason(error)}); save it anew") from None
    if array.dtype.kind != "f":
        raise DataError(f"{path}: holds {array.dtype}, but descriptors are floating-point numbers; convert it")
    if array.ndim not in (1, 2):
        raise DataError(f"{path}: {array.ndim} dimensions; descriptors are [d], or [n d] for several")
    if not array.size:
        raise DataError(f"{path}: is empty; leave the file out where there is no descriptor")
    return array.reshape(-1, array.shape[-1])
