"""The structured report of one study as a DICOM file: a Comprehensive SR beside the images that it was read from."""

from __future__ import annotations

from pathlib import Path

from highdicom import UID
from highdicom.sr import ComprehensiveSR
from pydicom import Dataset

from mmdx.data.quiet import quiet
from mmdx.engine.inference.handover.author import Author
from mmdx.engine.inference.handover.coding import label, schemes
from mmdx.engine.inference.handover.content import report_content
from mmdx.engine.inference.handover.identity import UTF_8, identity_of
from mmdx.engine.inference.handover.sources import UIDS, Sources
from mmdx.engine.inference.prediction import Prediction
from mmdx.errors import DataError, MmdxError
from mmdx.files import written

SERIES_NUMBER = 9900
"""Beyond the numbers of the series of a scanner, at the end of a viewer's list."""


def write_report(prediction: Prediction, sources: Sources, author: Author, path: Path) -> None:
    """Writes the report. Raises `DataError` where highdicom cannot refer to the images, and `MmdxError` where `path`
    cannot be written."""
    document = _document(prediction, sources, author)
    try:
        with quiet(), written(path) as partial:
            document.save_as(partial, enforce_file_format=True)
    except OSError as error:
        raise MmdxError(f"{path}: cannot be written ({error.strerror})") from None


def _document(prediction: Prediction, sources: Sources, author: Author) -> ComprehensiveSR:
    """A report that nobody has verified, in a series of its own."""
    identity, malformed = identity_of(sources.instances[0].header)
    problems = [f"malformed in the source and left empty here: {', '.join(malformed)}"] if malformed else []
    try:
        with quiet():
            return ComprehensiveSR(
                evidence=_evidence(sources, identity),
                content=report_content(prediction, sources, author, problems),
                series_instance_uid=UID(),
                series_number=SERIES_NUMBER,
                sop_instance_uid=UID(),
                instance_number=1,
                manufacturer="mmdx",
                manufacturer_model_name=label(author.model),
                software_versions=author.version,
                device_serial_number=author.digest,
                series_description=label(f"mmdx {author.model}"),
                is_complete=True,
                coding_schemes=schemes(),
                specific_character_set=UTF_8,
            )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        # The library's own words may quote an element of the patient.
        kinds = ", ".join(dict.fromkeys(instance.uid("SOPClassUID").name for instance in sources.instances))
        raise DataError(f"highdicom cannot refer to its images, of {kinds} ({type(error).__name__})") from None


def _evidence(sources: Sources, identity: Dataset) -> list[Dataset]:
    """Each file by its UIDs alone; the first also says whose study it is, and the report takes it from there."""
    evidence = []
    for instance in sources.instances:
        one = Dataset()
        one.update(identity if not evidence else {})
        for keyword in UIDS:
            setattr(one, keyword, instance.uid(keyword))
        evidence.append(one)
    return evidence
