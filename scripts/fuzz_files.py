"""Files as others make them, small, and what may be wrong with one: bytes, elements, chunks, fields and lengths."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from imagecodecs import tiff_encode
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

DICOM = (
    *("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_bigendian.dcm"),
    *("MR_small_jpeg_ls_lossless.dcm", "MR_small_implicit.dcm", "MR_small_padded.dcm", "SC_rgb_jpeg_gdcm.dcm"),
    *(
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_gdcm_KY.dcm",
    ),
    *("SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit.dcm", "SC_rgb_small_odd_jpeg.dcm", "SC_ybr_full_422_uncompressed.dcm"),
    *("image_dfl.dcm", "693_J2KI.dcm"),
)
"""Files that pydicom ships, of each transfer syntax that it ships a small one of."""
EXTREMES = (
    *(b"\0" * 64, b"\xff" * 64, b"\x80" + b"\0" * 63, b"\0" * 3 + b"\x80", b"\1" + b"\0" * 63, b"\xfe\xff" * 32),
    *(b"-1", b"0", b"1e30", b"nan", b"inf", b"0.0", b"65535", b"text\\more", b"\\\\\\", b"99999999999999999999"),
    *(struct.pack("<d", x) for x in (float("nan"), float("inf"), 1e300, -1.0)),
    *(struct.pack("<f", x) for x in (float("nan"), float("inf"), 1e30, -1.0)),
)
"""Contents in the place of others."""
LENGTHS = (0, 1, 2, 3, 7, 255, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)


def bytes_mutated(chance: random.Random, content: bytes) -> tuple[bytes, str]:
    """Bytes changed wherever they stand."""
    raw = bytearray(content)
    place = chance.randrange(len(raw) or 1)
    way = chance.choice(["flip", "flip", "flip", "flips", "cut", "more", "zeros", "ones", "gone", "twice", "swapped"])
    size = chance.choice([1, 2, 4, 16, 256])
    other = chance.randrange(len(raw) or 1)
    if way in ("flip", "flips"):
        for _ in range(1 if way == "flip" else chance.choice([2, 8, 32])):
            place = chance.randrange(len(raw))
            raw[place] ^= 1 << chance.randrange(8)
    elif way == "cut":
        del raw[place:]
    elif way == "more":
        raw[place:place] = chance.randbytes(size)
    elif way in ("zeros", "ones"):
        raw[place : place + size] = (b"\0" if way == "zeros" else b"\xff") * len(raw[place : place + size])
    elif way == "gone":
        del raw[place : place + size]
    elif way == "twice":
        raw[place:place] = raw[place : place + size]
    else:
        one, two = bytes(raw[place : place + size]), bytes(raw[other : other + size])
        raw[place : place + len(two)], raw[other : other + len(one)] = two, one
    return bytes(raw), f"{way} at {place}"


def dicom_mutated(chance: random.Random, content: bytes) -> tuple[bytes, str]:
    """An element at the top of a data set changed, or its length, or its place."""
    if DeflatedExplicitVRLittleEndian.encode() in content[:400]:
        return deflated_mutated(chance, content)
    places = _elements(content)
    tag, start, value, end = chance.choice([p for p in places if chance.random() < 0.3 or p[0] >> 16 == 0x28] or places)
    way = chance.choice([*["extreme"] * 5, "near", "gone", "gone", "twice", "length", "flip", "cut", "swapped"])
    raw, said = bytearray(content), f"{tag:08x} {way}"
    if way == "extreme":
        filler = b" " if chance.random() < 0.5 else b"\0"
        raw[value:end] = chance.choice(EXTREMES).ljust(end - value, filler)[: end - value]
    elif way == "near" and end - value in (2, 4):
        number = int.from_bytes(raw[value:end], "little") + chance.choice([-1, 1, 8, 256])
        raw[value:end] = (number % 256 ** (end - value)).to_bytes(end - value, "little")
    elif way == "gone":
        del raw[start:end]
    elif way == "twice":
        raw[end:end] = raw[start:end]
    elif way == "length":
        size = 2 if value - start == 8 and content[start + 4 : start + 6].isalpha() else 4
        raw[value - size : value] = (chance.choice(LENGTHS) % 256**size).to_bytes(size, "little")
    elif way == "flip" and end > value:
        for _ in range(chance.choice([1, 1, 4])):
            raw[chance.randrange(value, end)] ^= 1 << chance.randrange(8)
    elif way == "cut":
        del raw[chance.randrange(start, end) :]
    else:
        _, other, _, until = chance.choice(places)
        first, second = sorted([(start, end), (other, until)])
        if first[1] <= second[0]:
            raw[first[0] : second[1]] = (
                raw[second[0] : second[1]] + raw[first[1] : second[0]] + raw[first[0] : first[1]]
            )
    return bytes(raw), said


@cache
def _elements(content: bytes) -> list[tuple[int, int, int, int]]:
    """Tag, start, start of the value and end of each element at the top."""
    header = pydicom.dcmread(io.BytesIO(content), force=True)
    places = []
    for element in (*header.file_meta.elements(), *header.elements()):
        raw = isinstance(element, RawDataElement)
        at, length = (element.value_tell, element.length) if raw else (element.file_tell, 0)
        marks = [struct.pack(f"{order}HH", element.tag.group, element.tag.element) for order in "<>"]
        start = max(content.rfind(mark, max(0, (at or 0) - 12), at) for mark in marks)
        end = len(content) if length in (0xFFFFFFFF, None) else (at or 0) + length
        places += [(int(element.tag), start, at, end)] if start >= 0 and at else []
    return places


def deflated_mutated(chance: random.Random, content: bytes) -> tuple[bytes, str]:
    """`dicom_mutated` of what is deflated."""
    start = 144 + int.from_bytes(content[140:144], "little")
    syntax, plain = DeflatedExplicitVRLittleEndian.encode(), ExplicitVRLittleEndian.encode().ljust(22, b"\0")
    inflated = content[:start].replace(syntax, plain) + zlib.decompress(content[start:], -zlib.MAX_WBITS)
    raw, said = dicom_mutated(chance, inflated)
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    head = raw[:start].replace(plain, syntax)
    return head + stream.compress(raw[start:]) + stream.flush(), said


def nifti_mutated(chance: random.Random, content: bytes) -> tuple[bytes, str]:
    """A field of the header changed, within what is packed."""
    packed = content[:2] == b"\x1f\x8b"
    raw = bytearray(gzip.decompress(content) if packed else content)
    kind = nibabel.Nifti1Header if int.from_bytes(raw[:4], "little") == 348 else nibabel.Nifti2Header
    name = chance.choice(list(kind.template_dtype.names))
    field, at = kind.template_dtype.fields[name][:2]
    size = field.base.itemsize
    at += size * chance.randrange(field.itemsize // size)
    way = chance.choice(["extreme", "extreme", "near", "flip"])
    if way == "extreme":
        values: list[bytes] = [
            *EXTREMES,
            *(struct.pack("<h", x) for x in (2, 4, 8, 16, 64, 128, 512, 768, 1536, 32767)),
        ]
        raw[at : at + size] = chance.choice(values).ljust(size, b"\0")[:size]
    elif way == "near":
        number = int.from_bytes(raw[at : at + size], "little") + chance.choice([-1, 1, 256])
        raw[at : at + size] = (number % 256**size).to_bytes(size, "little")
    else:
        raw[at + chance.randrange(size)] ^= 1 << chance.randrange(8)
    return gzip.compress(bytes(raw), mtime=0) if packed else bytes(raw), f"{name} {way}"


def png_mutated(chance: random.Random, content: bytes) -> tuple[bytes, str]:
    """A chunk changed, its checksum being right afterwards, or its length or place."""
    chunks, at = [], 8
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        chunks.append([content[at + 4 : at + 8], bytearray(content[at + 8 : at + 8 + size]), size])
        at += 12 + size
    place = chance.randrange(len(chunks))
    way = chance.choice(["flip", "flip", "extreme", "gone", "twice", "swapped", "length", "cut", "pixels"])
    name, body, _ = chunks[place]
    if way == "flip" and body:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    elif way == "extreme" and body:
        body[:4] = struct.pack(">I", chance.choice(LENGTHS))
    elif way == "gone":
        del chunks[place]
    elif way == "twice":
        chunks.insert(place, chunks[place])
    elif way == "swapped":
        chance.shuffle(chunks)
    elif way == "length":
        chunks[place][2] = chance.choice(LENGTHS)
    elif way == "cut":
        del body[len(body) // 2 :]
        chunks[place][2] = len(body)
    elif name == b"IDAT":
        chunks[place][1] = bytearray(zlib.compress(bytes_mutated(chance, zlib.decompress(bytes(body)))[0]))
        chunks[place][2] = len(chunks[place][1])
    parts = [struct.pack(">I", s) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b, s in chunks]
    return content[:8] + b"".join(parts), f"{name.decode('latin-1')} {way}"


def tiff_mutated(chance: random.Random, content: bytes) -> tuple[bytes, str]:
    """An entry of a directory changed."""
    raw = bytearray(content)
    places, at = [], int.from_bytes(raw[4:8], "little")
    while at and len(places) < 999:
        count = int.from_bytes(raw[at : at + 2], "little")
        places += [at + 2 + 12 * k for k in range(count)]
        at = int.from_bytes(raw[at + 2 + 12 * count : at + 6 + 12 * count], "little")
        places += [at - 2] if not at else []
    place = chance.choice(places[:-1])
    tag = int.from_bytes(raw[place : place + 2], "little")
    way, start, size = chance.choice(
        [("value", 8, 4), ("value", 8, 4), ("value", 8, 2), ("count", 4, 4), ("type", 2, 2), ("tag", 0, 2)]
    )
    before = int.from_bytes(raw[place + start : place + start + size], "little")
    number = chance.choice([*LENGTHS, before + 1, before - 1, before * 2, before + 256, 2, 3, 4, 5, 6, 8, 32773])
    raw[place + start : place + start + size] = (number % 256**size).to_bytes(size, "little")
    return bytes(raw), f"tag {tag} {way} {number}"


@cache
def seeds(kind: str) -> tuple[tuple[str, bytes], ...]:
    """Names and contents of the files that are mutated."""
    return tuple(MAKERS[kind]())


def _dicom() -> list[tuple[str, bytes]]:
    return [("a.dcm", Path(get_testdata_file(name, download=False)).read_bytes()) for name in DICOM]


def _nifti() -> list[tuple[str, bytes]]:
    files = []
    for number, kind in enumerate(("u1", "<i2", "<f4", "<f8", "<i4")):
        values = (np.arange(120).reshape(6, 5, 4) * 7 % 251).astype(kind)
        image = (nibabel.Nifti2Image if number == 1 else nibabel.Nifti1Image)(values, np.diag([2, -1, 3, 1]))
        if number % 2:
            image.header.set_slope_inter(0.5, -3)
        image.set_sform(image.affine, 1)
        files += [("a.nii", image.to_bytes()), ("a.nii.gz", gzip.compress(image.to_bytes(), mtime=0))]
    return files


def _png() -> list[tuple[str, bytes]]:
    ramp = np.arange(20 * 12).reshape(20, 12)
    images = [Image.fromarray((ramp % 256).astype("u1")), Image.fromarray((ramp * 257).astype("u2"))]
    colour = Image.fromarray(np.stack([ramp, ramp * 3, ramp * 5], axis=-1).astype("u1"))
    images += [colour, colour.convert("RGBA"), colour.convert("P"), images[0].convert("LA"), images[0].convert("1")]
    return [("a.png", _saved(image, "PNG")) for image in images]


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def _tiff() -> list[tuple[str, bytes]]:
    ramp = np.arange(20 * 12).reshape(20, 12)
    kinds = ("u1", "u2", "i2", "u4", "f4")
    files = [tiff_encode((ramp * 3).astype(kind), compression=c) for kind in kinds for c in ("none", "deflate")]
    colour = np.stack([ramp, ramp * 3, ramp * 5], axis=-1)
    files += [tiff_encode(colour.astype(kind), photometric="rgb") for kind in ("u1", "u2")]
    files += [tiff_encode(np.stack([ramp, ramp * 2, ramp * 3]).astype("u1"), photometric="minisblack")]
    files += [_saved(Image.fromarray(ramp.astype("u1")), "TIFF", compression=c) for c in ("tiff_lzw", "packbits")]
    return [("a.tif", content) for content in files]


def _zip() -> list[tuple[str, bytes]]:
    files = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as archive:
            for name, picture in (("p1/1.png", _png()[0]), ("p1/2.png", _png()[0]), ("p2/1.png", _png()[2])):
                archive.writestr(name, picture[1])
        files.append(("a.zip", content.getvalue()))
    return files


ROWS = [
    {"study_id": f"s{k}", "file_name": f"{k}.png", "bleed": k % 2, "age": 40.5 + k, "report": 'Says "no", ü;\nnothing.'}
    for k in range(4)
]


def _csv() -> list[tuple[str, bytes]]:
    text = io.StringIO()
    writer = csv.DictWriter(text, ROWS[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(ROWS)
    return [("metadata.csv", text.getvalue().encode(c)) for c in ("utf-8", "utf-8-sig", "utf-16")]


def _json() -> list[tuple[str, bytes]]:
    return [("metadata.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS).encode())]


MAKERS: dict[str, Callable[[], list[tuple[str, bytes]]]] = {
    **{"dicom": _dicom, "nifti": _nifti, "png": _png, "tiff": _tiff, "zip": _zip, "csv": _csv, "json": _json}
}
