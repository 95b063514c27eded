"""What the page answers for the files that a user gave: each study with its report and without, its slices with heat,
and what leaves the house, all in memory, for the files are removed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mmdx.data.files import MOST_TEXT
from mmdx.data.images.windows import BRAIN
from mmdx.demo.order_words import order_in_words
from mmdx.demo.slices import Slices, boxes_on, hold
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.explain import Asked, explain_study
from mmdx.engine.inference.explaining.look import window_of
from mmdx.engine.inference.explaining.source_slices import SourceSlices
from mmdx.engine.inference.explanation import Explanation
from mmdx.engine.inference.handover.handover import Handover
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.inference.prediction import Prediction
from mmdx.engine.inference.raw import Pictures, image_inputs, images_of
from mmdx.engine.inference.source import answer_each
from mmdx.engine.inference.standing import with_thresholds
from mmdx.engine.inference.study import image_input, text_inputs
from mmdx.engine.processes import ready_cpu
from mmdx.engine.runs.folder import model_folder
from mmdx.errors import DataError, MmdxError, UsageError
from mmdx.kinds import KINDS
from mmdx.study import Study, kind_name

TOP = 5
"""Slices of each finding for which heat is made, the likeliest first."""
MOST_STUDIES = 8
"""Studies that one answer of the page holds."""


@dataclass(frozen=True)
class Opened:
    """The model that a page asks: of the run or model folder `run`."""

    saved: SavedModel
    run: Path

    @classmethod
    def of(cls, run: Path) -> Opened:
        """Raises `UsageError` and `DataError` where there is no model."""
        ready_cpu()
        return cls(load_model(model_folder(run)), run)

    @property
    def texts(self) -> list[str]:
        """The inputs that are texts."""
        return text_inputs(self.saved)

    @property
    def images(self) -> list[str]:
        """The inputs that are images."""
        return image_inputs(self.saved)


@dataclass(frozen=True)
class Handed:
    """The DICOM SR of a study as the content of a file, or why there is none."""

    content: bytes | None
    why_not: str = ""


@dataclass(frozen=True)
class StudyAnswer:
    """One study, the `number`-th of its source: what the model says `with_text` and `without_text`, None for what the
    study gives no answer to; its `slices` by image input, the words that counted, and sentences on the order of the
    slices and on what has no heat. `pictures` are PNGs of the likeliest slice of each finding, alone and under heat."""

    number: int
    with_text: Prediction | None
    without_text: Prediction | None
    slices: Mapping[str, Slices]
    orders: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    slice_weights: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    likeliest: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    unexplained: Sequence[str] = ()
    handed: Handed = field(default_factory=lambda: Handed(None))

    @property
    def main(self) -> Prediction:
        """The answer to all that was given."""
        main = self.with_text or self.without_text
        assert main is not None  # a study without any answer is refused
        return main

    @property
    def predictions(self) -> list[Prediction]:
        """Both answers, as far as there are two."""
        return [one for one in (self.with_text, self.without_text) if one is not None]


@dataclass(frozen=True)
class Answer:
    """What a model says of all studies that were given, and one line for each that was refused."""

    model: str
    studies: tuple[StudyAnswer, ...]
    refused: tuple[str, ...] = ()


def answer_files(
    opened: Opened, source: Path, *, reports: Mapping[str, str], modality: str | None, folder: Path
) -> Answer:
    """The answer for the studies in `source`, read as `mmdx predict` reads them. `reports` are texts by text input,
    empty ones left out; `modality` is the input that the images are for, where the model reads several. Reports of
    DICOM are made below `folder`, and removed.

    Raises `DataError` where no study is answered, with a line for each, and as `predict_source` does; `UsageError`
    where there are more than `MOST_STUDIES`.
    """
    texts = {name: text.strip() for name, text in reports.items() if text.strip()}
    for name, text in texts.items():
        if len(text.encode()) > MOST_TEXT:
            raise DataError(f"{name}: has more than {MOST_TEXT:,} bytes; give the report of one study")
    image_input(opened.saved, modality)
    with TemporaryDirectory(dir=folder) as out:
        asking = _Asking(opened, texts, modality, Path(out))
        results = list(answer_each(source, opened.saved, asking, alone=bool(texts)))
    studies = tuple(one for one in results if isinstance(one, StudyAnswer))
    refused = tuple(str(one) for one in results if isinstance(one, Refused))
    if not studies:
        raise DataError(refused or (f"{source.name}: holds no study",))
    return Answer(opened.run.resolve().name, studies, refused)


class _Asking:
    """Asks the model about one study after the other."""

    def __init__(self, opened: Opened, texts: Mapping[str, str], modality: str | None, out: Path) -> None:
        self._opened, self._saved, self._texts, self._modality = opened, opened.saved, texts, modality
        self._out, self._told = out, with_thresholds(opened.run)
        self._handover = Handover(opened.saved, opened.run, out / "sr", modality=modality)

    def __call__(self, number: int, study: Study) -> StudyAnswer:
        if number > MOST_STUDIES:
            raise UsageError(f"more than {MOST_STUDIES} studies; for as many as you like there is mmdx predict")
        pictures = Pictures(study)
        main = self._predict(study, self._texts, pictures)
        read_text = bool(set(self._opened.texts) - set(main.missing))
        bare = self._without_text(study, pictures) if read_text else None
        parts = [self._look(study, main, name, pictures) for name in self._opened.images if name in main.images]
        explained = {part.slices.name: part.explanation for part in parts if part.explanation is not None}
        return StudyAnswer(
            number=number,
            with_text=main if read_text else None,
            without_text=bare if read_text else main,
            slices={part.slices.name: part.slices for part in parts},
            orders={part.slices.name: part.order for part in parts},
            words=next((one.word_weights for one in explained.values()), {}),
            slice_weights={name: one.slice_weights for name, one in explained.items() if one.slice_weights},
            likeliest={name: _likeliest(one) for name, one in explained.items()},
            pictures=_pictures(next(iter(explained.values()))) if explained else {},
            unexplained=[part.why_not for part in parts if part.why_not],
            handed=self._handed(number, study, main),
        )

    def _predict(self, study: Study, texts: Mapping[str, str], pictures: Pictures) -> Prediction:
        return self._told(predict_study(self._saved, study, reports=texts, modality=self._modality, pictures=pictures))

    def _without_text(self, study: Study, pictures: Pictures) -> Prediction | None:
        """The answer to the same study without any text; None where nothing else is left that the model reads."""
        kept = {name: value for name, value in study.modalities.items() if not KINDS[kind_name(value)].worded}
        try:
            return self._predict(replace(study, modalities=kept), {}, pictures)
        except DataError:
            return None

    def _look(self, study: Study, main: Prediction, name: str, pictures: Pictures) -> _Looked:
        """The images of one input, with the heat that explains the answer to all that was given."""
        explanation, why_not = None, ""
        try:
            asked = Asked(self._modality or name, top=TOP)
            explanation = explain_study(self._saved, study, asked, reports=self._texts)
        except MmdxError as error:
            why_not = f"no heat over '{name}': {error}"
        reader = _decoding(self._saved, name)
        parts = images_of(reader, study, image_input(self._saved, self._modality))[name]
        images, decoded = next(iter(parts.values())), pictures.decoded(reader, name, parts)
        try:
            window = window_of(reader, name)
        except UsageError:  # an encoder without feature maps, for which the usual window does
            window = BRAIN
        source, count = SourceSlices(images, window, decoded.grey_range), len(decoded.letterboxes)
        boxes = boxes_on(main.boxes or (), decoded.letterboxes) if _boxed(self._saved) == name else []
        slices = hold(name, source, count, explanation=explanation, boxes=boxes)
        return _Looked(slices, order_in_words(images.order, count), explanation, why_not)

    def _handed(self, number: int, study: Study, main: Prediction) -> Handed:
        """The answer as a DICOM SR, read back from where it was written."""
        self._handover.without.clear()
        handed = self._handover(number, study, main)
        if handed.sr is None:
            return Handed(None, next(iter(self._handover.without), ""))
        path = self._out / "sr" / handed.sr
        content = path.read_bytes()
        path.unlink()
        return Handed(content)


@dataclass(frozen=True)
class _Looked:
    slices: Slices
    order: Sequence[str]
    explanation: Explanation | None
    why_not: str


def _decoding(saved: SavedModel, name: str) -> SavedModel:
    """The model that decodes the images of an input: the first member, or what describes them for it."""
    reader = saved.members[0]
    while not KINDS[reader.facts.inputs[name].kind].pictured and reader.first is not None:
        reader = reader.first.members[0]
    return reader


def _boxed(saved: SavedModel) -> str:
    """The input on whose images the boxes of a model lie; empty where it finds none."""
    from mmdx.engine.scoring.boxes import box_head

    head = box_head(saved.members[0].model)
    return "" if head is None else head[1].images


def _likeliest(explanation: Explanation) -> dict[str, list[tuple[int, float]]]:
    """By finding, the slices on which its answer stands, by their 0-based places, and the score there."""
    return {
        finding: [(one.place.index, one.score) for one in explained]
        for finding, explained in explanation.findings.items()
    }


def _pictures(explanation: Explanation) -> dict[str, bytes]:
    """A PNG of the likeliest slice of each finding, alone and under its heat."""
    pictures = {}
    for finding in explanation.findings:
        out = io.BytesIO()
        explanation.picture(finding).save(out, format="png", compress_level=1)
        pictures[finding] = out.getvalue()
    return pictures
