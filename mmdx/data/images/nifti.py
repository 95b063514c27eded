"""NIfTI volumes (`.nii`, `.nii.gz`) as axial slices, counted from feet to head, whatever axes the file stores.

A slice is shown as a radiologist reads it: rows from anterior to posterior, columns from the patient's right to left;
so, by the axes of DICOM, every volume is turned to L, P, S. An oblique volume is cut along its own axes, the nearest
ones. Where the header gives no orientation (qform and sform codes 0), slices stand as stored, along the third axis.
"""

from __future__ import annotations

import gzip
import io
import logging
import math
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt2axcodes,
    ornt_transform,
)
from nibabel.spatialimages import HeaderDataError
from nibabel.volumeutils import apply_read_scaling
from nibabel.wrapstruct import WrapStructError

from mmdx.data.files import refuse_special
from mmdx.data.images.plain import MAX_PIXELS
from mmdx.data.order.pixel_size import PixelSize, size_problems
from mmdx.errors import DataError, MmdxError, reason, refuse_lack
from mmdx.study import ImageRef, Order

MAX_VOXELS = 2**29
MOST_BYTES = 3 * 2**29
"""A volume that claims more voxels than this, or that takes more bytes, is refused before anything is allocated."""
MOST_HEADER = 2**24
"""The bytes before the voxels, at most: the header and its extensions."""
_STEP = 2**22
_KINDS = {348: (Nifti1Header, 108, "f"), 540: (Nifti2Header, 168, "q")}
"""By the size of the header: its class, and where and how it says at which byte the voxels begin."""
_SIDES = (("L", "R"), ("P", "A"), ("F", "H"))
"""The ends of the axes of NIfTI in the letters of DICOM."""
_PAIRS = {"LR": "left and right", "AP": "front and back", "HF": "head and feet"}
_MILLIMETRES = {1: 1000.0, 3: 0.001}
"""By the code of the unit in the header: metres and micrometres. Any other counts as millimetres."""


@dataclass(frozen=True)
class _Volume:
    """A header that makes sense: `turn` brings the stored axes to L, P, S, in which `shape` and `affine` (mm) are."""

    header: Nifti1Header
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
    axes = "".join(side or "" for side in ornt2axcodes(io_orientation(volume.header.get_best_affine()), _SIDES))
    with _one_line(path):
        problems += _contradictions(volume.header)
    return refs, Order("position", spacing, axes=axes), tuple(problems)


def _contradictions(header: Nifti1Header) -> list[str]:
    """A sentence where a header has two orientations that do not place the voxels alike, more than a voxel apart."""
    one, other = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    if one is None or other is None or not np.isfinite([one, other]).all():
        return []
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [
        *(np.array(header.get_data_shape()[:3]) - 1),
        1,
    ]
    scale = _MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)
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
        turned = apply_orientation(_voxels(path, volume.header), volume.turn)
    for frame in frames:
        if not 0 <= frame < volume.shape[2]:
            raise DataError(f"{path}: no slice {frame}; it has {volume.shape[2]}, counted from 0")
        with _one_line(path):
            pixels = _scaled(np.ascontiguousarray(turned[:, :, frame].T), volume.header)
        if not np.isfinite(pixels).all():
            raise DataError(f"{path}: voxels that are no numbers (NaN or infinite) in slice {frame}; give them a value")
        yield pixels, volume.pixel


def _voxels(path: Path, header: Nifti1Header) -> np.ndarray:
    """The voxels as they are stored, but for those of 8 bytes and more, which are scaled and kept as float32."""
    shape, dtype = header.get_data_shape()[:3], header.get_data_dtype()
    voxels = np.empty(math.prod(shape), dtype if dtype.itemsize <= 4 else np.float32)
    with _opened(path) as file:
        file.seek(header.get_data_offset())
        for start in range(0, len(voxels), _STEP):
            part = voxels[start : start + _STEP]
            raw = file.read(len(part) * dtype.itemsize)
            if len(raw) < len(part) * dtype.itemsize:
                raise EOFError("its voxels end before they should")
            read = np.frombuffer(raw, dtype)
            part[:] = read if dtype.itemsize <= 4 else _scaled(read, header)
        if len(file.read(MOST_HEADER + 1)) > MOST_HEADER:  # to the end, where what is packed tells whether it is whole
            raise ValueError(f"more than {MOST_HEADER} bytes behind its voxels")
    return voxels.reshape(shape, order="F")


def _scaled(voxels: np.ndarray, header: Nifti1Header) -> np.ndarray:
    """Voxels with the scaling of the header applied, once."""
    if voxels.dtype == np.float32 and header.get_data_dtype().itemsize > 4:
        return voxels
    return apply_read_scaling(voxels, *header.get_slope_inter()).astype(np.float32)


def _opened(path: Path) -> gzip.GzipFile | io.BufferedReader:
    refuse_special(path)
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _header(path: Path) -> Nifti1Header:
    """The header, of which nibabel is handed no more bytes than stand before the voxels."""
    with _opened(path) as file:
        head = file.read(544)
        order = next((order for order in "<>" if struct.unpack(f"{order}i", head[:4])[0] in _KINDS), None)
        if order is None:
            raise HeaderDataError("no header of NIfTI")
        kind, place, code = _KINDS[struct.unpack(f"{order}i", head[:4])[0]]
        begin = int(struct.unpack_from(f"{order}{code}", head, place)[0])
        if begin > MOST_HEADER:
            raise DataError(f"{path}: its voxels begin at byte {begin}; expected {MOST_HEADER} at most")
        size = max(begin, kind.sizeof_hdr + 4)
        header = kind.from_fileobj(io.BytesIO((head + file.read(max(0, size - len(head))))[:size]))
    if header["magic"].item() not in (b"n+1", b"n+2"):
        raise DataError(f"{path}: no plain NIfTI volume, but one whose voxels lie elsewhere; export one")
    return header


def _read(path: Path) -> _Volume:
    with _one_line(path):
        header = _header(path)
        shape = _checked_shape(path, header)
        _check_complete(path, header)
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) == 0:
            raise DataError(f"{path}: its affine places voxels nowhere (singular or not finite); correct the header")
        turn = ornt_transform(io_orientation(affine), axcodes2ornt("LPS"))
        scale = _MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)
        width, height, slices = (shape[int(np.flatnonzero(turn[:, 0] == axis)[0])] for axis in range(3))
        if width * height > MAX_PIXELS:
            raise DataError(f"{path}: slices of {width} x {height} pixels, more than {MAX_PIXELS}; scale them down")
        return _Volume(
            header,
            turn,
            (width, height, slices),
            affine @ inv_ornt_aff(turn, shape) * scale,
            bool(header["sform_code"]) or bool(header["qform_code"]),
        )


def _checked_shape(path: Path, header: Nifti1Header) -> tuple[int, ...]:
    """The three dimensions; further ones of length 1 are dropped."""
    shape, dtype = tuple(int(length) for length in header.get_data_shape()), header.get_data_dtype()
    named = " x ".join(map(str, shape))
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise DataError(f"{path}: {len(shape)} dimensions ({named}); a modality is one volume of 3, so split the file")
    if min(shape) < 1:
        raise DataError(f"{path}: no voxel in it ({named}); get the file anew")
    if math.prod(shape) > MAX_VOXELS:
        raise DataError(f"{path}: claims {named} voxels, more than {MAX_VOXELS} in all; crop or resample it first")
    if np.dtype(dtype).kind not in "biuf":
        raise DataError(f"{path}: colour or complex voxels; only volumes of plain numbers are read")
    if math.prod(shape) * min(4, dtype.itemsize) > MOST_BYTES:
        raise DataError(
            f"{path}: {named} voxels of {dtype} are more than {MOST_BYTES} bytes; crop or resample it first"
        )
    return shape[:3]


def _check_complete(path: Path, header: Nifti1Header) -> None:
    if path.name.lower().endswith(".gz"):
        return
    needed = header.get_data_offset() + math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
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
    except MmdxError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
        raise DataError(f"{path}: broken or cut short ({reason(error)}); get the file anew") from None
    except (HeaderDataError, WrapStructError) as error:
        text = reason(error).replace(str(path), path.name)
        raise DataError(f"{path}: not a NIfTI volume that can be read ({text})") from None
    except Exception as error:  # nibabel raises whatever broken bytes make it stumble over
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be decoded: {reason(error)}") from None
    finally:
        logger.disabled = before
