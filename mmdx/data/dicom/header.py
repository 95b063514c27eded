"""DICOM elements that mmdx reads, made sound: each is of its kind (number, text, sequence) or is not there.

Files hold elements that their VR, or nothing, can make sense of. pydicom parses an element when it is touched, so that
each touch may fail in its own way; here they are touched once.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.uid import UID

GOVERNING = (
    *("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "RedPaletteColorLookupTableDescriptor"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelValueTransformationSequence"),
)
"""What pixels mean hangs on these: a malformed one spoils the file."""
RUN_KEYWORDS = (
    *("EchoTime", "EffectiveEchoTime", "EchoNumbers", "TemporalPositionIdentifier", "TemporalPositionIndex"),
    *("DiffusionBValue", "InversionTime", "TriggerTime", "NominalCardiacTriggerDelayTime", "FrameReferenceTime"),
    *("StackID", "AcquisitionNumber", "FrameAcquisitionNumber", "ConvolutionKernel", "ImageType", "FrameType"),
)
"""What tells the runs of one series apart."""
FRAME_VECTORS = (
    *("EnergyWindowVector", "DetectorVector", "PhaseVector", "RotationVector", "RRIntervalVector", "TimeSlotVector"),
    *("TimeSliceVector", "AngularViewVector"),
)
"""What tells the runs of a multi-frame object of nuclear medicine apart: a number for each frame."""
OF_DETECTOR = ("DetectorInformationSequence", "SliceVector", "NumberOfSlices", "SpacingBetweenSlices")
"""What tells where its frames lie."""
EVIDENCE = (
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID", "PatientID", "AccessionNumber"),
    *("Modality", "SeriesNumber", "SeriesDescription", "InstanceNumber", "ImagePositionPatient"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio", "PatientOrientation"),
    *("ImageOrientationPatient", "VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth"),
    "PresentationLUTShape",
    *("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "FrameVOILUTSequence"),
    *("PatientAge", "PatientSex", "Manufacturer", "ManufacturerModelName", *RUN_KEYWORDS),
    *("FrameOfReferenceUID", "InStackPositionNumber", "DimensionIndexSequence", "DimensionIndexPointer"),
    *("DimensionIndexValues", *FRAME_VECTORS, *OF_DETECTOR),
)
"""A malformed one of these is no evidence, and absent."""
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("US", "SS", "UL", "IS", "AT", "US or SS"), (int,)),
    **dict.fromkeys(("DS", "FD", "FL"), (int, float)),
    **dict.fromkeys(("CS", "LO", "SH", "UI", "AS"), (str,)),
    "SQ": (pydicom.Sequence,),
}
_ELEMENTS = {
    int(tag_for_keyword(keyword) or 0): (keyword, _KINDS[dictionary_VR(keyword)], dictionary_VM(keyword) == "1")
    for keyword in (*GOVERNING, *EVIDENCE)
}
"""By tag: keyword, what a value may be, whether there may be one alone."""
OF_PIXELS = {
    int(tag_for_keyword(keyword) or 0)
    for keyword in (
        *GOVERNING,
        *("SOPClassUID", "Modality", "ImageType", "FrameType"),
        *("VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth", "FrameVOILUTSequence"),
        "PresentationLUTShape",
    )
}
"""What it takes to turn pixels into a picture."""


def make_sound(header: pydicom.Dataset, *, pixels_alone: bool = False) -> None:
    """Removes malformed and empty elements of those that mmdx reads, functional groups included.

    `pixels_alone` looks at what a picture takes, and leaves out whose it is and where it lies. Raises `ValueError`,
    naming the element, where a malformed one governs what the pixels mean.
    """
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is not None and not (isinstance(syntax, UID) and syntax.is_valid and _is_syntax(syntax)):
        raise ValueError(f"TransferSyntaxUID {str(syntax)!r}")
    _clean(header, OF_PIXELS if pixels_alone else _ELEMENTS.keys())


def _is_syntax(syntax: UID) -> bool:
    return syntax.is_private or syntax.is_transfer_syntax


def _clean(header: pydicom.Dataset, tags: Set[int]) -> None:
    for tag in sorted(header.keys() & tags):
        keyword, kinds, single = _ELEMENTS[tag]
        try:
            value = header[tag].value
            fault = "" if _is_sound(value, kinds, single) else f"{keyword}: {value}"
        except Exception as error:  # pydicom raises whatever broken bytes make it stumble over
            value, fault = None, f"{keyword}: {error}"
        if fault and keyword in GOVERNING:
            raise ValueError(fault)
        if fault or value is None or value == "":
            del header[tag]
        elif isinstance(value, pydicom.Sequence):
            for item in value:
                _clean(item, tags)


def _is_sound(value: Any, kinds: tuple[type, ...], single: bool) -> bool:
    several = isinstance(value, MultiValue | list) and not isinstance(value, pydicom.Sequence)
    if several and single:
        return False
    return all(isinstance(item, (*kinds, type(None))) or item == "" for item in (value if several else [value]))
