"""Slices under their heat as Secondary Captures: pictures in the pixels of the files that they were drawn from, with a
strip of words below, and no name in them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from highdicom import UID
from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw
from pydicom.multival import MultiValue
from pydicom.sr.codedict import codes
from pydicom.uid import RLELossless

from mmdx.data.order.display import Turn, axes_of
from mmdx.data.order.geometry import frame_value, orientation_of, vector
from mmdx.data.quiet import quiet
from mmdx.engine.inference.explaining.overlay import blended, fitting
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation
from mmdx.engine.inference.handover.author import Author
from mmdx.engine.inference.handover.coding import label
from mmdx.engine.inference.handover.identity import NEEDED, UTF_8, identity_of
from mmdx.engine.inference.handover.sources import Instance, Sources
from mmdx.errors import DataError, MmdxError, one_line
from mmdx.files import written

SERIES_NUMBER = 9901
"""Behind the report of the same study."""
NARROWEST = 128
"""Columns of an image below which no words stand: ImageComments has them."""
LETTERS, LINE, MARGIN = 12, 15, 4
"""Sizes of the strip in pixels: of letters, from line to line, around them."""
USE = "Research model; not read by a person, no medical device."
WHAT = "Grad-CAM: where the network looked for this finding; no outline of it, and no probability of a pixel."
_MOST = 10240
"""Characters of an element of long text."""


@dataclass(frozen=True)
class _Series:
    """What all pictures of a study share: the elements of the patient, the model that answered, and the UID."""

    identity: pydicom.Dataset
    author: Author
    called: str
    uid: str


def write_captures(explanation: Explanation, sources: Sources, author: Author, folder: Path) -> list[Path]:
    """Writes a picture of each explained slice, of one series, in the order of findings and slices.

    Raises `DataError` where highdicom cannot make them, and `MmdxError` where they cannot be written.
    """
    identity, _ = identity_of(sources.instances[0].header)
    series = _Series(identity, author, explanation.standing.called, UID())
    places, turn = sources.places[explanation.modality], Turn.of(sources.orders[explanation.modality].axes)
    paths = []
    for number, (finding, image) in enumerate(_slices(explanation), start=1):
        instance, frame = places[image.place.index]
        pixels = _on_file(image, turn, (int(instance.header.Rows), int(instance.header.Columns)))
        words = [f"{one_line(finding)}: {series.called} {image.score:.2f}", f"mmdx, {author.model}. {WHAT}", USE]
        try:
            with quiet():
                capture = _capture(series, instance, frame, number, with_words(pixels, words))
                capture.ImageComments = " ".join(words)[:_MOST]
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            # The library's own words may quote an element of the patient.
            raise DataError(f"highdicom cannot make a picture of its images ({type(error).__name__})") from None
        paths.append(folder / f"heat-{number:03d}.dcm")
        try:
            with quiet(), written(paths[-1]) as partial:
                capture.save_as(partial, enforce_file_format=True)
        except OSError as error:
            raise MmdxError(f"{paths[-1]}: cannot be written ({error.strerror})") from None
    return paths


def _slices(explanation: Explanation) -> Iterator[tuple[str, ExplainedSlice]]:
    for finding, slices in explanation.findings.items():
        yield from ((finding, image) for image in slices)


def _on_file(image: ExplainedSlice, turn: Turn, shape: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """The slice under its heat, in the rows and columns of its file."""
    plain, heat = turn.stored(image.pixels), turn.stored(image.heat)
    grey = Image.fromarray(np.rint(np.clip(plain, 0, 1) * 255).astype(np.uint8)).convert("RGB")
    # A picture has square pixels for display, and a file may have others.
    pixels = np.asarray(grey.resize(shape[::-1], Image.Resampling.BILINEAR))
    return blended(pixels, _resized(heat.astype(np.float32), shape))


def _resized(heat: Float[np.ndarray, "h w"], shape: tuple[int, int]) -> Float[np.ndarray, "h2 w2"]:
    return np.asarray(Image.fromarray(heat).resize(shape[::-1], Image.Resampling.BILINEAR))


def with_words(pixels: UInt8[np.ndarray, "h w 3"], words: list[str]) -> UInt8[np.ndarray, "h2 w 3"]:
    """The picture with a strip of words below, so that each of its pixels stays where it is; a narrow one has none."""
    height, width = pixels.shape[:2]
    if width < NARROWEST:
        return pixels
    fit = max(1, int((width - 2 * MARGIN) / (0.6 * LETTERS)))
    lines = [line for text in words for line in textwrap.wrap(text, fit)]
    canvas = Image.new("RGB", (width, height + len(lines) * LINE + 2 * MARGIN))
    canvas.paste(Image.fromarray(pixels), (0, 0))
    pen = ImageDraw.Draw(canvas)
    for place, line in enumerate(lines):
        font = fitting(line, LETTERS, width - 2 * MARGIN)
        pen.text((MARGIN, height + MARGIN + place * LINE), line, (255, 255, 255), font)
    return np.asarray(canvas)


def _capture(
    series: _Series, instance: Instance, frame: int, number: int, pixels: UInt8[np.ndarray, "h w 3"]
) -> SCImage:
    known, header = {keyword: series.identity.get(keyword) for keyword in NEEDED}, instance.header
    capture = SCImage(
        pixel_array=np.ascontiguousarray(pixels),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=str(known["StudyInstanceUID"]),
        series_instance_uid=series.uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=UID(),
        instance_number=number,
        manufacturer="mmdx",
        patient_orientation=("L", "P"),
        pixel_spacing=vector(frame_value(header, frame, "PixelSpacing"), 2),
        transfer_syntax_uid=RLELossless,
        manufacturer_model_name=label(series.author.model),
        software_versions=series.author.version,
        device_serial_number=series.author.digest,
        series_description=label(f"mmdx {series.author.model}: where it looked"),
        specific_character_set=UTF_8,
    )
    capture.update(series.identity)
    capture.PatientOrientation = _orientation(header, frame)
    capture.SpecificCharacterSet = UTF_8
    side = str(header.get("Laterality") or "")
    capture.Laterality = side if side in ("L", "R") else ""
    if (burned := str(header.get("BurnedInAnnotation") or "")) in ("YES", "NO"):
        capture.BurnedInAnnotation = burned
    capture.DerivationDescription = f"{WHAT} {USE}"
    capture.SourceImageSequence = [_source(instance, frame)]
    return capture


def _orientation(header: pydicom.Dataset, frame: int) -> list[str]:
    """The sides of the patient to which rows and columns run; empty where nobody knows."""
    plane = orientation_of(header, frame)
    stated = header.get("PatientOrientation")
    if plane is None and isinstance(stated, MultiValue) and len(stated) == 2:
        return [str(side) for side in stated]
    return list(axes_of([plane]))


def _source(instance: Instance, frame: int) -> pydicom.Dataset:
    """The image of which each pixel lies where it lay."""
    source = pydicom.Dataset()
    source.ReferencedSOPClassUID = instance.uid("SOPClassUID")
    source.ReferencedSOPInstanceUID = instance.uid("SOPInstanceUID")
    if (numbers := instance.numbers([frame])) is not None:
        source.ReferencedFrameNumber = numbers
    source.PurposeOfReferenceCodeSequence = [CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)]
    source.SpatialLocationsPreserved = "YES"
    return source
