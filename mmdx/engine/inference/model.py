"""A trained model to ask from Python: predictions, explanations and features of files, studies or arrays."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Features, Output
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.arrays import Arrays, ArrayStudy, array_study
from mmdx.engine.inference.explain import TOP, Asked, check_names, explain_study
from mmdx.engine.inference.explanation import Explanation, Explanations
from mmdx.engine.inference.handover.handover import Handover
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.inference.prediction import Prediction, Predictions
from mmdx.engine.inference.raw import image_names
from mmdx.engine.inference.reports import named_texts
from mmdx.engine.inference.source import answer_each
from mmdx.engine.inference.study import device_of, image_input, read_by_members, text_inputs
from mmdx.engine.passing import passing
from mmdx.engine.processes import ready_cpu
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.sharing.fetch import Access, local_model
from mmdx.engine.sharing.push import Pushed, Terms, packed, push
from mmdx.errors import DataError, UsageError
from mmdx.models.heads.mean import mean_logits
from mmdx.schema import Config
from mmdx.study import Study

Source = str | Path | Study | Arrays
"""What a model is asked about: a folder, a file or a zip with one or more studies, a `Study`, or the arrays of one."""
Report = str | Mapping[str, str] | None
"""The report of one study, as text: of the only text input, or a mapping of input name to text."""
T = TypeVar("T")


@dataclass(frozen=True)
class StudyFeatures:
    """What the parts of a model say of one study.

    `pooled [e]` is the vector of each input that meets the others in the fusion: a learned stand-in where the study
    lacks the input, as `present` says. `items [s i]` are its slices, words or descriptors after the sequence model.
    `fused [d]` is the vector of the study. `logits` holds what each head says: `[f]` of a study head, `[n f]` of a
    slice head, and other heads say themselves.

    Of an ensemble the vectors of its members stand side by side, in their order, and logits are the means of what its
    members' heads of studies and slices say, calibrated; other heads have none.
    """

    study_id: str
    pooled: Mapping[str, Float[np.ndarray, "e"]]
    items: Mapping[str, Float[np.ndarray, "s i"]]
    fused: Float[np.ndarray, "d"]
    logits: Mapping[str, np.ndarray]
    present: Mapping[str, bool]


class Model:
    """A trained model in evaluation mode, on the CPU until `to` moves it.

    Each method takes a folder, a file or a zip with one or more studies; a `Study`; or the arrays of one study. Arrays
    are `[n h w]` or `[n h w 3]`, the images in order from the first: uint8 for plain images, int16 Hounsfield units for
    CT. One array is for the only image input; a mapping gives each input by its name, an array or a text, and of a
    stack each of its modalities.
    `report` is the text of a report, read in place of the study's own, and belongs to one study. `modality` is the
    input that the images are for, where the model reads several.

    Methods raise `UsageError` for names that the model does not know and for a report beside several studies.
    """

    def __init__(self, saved: SavedModel, run: Path | None = None) -> None:
        """`run` is the run or model folder that `saved` was loaded from."""
        self._saved, self._run = saved, run

    @classmethod
    def load(cls, run: str | Path) -> Model:
        """The model of a run folder or of a model folder. Raises `UsageError` and `DataError` where there is none."""
        ready_cpu()
        return cls(load_model(model_folder(Path(run))), Path(run))

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
    ) -> Model:
        """The model of a run folder, of a model folder, or of the Hub, where it is called `user/name`; a folder that
        exists is never looked for on the Hub.

        Arguments are those of huggingface_hub. Raises `UsageError` where there is none, or the Hub cannot be asked.
        """
        access = Access(token, cache_dir, local_files_only, force_download)
        return cls.load(local_model(pretrained_model_name_or_path, revision=revision, access=access))

    def save_pretrained(self, save_directory: str | Path, *, license: str | None = None) -> None:
        """Writes what `push_to_hub` would push into a folder, which is a model folder: no path of this machine and no
        identifier of a patient is in it. Raises `UsageError` where something lies there, or as `push_to_hub` does."""
        out = Path(save_directory)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"{out}: holds something already; choose another folder")
        # Searched before it is there: where it may not be given away, nothing is left.
        with packed(self._origin("save_pretrained"), out.name, Terms(license)) as parcel:
            shutil.copytree(parcel.folder, out, dirs_exist_ok=True)

    def push_to_hub(
        self, repo_id: str, *, private: bool = True, license: str | None = None, token: str | None = None
    ) -> Pushed:
        """Pushes the model to the Hub as `user/name`, where nobody else may read it unless `private` is False.

        Raises `UsageError` where it may not be written there or the Hub cannot be reached, and `DataError` where a file
        holds what tells of a patient (`docs/sharing.md`).
        """
        return push(self._origin("push_to_hub"), repo_id, Terms(license, public=not private), token=token)

    def _origin(self, wanted: str) -> Path:
        """Where it was loaded from."""
        if self._run is None:
            raise UsageError(f"{wanted}: this model was made in memory, and its files are shared; load it")
        return self._run

    @property
    def findings(self) -> tuple[str, ...]:
        return tuple(self._saved.facts.findings)

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs that the model reads, and the kind of each."""
        return {name: facts.kind for name, facts in self._saved.facts.inputs.items()}

    @property
    def config(self) -> Config:
        return self._saved.config

    def to(self, device: str | torch.device) -> Model:
        """Moves the model, with the first stage that it may have, and returns it."""
        self._saved.to(device)
        return self

    def predict(
        self, source: Source, *, report: Report = None, modality: str | None = None, sr: str | Path | None = None
    ) -> Predictions:
        """The prediction for each study, a sequence of `Prediction`.

        A study that cannot be answered is not in it: `refused` has one line for each. With a folder `sr` a DICOM SR of
        each study is written there, and the predictions have the thresholds that their run knows; `without_sr` has one
        line for each study that was not read from DICOM files, or whose headers make no report. Raises `DataError`
        with the lines of `refused` where no study at all was answered, and `UsageError` where the folder holds SRs of
        before.
        """
        reports = named_texts(self._saved, report)
        handover = self._handover(sr, modality)

        def answer(number: int, study: Study | ArrayStudy) -> Prediction:
            prediction = predict_study(self._saved, study, reports=reports, modality=modality)
            return prediction if handover is None else handover(number, study, prediction)

        answers, refused = self._answers(source, answer, reports, modality)
        predictions = Predictions(answers, refused, () if handover is None else handover.without)
        predictions.check()
        return predictions

    def _handover(self, sr: str | Path | None, modality: str | None) -> Handover | None:
        """What writes DICOM SRs into the folder `sr`, where one is asked for."""
        if sr is None:
            return None
        if self._run is None:
            raise UsageError("sr: this model was made in memory, and an SR names the weights that answer; load it")
        return Handover(self._saved, self._run, Path(sr), modality=modality)

    def explain(
        self,
        source: Source,
        *,
        report: Report = None,
        modality: str | None = None,
        findings: Sequence[str] = (),
        top: int = TOP,
    ) -> Explanations:
        """The explanation of each study, a sequence of `Explanation`: of `findings`, by default of all, by their `top`
        likeliest slices.

        A study that cannot be explained is not in it: `refused` has one line for each. Raises `DataError` with these
        lines where no study at all was explained.
        """
        asked = Asked(modality, findings, top)
        check_names(self._saved, asked)
        reports = named_texts(self._saved, report)

        def answer(number: int, study: Study | ArrayStudy) -> Explanation:
            return explain_study(self._saved, study, asked, reports=reports, number=number)

        explanations = Explanations(*self._answers(source, answer, reports, modality))
        explanations.check()
        return explanations

    def features(self, source: Source, *, report: Report = None, modality: str | None = None) -> list[StudyFeatures]:
        """What each branch, the fusion and the heads say of each study.

        Raises `DataError`, with one line per refused study, where any study is refused: a missing study would shift
        the rows of an analysis.
        """
        reports = named_texts(self._saved, report)

        def answer(_: int, study: Study | ArrayStudy) -> StudyFeatures:
            return self._features(study, reports, modality)

        features, refused = self._answers(source, answer, reports, modality)
        if refused:
            raise DataError(refused)
        return features

    def _answers(
        self,
        source: Source,
        answer: Callable[[int, Study | ArrayStudy], T],
        reports: Mapping[str, str],
        modality: str | None,
    ) -> tuple[list[T], list[str]]:
        """The answers for the studies of a source, and one line per refused study."""
        image_input(self._saved, modality)
        if isinstance(source, str | Path):
            results = list(answer_each(Path(source), self._saved, answer, alone=bool(reports)))
        else:
            results = [self._answer_one(source, answer)]
        answers = [result for result in results if not isinstance(result, Refused)]
        return answers, [str(result) for result in results if isinstance(result, Refused)]

    def _answer_one(self, source: Study | Arrays, answer: Callable[[int, Study | ArrayStudy], T]) -> T | Refused:
        study = source
        if not isinstance(study, Study):
            study = array_study(study, image_names(self._saved), text_inputs(self._saved))
        try:
            return answer(1, study)
        except DataError as error:
            return Refused(study.study_id, str(error).removeprefix(f"{study.study_id}: "))

    def _features(self, study: Study | ArrayStudy, reports: Mapping[str, str], modality: str | None) -> StudyFeatures:
        outputs: list[Output] = []
        present: dict[str, bool] = {}
        for member, read in read_by_members(self._saved, study, reports=reports, modality=modality):
            with passing("features", read.batch.study_ids), torch.inference_mode():
                outputs.append(member.model(read.batch.to(device_of(member))))
            present = {name: bool(read.batch.present(name)[0]) for name in member.facts.inputs}
        features = {name: [output.features[name] for output in outputs] for name in present}
        return StudyFeatures(
            study_id=study.study_id,
            pooled={name: _side_by_side([one.pooled[0] for one in parts]) for name, parts in features.items()},
            items={name: _items(parts) for name, parts in features.items()},
            fused=_side_by_side([output.fused[0] for output in outputs]),
            logits=_logits(self._saved, outputs),
            present=present,
        )

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name} ({kind})" for name, kind in self.inputs.items())
        return f"Model(inputs: {inputs}; findings: {', '.join(self.findings)}; {device_of(self._saved)})"


def _side_by_side(vectors: Sequence[Float[Tensor, "*s d"]]) -> Float[np.ndarray, "*s e"]:
    """The vectors of all members of an ensemble as one each."""
    return torch.cat([vector.float().cpu() for vector in vectors], dim=-1).numpy()


def _items(parts: Sequence[Features]) -> Float[np.ndarray, "s e"]:
    """The items of an input of the one study of a batch, as the members of an ensemble see them, side by side."""
    items = [part.items[0][part.mask[0]] for part in parts]
    if len({len(rows) for rows in items}) > 1:
        raise DataError("the members of the ensemble split a text each in another way; ask one for its features")
    return _side_by_side(items)


def _logits(saved: SavedModel, outputs: Sequence[Output]) -> dict[str, np.ndarray]:
    """What each head says: of one model as it is, of an ensemble the mean, where there is one."""
    logits: dict[str, Tensor] = {}
    for name, head in saved.model.answering.items():
        values = [output.logits[name] for output in outputs]
        if len(values) == 1:
            logits[name] = values[0]
        elif head.level in ("study", "slice"):
            logits[name] = mean_logits([member.model.answering[name] for member in saved.members], values)
    plain = {name: values.float().cpu().numpy() for name, values in logits.items()}
    return {name: row[0] if saved.model.answering[name].level == "study" else row for name, row in plain.items()}
