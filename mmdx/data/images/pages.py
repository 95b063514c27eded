"""Frames of plain image files: which are images of their own, and which only copies, moments or colours of another.

Pages of a TIFF are images. Smaller copies and masks of others (a pyramid, a thumbnail) are not; of several channels or
time points that OME or ImageJ describe, the first counts. Frames of an animation (GIF, PNG, WebP) are moments of one
picture, of which the first counts.
"""

from __future__ import annotations

import math
import re
from typing import Literal

from PIL import Image, TiffImagePlugin

MOST_PAGES = 2**13
_KINDS = (*range(1, 14), 16, 17, 18)
"""The types of a field in TIFF 6.0 and BigTIFF."""
_SUBFILE, _OLD_SUBFILE, _DESCRIPTION = 254, 255, 270
_REDUCED_OR_MASK = 0b101
"""Bits of NewSubfileType: a copy of lower resolution, a transparency mask."""
_OLD_REDUCED = 2


def pages_of(image: Image.Image) -> tuple[tuple[int, ...], str]:
    """The frames of an open file that count, and a sentence on the others; empty where all do.

    The second picture of an MPO, a photograph of many phones and cameras, is a preview or the other eye.
    """
    count = page_count(image)
    if image.format != "TIFF":
        moving = image.format != "MPO" and getattr(image, "is_animated", False)
        return (0,), "an animation: its first frame counts" if moving else ""
    if count == 1:
        return (0,), ""
    kept = _full_pages(image, count)
    if len(kept) < count:
        return kept, f"{count - len(kept)} of {count} pages left out: smaller copies or masks of others"
    image.seek(0)
    kept = _first_planes(str(image.tag_v2.get(_DESCRIPTION) or ""), count)  # pyright: ignore[reportAttributeAccessIssue]
    return kept, "" if len(kept) == count else f"{count - len(kept)} of {count} pages left out: channels or time points"


def page_count(image: Image.Image) -> int:
    """How many images of its own a file may hold: the pages of a TIFF; of other formats the first picture counts.

    Raises `ValueError` for a TIFF of more than `MOST_PAGES`.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1
    assert image.fp is not None
    _check_page_count(image)
    return image.n_frames


def _check_page_count(image: TiffImagePlugin.TiffImageFile) -> None:
    """Pillow looks for each page in the list of those before it, and needs minutes for what takes a second here."""
    file = image.fp
    assert file is not None  # open until its pixels are read
    position = file.tell()
    file.seek(0)
    head = file.read(16)
    order: Literal["little", "big"] = "little" if head[:1] == b"I" else "big"
    number, wide, entry = (8, 8, 20) if head[2:4] in (b"\x2b\0", b"\0\x2b") else (2, 4, 12)
    at = int.from_bytes(head[8:16] if wide == 8 else head[4:8], order)
    seen: set[int] = set()
    while at and at not in seen and len(seen) <= MOST_PAGES:
        seen.add(at)
        file.seek(at)
        entries = file.read(int.from_bytes(file.read(number), order) * entry)
        _check_kinds(entries, entry, order)
        at = int.from_bytes(file.read(wide), order)
    file.seek(position)
    if len(seen) > MOST_PAGES:
        raise ValueError(f"a TIFF of more than {MOST_PAGES} pages; split it")


def _check_kinds(entries: bytes, size: int, order: Literal["little", "big"]) -> None:
    """Pillow goes on without a tag of an unknown kind, as if the file did not say it."""
    for place in range(0, len(entries), size):
        tag, kind = (int.from_bytes(entries[at : at + 2], order) for at in (place, place + 2))
        if kind not in _KINDS:
            raise ValueError(f"tag {tag} of the unknown kind {kind}")


def _full_pages(image: Image.Image, count: int) -> tuple[int, ...]:
    """Pages that are no copy of a larger one, by their tags, or by being smaller in the same proportion."""
    sizes: dict[int, tuple[int, int]] = {}
    for page in range(count):
        image.seek(page)
        tags = image.tag_v2  # pyright: ignore[reportAttributeAccessIssue]
        if not int(tags.get(_SUBFILE, 0)) & _REDUCED_OR_MASK and tags.get(_OLD_SUBFILE) != _OLD_REDUCED:
            sizes[page] = image.size
    width, height = max(sizes.values(), key=math.prod, default=(0, 0))
    full = [page for page, size in sizes.items() if not _is_reduced(size, (width, height))]
    return tuple(full) or (0,)


def _is_reduced(size: tuple[int, int], largest: tuple[int, int]) -> bool:
    """Whether a page of this size could be the largest one at another resolution: sides are rounded to whole pixels."""
    (width, height), (most_wide, most_high) = size, largest
    return width < most_wide and abs(width * most_high - height * most_wide) <= max(most_wide, most_high)


def _first_planes(description: str, count: int) -> tuple[int, ...]:
    """The pages of the first channel and the first time point, as OME-XML or ImageJ describe them; all without."""
    ome = re.search(r'DimensionOrder="XY([ZCT]{3})"', description)
    order = ome[1] if ome else "CZT"
    names = {axis: f'Size{axis}="(\\d+)"' for axis in "ZCT"}
    if not ome:
        names = {"Z": r"^slices=(\d+)", "C": r"^channels=(\d+)", "T": r"^frames=(\d+)"}
        if not description.startswith("ImageJ="):
            return tuple(range(count))
    found = {axis: re.search(pattern, description, re.MULTILINE) for axis, pattern in names.items()}
    sizes = {axis: int(match[1]) if match else 1 for axis, match in found.items()}
    if sizes["Z"] * sizes["T"] == count:
        sizes["C"] = 1  # channels lie within each page
    if math.prod(sizes.values()) != count:
        return tuple(range(count))
    steps = {axis: math.prod(sizes[before] for before in order[:place]) for place, axis in enumerate(order)}
    return tuple(page for page in range(count) if not any(page // steps[a] % sizes[a] for a in "CT"))
