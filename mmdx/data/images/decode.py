"""Image files of any kind: what they are, and their pixels at the size of a store.

An image of which the certificate knows the axes is turned to its display (`order/display.py`), and pixels that are no
squares are resampled to squares. A stored image is square: the longest side is scaled to it, antialiased, and the rest
is padding (air or black), shared by both ends. CT keeps Hounsfield units as int16 clipped to [-1024, 3071]; everything
else becomes uint8:

- 8-bit pixels, and DICOM whose images all have the same VOI table or window, as they are;
- deeper ones, and DICOM whose images differ in that (`mmdx.data.dicom.display`), linearly, over all such images of the
  modality together, from their 0.5th to their 99.5th percentile.

Grey from colour is luminance (0.299 R + 0.587 G + 0.114 B); colour from grey repeats it. A source pixel is one of the
upright image (`plain.py`), of a NIfTI volume one of its axial slices (`nifti.py`), else one that the file stores.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int16, Shaped, UInt8
from PIL import Image

from mmdx.data.dicom import files as dicom
from mmdx.data.dicom.display import VALUES, Display, display_problems
from mmdx.data.images import containers
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.images.pages import page_count
from mmdx.data.images.plain import opened, plain_facts, upright
from mmdx.data.images.suffixes import is_nifti
from mmdx.data.order.display import AS_STORED, Turn
from mmdx.data.order.pixel_size import PixelSize
from mmdx.errors import DataError, some
from mmdx.study import ImageFiles, ImageRef, Unit

HU_RANGE = (-1024, 3071)
MOST_STORED = 2**29
"""The pixels of a modality at the size of a store, at most: they are in memory together, for one scale of grey."""
PERCENTILES = (0.5, 99.5)
_Source = tuple[np.ndarray, PixelSize | None]
"""An image `[h w]` or `[h w 3]`, uint8 for display or float32, and the size of its pixels where it is known."""
GreyRange = tuple[float, float]
"""The values that are black and white in deep images."""
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Decoded:
    """The images of one modality: `pixels` int16 in Hounsfield units, uint8 otherwise; one letter-box per image;
    `grey_range` by which deep images were scaled, None where none was; `flat` are the places of images on which nothing
    can be seen, though they are neither air nor padding."""

    pixels: Int16[np.ndarray, "n c size size"] | UInt8[np.ndarray, "n c size size"]
    letterboxes: tuple[Letterbox, ...]
    grey_range: GreyRange | None = None
    flat: tuple[int, ...] = ()


class Facts(NamedTuple):
    """What an image file holds: unit, channels, and the frames that count (pages of a TIFF, slices of a volume).

    `deep`: whether its values are scaled over the modality, but for DICOM, whose grey frames say in `displays` what is
    black and white; `left_out` is a sentence on frames that do not count, empty without.
    """

    unit: Unit
    channels: Literal[1, 3]
    frames: tuple[int, ...]
    deep: bool = False
    displays: tuple[Display, ...] = ()
    left_out: str = ""


def probe(path: Path) -> Facts:
    """What the file holds, without decoding a pixel.

    Raises `DataError` where the file is no image, or holds fewer pixels than it says.
    """
    if is_nifti(path):
        from mmdx.data.images.nifti import count_slices  # imported here: nibabel is slow to import

        return Facts("intensity", 1, tuple(range(count_slices(path))), deep=True)
    if dicom.is_dicom(path):
        header = dicom.read_header(path)
        unit, channels, count = dicom.pixel_facts(header)
        dicom.check_complete(path, header)
        displays = dicom.header_displays(path, header, range(count)) if unit != "HU" else ()
        return Facts(unit, channels, tuple(range(count)), displays=displays)
    with opened(path) as image:
        facts = plain_facts(image)
        return Facts("intensity", facts.channels, facts.frames, facts.deep, left_out=facts.left_out)


def probe_encoded(content: bytes, where: str) -> tuple[Literal[1, 3], bool]:
    """Channels of an encoded image that is no file of its own, and whether its values are deep, without decoding a
    pixel. Raises as `probe` does, and for an image of several pages."""
    with opened(where, content) as image:
        facts = plain_facts(image)
        if len(facts.frames) > 1 or facts.left_out:
            what = f"an image of {page_count(image)} pages" if image.format == "TIFF" else "an animation"
            raise DataError(f"{where}: {what}; store each image by itself")
        return facts.channels, facts.deep


def scale_problems(facts: Sequence[Facts]) -> list[str]:
    """A sentence for each reason why the images of one modality have no common scale of grey, or none of its files."""
    said = [display for one in facts for display in one.displays]
    problems = display_problems(said)
    depths = [one.deep or any(problems or display[0] == VALUES for display in one.displays) for one in facts]
    if len(set(depths)) > 1:
        problems.append(depths_differ(sum(depths), len(depths)))
    return problems


def depths_differ(deep: int, count: int) -> str:
    """The sentence where `deep` of `count` images or files have more than 8 bits."""
    return f"{deep} of {count} images are deeper than 8 bits: they are scaled by themselves, the others not at all"


def flat_problems(name: str, flat: Sequence[int], count: int) -> list[str]:
    """A sentence on the places `flat` of the `count` images of the modality `name`; none where there are none."""
    places = some([str(place) for place in flat], most=5)
    return [f"'{name}': {len(flat)} of {count} images are one grey everywhere (image {places}, from 0)"] if flat else []


def decode(files: ImageFiles, size: int) -> Decoded:
    """Every image of a modality, in its order, `size` pixels square.

    Raises `DataError`, naming the file, where an image cannot be decoded: no image is ever left out or replaced.
    """
    _check_size(len(files.images) * files.channels * size**2)
    return _fitted(_sources(files, files.images), Turn.of(files.order.axes), files.unit, files.channels, size)


def shown_images(files: ImageFiles, refs: Sequence[ImageRef]) -> list[Shaped[np.ndarray, "h w *c"]]:
    """Some images of a modality, `[h w]` or `[h w 3]`, as they are shown (`Letterbox.shown`), at the size of their
    files: uint8 for display, else values as float32, Hounsfield units or those that `Decoded.grey_range` scales.
    Windows count as they do for the whole modality. Raises `DataError` as `decode` does."""
    turn, images = Turn.of(files.order.axes), []
    for source, pixel in _sources(files, refs):
        shape, image = Letterbox(source.shape[1], source.shape[0], 1, turn, pixel).shown, turn.image(source)
        if shape != image.shape[1::-1]:
            planes = _scaled(np.moveaxis(np.atleast_3d(image), -1, 0), shape)
            image = np.moveaxis(planes, 0, -1) if image.ndim == 3 else planes[0]
        images.append(image)
    return images


def fitted(sources: Iterable[np.ndarray], unit: Unit, channels: Literal[1, 3], size: int) -> Decoded:
    """Images `[h w]` or `[h w 3]` as a store holds them: of so many channels and `size` pixels square."""
    return _fitted(((source, None) for source in sources), AS_STORED, unit, channels, size)


def _fitted(sources: Iterable[_Source], turn: Turn, unit: Unit, channels: Literal[1, 3], size: int) -> Decoded:
    scaled, letterboxes, grey_range, edges = [], [], None, []
    for source, pixel in sources:
        edges.append((float(source.min()), float(source.max())))
        pixels = np.clip(source, *HU_RANGE).astype(np.float32) if unit == "HU" else source
        letterboxes.append(Letterbox(source.shape[1], source.shape[0], size, turn, pixel))
        planes = _scaled(_with_channels(turn.image(pixels), channels), letterboxes[-1].shape)
        scaled.append(np.rint(planes).astype(np.int16) if unit == "HU" else planes)
    if unit == "HU":
        canvas = np.full((len(scaled), channels, size, size), HU_RANGE[0], dtype=np.int16)
        values = scaled
    else:
        canvas = np.zeros((len(scaled), channels, size, size), dtype=np.uint8)
        grey_range = _grey_range(scaled)
        values = [_to_display(image, grey_range) for image in scaled]
    for image, pixels, letterbox in zip(canvas, values, letterboxes, strict=True):
        x, y = letterbox.margins
        image[:, y : y + pixels.shape[1], x : x + pixels.shape[2]] = pixels
    return Decoded(canvas, tuple(letterboxes), grey_range, _flat(edges))


def _flat(edges: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """The places of the images, given by their smallest and largest values, that are of one value, and not of the
    smallest of all beside images that show something: these are air or padding."""
    flat = [place for place, (low, high) in enumerate(edges) if low == high]
    darkest = min((low for low, _ in edges), default=0.0) if len(flat) < len(edges) else None
    return tuple(place for place in flat if edges[place][0] != darkest)


def _check_size(pixels: int) -> None:
    if pixels > MOST_STORED:
        raise DataError(f"{pixels} pixels in all its images as stored, more than {MOST_STORED}; choose a smaller size")


def _sources(files: ImageFiles, refs: Sequence[ImageRef]) -> Iterator[_Source]:
    """Some images of a modality, one at a time."""
    as_said = files.unit == "HU" or _say_alike(files.images)
    for (path, key), group in itertools.groupby(refs, key=lambda ref: (ref.path, ref.key)):
        frames = [ref.frame for ref in group]
        if dicom.is_dicom(path):
            yield from dicom.decode_sized(path, frames, hounsfield_only=files.unit == "HU", as_said=as_said)
        else:
            yield from _source(path, key, frames, files.unit)


def _say_alike(refs: Sequence[ImageRef]) -> bool:
    """Whether the DICOM images among these say alike what is black and white, so that it counts for all of them."""
    said: set[Display] = set()
    for path, group in itertools.groupby(refs, key=lambda ref: ref.path) if len(refs) > 1 else ():
        if dicom.is_dicom(path):
            said.update(dicom.frame_displays(path, [ref.frame for ref in group]))
        if len(said) > 1:
            return False
    return True


def _source(path: Path, key: str, frames: Sequence[int], unit: Unit) -> Iterator[_Source]:
    """Frames of a file that is no DICOM."""
    if unit == "HU":
        raise DataError(f"{path}: only DICOM tells Hounsfield units; this modality is one of intensities")
    if key:
        yield from ((pixels, None) for pixels in _contained(path, key, frames))
        return
    if is_nifti(path):
        from mmdx.data.images.nifti import axial_slices

        yield from axial_slices(path, frames)
        return
    with opened(path) as image:
        count = page_count(image)
        for frame, again in itertools.groupby(frames):
            if not 0 <= frame < count:
                raise DataError(f"{path}: no frame {frame}; it has {count}, counted from 0")
            image.seek(frame)
            pixels = upright(path, image)  # once: what was decoded no longer tells how it lay in the file
            yield from ((pixels, None) for _ in again)


def _contained(path: Path, key: str, frames: Sequence[int]) -> Iterator[np.ndarray]:
    for where, item in containers.items(path, key, frames):
        if isinstance(item, np.ndarray):
            yield item
            continue
        with opened(where, item) as image:
            yield upright(where, image)


def _with_channels(source: np.ndarray, channels: Literal[1, 3]) -> np.ndarray:
    """`[c h w]`."""
    if source.ndim == 3 and channels == 1 and source.dtype == np.uint8:
        source = np.asarray(Image.fromarray(source).convert("L"))
    elif source.ndim == 3 and channels == 1:
        source = source @ _LUMINANCE
    planes = source[None] if source.ndim == 2 else source.transpose(2, 0, 1)
    return np.broadcast_to(planes, (channels, *planes.shape[1:]))


def _scaled(planes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The planes `[c h w]` at another width and height."""
    # Pillow widens the filter with the reduction: bilinear here is antialiased.
    return np.stack([np.asarray(Image.fromarray(plane).resize(shape, Image.Resampling.BILINEAR)) for plane in planes])


def _grey_range(images: Sequence[np.ndarray]) -> GreyRange | None:
    """Over all deep images together; None where none is deep."""
    deep = [image.ravel() for image in images if image.dtype != np.uint8]
    if not deep:
        return None
    values = np.concatenate(deep)
    low, high = (float(edge) for edge in np.percentile(values, PERCENTILES, overwrite_input=True))
    # Where nearly all pixels are alike, what little differs decides.
    return (low, high) if low < high else (float(values.min()), float(values.max()))


def _to_display(image: np.ndarray, grey_range: GreyRange | None) -> UInt8[np.ndarray, "..."]:
    if image.dtype == np.uint8 or grey_range is None:
        return image
    low, high = grey_range
    gain = 255 / (high - low) if high > low else 0.0
    return np.rint(np.clip((image - low) * gain, 0, 255)).astype(np.uint8)
