"""A received study is answered: the files that an answer leaves, as DICOM, in the folder of answers."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from mmdx.data.privacy.identifiers import blotted
from mmdx.data.privacy.pseudonyms import Pseudonyms
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.inference.handover.handover import Handover
from mmdx.engine.inference.predict import predict_source
from mmdx.engine.inference.prediction import Prediction
from mmdx.engine.inference.source import folder_of, make_folder
from mmdx.engine.processes import ready_cpu
from mmdx.engine.runs.folder import model_folder
from mmdx.errors import DataError
from mmdx.files import copy_file
from mmdx.nodes.inbox import Received
from mmdx.study import Study


@dataclass(frozen=True)
class Answered:
    """The files that an answer left, and a line for each part of the study that has none."""

    files: tuple[Path, ...]
    without: tuple[str, ...] = ()


class Answering:
    """Asks the model of `run` (a run or model folder) about one study after the other.

    The SRs of the studies lie in `out` as `study-001.dcm` and so on, from the first number that is free there. Those
    that are being made lie in `private`. `modality` is the input that images are for, where the model reads several.
    Raises `UsageError` and `DataError` where there is no model, or `out` cannot be written to.
    """

    def __init__(self, run: Path, out: Path, private: Path, *, modality: str | None = None) -> None:
        ready_cpu()
        self._saved = load_model(model_folder(run))
        make_folder(out)
        self._out, self._private, self._modality = out, private / "made", modality
        self._handover = Handover(self._saved, run, self._private, modality=modality)
        self._pseudonyms = Pseudonyms(os.urandom(32))

    def __call__(self, study: Received) -> Answered:
        """Raises `DataError` where there is no answer; what is said quotes no UID and no word of a file."""
        problems = [
            f"{count} of its image(s) were received and could not be read: {why}"
            for why, count in Counter(study.refused.values()).items()
        ]

        def finished(number: int, read: Study, prediction: Prediction) -> Prediction:
            told = replace(prediction, problems=(*prediction.problems, *problems))
            return self._handover(number, read, told)

        self._handover.without.clear()
        try:
            answers = predict_source(self._saved, study.folder, modality=self._modality, finished=finished)
            without = [self._told(line) for line in (*answers.refused, *self._handover.without)]
            made = [self._private / one.sr for one in answers if one.sr is not None]
            if not made:
                raise DataError(without or "holds no study that can be read")
            return Answered(tuple(self._given(path) for path in made), tuple(without))
        except DataError as error:
            raise DataError([self._told(line) for line in error.problems]) from None
        finally:
            for path in self._private.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _given(self, made: Path) -> Path:
        """The file under the next name in the folder of answers."""
        taken = [int(found[1]) for path in self._out.iterdir() if (found := re.match(r"study-(\d+)\b", path.name))]
        place = self._out / f"{folder_of(max(taken, default=0) + 1)}.dcm"
        copy_file(made, place)
        return place

    def _told(self, line: str) -> str:
        """Why something has no answer, as it may be said aloud: by names of inputs alone."""
        return blotted(self._pseudonyms.sentence(line, keep=tuple(self._saved.facts.inputs)))
