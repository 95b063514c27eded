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
from matplotlib.figure import Figure

from mmdx.engine.inference.answers import Answers, Refused
from mmdx.engine.inference.overlay import Overlay, draw_overlay, overlay_figure
from mmdx.engine.inference.prediction import TEMPLATES
from mmdx.errors import MmdxError, UsageError, did_you_mean
from mmdx.files import SLICE, write_json
from mmdx.templates import environment


@dataclass(frozen=True)
class ExplainedSlice:
    """One slice and one finding: the slice's 0-based `number` among all images, the probability of the finding in it,
    its grey picture from 0 to 1, and its Grad-CAM `heat` as a share of the largest over all slices of the study."""

    number: int
    probability: float
    grey: Float[np.ndarray, "h w"]
    heat: Float[np.ndarray, "h w"]


@dataclass(frozen=True)
class Explanation:
    """One study under a model: on what its answers stand.

    `findings` holds the likeliest slices of each finding, the likeliest first, all of the image input `modality`.
    `slice_weights` says how much each slice counted (number, share), None where the sequence model does not weigh
    them; `word_weights` the same of each word (word, share), by text input. `number` is the 1-based place of the study
    in its source; it names the folder of its pictures, since an identifier must not stand in a file's name.
    """

    study_id: str
    modality: str
    findings: Mapping[str, tuple[ExplainedSlice, ...]]
    slice_weights: tuple[tuple[int, float], ...] | None
    word_weights: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    number: int = 1

    @property
    def folder(self) -> str:
        """The name of the folder with the pictures of this study."""
        return f"study-{self.number:03d}"

    def to_json(self) -> dict[str, Any]:
        """The entry of the study in `explain.json`; the pictures are named, and lie in `folder`."""
        content: dict[str, Any] = {"study_id": self.study_id, "modality": self.modality, "findings": {}}
        for finding, slices in self.findings.items():
            entries = [
                {
                    "slice": image.number,
                    "probability": image.probability,
                    "picture": _picture_name(finding, image.number),
                }
                for image in slices
            ]
            content["findings"][finding] = {"slices": entries}
        content["slice_weights"] = None if self.slice_weights is None else _entries(self.slice_weights)
        if self.word_weights:
            content["word_weights"] = {name: _entries(words) for name, words in self.word_weights.items()}
        return content | {"folder": self.folder}

    def frame(self) -> pd.DataFrame:
        """One row per finding and slice that is drawn: `study_id, finding, slice, probability`."""
        rows = [
            (self.study_id, finding, image.number, image.probability)
            for finding, slices in self.findings.items()
            for image in slices
        ]
        return pd.DataFrame(rows, columns=["study_id", "finding", SLICE, "probability"])

    def figure(self, finding: str, number: int | None = None) -> Figure:
        """The picture of the slice `number`, by default of the likeliest one: alone, and under its heat.

        Raises `UsageError` for a finding or a slice that is not explained.
        """
        if finding not in self.findings:
            raise UsageError(f"finding '{finding}': is not explained; {did_you_mean(finding, self.findings)}")
        slices = [image for image in self.findings[finding] if number in (None, image.number)]
        if not slices:
            numbers = ", ".join(str(image.number) for image in self.findings[finding])
            raise UsageError(f"slice {number}: is not explained for '{finding}'; those that are: {numbers}")
        return overlay_figure(self._overlay(finding, slices[0]))

    def draw(self, folder: Path) -> None:
        """Writes one PNG per finding and slice into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for finding, slices in self.findings.items():
            for image in slices:
                draw_overlay(self._overlay(finding, image), folder / _picture_name(finding, image.number))

    def save(self, folder: str | Path) -> None:
        """Writes `explain.json` and the pictures. Raises `MmdxError` where they cannot be written."""
        save_explanations([self], Path(folder))

    def _overlay(self, finding: str, image: ExplainedSlice) -> Overlay:
        return Overlay(image.grey, image.heat, finding, image.probability, f"{self.modality}, slice {image.number}")

    def _repr_html_(self) -> str:
        """What a notebook shows: the likeliest slices of each finding, and the picture of the first of them."""
        pictures = {}
        for finding, slices in self.findings.items():
            if slices:
                content = io.BytesIO()
                self.figure(finding).savefig(content, format="png")
                pictures[finding] = base64.b64encode(content.getvalue()).decode("ascii")
        return environment(TEMPLATES).get_template("explanation.html.j2").render(explanation=self, pictures=pictures)


class Explanations(Answers[Explanation]):
    """The explanations for the studies of one source, a sequence of `Explanation`."""

    def save(self, folder: str | Path) -> None:
        save_explanations(self, Path(folder))


def save_explanations(explanations: Iterable[Explanation], folder: Path) -> None:
    """Writes the pictures of each study into a folder of its own, and `explain.json` with one entry per study.

    Raises `MmdxError` where `folder` cannot be written to.
    """
    for _ in saving(explanations, folder):
        pass


def saving(answers: Iterable[Explanation | Refused], folder: Path) -> Iterator[Explanation | Refused]:
    """Passes each answer on once its pictures lie in `folder`; writes `explain.json` after the last.

    Raises `MmdxError` where `folder` cannot be written to.
    """
    entries = []
    try:
        for answer in answers:
            if isinstance(answer, Explanation):
                answer.draw(folder / answer.folder)
                entries.append(answer.to_json())
            yield answer
        write_json(folder / "explain.json", entries)
    except OSError as error:
        raise MmdxError(f"{folder}: cannot be written ({error.strerror})") from None


def _entries(weights: Iterable[tuple[int | str, float]]) -> list[dict[str, Any]]:
    return [{"item": item, "weight": weight} for item, weight in weights]


def _picture_name(finding: str, number: int) -> str:
    """A name that any file system takes."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', finding)[:80]}-slice{number:03d}.png"
