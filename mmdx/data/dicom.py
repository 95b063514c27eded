"""DICOM files: headers, what their pixels are, and the pixels of the frames asked for.

Colour comes as 8-bit RGB, CT as Hounsfield units, other grey images as `mmdx.data.grayscale.grey_levels` has them.
Compressed pixels are decoded by gdcm and openjpeg through pydicom. Errors are one line, never a traceback; pydicom's
own warnings are kept off the terminal, for the length of the call.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
from jaxtyping import Float32, Shaped, UInt8
from pydicom.errors import InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import get_expected_length, iter_pixels
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from mmdx.data.grayscale import frame_attributes, grey_levels, hounsfield
from mmdx.errors import DataError
from mmdx.study import Unit

MAX_PIXELS = 2**28
"""A frame that claims more pixels than this is refused before anything is allocated."""
_PIXEL_VRS = (b"OB", b"OW", b"OF", b"OD", b"UN")
_NEEDED = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation")


def read_header(path: Path) -> pydicom.Dataset:
    """Everything before the pixels. Raises `DataError`: no such file, not DICOM, broken."""
    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True)
            for keyword in ("StudyInstanceUID", "ImageType", "NumberOfFrames"):
                header.get(keyword)  # elements are parsed when touched; a broken one should show here
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except InvalidDicomError:
        raise DataError(f"{path}: not a DICOM file (no DICM mark after the first 128 bytes)") from None
    except Exception as error:  # pydicom raises whatever broken bytes make it stumble over
        raise DataError(f"{path}: broken DICOM header ({reason(error)}); get the file anew") from None
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise DataError(f"{path}: a DICOMDIR, an index without images; point at the folder instead")
    return header


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
            own = frame_attributes(header, 0)
        except (TypeError, ValueError, IndexError) as error:
            raise DataError(f"{where}: broken DICOM header ({reason(error)}); get the file anew") from None
        if not 0 < pixels <= MAX_PIXELS:
            raise DataError(
                f"{where}: {header.Rows} rows of {header.Columns} pixels; expected 1 to {MAX_PIXELS} pixels"
            )
        colour = int(header.SamplesPerPixel) > 1 or header.PhotometricInterpretation == "PALETTE COLOR"
        rescaled = own.get("RescaleSlope") is not None and own.get("RescaleIntercept") is not None
        in_hu = str(own.get("RescaleType") or "HU").upper().startswith("HU")
    is_hu = header.get("Modality") == "CT" and rescaled and in_hu and not colour and not is_localizer(header)
    return "HU" if is_hu else "intensity", 3 if colour else 1, frames


def is_localizer(header: pydicom.Dataset) -> bool:
    """Whether the image is a scout, to plan the scan on."""
    kinds = [header.get("ImageType") or []]
    for group in list(header.get("SharedFunctionalGroupsSequence") or [])[:1]:
        kinds += [item.value[0].get("FrameType") or [] for item in group if item.VR == "SQ" and item.value]
    words = {str(word).strip().upper() for kind in kinds for word in ([kind] if isinstance(kind, str) else kind)}
    return bool(words & {"LOCALIZER", "SCOUT", "TOPOGRAM"})


def check_complete(path: Path, header: pydicom.Dataset) -> None:
    """Raises `DataError` where the file ends before its uncompressed pixels do, without reading them."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None or syntax.is_compressed or syntax == DeflatedExplicitVRLittleEndian:
        return
    with quiet(), path.open("rb") as file:
        try:
            pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["Rows"])
            expected = get_expected_length(header)
        except Exception as error:  # as in read_header
            raise DataError(f"{path}: broken DICOM header ({reason(error)}); get the file anew") from None
        # The reader stops before the element, whose own tag and length take 8 bytes, or 12 with an explicit VR: the
        # element tells which, for some files are not written as their transfer syntax says.
        start, explicit = file.tell(), file.read(6)[4:] in _PIXEL_VRS
    left = path.stat().st_size - start - (12 if explicit else 8)
    if left < 0:
        raise DataError(f"{path}: a header without pixel data")
    if left < expected:
        raise DataError(f"{path}: truncated: {expected} bytes of pixels expected, {left} left in the file")


def decode_frames(
    path: Path, frames: Sequence[int], *, hounsfield_only: bool = False
) -> UInt8[np.ndarray, "n h w 3"] | UInt8[np.ndarray, "n h w"] | Float32[np.ndarray, "n h w"]:
    """The frames asked for, in that order, as RGB, grey levels for display (uint8) or values (float32).

    float32 is Hounsfield units where `pixel_facts` says HU, and otherwise a scale that the file does not tie to black
    and white; infinite or undefined values are refused. Raises `DataError` where the pixels cannot be decoded.
    """
    header = read_header(path)
    unit, channels, count = pixel_facts(header)
    if hounsfield_only and unit != "HU":
        raise DataError(f"{path}: not in Hounsfield units, as the rest of its modality is; keep it out or apart")
    for frame in frames:
        if not 0 <= frame < count:
            raise DataError(f"{path}: no frame {frame}; it has {count}, counted from 0")
    wanted = sorted(set(frames))
    stored = dict(zip(wanted, _stored(path, header, wanted, whole=count == 1), strict=True))
    try:
        with quiet():
            meant = {frame: _meaning(values, header, frame, unit, channels) for frame, values in stored.items()}
    except (AttributeError, KeyError, IndexError, NotImplementedError, ValueError, struct.error) as error:
        raise DataError(f"{path}: the header does not tell what its pixels mean: {reason(error)}") from None
    if len({values.dtype for values in meant.values()}) > 1:
        raise DataError(f"{path}: some frames have a window and others have none, so they have no common scale")
    pixels = np.stack([meant[frame] for frame in frames])
    if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
        raise DataError(f"{path}: pixels that are no numbers (NaN or infinite)")
    return pixels


def _stored(path: Path, header: pydicom.Dataset, frames: Sequence[int], *, whole: bool) -> list[np.ndarray]:
    """Frames as they are stored, decompressed; a multi-frame file is not read as a whole, unless it is deflated."""
    syntax = _decodable_syntax(path, header)
    try:
        with quiet():
            source = pydicom.dcmread(path) if whole or syntax == DeflatedExplicitVRLittleEndian else path
            return list(iter_pixels(source, indices=frames))
    except Exception as error:  # codecs raise whatever broken bytes make them stumble over
        check_complete(path, header)
        missing = " or ".join(get_decoder(syntax).missing_dependencies)
        more = f"; a codec that is not installed may read it: {missing}" if missing else ""
        why = reason(error).removeprefix("Unable to decode as exceptions were raised by all available plugins: ")
        raise DataError(f"{path}: pixels cannot be decoded ({syntax.name}): {why}{more}") from None


def _meaning(stored: np.ndarray, header: pydicom.Dataset, frame: int, unit: Unit, channels: int) -> np.ndarray:
    if channels == 3:
        return _rgb(stored, header)
    own = frame_attributes(header, frame)
    if unit == "HU":
        return hounsfield(stored, own)
    return grey_levels(stored, own, little_endian=header.file_meta.TransferSyntaxUID.is_little_endian)


def reason(error: BaseException) -> str:
    """The first line of another library's message, short enough to end ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"


def _decodable_syntax(path: Path, header: pydicom.Dataset) -> UID:
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise DataError(f"{path}: no transfer syntax in its header, so nothing says how its pixels are written")
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        kind = (
            "a video" if "MPEG" in syntax.name or "HEVC" in syntax.name else "not an image format that can be decoded"
        )
        raise DataError(f"{path}: transfer syntax {syntax.name} is {kind}; export it uncompressed") from None
    if not decoder.is_available:
        needs = " or ".join(decoder.missing_dependencies)
        raise DataError(f"{path}: transfer syntax {syntax.name} needs a codec that is not installed: {needs}")
    return syntax


def _rgb(stored: Shaped[np.ndarray, "h w *c"], header: pydicom.Dataset) -> UInt8[np.ndarray, "h w 3"]:
    """8-bit RGB. Deeper colour is scaled by its number of bits, not by its content."""
    if header.PhotometricInterpretation == "PALETTE COLOR":
        stored = apply_color_lut(stored, header)[..., :3]
        # Some palettes announce 16 bits and hold 8.
        table = np.concatenate([np.frombuffer(header[f"{c}PaletteColorLookupTableData"].value, np.uint8) for c in _RGB])
        bits = 8 if stored.dtype.itemsize == 1 or not table[1::2].any() else 16
    else:
        bits = int(header.BitsStored)
    if bits == 8:
        return stored.astype(np.uint8)
    return np.rint(stored * (255.0 / (2**bits - 1))).astype(np.uint8)


_RGB = ("Red", "Green", "Blue")


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps pydicom's warnings and log lines to itself; what matters of them is raised as an error."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before
