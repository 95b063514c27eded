"""DICOM files: headers, what their pixels are, and the pixels of the frames asked for.

Colour comes as 8-bit RGB (`colour.py`), CT as Hounsfield units, other grey images as `grayscale.grey_levels` has
them; `codecs.py` decompresses. Errors are one line, never a traceback;
pydicom's own warnings are kept off the terminal, for the length of the call.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import pydicom
from jaxtyping import Float32, UInt8
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from mmdx.data.dicom.codecs import PIXELS, seek_value, stored_frames
from mmdx.data.dicom.colour import is_colour, rgb
from mmdx.data.dicom.display import Display, displays_of
from mmdx.data.dicom.grayscale import frame_attributes, grey_levels, hounsfield, rescale
from mmdx.data.dicom.header import OF_PIXELS, make_sound
from mmdx.data.dicom.inflated import is_deflated, readable
from mmdx.data.files import refuse_special
from mmdx.data.order.geometry import frame_value
from mmdx.data.order.pixel_size import PixelSize, pixel_size_of
from mmdx.data.quiet import quiet
from mmdx.errors import DataError, MmdxError, reason, refuse_lack
from mmdx.study import Unit

MAX_PIXELS = 2**26
"""A frame that claims more pixels than this is refused before anything is allocated."""
_ITEM, _LAST_ITEM = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
DEFERRED = 2**14
"""Elements of more bytes are left in the file until they are touched."""
MAX_FRAMES = 2**17
"""A file that claims more frames is refused before any is listed."""
_SENSELESS = (AttributeError, KeyError, IndexError, NotImplementedError, ValueError, struct.error)
"""What pydicom and NumPy raise where elements of a header do not fit each other."""
_NEEDED = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation")


def is_dicom(path: Path) -> bool:
    """Whether the file calls itself DICOM, by its first bytes or by its suffix. Raises `DataError` if unreadable."""
    try:
        refuse_special(path)
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom")
    except OSError as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_header(path: Path) -> pydicom.Dataset:
    """Everything before the pixels, made sound by `mmdx.data.dicom.header`.

    Raises `DataError`: no such file, not DICOM, broken.
    """
    return _read(path)


def _read(path: Path, *, pixels: bool = False, display: bool = False) -> pydicom.Dataset:
    """The header; with `pixels` these as well, fetched when they are touched, and of the rest what a picture takes;
    with `display` that alone."""
    tags = sorted(OF_PIXELS) if display else None
    try:
        with quiet(), readable(path) as source:
            header = pydicom.dcmread(
                source,
                stop_before_pixels=not pixels,
                defer_size=DEFERRED if source is path else None,
                specific_tags=tags,  # pyright: ignore[reportArgumentType]  (numbers are tags as well)
            )
            make_sound(header, pixels_alone=pixels or display)
            header.buffer = None  # what was inflated
            if source is not path:
                header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except InvalidDicomError:
        raise DataError(f"{path}: not a DICOM file (no DICM mark after the first 128 bytes)") from None
    except MmdxError:
        raise
    except Exception as error:  # pydicom raises whatever broken bytes make it stumble over
        refuse_lack(error, path)
        raise DataError(f"{path}: broken DICOM header ({reason(error)}); get the file anew") from None
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise DataError(f"{path}: a DICOMDIR, an index without images; point at the folder instead")
    return header


def _with_pixels(path: Path) -> pydicom.Dataset:
    """The header and, but for files that are broken there, the pixels; of those their codec has more to say."""
    try:
        header = _read(path, pixels=True)
    except DataError:
        if is_deflated(path):
            raise
        return read_header(path)
    # Where a file ends within its pixels, pydicom may hand over nothing at all, and not say so.
    return header if any(keyword in header for keyword in PIXELS) else read_header(path)


def pixel_facts(header: pydicom.Dataset) -> tuple[Unit, Literal[1, 3], int]:
    """Unit, channels and frames, from a header alone. Raises `DataError` where there is no image.

    The unit is HU for a grey CT that carries a rescale to Hounsfield units (RescaleType absent or HU) and is no
    localizer. Palette colour has 3 channels.
    """
    where = f"{header.get('filename') or 'DICOM'}"
    with quiet():
        lacks = [keyword for keyword in _NEEDED if header.get(keyword) in (None, "")]
        if lacks:
            kind = header.get("SOPClassUID")
            name = UID(kind).name if kind else "an object of unknown class"
            raise DataError(f"{where}: no image in it: {name}, Modality {header.get('Modality') or '?'}, no {lacks[0]}")
        try:
            frames = max(1, int(header.get("NumberOfFrames") or 1))
            pixels = int(header.Rows) * int(header.Columns)
            attributes = frame_attributes(header, 0)
            rescaled = rescale(attributes) is not None
        except (TypeError, ValueError, IndexError) as error:
            raise DataError(f"{where}: broken DICOM header ({reason(error)}); get the file anew") from None
        try:
            colour = is_colour(header)
        except (TypeError, ValueError) as error:
            raise DataError(f"{where}: {reason(error)}; export it as RGB or MONOCHROME2") from None
        if frames > MAX_FRAMES:
            raise DataError(f"{where}: {frames} frames; expected {MAX_FRAMES} at most")
        if not 0 < pixels <= MAX_PIXELS:
            raise DataError(
                f"{where}: {header.Rows} rows of {header.Columns} pixels; expected 1 to {MAX_PIXELS} pixels"
            )
        in_hu = str(attributes.get("RescaleType") or "HU").upper().startswith("HU")
        is_hu = header.get("Modality") == "CT" and rescaled and in_hu and not colour and not is_localizer(header)
    return "HU" if is_hu else "intensity", 3 if colour else 1, frames


def frame_displays(path: Path, frames: Sequence[int]) -> tuple[Display, ...]:
    """What grey frames say of black and white; nothing for colour. Raises `DataError` where the header is broken."""
    return header_displays(path, _read(path, display=True), frames)


def header_displays(path: Path, header: pydicom.Dataset, frames: Sequence[int]) -> tuple[Display, ...]:
    """`frame_displays` of a file whose header was read."""
    try:
        with quiet():
            return () if is_colour(header) else displays_of(header, frames)
    except _SENSELESS as error:
        raise DataError(f"{path}: the header does not tell what its pixels mean: {reason(error)}") from None


def is_localizer(header: pydicom.Dataset) -> bool:
    """Whether the image is a scout, to plan the scan on."""
    kinds = [header.get("ImageType"), frame_value(header, 0, "FrameType")]
    words = {str(word).strip().upper() for kind in kinds for word in ([kind] if isinstance(kind, str) else kind or [])}
    return bool(words & {"LOCALIZER", "SCOUT", "TOPOGRAM"})


def check_complete(path: Path, header: pydicom.Dataset) -> None:
    """Raises `DataError` where the file ends before its pixels do, without reading them; deflated ones are not looked
    into."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None or syntax == DeflatedExplicitVRLittleEndian:
        return
    size = path.stat().st_size
    with quiet(), path.open("rb") as file:
        try:
            pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["Rows"])
            expected = get_expected_length(header) if not syntax.is_compressed else 0
        except Exception as error:  # as in read_header
            raise DataError(f"{path}: broken DICOM header ({reason(error)}); get the file anew") from None
        seek_value(file)
        remaining = size - file.tell()
        if remaining < 0:
            raise DataError(f"{path}: a header without pixel data")
        if syntax.is_compressed:
            _check_fragments(path, file, size, max(1, int(header.get("NumberOfFrames") or 1)))
    if remaining < expected:
        raise DataError(f"{path}: truncated: {expected} bytes of pixels expected, {remaining} left in the file")


def _check_fragments(path: Path, file: BinaryIO, size: int, frames: int) -> None:
    """Follows the items of compressed pixels to the end mark; the first is an index, the others are a frame or less."""
    items = 0
    while len(mark := file.read(8)) == 8:
        tag, length = mark[:4], int.from_bytes(mark[4:], "little")
        if tag == _LAST_ITEM and items <= frames:
            raise DataError(f"{path}: {frames} compressed frames expected, {max(0, items - 1)} in the file")
        if tag == _LAST_ITEM:
            return
        if tag != _ITEM or file.tell() + length > size:
            break
        items += 1
        file.seek(length, 1)
    if mark or items <= frames:  # some whole files lack the end mark alone
        raise DataError(f"{path}: truncated: its compressed pixels have no end; get the file anew")


def decode_frames(
    path: Path, frames: Sequence[int], *, hounsfield_only: bool = False, as_said: bool = True
) -> UInt8[np.ndarray, "n h w 3"] | UInt8[np.ndarray, "n h w"] | Float32[np.ndarray, "n h w"]:
    """The frames asked for, in that order, as RGB, grey levels for display (uint8) or values (float32).

    float32 is Hounsfield units where `pixel_facts` says HU, and otherwise a scale that the file does not tie to black
    and white, or that does not count, without `as_said`; infinite or undefined values are refused. Raises `DataError`
    where the pixels cannot be decoded.
    """
    decoded = decode_sized(path, frames, hounsfield_only=hounsfield_only, as_said=as_said)
    return np.stack([pixels for pixels, _ in decoded])


def decode_sized(
    path: Path, frames: Sequence[int], *, hounsfield_only: bool = False, as_said: bool = True
) -> Iterator[tuple[np.ndarray, PixelSize | None]]:
    """What `decode_frames` returns, a frame at a time, and the size of its pixels, None where the header does not say
    it."""
    header = _with_pixels(path)
    unit, channels, count = pixel_facts(header)
    if hounsfield_only and unit != "HU":
        raise DataError(f"{path}: not in Hounsfield units, as the rest of its modality is; keep it out or apart")
    for frame in frames:
        if not 0 <= frame < count:
            raise DataError(f"{path}: no frame {frame}; it has {count}, counted from 0")
    deflated = header.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    stored = stored_frames(path, header, frames, whole=count == 1 or deflated)
    kinds = set()
    for frame in frames:
        try:
            one = next(stored, None)
            if one is None:
                raise DataError(f"{path}: no pixels of frame {frame} in the file; get the file anew")
        except DataError:
            check_complete(path, header)  # a file cut short says so better than its codec
            raise
        try:
            with quiet():
                pixels = _meaning(one, header, frame, (unit, channels), as_said=as_said)
                size = pixel_size_of(header, frame)
        except _SENSELESS as error:
            raise DataError(f"{path}: the header does not tell what its pixels mean: {reason(error)}") from None
        kinds.add(pixels.dtype)
        if len(kinds) > 1:
            raise DataError(f"{path}: some frames have a window and others have none, so they have no common scale")
        if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
            raise DataError(f"{path}: pixels that are no numbers (NaN or infinite)")
        yield pixels, size


def _meaning(
    stored: np.ndarray, header: pydicom.Dataset, frame: int, facts: tuple[Unit, int], *, as_said: bool
) -> np.ndarray:
    unit, channels = facts
    if channels == 3:
        return rgb(stored, header)
    attributes, syntax = frame_attributes(header, frame), header.file_meta.TransferSyntaxUID
    if syntax.is_compressed and "HighBit" in attributes:
        del attributes.HighBit  # codecs put the lowest bit lowest
    if unit == "HU":
        return hounsfield(stored, attributes)
    return grey_levels(stored, attributes, little_endian=syntax.is_little_endian, as_said=as_said)
