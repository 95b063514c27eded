"""Whether the images of a modality say alike what is black and what is white.

Grey levels are comparable where they were made alike. So the windows or VOI tables of a modality are used where all of
its images name the same one; otherwise none is, and the store scales the values of all images together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from pydicom import Dataset

from mmdx.data.dicom.grayscale import (
    FRAME_GROUPS,
    frame_attributes,
    is_inverted,
    rescale,
    table_of,
    value_range,
    window,
)
from mmdx.errors import some

Display = tuple[Hashable, ...]
"""What a grey image says of black and white; its first item is one of the kinds below."""
WINDOW, TABLE, BITS, VALUES = "window", "VOI table", "bits", "values"
_MOST_NAMED = 3


def display_of(attributes: Dataset) -> Display:
    """What makes grey levels of the values of one frame, alike where these are alike; by its `frame_attributes`, or by
    the header where it has no functional groups.

    Pixels of at most 8 bits (BITS) span black to white by themselves, deeper ones (VALUES) do not. Raises `ValueError`
    and what pydicom raises where the header makes no sense.
    """
    if (table := table_of(attributes)) is not None:
        return TABLE, _content(table)
    if (edges := window(attributes)) is not None:
        return WINDOW, *edges, str(attributes.get("VOILUTFunction") or "LINEAR").upper()
    if "BitsStored" not in attributes:  # floating point
        return (VALUES,)
    low, high = value_range(attributes)
    slope, intercept = rescale(attributes) or (1.0, 0.0)
    tables = tuple(_content(table) for table in attributes.get("ModalityLUTSequence") or [])
    ends = (low * slope + intercept, high * slope + intercept, tables)
    if high - low <= 255:
        return BITS, ends
    return (VALUES, ends) if is_inverted(attributes) else (VALUES,)


def displays_of(header: Dataset, frames: Sequence[int]) -> tuple[Display, ...]:
    """Those of the frames of a grey image, in their order. Raises as `display_of` does."""
    groups = list(header.get("PerFrameFunctionalGroupsSequence") or [])
    if not groups and "SharedFunctionalGroupsSequence" not in header:
        return (display_of(header),) * len(frames)
    if not any(group.get(name) for group in groups for name in FRAME_GROUPS):
        return (display_of(frame_attributes(header, 0)),) * len(frames)
    return tuple(display_of(frame_attributes(header, frame)) for frame in frames)


def display_problems(displays: Iterable[Display]) -> list[str]:
    """A sentence where the grey images of a modality do not say alike what is black and white; else nothing."""
    said = list(displays)
    differing = list(dict.fromkeys(said))
    if len(differing) < 2:
        return []
    kinds = {display[0] for display in differing}
    shown = sum(display[0] in (WINDOW, TABLE) for display in said)
    if shown not in (0, len(said)):
        what = f"{shown} of {len(said)} images have a window or VOI table, the others have none"
    elif kinds == {WINDOW}:
        named = some([f"{centre:g}/{width:g}" for _, centre, width, _ in differing], most=_MOST_NAMED)
        what = f"windows differ between images ({named})"
    elif shown:
        what = "VOI tables or windows differ between images"
    else:
        what = "bits stored, rescale or inversion differ between images"
    return [f"{what}; none is used: one range of values for all images"]


def _content(table: Dataset) -> Hashable:
    """What tells tables apart, without their entries."""
    content = table.LUTData
    raw = content if isinstance(content, bytes) else np.asarray(content, dtype=np.int64).tobytes()
    return *map(int, table.LUTDescriptor), hashlib.blake2b(raw).hexdigest()
