"""DICOM files written byte by byte, so that an element can be as wrong as files in the wild are."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword

from mmdx.data.dicom.header import EVIDENCE, GOVERNING

Elements = Mapping[str, tuple[str, bytes]]
EXPLICIT = b"1.2.840.10008.1.2.1\0"
CT = b"1.2.840.10008.5.1.4.1.1.2\0"
_LONG = ("OB", "OW", "OF", "OD", "SQ", "UN", "UT")
_VALUES = (
    *(b"", b"1", b"-1", b"0", b"1A", b"NaN", b"1e400", b"a\\b\\c", b"1\\2\\3", b"1\\0\\0\\0\\1\\0", b"\\\\\\", b"1.5"),
    *(b"\xff\xfe\0\1", b"\0\0", b"\1\0", b"\xff\xff", b"\3\0\4\0\x10\0", b"999999999999", b"x" * 200, b"line\nbreak"),
    *("ü€".encode(), b"018Y", b"9" * 30 + b"Y", b"HU", b"RGB", b"LOCALIZER", b"MONOCHROME1", b"CT", b"MR", b"SEG"),
)
_KINDS = ("LO", "DS", "IS", "US", "SS", "UL", "FD", "CS", "UI", "OB", "SQ", "UN", "AS", "PN", "AT")
_SYNTAXES = (
    *(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.2\0", b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1.99", b""),
    *(b"1.2.840.10008.1.2.4.70", b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.100", b"1.2.3\0", b"junk"),
)


def slice_elements(number: int, *, study: str = "1.2.3", patient: str = "p") -> dict[str, tuple[str, bytes]]:
    """An axial CT slice of 4 x 4 pixels, 5 mm above the one of the number before."""
    text = {
        "SOPClassUID": CT.decode().strip("\0"),
        "SOPInstanceUID": f"{study}.{number}",
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.0",
        "PatientID": patient,
        "Modality": "CT",
        "SeriesNumber": "1",
        "InstanceNumber": str(number),
        "ImagePositionPatient": f"0\\0\\{5 * number}",
        "ImageOrientationPatient": "1\\0\\0\\0\\1\\0",
        "PhotometricInterpretation": "MONOCHROME2",
        "RescaleSlope": "1",
        "RescaleIntercept": "-1024",
    }
    short = {"SamplesPerPixel": 1, "Rows": 4, "Columns": 4, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    elements = {keyword: (dictionary_VR(keyword), value.encode()) for keyword, value in text.items()}
    elements |= {k: ("US", struct.pack("<H", v)) for k, v in (short | {"PixelRepresentation": 1}).items()}
    return elements | {"PixelData": ("OW", np.arange(16, dtype="<i2").tobytes())}


def file_bytes(elements: Elements, *, syntax: bytes = EXPLICIT) -> bytes:
    meta = _element(0x00020002, "UI", CT) + _element(0x00020010, "UI", syntax)
    return b"\0" * 128 + b"DICM" + _element(0x00020000, "UL", struct.pack("<L", len(meta))) + meta + _written(elements)


def odd_elements(depth: int = 2) -> st.SearchStrategy[dict[str, tuple[str, bytes] | None]]:
    """Elements to lay over those of a slice: of another kind, of odd content, gone (None), nested where they can be."""
    keywords = st.sampled_from([*GOVERNING, *EVIDENCE, "SpecificCharacterSet", "PixelData"])
    kept = st.sampled_from(_VALUES)
    return st.dictionaries(
        keywords, st.none() | st.tuples(st.none() | st.sampled_from(_KINDS), kept), max_size=4
    ).flatmap(lambda found: st.fixed_dictionaries({k: _finished(k, v, depth) for k, v in found.items()}))


def odd_syntaxes() -> st.SearchStrategy[bytes]:
    return st.sampled_from((EXPLICIT,) * 12 + _SYNTAXES)


def overlaid(elements: Elements, odd: Mapping[str, tuple[str, bytes] | None]) -> dict[str, tuple[str, bytes]]:
    return {keyword: value for keyword, value in {**elements, **odd}.items() if value is not None}


def _finished(keyword: str, value: Any, depth: int) -> st.SearchStrategy[Any]:
    if value is None:
        return st.none()
    own = dictionary_VR(keyword).split()[0]
    if own == "SQ" and depth:
        items = st.lists(odd_elements(depth - 1).map(lambda inner: item(overlaid({}, inner))), max_size=2)
        return items.map(lambda parts: ("SQ", b"".join(parts)))
    return st.just((value[0] or own, value[1]))


def _written(elements: Elements) -> bytes:
    tags = sorted((int(tag_for_keyword(keyword) or 0), keyword) for keyword in elements)
    return b"".join(_element(tag, *elements[keyword]) for tag, keyword in tags)


def item(elements: Elements) -> bytes:
    content = _written(elements)
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content


def _element(tag: int, kind: str, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind.encode()
    return head + (b"\0\0" + struct.pack("<L", len(value)) if kind in _LONG else struct.pack("<H", len(value))) + value
