"""Stored pixels of DICOM files, decompressed: which transfer syntaxes can be read, and by what.

gdcm, openjpeg, pyjpegls and Pillow decode, through pydicom. `docs/dicom.md` lists the transfer syntaxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from mmdx.data.quiet import codec_heard, quiet
from mmdx.errors import DataError, reason

_VIDEO = ("MPEG", "HEVC")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""The elements of which a file has one, if it has pixels."""
_NO_PICTURE = "'NoneType' object has no attribute 'encode'"
"""What pydicom says where gdcm hands it nothing."""


def stored_frames(path: Path, header: pydicom.Dataset, frames: Sequence[int], *, whole: bool) -> list[np.ndarray]:
    """The frames as they are stored, decompressed; of grey ones, bits beyond BitsStored are still there.

    `header` may have the pixels, for a `whole` file. A multi-frame one is not read as a whole, unless it is deflated.
    Raises `DataError` where no codec is there for the transfer syntax, or the codec refuses the pixels or calls them
    corrupt.
    """
    syntax = _decodable_syntax(path, header)
    try:
        with quiet(), codec_heard() if syntax.is_compressed else quiet():
            source = _source(path, header, syntax, whole=whole)
            grey = int(header.SamplesPerPixel) == 1
            return list(iter_pixels(source, indices=frames, correct_unused_bits=not grey))
    except Exception as error:  # codecs raise whatever broken bytes make them stumble over
        why = reason(error).removeprefix("Unable to decode as exceptions were raised by all available plugins: ")
        more = "get the file anew"
        if "does not support" in why:
            more = f"a codec that is not installed may read it: {_missing(syntax)}" if _missing(syntax) else "export it"
        why = why.replace(_NO_PICTURE, "broken pixels")
        raise DataError(f"{path}: pixels cannot be decoded ({syntax.name}): {why}; {more}") from None


def _source(path: Path, header: pydicom.Dataset, syntax: UID, *, whole: bool) -> pydicom.Dataset | Path:
    deflated = syntax == DeflatedExplicitVRLittleEndian  # what was deferred cannot be fetched from such a file
    if whole and not deflated and any(keyword in header for keyword in PIXELS):
        return header
    return pydicom.dcmread(path) if whole or deflated else path


def _decodable_syntax(path: Path, header: pydicom.Dataset) -> UID:
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise DataError(f"{path}: no transfer syntax in its header, so nothing says how its pixels are written")
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        video = any(word in syntax.name for word in _VIDEO)
        kind = "a video, which ffmpeg reads" if video else "not an image format that any codec here knows"
        raise DataError(f"{path}: transfer syntax {syntax.name} is {kind}; export it uncompressed") from None
    if not decoder.is_available:
        raise DataError(
            f"{path}: transfer syntax {syntax.name} needs a codec that is not installed: {_missing(syntax)}"
        )
    return syntax


def _missing(syntax: UID) -> str:
    """The packages that would read a syntax and are not there, such as `pylibjpeg>=2.0 and pylibjpeg-libjpeg>=2.1`."""
    return " or ".join(text.rpartition(" requires ")[2] for text in get_decoder(syntax).missing_dependencies)
