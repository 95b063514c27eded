"""The reports of all studies of a source, each written as soon as it is answered, while its files are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.handover.author import author_of
from mmdx.engine.inference.handover.sources import sources_of
from mmdx.engine.inference.prediction import Prediction
from mmdx.engine.inference.source import folder_of, make_folder
from mmdx.engine.inference.standing import with_thresholds
from mmdx.errors import DataError, UsageError, some
from mmdx.study import Study


class Handover:
    """Writes `study-001.dcm` … into `folder`, by the place of each study in its source. `without` has a line for each
    study that is answered and has no report.

    Raises `UsageError` where the folder cannot be made, or holds such files from before: they may be of other patients.
    """

    def __init__(self, saved: SavedModel, run: Path, folder: Path, *, modality: str | None = None) -> None:
        make_folder(folder)
        if old := sorted(path.name for path in folder.glob("study-*.dcm")):
            raise UsageError(
                f"{folder}: holds reports of before, maybe of other patients ({some(old)}); remove them, or choose "
                "another folder"
            )
        self.without: list[str] = []
        self._saved, self._folder, self._modality = saved, folder, modality
        self._author, self._told = author_of(saved, run), with_thresholds(run)

    def __call__(self, number: int, study: Study | ArrayStudy, prediction: Prediction) -> Prediction:
        """The prediction with the thresholds of its run, and the name of its report, where it has one."""
        from mmdx.engine.inference.handover.document import write_report  # imported here: highdicom takes long

        name, prediction = f"{folder_of(number)}.dcm", self._told(prediction)
        try:
            sources = sources_of(self._saved, study, self._modality)
            write_report(prediction, sources, self._author, self._folder / name)
        except DataError as error:
            self.without.append(f"no SR: {study.study_id}: {error}")
            return prediction
        return replace(prediction, sr=name)
