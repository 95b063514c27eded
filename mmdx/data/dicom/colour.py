"""Colour of DICOM files as 8-bit RGB: samples of a known colour space, and palettes (PS3.3 C.7.6.3.1.2, C.7.9)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped, UInt8
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import UID, JPEG2000TransferSyntaxes

from mmdx.data.dicom.grayscale import table_entries

PALETTE = "PALETTE COLOR"
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422")
_OF_JPEG2000 = ("YBR_ICT", "YBR_RCT")


def is_colour(header: Dataset) -> bool:
    """Whether the pixels are colour. Raises `ValueError` where samples and colour space do not fit, or are unknown.

    YBR_ICT and YBR_RCT are made and undone by JPEG 2000 itself. Others (HSV, CMYK, YBR_PARTIAL_420, …) are retired.
    """
    samples, space = int(header.SamplesPerPixel), str(header.PhotometricInterpretation).strip()
    syntax = UID(str(header.file_meta.get("TransferSyntaxUID") or ""))
    if samples == 1 and space in (*_GREY, PALETTE):
        return space == PALETTE
    if samples == 3 and (space in _COLOUR or (space in _OF_JPEG2000 and syntax in JPEG2000TransferSyntaxes)):
        return True
    raise ValueError(
        f"PhotometricInterpretation {space} with {samples} sample(s) a pixel, which no codec here turns into a picture"
    )


def rgb(stored: Shaped[np.ndarray, "h w *c"], header: Dataset) -> UInt8[np.ndarray, "h w 3"]:
    """8-bit RGB. Deeper colour is scaled by its number of bits, not by its content."""
    if str(header.PhotometricInterpretation).strip() == PALETTE:
        table, first = _palette(header)
        return table[np.clip(stored.astype(np.int64) - first, 0, len(table) - 1)]
    bits = int(header.BitsStored)
    if bits == 8:
        return stored.astype(np.uint8)
    if stored.dtype.kind != "u":
        raise ValueError("colour samples with a sign")
    return np.rint(stored * (255.0 / (2**bits - 1))).astype(np.uint8)


def _palette(header: Dataset) -> tuple[UInt8[np.ndarray, "k 3"], int]:
    """The colours of a palette, and the stored value of the first.

    Entries of 16 bits may hold 8 of them, in the upper byte or in the lower: then they are taken as they are.
    """
    entries, first = (int(x) for x in header.RedPaletteColorLookupTableDescriptor[:2])
    entries = entries or 2**16
    if "RedPaletteColorLookupTableData" in header:
        little_endian = header.file_meta.TransferSyntaxUID.is_little_endian
        content = [header[f"{colour}PaletteColorLookupTableData"].value for colour in ("Red", "Green", "Blue")]
        table = np.stack([table_entries(c, entries, little_endian=little_endian) for c in content], axis=-1)
    else:
        table = apply_color_lut(np.arange(first, first + entries), header)[..., :3]
    if table.max() > 255:
        table = table >> 8 if not (table & 255).any() else np.rint(table * (255 / 65535))
    return table.astype(np.uint8), first
