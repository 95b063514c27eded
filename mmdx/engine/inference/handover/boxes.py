"""The boxes of an answer as groups of measurements: template TID 1410 of DICOM PS3.16, one group per box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from highdicom import UID
from highdicom.sr import (
    AlgorithmIdentification,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    PixelOriginInterpretationValues,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    TrackingIdentifier,
)
from jaxtyping import Float
from pydicom.sr.codedict import codes

from mmdx.data.order.geometry import frame_value, vector
from mmdx.engine.inference.handover.coding import finding, measure
from mmdx.engine.inference.handover.sources import Instance, Sources
from mmdx.engine.inference.prediction import Prediction
from mmdx.errors import one_line
from mmdx.files import CORNERS, SIDES_MM


def box_groups(
    prediction: Prediction, sources: Sources, algorithm: AlgorithmIdentification
) -> Iterator[PlanarROIMeasurementsAndQualitativeEvaluations]:
    """Each box on its own image; the boxes of one lesion are tracked as one, from image to image."""
    boxes = list(prediction.boxes or [])
    for number, lesion in enumerate(prediction.lesions, start=1):
        uid, name = UID(), f"{lesion['finding']}, lesion {number} of {len(prediction.lesions)}"
        for box in (boxes[place] for place in lesion["boxes"]):
            instance, frame = sources.places[sources.boxed][box["slice"]]
            yield PlanarROIMeasurementsAndQualitativeEvaluations(
                TrackingIdentifier(uid, one_line(name)),
                referenced_region=_region(box, instance, frame),
                finding_type=finding(box["finding"]),
                algorithm_id=algorithm,
                measurements=list(_measurements(box, instance, frame)),
            )


def _region(box: Mapping[str, Any], instance: Instance, frame: int) -> ImageRegion:
    """The rectangle of a box on the frame that it was found on, in pixels of the file."""
    # Only tiled images say whether pixels are those of a frame or of the whole.
    tiled = "TotalPixelMatrixColumns" in instance.header
    image = SourceImageForRegion(
        instance.uid("SOPClassUID"),
        instance.uid("SOPInstanceUID"),
        instance.numbers([frame]) or ([1] if tiled else None),
    )
    corners = rectangle(box, int(instance.header.Columns), int(instance.header.Rows))
    origin = PixelOriginInterpretationValues.FRAME if tiled else None
    return ImageRegion(GraphicTypeValues.POLYLINE, corners, image, pixel_origin_interpretation=origin)


def rectangle(box: Mapping[str, Any], columns: int, rows: int) -> Float[np.ndarray, "5 2"]:
    """A box as a closed line of (column, row), which begins and ends in its corner at the top left: (0, 0) is the outer
    corner of the first pixel for DICOM (PS3.3 C.18.6) as for mmdx."""
    x0, y0, x1, y1 = (float(box[corner]) for corner in CORNERS)
    line = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    return line.clip(0, [columns, rows])


def _measurements(box: Mapping[str, Any], instance: Instance, frame: int) -> Iterator[Measurement]:
    """The score of a box, and its sides in mm where the file says how large a pixel is in the patient."""
    yield Measurement(measure("box-score"), float(box["score"]), codes.UCUM.NoUnits)
    # What the detector of an x-ray measures, ImagerPixelSpacing, is no size in the patient.
    if vector(frame_value(instance.header, frame, "PixelSpacing"), 2) is None:
        return
    for code, side in zip(("box-width", "box-height"), SIDES_MM, strict=True):
        if side in box:
            yield Measurement(measure(code), float(box[side]), codes.UCUM.Millimeter)
