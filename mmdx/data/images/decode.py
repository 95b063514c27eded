"""Image files of any kind: what they are, and their pixels at the size of a store.

A stored image is square: the longest side is scaled to it, antialiased, and the rest is padding (air or black), shared
by both ends. CT keeps Hounsfield units as int16 clipped to [-1024, 3071]; everything else becomes uint8:

- 8-bit pixels, and DICOM with a VOI table or window, as they are;
- deeper ones linearly, over all such images of the modality together, from their 0.5th to their 99.5th percentile.

Grey from colour is luminance (0.299 R + 0.587 G + 0.114 B); colour from grey repeats it. Transparent pixels lie over
black. The orientation that a camera noted (EXIF) is applied, so a source pixel is one of the upright image.
"""

from __future__ import annotations

import io
import itertools
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int16, Shaped, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from mmdx.data.dicom import files as dicom
from mmdx.data.images import containers, nifti
from mmdx.data.images.letterbox import Letterbox
from mmdx.errors import DataError, reason
from mmdx.study import ImageFiles, ImageRef, Unit

HU_RANGE = (-1024, 3071)
PERCENTILES = (0.5, 99.5)
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")


@dataclass(frozen=True)
class Decoded:
    """The images of one modality: `pixels` int16 in Hounsfield units, uint8 otherwise; one letter-box per image."""

    pixels: Int16[np.ndarray, "n c size size"] | UInt8[np.ndarray, "n c size size"]
    letterboxes: tuple[Letterbox, ...]


def probe(path: Path) -> tuple[Unit, Literal[1, 3], int]:
    """Unit, channels and number of frames (pages of a TIFF, slices of a volume), without decoding a pixel.

    Raises `DataError` where the file is no image, or holds fewer pixels than it says.
    """
    if nifti.is_nifti(path):
        return "intensity", 1, nifti.count_slices(path)
    if dicom.is_dicom(path):
        header = dicom.read_header(path)
        facts = dicom.pixel_facts(header)
        dicom.check_complete(path, header)
        return facts
    with _opened(path) as image:
        return "intensity", 1 if _is_grey(image) else 3, _frames(image)


def probe_encoded(content: bytes, where: str) -> Literal[1, 3]:
    """Channels of an encoded image that is no file of its own, without decoding a pixel. Raises as `probe` does."""
    with _opened(where, content) as image:
        if _frames(image) > 1:
            raise DataError(f"{where}: an image of {_frames(image)} pages; store each as an image of its own")
        return 1 if _is_grey(image) else 3


def decode(files: ImageFiles, size: int) -> Decoded:
    """Every image of a modality, in its order, `size` pixels square.

    Raises `DataError`, naming the file, where an image cannot be decoded: no image is ever left out or replaced.
    """
    groups = itertools.groupby(files.images, key=lambda ref: (ref.path, ref.key))
    sources = (
        source for (path, key), refs in groups for source in _source(path, key, [ref.frame for ref in refs], files.unit)
    )
    return fitted(sources, files.unit, files.channels, size)


def source_images(refs: Sequence[ImageRef], unit: Unit) -> list[Shaped[np.ndarray, "h w *c"]]:
    """Images `[h w]` or `[h w 3]` at the size that their files have: Hounsfield units as float32, else uint8, deeper
    pixels linearly over all that are asked for. Raises `DataError` as `decode` does."""
    sources = [source for ref in refs for source in _source(ref.path, ref.key, [ref.frame], unit)]
    return sources if unit == "HU" else _to_display(sources)


def fitted(sources: Iterable[np.ndarray], unit: Unit, channels: Literal[1, 3], size: int) -> Decoded:
    """Images `[h w]` or `[h w 3]` as a store holds them: of so many channels and `size` pixels square."""
    scaled, letterboxes = [], []
    for source in sources:
        pixels = np.clip(source, *HU_RANGE).astype(np.float32) if unit == "HU" else source
        letterboxes.append(Letterbox(source.shape[1], source.shape[0], size))
        scaled.append(_scaled(_with_channels(pixels, channels), letterboxes[-1].shape))
    if unit == "HU":
        canvas = np.full((len(scaled), channels, size, size), HU_RANGE[0], dtype=np.int16)
        values = [np.rint(pixels).astype(np.int16) for pixels in scaled]
    else:
        canvas = np.zeros((len(scaled), channels, size, size), dtype=np.uint8)
        values = _to_display(scaled)
    for image, pixels, letterbox in zip(canvas, values, letterboxes, strict=True):
        x, y = letterbox.margins
        image[:, y : y + pixels.shape[1], x : x + pixels.shape[2]] = pixels
    return Decoded(canvas, tuple(letterboxes))


def _source(path: Path, key: str, frames: Sequence[int], unit: Unit) -> Iterator[np.ndarray]:
    """Frames as `[h w]` or `[h w 3]`, uint8 for display or float32."""
    if dicom.is_dicom(path):
        pixels = dicom.decode_frames(path, frames, hounsfield_only=unit == "HU")
        yield from pixels
        return
    if unit == "HU":
        raise DataError(f"{path}: only DICOM tells Hounsfield units; this modality is one of intensities")
    if key:
        yield from _contained(path, key, frames)
        return
    if nifti.is_nifti(path):
        yield from nifti.axial_slices(path, frames)
        return
    with _opened(path) as image:
        count = _frames(image)
        for frame in frames:
            if not 0 <= frame < count:
                raise DataError(f"{path}: no frame {frame}; it has {count}, counted from 0")
            image.seek(frame)
            yield _upright(path, image)


def _contained(path: Path, key: str, frames: Sequence[int]) -> Iterator[np.ndarray]:
    for where, item in containers.items(path, key, frames):
        if isinstance(item, np.ndarray):
            yield item
            continue
        with _opened(where, item) as image:
            yield _upright(where, image)


def _upright(path: Path | str, image: Image.Image) -> np.ndarray:
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("I", "F") or upright.mode.startswith("I;"):
        values = np.asarray(upright).astype(np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"{path}: pixels that are no numbers (NaN or infinite)")
        return values
    if "A" in upright.mode or "a" in upright.mode or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, (0, 0, 0, 255)), upright)
    return np.asarray(upright.convert("L" if _is_grey(image) else "RGB"))


def _with_channels(source: np.ndarray, channels: Literal[1, 3]) -> np.ndarray:
    """`[c h w]`."""
    if source.ndim == 3 and channels == 1:
        source = np.asarray(Image.fromarray(source).convert("L"))
    planes = source[None] if source.ndim == 2 else source.transpose(2, 0, 1)
    return np.broadcast_to(planes, (channels, *planes.shape[1:]))


def _scaled(planes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The planes `[c h w]` at another width and height."""
    # Pillow widens the filter with the reduction: bilinear here is antialiased.
    return np.stack([np.asarray(Image.fromarray(plane).resize(shape, Image.Resampling.BILINEAR)) for plane in planes])


def _to_display(images: Sequence[np.ndarray]) -> list[UInt8[np.ndarray, "..."]]:
    deep = [image.ravel() for image in images if image.dtype != np.uint8]
    if not deep:
        return list(images)
    values = np.concatenate(deep)
    low, high = (float(edge) for edge in np.percentile(values, PERCENTILES))
    if low == high:  # nearly all pixels are alike: what little differs decides
        low, high = float(values.min()), float(values.max())
    gain = 255 / (high - low) if high > low else 0.0
    return [
        image if image.dtype == np.uint8 else np.rint(np.clip((image - low) * gain, 0, 255)).astype(np.uint8)
        for image in images
    ]


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        table = np.asarray(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
        return bool((table == table[:, :1]).all())
    return image.mode in _GREY_MODES or image.mode.startswith("I;")


def _frames(image: Image.Image) -> int:
    # The second picture of an MPO, a photograph of many phones and cameras, is a preview or the other eye.
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


@contextmanager
def _opened(path: Path | str, content: bytes | None = None) -> Iterator[Image.Image]:
    """An image open in Pillow, from the file or from `content`, which `path` then only names.

    Whatever goes wrong with it, inside the block too, is one `DataError`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # large images and odd tags: what matters of them is raised
            with Image.open(path if content is None else io.BytesIO(content)) as image:
                yield image
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{path}: neither DICOM nor an image of a known format") from None
    except Image.DecompressionBombError:
        raise DataError(f"{path}: more pixels than {2 * (Image.MAX_IMAGE_PIXELS or 0)}; scale it down first") from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        ArithmeticError,
        LookupError,
        struct.error,
        zlib.error,
    ) as error:
        raise DataError(f"{path}: cannot be decoded: {reason(error)}") from None
