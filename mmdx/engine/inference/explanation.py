"""On what the answer for one study stands, as a value: heat over its likeliest slices, weights of slices and words."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from PIL import Image

from mmdx.engine.inference.answers import Answers, Refused, Standing
from mmdx.engine.inference.explaining.overlay import Overlay, draw_overlay, overlay_picture
from mmdx.engine.inference.explaining.page import explain_page
from mmdx.engine.inference.explaining.source_slices import SlicePlace
from mmdx.engine.inference.prediction import TEMPLATES
from mmdx.engine.inference.source import folder_of
from mmdx.errors import MmdxError, UsageError, did_you_mean
from mmdx.files import SLICE, write_json, written
from mmdx.templates import environment


@dataclass(frozen=True)
class ExplainedSlice:
    """One slice and one finding: where the slice is found, the score of the finding in it, its source image from 0 to
    1 (grey or in colour), and over it the Grad-CAM `heat` as a share of the largest in all slices that are explained
    for the finding. `window` says how the image is shown."""

    place: SlicePlace
    score: float
    pixels: Float[np.ndarray, "h w *c"]
    heat: Float[np.ndarray, "h w"]
    window: str = ""


@dataclass(frozen=True)
class Explanation:
    """One study under a model: on what its answers stand.

    `findings` holds the slices on which the answer to each finding stands, the likeliest first, all of the image input
    `modality`. `slice_weights` says how much each slice counted (0-based place, share), None where the sequence model
    does not weigh them; `word_weights` the same of each word (word, share), by text input. `number` is the 1-based
    place of the study in its source; it names the folder of its pictures, since an identifier must not stand in a
    file's name. `standing` says what the scores are to be read against, `shown` which inputs the model saw
    (`image+report`). `captures` names the Secondary Captures that were made of the slices, in their order;
    `no_captures` is the line that says why there are none, where they were asked for.
    """

    study_id: str
    modality: str
    findings: Mapping[str, tuple[ExplainedSlice, ...]]
    slice_weights: tuple[tuple[int, float], ...] | None
    word_weights: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    number: int = 1
    standing: Standing = field(default_factory=lambda: Standing("slices"))
    shown: str = ""
    captures: tuple[str, ...] = ()
    no_captures: str = ""

    @property
    def folder(self) -> str:
        """The name of the folder with the pictures of this study."""
        return folder_of(self.number)

    def to_json(self) -> dict[str, Any]:
        """The entry of the study in `explain.json`; the pictures are named, and lie in `folder`."""
        content: dict[str, Any] = {"study_id": self.study_id, "modality": self.modality, "shown": self.shown}
        content |= {"scores_of": self.standing.rows} | self.standing.to_json() | {"findings": {}}
        for finding, slices in self.findings.items():
            entries = [
                image.place.to_json() | {"score": image.score, "picture": picture_name(finding, image.place.number)}
                for image in slices
            ]
            content["findings"][finding] = {"slices": entries}
        weights = self.slice_weights
        content["slice_weights"] = (
            None
            if weights is None
            else [{"number": index + 1, SLICE: index, "weight": weight} for index, weight in weights]
        )
        if self.word_weights:
            content["word_weights"] = {
                name: [{"item": word, "weight": weight} for word, weight in words]
                for name, words in self.word_weights.items()
            }
        return content | ({"captures": list(self.captures)} if self.captures else {}) | {"folder": self.folder}

    def frame(self) -> pd.DataFrame:
        """One row per finding and slice that is drawn: `study_id, finding, number, slice, score`, with the
        1-based number of the slice and, as in files of predictions, its 0-based place."""
        rows = [
            (self.study_id, finding, image.place.number, image.place.index, image.score)
            for finding, slices in self.findings.items()
            for image in slices
        ]
        return pd.DataFrame(rows, columns=["study_id", "finding", "number", SLICE, "score"])

    def picture(self, finding: str, number: int | None = None) -> Image.Image:
        """The picture of the slice of this 1-based `number`, by default of the likeliest one: alone, and under its
        heat.

        Raises `UsageError` for a finding or a slice that is not explained.
        """
        return overlay_picture(self.overlay(finding, number))

    def overlay(self, finding: str, number: int | None = None) -> Overlay:
        """What `picture` shows, and raises as it does."""
        if finding not in self.findings:
            raise UsageError(f"finding '{finding}': is not explained; {did_you_mean(finding, self.findings)}")
        slices = [image for image in self.findings[finding] if number in (None, image.place.number)]
        if not slices:
            numbers = ", ".join(str(image.place.number) for image in self.findings[finding])
            raise UsageError(f"slice {number}: is not explained for '{finding}'; those that are: {numbers}")
        return _overlay(self.modality, finding, slices[0], self.standing.called)

    def draw(self, folder: Path) -> None:
        """Writes one PNG per finding and slice into `folder`."""
        for finding, slices in self.findings.items():
            for image in slices:
                draw_slice(self.modality, finding, image, self.standing.called, folder)

    def save(self, folder: str | Path) -> None:
        """Writes the pictures, `explain.json` and `explain.html`. Raises `MmdxError` where they cannot be written."""
        save_explanations([self], Path(folder))

    def _repr_html_(self) -> str:
        """What a notebook shows: the likeliest slices of each finding, a picture of the likeliest, and the words."""
        pictures = {}
        for finding in self.findings:
            png = io.BytesIO()
            self.picture(finding).save(png, format="png")
            pictures[finding] = base64.b64encode(png.getvalue()).decode("ascii")
        template = environment(TEMPLATES).get_template("explanation.html.j2")
        return template.render(explanation=self, pictures=pictures)


class Explanations(Answers[Explanation]):
    """The explanations for the studies of one source, a sequence of `Explanation`."""

    def save(self, folder: str | Path) -> None:
        save_explanations(self, Path(folder))


def save_explanations(explanations: Iterable[Explanation], folder: Path) -> None:
    """Writes the pictures of each study into a folder of its own, and `explain.json` and `explain.html` of all.

    Raises `MmdxError` where `folder` cannot be written to.
    """

    def drawn() -> Iterator[Explanation]:
        for explanation in explanations:
            explanation.draw(folder / explanation.folder)
            yield explanation

    for _ in recorded(drawn(), folder):
        pass


def recorded(answers: Iterable[Explanation | Refused], folder: Path) -> Iterator[Explanation | Refused]:
    """Passes each answer on; `explain.json` and `explain.html` then hold all studies so far, whose pictures lie in
    `folder`.

    Raises `MmdxError` where `folder` cannot be written to.
    """
    entries: list[Mapping[str, Any]] = []
    try:
        for answer in answers:
            if isinstance(answer, Explanation):
                entries.append(answer.to_json())
                _record(entries, folder)
            yield answer
        if not entries:
            _record(entries, folder)
    except OSError as error:
        raise MmdxError(f"{folder}: cannot be written ({error.strerror})") from None


def draw_slice(modality: str, finding: str, image: ExplainedSlice, called: str, folder: Path) -> None:
    """Writes the picture of one slice under its heat for one finding into `folder`, which is made; `called` is what its
    score is called."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_overlay(_overlay(modality, finding, image, called), folder / picture_name(finding, image.place.number))


def picture_name(finding: str, number: int) -> str:
    """A name that any file system takes."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', finding)[:80]}-slice{number:03d}.png"


def _overlay(modality: str, finding: str, image: ExplainedSlice, called: str) -> Overlay:
    where, score = f"{modality}, {image.place.in_words()}", f"{called} {image.score:.2f}"
    return Overlay(image.pixels, image.heat, finding, score, where, image.window)


def _record(entries: list[Mapping[str, Any]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "explain.json", entries)
    with written(folder / "explain.html") as partial:
        partial.write_text(explain_page(entries), encoding="utf-8")
