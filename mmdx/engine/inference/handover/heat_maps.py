"""The heat of all studies of a source leaves as DICOM: each drawn slice as an image of the study that it was drawn
from, written while the study's files are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.explanation import Explanation
from mmdx.engine.inference.handover.author import author_of
from mmdx.engine.inference.handover.sources import sources_of
from mmdx.errors import DataError, UsageError, some
from mmdx.study import Study


class HeatMaps:
    """Writes `study-001/heat-001.dcm` … into `folder`, beside the pictures, in the order of findings and slices.

    Raises `UsageError` where the folder holds such files from before: they may be of other patients.
    """

    def __init__(self, saved: SavedModel, run: Path, folder: Path, *, modality: str | None = None) -> None:
        if old := sorted(path.relative_to(folder).as_posix() for path in folder.glob("study-*/heat-*.dcm")):
            raise UsageError(
                f"{folder}: holds heat of before, maybe of other patients ({some(old)}); remove it, or choose another "
                "folder"
            )
        self._saved, self._folder, self._modality = saved, folder, modality
        self._author = author_of(saved, run)

    def __call__(self, study: Study, explanation: Explanation) -> Explanation:
        """The explanation with the names of its files, or with why there are none."""
        from mmdx.engine.inference.handover.captures import write_captures  # imported here: highdicom takes long

        try:
            sources = sources_of(self._saved, study, self._modality)
            paths = write_captures(explanation, sources, self._author, self._folder / explanation.folder)
        except DataError as error:
            return replace(explanation, no_captures=f"no heat as DICOM: {study.study_id}: {error}")
        return replace(explanation, captures=tuple(path.relative_to(self._folder).as_posix() for path in paths))
