"""From the numbers a DICOM file stores to what they mean: Hounsfield units, or grey levels for display.

DICOM PS3.3 C.7.6.3 (pixels, padding), C.11.1 (Modality LUT), C.11.2 (VOI LUT). Windows are pydicom's; tables are looked
up here, because pydicom's index has the width of the table's *output* and wraps on long tables of 8 bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped, UInt8, UInt16
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_windowing

AIR_HU = -1024.0
FRAME_GROUPS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
"""The functional groups that govern the values of a frame."""
_KEYWORDS = (
    *(
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PhotometricInterpretation",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
    ),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence"),
    *("VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth", "PresentationLUTShape"),
)


def frame_attributes(header: Dataset, frame: int) -> Dataset:
    """What governs the values of one frame: its functional groups before the shared ones before the object's own."""
    attributes = Dataset()
    sources = [header]
    for sequence, index in (("SharedFunctionalGroupsSequence", 0), ("PerFrameFunctionalGroupsSequence", frame)):
        for group in list(header.get(sequence) or [])[index : index + 1]:
            sources += [group[name].value[0] for name in FRAME_GROUPS if group.get(name)]
    for source in sources:
        for keyword in _KEYWORDS:
            if source.get(keyword) is not None:
                attributes[keyword] = source[keyword]
    return attributes


def hounsfield(stored: Shaped[np.ndarray, "h w"], attributes: Dataset) -> Float32[np.ndarray, "h w"]:
    """Hounsfield units of a CT frame; padding outside the field of view becomes air.

    Some old 12-bit scanners stored HU + 1000 wrapped at 4096 under a wrong intercept (known from the RSNA 2019
    hemorrhage data): unsigned 12 bits with an intercept above -100. These are unwrapped.
    """
    values = significant(stored, attributes).astype(np.float32)
    slope, intercept = rescale(attributes) or (1.0, 0.0)
    if attributes.get("BitsStored") == 12 and attributes.PixelRepresentation == 0 and intercept > -100:
        values, intercept = (values + 1000) % 4096, -1000.0
    values *= np.float32(slope)
    values += np.float32(intercept)
    values[padding(stored, attributes)] = AIR_HU
    return values


def grey_levels(
    stored: Shaped[np.ndarray, "h w"], attributes: Dataset, *, little_endian: bool, as_said: bool = True
) -> UInt8[np.ndarray, "h w"] | Float32[np.ndarray, "h w"]:
    """Grey levels, bright is high: uint8 where the file says what black and white are, float32 where it does not.

    It says so with a VOI table, a window (the first of several), or pixels of at most 8 bits; without `as_said` that
    does not count, and values are float32. MONOCHROME1 and PresentationLUTShape INVERSE are inverted. Padding becomes
    black, or the lowest value there is.
    """
    padded, stored = padding(stored, attributes), significant(stored, attributes)
    lowest, highest = _stored_range(stored, attributes)
    ends = np.array([lowest, highest])
    if attributes.get("ModalityLUTSequence"):
        table = attributes.ModalityLUTSequence[0]
        values, ends = (lookup(x, table, little_endian=little_endian) for x in (stored, ends))
    elif (scale := rescale(attributes)) is not None:
        values, ends = (x * scale[0] + scale[1] for x in (stored.astype(float), ends))
    else:
        values = stored
    if as_said and (table := table_of(attributes)) is not None:
        white = 2 ** int(table.LUTDescriptor[2]) - 1
        display = lookup(np.rint(values), table, little_endian=little_endian) * (255.0 / white)
    elif as_said and window(attributes) is not None:
        display = _windowed(values, attributes)
    elif as_said and highest - lowest <= 255 and stored.dtype.kind in "ui":
        display = (values - ends.min()) * (255.0 / max(1, float(np.ptp(ends))))
    else:
        grey = np.asarray(values, dtype=np.float32)
        grey = np.float32(ends.sum()) - grey if is_inverted(attributes) else grey
        return np.where(padded, grey[~padded].min(), grey) if padded.any() and not padded.all() else grey
    display = np.rint(np.clip(display, 0, 255)).astype(np.uint8)
    display = 255 - display if is_inverted(attributes) else display
    return np.where(padded, np.uint8(0), display)


def is_inverted(attributes: Dataset) -> bool:
    """Whether high values are dark: MONOCHROME1, or a PresentationLUTShape (PS3.3 C.11.6) that says so by itself."""
    shape = str(attributes.get("PresentationLUTShape") or "").strip().upper()
    return attributes.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE"


def rescale(attributes: Dataset) -> tuple[float, float] | None:
    """RescaleSlope and RescaleIntercept, None without both. Raises `ValueError` where they leave nothing to see."""
    if attributes.get("RescaleSlope") is None or attributes.get("RescaleIntercept") is None:
        return None
    slope, intercept = float(attributes.RescaleSlope), float(attributes.RescaleIntercept)
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
        raise ValueError(f"RescaleSlope {slope:g}, RescaleIntercept {intercept:g}")
    return slope, intercept


def significant(stored: Shaped[np.ndarray, "h w"], attributes: Dataset) -> Shaped[np.ndarray, "h w"]:
    """The pixel within each stored word: BitsStored bits that end at HighBit, signed as PixelRepresentation says.

    The others are nothing (PS3.5 8.1.1), or an overlay in files of before 2004. Floats are as they are.
    """
    if stored.dtype.kind not in "ui":
        return stored
    bits, word = int(attributes.BitsStored), 8 * stored.dtype.itemsize
    above = word - 1 - int(attributes.get("HighBit", bits - 1))
    if not 0 <= above <= word - bits:
        raise ValueError(f"BitsStored {bits} and HighBit {attributes.HighBit} in pixels of {word} bits")
    return (stored << above) >> (word - bits) if bits < word else stored


def padding(stored: Shaped[np.ndarray, "h w"], attributes: Dataset) -> Shaped[np.ndarray, "h w"]:
    """Which pixels only fill up the frame: PixelPaddingValue, up to PixelPaddingRangeLimit where there is one.

    Padding may lie beyond BitsStored, so whole stored words count as well as what is significant in them.
    """
    if attributes.get("PixelPaddingValue") is None or stored.dtype.kind not in "ui":
        return np.zeros(stored.shape, dtype=bool)
    # A padding value written with the other signedness wraps to the stored type.
    ends = np.array(
        [attributes.PixelPaddingValue, attributes.get("PixelPaddingRangeLimit", attributes.PixelPaddingValue)],
        dtype=np.int64,
    )
    low, high = sorted(ends.astype(stored.dtype).tolist())
    return np.logical_or.reduce([(x >= low) & (x <= high) for x in (stored, significant(stored, attributes))])


def lookup(values: Shaped[np.ndarray, "*any"], table: Dataset, *, little_endian: bool) -> Float32[np.ndarray, "*any"]:
    """Values through a Modality or VOI table; those outside it take its first or last entry."""
    entries, first = int(table.LUTDescriptor[0]) or 2**16, int(table.LUTDescriptor[1])
    content = table_entries(table.LUTData, entries, little_endian=little_endian).astype(np.float32)
    return content[np.clip(values.astype(np.int64) - first, 0, len(content) - 1)]


def table_entries(content: Any, entries: int, *, little_endian: bool) -> UInt16[np.ndarray, "k"]:
    """The entries of a table, read as numbers already or as bytes: one each where there are too few for two."""
    if isinstance(content, bytes):
        width = "u1" if len(content) < 2 * entries else "<u2" if little_endian else ">u2"
        content = np.frombuffer(content, dtype=width)
    return np.asarray(content).astype(np.uint16)[:entries]


def value_range(attributes: Dataset) -> tuple[float, float]:
    """The lowest and the highest value that BitsStored and PixelRepresentation allow, before any rescale."""
    bits = int(attributes.BitsStored)
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if attributes.PixelRepresentation else (0.0, 2.0**bits - 1)


def table_of(attributes: Dataset) -> Dataset | None:
    """The first VOI table of a frame, None without one."""
    return attributes.VOILUTSequence[0] if attributes.get("VOILUTSequence") else None


def window(attributes: Dataset) -> tuple[float, float] | None:
    """Centre and width of the first window of a frame, None where its file gives none that could be one."""
    try:
        centre, width = float(_first(attributes.WindowCenter)), float(_first(attributes.WindowWidth))
    except (AttributeError, TypeError, ValueError, IndexError):
        return None
    return (centre, width) if width > 0 and math.isfinite(width) and math.isfinite(centre) else None


def _stored_range(stored: np.ndarray, attributes: Dataset) -> tuple[float, float]:
    return (float(stored.min()), float(stored.max())) if stored.dtype.kind == "f" else value_range(attributes)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, MultiValue) else value


def _windowed(values: np.ndarray, attributes: Dataset) -> np.ndarray:
    """0 to 255: pydicom maps a window to the range of the stored pixels, so it is told of 8 unsigned bits."""
    window = Dataset()
    window.PhotometricInterpretation, window.BitsStored, window.PixelRepresentation = "MONOCHROME2", 8, 0
    window.WindowCenter, window.WindowWidth = _first(attributes.WindowCenter), _first(attributes.WindowWidth)
    # A LINEAR window one wide is a threshold; narrower ones are only lawful, and only told apart, as LINEAR_EXACT.
    function = str(attributes.get("VOILUTFunction") or "LINEAR").upper()
    window.VOILUTFunction = "LINEAR_EXACT" if function == "LINEAR" and float(window.WindowWidth) < 1 else function
    return apply_windowing(np.asarray(values), window)
