"""Stored pixels of DICOM files, decompressed: which transfer syntaxes can be read, and by what.

gdcm, openjpeg, pyjpegls and Pillow decode, through pydicom. `docs/dicom.md` lists the transfer syntaxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, AllTransferSyntaxes, JPEGTransferSyntaxes

from mmdx.data.dicom.codestream import check_codestream
from mmdx.data.quiet import codec_heard, quiet
from mmdx.errors import DataError, reason, refuse_lack

_VIDEO = ("MPEG", "HEVC")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""The elements of which a file has one, if it has pixels."""
PIXEL_VRS = (b"OB", b"OW", b"OF", b"OD", b"UN")
_OF_FRAMES = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation"),
)
"""What a codec is told of a frame."""
_NO_PICTURE = "'NoneType' object has no attribute 'encode'"
"""What pydicom says where gdcm hands it nothing."""


@dataclass(frozen=True)
class Syntax:
    """A transfer syntax that some codec reads, and the package that is `missing` for it; empty where none is."""

    name: str
    missing: str


def syntaxes() -> list[Syntax]:
    """The transfer syntaxes of images that this installation reads, or would read with one package more."""
    found = []
    for text in AllTransferSyntaxes:
        try:
            decoder = get_decoder(UID(text))
        except NotImplementedError:  # videos, sounds, and what no codec is known for
            continue
        found.append(Syntax(UID(text).name, "" if decoder.is_available else _missing(UID(text))))
    return found


def stored_frames(path: Path, header: pydicom.Dataset, frames: Sequence[int], *, whole: bool) -> Iterator[np.ndarray]:
    """The frames as they are stored, decompressed, one at a time; of grey ones, bits beyond BitsStored are still there.

    `header` has the pixels, if the file is `whole`; else frames are read from the file by themselves. Raises
    `DataError` where no codec is there for the transfer syntax, the codec refuses the pixels or calls them corrupt, or
    a compressed frame says that it is another than the header says.
    """
    syntax = _decodable_syntax(path, header)
    source = header if whole and any(keyword in header for keyword in PIXELS) else path
    decompressed = (_decompressed if syntax.is_compressed else _as_they_are)(header, source, frames)
    while True:
        try:
            with quiet(), codec_heard() if syntax.is_compressed else quiet():
                pixels = next(decompressed, None)
        except Exception as error:  # codecs raise whatever broken bytes make them stumble over
            refuse_lack(error, path)
            why = reason(error).removeprefix("Unable to decode as exceptions were raised by all available plugins: ")
            more = "get the file anew"
            if "does not support" in why:
                more = (
                    f"a codec that is not installed may read it: {_missing(syntax)}"
                    if _missing(syntax)
                    else "export it"
                )
            why = why.replace(_NO_PICTURE, "broken pixels")
            raise DataError(f"{path}: pixels cannot be decoded ({syntax.name}): {why}; {more}") from None
        if pixels is None:
            return
        yield pixels


def _as_they_are(
    header: pydicom.Dataset, source: pydicom.Dataset | Path, frames: Sequence[int]
) -> Iterator[np.ndarray]:
    yield from iter_pixels(source, indices=frames, correct_unused_bits=int(header.SamplesPerPixel) != 1)


def _decompressed(
    header: pydicom.Dataset, source: pydicom.Dataset | Path, frames: Sequence[int]
) -> Iterator[np.ndarray]:
    """Each frame by itself: pydicom would look for each from the first on."""
    alone = pydicom.Dataset()
    alone.file_meta = header.file_meta
    for keyword in _OF_FRAMES:
        if keyword in header:
            alone[keyword] = header[keyword]
    fewer = header.get("BitsAllocated") == 8 and int(header.BitsStored) < 8
    if fewer and header.file_meta.TransferSyntaxUID in JPEGTransferSyntaxes:
        alone.BitsStored = 8  # gdcm ends the process at fewer of them; what lies beyond those of the header stays
    for encoded in _encoded(header, source, frames):
        check_codestream(encoded, header)
        alone.PixelData = encapsulate([encoded], has_bot=False)
        alone["PixelData"].VR = "OB"
        yield from iter_pixels(alone, indices=[0], correct_unused_bits=int(header.SamplesPerPixel) != 1)


def _encoded(header: pydicom.Dataset, source: pydicom.Dataset | Path, frames: Sequence[int]) -> Iterator[bytes]:
    """The compressed frames; in an order that is not theirs, those asked for are held."""
    tables = [header.get(keyword) for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    with _fragments(source) as buffer:
        every = enumerate(
            generate_frames(
                buffer,
                number_of_frames=int(header.get("NumberOfFrames") or 1),
                extended_offsets=(tables[0], tables[1]) if all(tables) else None,
            )
        )
        if list(frames) == sorted(set(frames)):
            wanted = set(frames)
            yield from (encoded for number, encoded in every if number in wanted)
            return
        held = dict(every)
        yield from (held[frame] for frame in frames if frame in held)


@contextmanager
def _fragments(source: pydicom.Dataset | Path) -> Iterator[bytes | BinaryIO]:
    """Encapsulated pixels, from the table of offsets on."""
    if not isinstance(source, Path):
        yield source.PixelData
        return
    with source.open("rb") as file:
        pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["Rows"])
        seek_value(file)
        yield file


def seek_value(file: BinaryIO) -> None:
    """From the element of the pixels to its value: the element tells how its length is written, for some files are not
    written as their transfer syntax says."""
    explicit = file.read(6)[4:] in PIXEL_VRS
    file.seek(6 if explicit else 2, 1)


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
