"""A sample of the pixels of a modality: how large images are, how long one takes to decode, and what a CT is of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

import numpy as np

from mmdx.data.images.decode import decode
from mmdx.errors import DataError
from mmdx.study import ImageFiles

STUDIES, IMAGES = 6, 3
"""How many studies are looked at, and how many images of each."""
SIDE = 224
"""The side in pixels at which the sample is decoded: timings are of this size, whatever is chosen afterwards."""
AIR, LUNG, FAT, TISSUE = (-1024, -950), (-950, -600), (-150, -50), (-150, 3072)
"""Ranges of Hounsfield units, from the first to below the second."""
LUNGS, FATTY = 0.15, 0.12
"""Shares of the pixels that are not air from which a CT is taken for one of the chest, and of the abdomen."""
Region = Literal["head", "chest", "body", ""]


@dataclass(frozen=True)
class Pixels:
    """`side` is the median of the longer sides of source images in pixels, `seconds` the time that one takes to decode;
    `region` is what a CT shows (empty for all else). `images` were looked at; none could be decoded where that is 0."""

    side: int
    seconds: float
    region: Region = ""
    images: int = 0


def sampled_pixels(files: Sequence[ImageFiles]) -> Pixels:
    """What some images, evenly spread over studies and within each, show of all."""
    chosen = [files[index] for index in np.unique(np.linspace(0, len(files) - 1, STUDIES).round().astype(int))]
    sides, shares, seconds, count = [], [], 0.0, 0
    for value in chosen:
        places = np.unique(np.linspace(0, len(value.images) - 1, IMAGES + 2).round().astype(int))
        inner = places[1:-1] if len(places) > 2 else places  # the first and last slices often show little
        images = tuple(value.images[place] for place in inner)
        begin = time.perf_counter()
        try:
            decoded = decode(replace(value, images=images), SIDE)
        except DataError:
            continue  # preparing the store names it, and leaves the study out
        seconds += time.perf_counter() - begin
        count += len(images)
        sides += [max(box.width, box.height) for box in decoded.letterboxes]
        shares += [tissue_shares(decoded.pixels)] if value.unit == "HU" else []
    if not count:
        return Pixels(SIDE, 0.0)
    region = region_of(*np.mean(shares, axis=0)) if shares else ""
    return Pixels(round(median(sides)), seconds / count, region, count)


def tissue_shares(hounsfield: np.ndarray) -> tuple[float, float]:
    """The shares of lung and of fat among pixels that are not air around the patient."""
    body = max(1, int((hounsfield >= AIR[1]).sum()))
    return _between(hounsfield, LUNG) / body, _between(hounsfield, FAT) / body


def region_of(lung: float, fat: float) -> Region:
    """What a CT shows, by its shares of lung and fat: a head has hardly any of either."""
    if lung >= LUNGS:
        return "chest"
    return "body" if fat >= FATTY else "head"


def _between(hounsfield: np.ndarray, edges: tuple[int, int]) -> int:
    return int(((hounsfield >= edges[0]) & (hounsfield < edges[1])).sum())
