"""NIfTI volumes (`.nii`, `.nii.gz`) as axial slices, counted from feet to head, whatever axes the file stores.

A slice is shown as a radiologist reads it: rows from anterior to posterior, columns from the patient's right to left;
so, by the axes of DICOM, every volume is turned to L, P, S. An oblique volume is cut along its own axes, the nearest
ones. Where the header gives no orientation (qform and sform codes 0), slices stand as stored, along the third axis.
"""

from __future__ import annotations

import gzip
import logging
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import nibabel
import numpy as np
from jaxtyping import Float, Float32
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt2axcodes,
    ornt_transform,
)
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from mmdx.data.order.pixel_size import PixelSize, size_problems
from mmdx.errors import DataError, reason
from mmdx.study import ImageRef, Order

MAX_VOXELS = 2**29
"""A volume that claims more voxels than this is refused before anything is allocated."""
_SIDES = (("L", "R"), ("P", "A"), ("F", "H"))
"""The ends of the axes of NIfTI in the letters of DICOM."""
_PAIRS = {"LR": "left and right", "AP": "front and back", "HF": "head and feet"}
_MILLIMETRES = {1: 1000.0, 3: 0.001}
"""By the code of the unit in the header: metres and micrometres. Any other counts as millimetres."""


@dataclass(frozen=True)
class _Volume:
    """A header that makes sense: `turn` brings the stored axes to L, P, S, in which `shape` and `affine` (mm) are."""

    image: nibabel.Nifti1Image
    turn: Float[np.ndarray, "3 2"]
    shape: tuple[int, ...]
    affine: Float[np.ndarray, "4 4"]
    oriented: bool

    @property
    def pixel(self) -> PixelSize:
        """That of an axial slice."""
        across, down, _ = (float(np.linalg.norm(axis)) for axis in self.affine[:3, :3].T)
        return PixelSize(across, down)


def count_slices(path: Path) -> int:
    """How many axial slices the volume has, from its header. Raises `DataError` where there is none to read.

    Of a `.nii.gz` that is cut short the header tells nothing: that shows when its slices are decoded.
    """
    return _read(path).shape[2]


def certify_volume(path: Path) -> tuple[tuple[ImageRef, ...], Order, tuple[str, ...]]:
    """The axial slices of a volume from feet to head, the certificate, and what looks wrong, a sentence each.

    The spacing is the distance of neighbours along the slice normal. Without an orientation in the header nothing but
    the number of a slice in the file speaks for the order: its source is `instance`.
    """
    volume = _read(path)
    refs = tuple(ImageRef(path, index) for index in range(volume.shape[2]))
    across, down, up = volume.affine[:3, :3].T
    problems = size_problems([volume.pixel])
    if not volume.oriented:
        problems.append("no orientation in the header (qform and sform codes 0); slices and their sides are as stored")
        return refs, Order("instance"), tuple(problems)
    normal = np.cross(across, down)
    spacing = round(float(abs(up @ normal) / np.linalg.norm(normal)), 6) if len(refs) > 1 else None
    axes = "".join(side or "" for side in ornt2axcodes(io_orientation(volume.image.affine), _SIDES))
    with _one_line(path):
        problems += _contradictions(volume.image)
    return refs, Order("position", spacing, axes=axes), tuple(problems)


def _contradictions(image: nibabel.Nifti1Image) -> list[str]:
    """A sentence where a header has two orientations that do not place the voxels alike, more than a voxel apart."""
    one, other = image.get_sform(coded=True)[0], image.get_qform(coded=True)[0]
    if one is None or other is None or not np.isfinite([one, other]).all():
        return []
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*(np.array(image.shape[:3]) - 1), 1]
    scale = _MILLIMETRES.get(int(image.header["xyzt_units"]) & 7, 1.0)
    apart = scale * float(np.linalg.norm(corners @ (one - other).T, axis=1).max())
    by_one, by_other = ("".join(s or "?" for s in ornt2axcodes(io_orientation(a), _SIDES)) for a in (one, other))
    if by_one == by_other and apart <= scale * float(np.linalg.norm(one[:3, :3], axis=0).max()):
        return []
    what = f"sform and qform of the header place voxels up to {apart:.4g} mm apart"
    if by_one != by_other:
        swapped = [pair for letters, pair in _PAIRS.items() if {*letters} <= {*by_one, *by_other}]
        what = f"sform and qform of the header disagree: axes run to {by_one} by the one, to {by_other} by the other"
        what += f", so {', '.join(swapped)} are in doubt" if swapped else ""
    return [f"{what}; the sform is taken"]


def axial_slices(path: Path, frames: Sequence[int]) -> Iterator[tuple[Float32[np.ndarray, "h w"], PixelSize]]:
    """The slices `frames` (0-based from the feet) and the size of their pixels; the volume is read once.

    The scaling of the header is applied.

    Raises `DataError` where the file is cut short or broken, and for voxels that are no numbers.
    """
    volume = _read(path)
    with _one_line(path):
        stored = volume.image.get_fdata(caching="unchanged", dtype=np.float32)
    turned = apply_orientation(stored.reshape(stored.shape[:3]), volume.turn)
    for frame in frames:
        if not 0 <= frame < volume.shape[2]:
            raise DataError(f"{path}: no slice {frame}; it has {volume.shape[2]}, counted from 0")
        pixels = np.ascontiguousarray(turned[:, :, frame].T)
        if not np.isfinite(pixels).all():
            raise DataError(f"{path}: voxels that are no numbers (NaN or infinite) in slice {frame}; give them a value")
        yield pixels, volume.pixel


def _read(path: Path) -> _Volume:
    with _one_line(path):
        image = nibabel.load(path, mmap=False)
        if not isinstance(image, nibabel.Nifti1Image):
            raise DataError(f"{path}: {type(image).__name__} is no plain NIfTI volume; export one")
        shape = _checked_shape(path, image)
        _check_complete(path, image)
        affine = np.asarray(image.affine, dtype=np.float64)
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) == 0:
            raise DataError(f"{path}: its affine places voxels nowhere (singular or not finite); correct the header")
        turn = ornt_transform(io_orientation(affine), axcodes2ornt("LPS"))
        scale = _MILLIMETRES.get(int(image.header["xyzt_units"]) & 7, 1.0)
        return _Volume(
            image,
            turn,
            tuple(shape[int(np.flatnonzero(turn[:, 0] == axis)[0])] for axis in range(3)),
            affine @ inv_ornt_aff(turn, shape) * scale,
            bool(image.header["sform_code"]) or bool(image.header["qform_code"]),
        )


def _checked_shape(path: Path, image: nibabel.Nifti1Image) -> tuple[int, ...]:
    """The three dimensions; further ones of length 1 are dropped."""
    shape = tuple(int(length) for length in image.shape)
    named = " x ".join(map(str, shape))
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise DataError(f"{path}: {len(shape)} dimensions ({named}); a modality is one volume of 3, so split the file")
    if min(shape) < 1:
        raise DataError(f"{path}: no voxel in it ({named}); get the file anew")
    if np.prod(shape, dtype=np.float64) > MAX_VOXELS:
        raise DataError(f"{path}: claims {named} voxels, more than {MAX_VOXELS} in all; crop or resample it first")
    if np.dtype(image.get_data_dtype()).kind not in "biuf":
        raise DataError(f"{path}: colour or complex voxels; only volumes of plain numbers are read")
    return shape[:3]


def _check_complete(path: Path, image: nibabel.Nifti1Image) -> None:
    if path.name.lower().endswith(".gz"):
        return
    voxels = cast(ArrayProxy, image.dataobj)
    needed = voxels.offset + int(np.prod(voxels.shape)) * voxels.dtype.itemsize
    if (held := path.stat().st_size) < needed:
        raise DataError(f"{path}: truncated: {held} bytes of {needed}; get the file anew")


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file is one `DataError`; nibabel's own warnings and log lines are kept to itself."""
    logger = logging.getLogger("nibabel.global")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: broken or cut short ({reason(error)}); get the file anew") from None
    except (ImageFileError, HeaderDataError, WrapStructError) as error:
        text = reason(error).replace(str(path), path.name)
        raise DataError(f"{path}: not a NIfTI volume that can be read ({text})") from None
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, MemoryError) as error:
        raise DataError(f"{path}: cannot be decoded: {reason(error)}") from None
    finally:
        logger.disabled = before
