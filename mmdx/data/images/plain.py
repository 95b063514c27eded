"""Images that are no DICOM and no volume: what their files hold, and their pixels as they are meant.

Pillow reads them. What it would change without a word is read another way: 16 bits a channel, of which it keeps 8 (by
imagecodecs); TIFF that says white is zero in 16 bits; signed bytes; unsigned words of 32 bits. EXIF turns an image
upright, transparent pixels lie over black.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from mmdx.data.images.pages import pages_of
from mmdx.data.images.png import check_chunks, check_pixels
from mmdx.errors import DataError, reason, refuse_lack

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP")
"""What is read, by Pillow's names (MPO is JPEG): formats of which it is known what Pillow makes of their pixels."""
MAX_PIXELS = 2**26
"""An image of more pixels is refused before any is decoded: what it takes in memory does not hang on its file."""
_LOST_TAGS = ("Corrupt", "Possibly corrupt", "Truncated", "Metadata Warning")
"""How Pillow's words begin where it goes on without a tag."""
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")
_BITS, _PHOTOMETRIC, _PLANES, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 262, 284, 338, 339
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED, _APART, _ALPHA = 0, 1, 2, 2, 2
"""Tags of TIFF 6.0, and values of theirs."""


@dataclass(frozen=True)
class PlainFacts:
    """What a file of plain images holds: `channels`; the `frames` that count; whether its values are `deep`, so that
    a store scales them; `left_out`: a sentence on its other frames, empty without."""

    channels: Literal[1, 3]
    frames: tuple[int, ...]
    deep: bool
    left_out: str


def plain_facts(image: Image.Image) -> PlainFacts:
    """What an open file holds, without decoding a pixel."""
    frames, left_out = pages_of(image)
    image.seek(frames[0])
    deep = is_deep(image) or _signed_bytes(image) or _wide_colour(image)
    return PlainFacts(1 if is_grey(image) else 3, frames, deep, left_out)


def is_grey(image: Image.Image) -> bool:
    """Whether an image shows greys alone, by its mode; a palette is looked into."""
    if image.mode in ("P", "PA"):
        table = np.asarray(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
        return bool((table == table[:, :1]).all())
    return _is_sixteen_bit_la(image) or is_deep(image) or image.mode in _GREY_MODES


def is_deep(image: Image.Image) -> bool:
    """Whether Pillow itself keeps grey values of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;")


def upright(
    path: Path | str, image: Image.Image
) -> UInt8[np.ndarray, "h w *c"] | Float32[np.ndarray, "h w"] | Float32[np.ndarray, "h w 3"]:
    """The frame at which an open file stands: uint8 for display, or deep values as float32. Raises `DataError`."""
    _check_pixels(image)  # pages of one file differ in size
    if _wide_colour(image):
        return _of_wide_colour(path, image)
    if image.format == "PNG":
        _kept(check_pixels, image)
    signed, grey = _signed_bytes(image), is_grey(image)
    turned = ImageOps.exif_transpose(image)
    if signed:
        return np.asarray(turned).view(np.int8).astype(np.float32)
    if is_deep(turned):
        return _of_deep_grey(path, image, np.asarray(turned))
    if "A" in turned.mode or "a" in turned.mode or "transparency" in turned.info:
        turned = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, (0, 0, 0, 255)), turned)
    return np.asarray(turned.convert("L" if grey else "RGB"))


@contextmanager
def opened(path: Path | str, content: bytes | None = None) -> Iterator[Image.Image]:
    """An image open in Pillow, from the file or from `content`, which `path` then only names.

    Whatever goes wrong with it, inside the block too, is one `DataError`.
    """
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")  # kept off the terminal
            with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
                _check_pixels(image)
                if image.format == "PNG":
                    _kept(check_chunks, image)
                yield image
                if image.format == "TIFF":
                    _refuse_lost_tags(str(warning.message) for warning in said)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(
            f"{path}: neither DICOM nor an image of a known format and kind of pixels; save it as PNG or TIFF"
        ) from None
    except Image.DecompressionBombError:
        raise DataError(f"{path}: more than {MAX_PIXELS} pixels; scale it down first") from None
    except Exception as error:  # Pillow raises whatever broken bytes make it stumble over
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be decoded: {reason(error)}") from None


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError


def _file_of(image: Image.Image) -> io.BufferedIOBase:
    assert isinstance(image, ImageFile.ImageFile)
    assert image.fp is not None  # open until its pixels are read
    return cast(io.BufferedIOBase, image.fp)


def _refuse_lost_tags(said: Iterable[str]) -> None:
    """Raises `ValueError` where Pillow left out tags that it could not read: pixels may not mean what they would."""
    lost = next((line for line in said if line.startswith(_LOST_TAGS)), None)
    if lost is not None:
        raise ValueError(lost)


def _kept(check: Callable[[io.BufferedIOBase], None], image: Image.Image) -> None:
    """A check of the file, which is left where Pillow stands in it."""
    file = _file_of(image)
    position = file.tell()
    check(file)
    file.seek(position)


def _of_deep_grey(path: Path | str, image: Image.Image, pixels: np.ndarray) -> Float32[np.ndarray, "h w"]:
    if image.mode == "I" and _tag(image, _BITS) == 32 and _tag(image, _SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED:
        pixels = pixels.view(np.uint32)
    if _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        if image.mode == "F":
            raise DataError(f"{path}: floating-point pixels whose white is zero and black nowhere said; store -x")
        pixels = 65535 - pixels
    values = pixels.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"{path}: pixels that are no numbers (NaN or infinite)")
    return values


def _of_wide_colour(path: Path | str, image: Image.Image) -> Float32[np.ndarray, "h w"] | Float32[np.ndarray, "h w 3"]:
    """16 bits a channel, grey with alpha or colour, over black."""
    # Imported here: it loads many codecs, and hardly any file takes them.
    from imagecodecs import png_decode, tiff_decode

    if image.mode == "CMYK":
        raise DataError(f"{path}: CMYK of 16 bits a channel; save it as RGB or grey")
    file = _file_of(image)
    file.seek(0)
    content = file.read()
    samples = png_decode(content) if image.format == "PNG" else tiff_decode(content, index=image.tell())
    orientation = image.getexif().get(Base.Orientation, 1)
    if _tag(image, _PLANES) == _APART:
        samples = np.moveaxis(samples, 0, -1)
    if samples.shape[:2] != (image.height, image.width):
        raise DataError(
            f"{path}: {samples.shape} samples for {image.height} rows of {image.width} pixels; save it anew"
        )
    colours = 1 if samples.shape[-1] == 2 else 3
    values = samples[..., :colours].astype(np.float32)
    straight = image.format == "PNG" or _tag(image, _EXTRA_SAMPLES) == _ALPHA
    if samples.shape[-1] > colours and straight:
        values *= samples[..., colours : colours + 1].astype(np.float32) / 65535
    planes = [Image.fromarray(np.ascontiguousarray(values[..., k])) for k in range(colours)]
    for plane in planes:
        plane.getexif()[Base.Orientation] = orientation
    turned = np.stack([np.asarray(ImageOps.exif_transpose(plane)) for plane in planes], axis=-1)
    return turned[..., 0] if colours == 1 else turned


def _wide_colour(image: Image.Image) -> bool:
    """Whether Pillow would cut 16 bits a channel to 8: PNG and TIFF of several channels."""
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_BITS, (8,))
        return len(bits) > 1 and max(bits) == 16
    return image.format == "PNG" and image.mode in ("RGB", "RGBA") and _raw_mode(image).endswith(";16B")


def _is_sixteen_bit_la(image: Image.Image) -> bool:
    """Whether a PNG is grey with alpha, which Pillow calls RGBA where it has 16 bits a channel."""
    return image.format == "PNG" and _raw_mode(image) == "LA;16B"


def _raw_mode(image: Image.Image) -> str:
    """How the pixels lie in the file, empty once they were read."""
    return str(image.tile[0].args) if isinstance(image, ImageFile.ImageFile) and image.tile else ""


def _signed_bytes(image: Image.Image) -> bool:
    return image.mode == "L" and _tag(image, _SAMPLE_FORMAT, _UNSIGNED) == _SIGNED


def _tag(image: Image.Image, tag: int, default: int | None = None) -> int | None:
    """The first value of a tag of a TIFF; the default for other files."""
    value = getattr(image, "tag_v2", {}).get(tag, default) if image.format == "TIFF" else default
    return value[0] if isinstance(value, tuple) else value
