"""A written comparison with what only runs and their stores know: pictures of studies, and the checklists.

Pictured are the studies on which models disagree, one slice each, as the store of a run holds it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from mmdx.data.images.windows import BRAIN, Window, looked_at
from mmdx.data.store.store import Store, is_store
from mmdx.engine.reporting.checklists.table import write_reporting
from mmdx.errors import DataError
from mmdx.files import EVALUATION, SLICE, SLICES, RunLayout
from mmdx.kinds import KINDS
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.evidence import Evidence
from mmdx.stats.report.section import Picture
from mmdx.stats.report.words import number
from mmdx.stats.sections.disagreements import KEY, Apart
from mmdx.strangers.bounded import MOST_OF_CONFIG, read_json, read_text
from mmdx.yaml_text import parse_yaml

SMALLEST, LARGEST = 192, 512
"""Pixels of the longer side of a picture: smaller images are enlarged by a whole factor, larger ones reduced."""


@dataclass(frozen=True)
class Shown:
    """A store whose studies are shown: `modalities` are its images, those that the run reads first, and `windows` the
    centre and width in which CT is shown, by modality."""

    store: Store
    modalities: tuple[str, ...]
    windows: Mapping[str, Window]


def save_comparison(evidence: Evidence, folder: Path, *, overwrite: bool = False) -> None:
    """Writes a comparison into a folder, with pictures of studies where a run's store is at hand, and with
    `reporting.md` where its reference is a run: the checklists there are filled from that run and this comparison.

    Raises as `Evidence.save` does.
    """
    with_pictures(evidence).save(folder, overwrite=overwrite)
    if evidence.reference is not None and _is_run(RunLayout(evidence.reference)):
        write_reporting(evidence.reference, folder)


def _is_run(run: RunLayout) -> bool:
    """Whether a folder is a run, or an evaluation of one on a second cohort."""
    return run.config.is_file() or "trained" in _json(run.predictions / EVALUATION)


def with_pictures(evidence: Evidence) -> Evidence:
    """`evidence` with a picture of each study of `evidence.apart`, below the tables on disagreements.

    Images are those of the store that one of the compared runs records. A comparison of prediction files alone stays as
    it is; where runs are compared but no store lies where it lay, a note says so.
    """
    if not evidence.apart or not evidence.runs:
        return evidence
    shown, missing = shown_store(evidence.runs)
    notes: tuple[str, ...] = ()
    pictures: list[Picture] = []
    if shown is None:
        notes = (f"No pictures of these studies: {missing}.",)
    else:
        slices = Slices()
        places = {study: row for row, study in enumerate(shown.store.study_ids)}
        asked = [apart for apart in evidence.apart if apart.name in places]
        made = ((apart, _picture(shown, places[apart.name], apart, slices)) for apart in asked)
        pictures = [
            Picture(f"disagreement_{place:02d}", *found, study=apart.name, finding=apart.finding)
            for place, (apart, found) in enumerate(((one, found) for one, found in made if found is not None), start=1)
        ]
    sections = tuple(
        replace(section, pictures=tuple(pictures), notes=(*section.notes, *notes)) if section.key == KEY else section
        for section in evidence.sections
    )
    return replace(evidence, sections=sections)


def shown_store(runs: Sequence[Path]) -> tuple[Shown | None, str]:
    """The store of the first run whose store lies where the run recorded it and holds images, or why there is none."""
    why = "no run says which store it stands on"
    for folder in runs:
        run = RunLayout(folder)
        described = _json(run.environment).get("store") or {}
        place = Path(str(described.get("folder") or "-"))
        if not is_store(place):
            why = f"the store of {folder.name} does not lie where it lay" if described else why
            continue
        try:
            store = Store(place)
            if store.fingerprint != described.get("fingerprint"):
                why = f"the store of {folder.name} was prepared anew since"
                continue
        except DataError:
            why = f"the store of {folder.name} cannot be read"
            continue
        read = _inputs(run)
        images = [name for name, facts in store.stored.items() if KINDS[facts.kind].pictured]
        if images:
            images.sort(key=lambda name: name not in read)
            return Shown(store, tuple(images), {name: _window(read.get(name)) for name in images}), ""
        why = f"the store of {folder.name} holds no images"
    return None, why


def _picture(shown: Shown, row: int, apart: Apart, slices: Slices) -> tuple[str, bytes] | None:
    """One slice of a study, in words and as a PNG; None where it has no image."""
    places = [(name, *source) for name, source in zip(apart.arms, apart.sources, strict=True)]
    found = slice_picture(shown, row, slices.likeliest(apart.name, apart.finding, places))
    if found is None:
        return None
    where, png = found
    label = "present" if apart.label else "absent"
    scores = f"{apart.arms[0]} {number(apart.scores[0])}, {apart.arms[1]} {number(apart.scores[1])}"
    return f"{apart.finding}, {label}: {scores}. Study {apart.name}: {where}.", png


def slice_picture(shown: Shown, row: int, asked: tuple[int, str] | None) -> tuple[str, bytes] | None:
    """The slice of a study that was asked for, with why, else the middle one: which it is, and a PNG; None where the
    study has no image."""
    modality = next((name for name in shown.modalities if shown.store.lengths(name)[row]), None)
    if modality is None:
        return None
    pixels, name = shown.store.read(row).pixels(modality), shown.store.study_ids[row]
    index, chosen = asked or (len(pixels) // 2, "the middle one")
    if index >= len(pixels):
        raise DataError(f"{name}: slice {index} was scored, and the store holds {len(pixels)}; evaluate it again")
    where = f"{modality}, slice {index + 1} of {len(pixels)}, {chosen}" if len(pixels) > 1 else modality
    return where, _png(looked_at(pixels[index], shown.windows[modality]))


class Slices:
    """On which slice a model stands, by the scores of slices beside those of studies. Files are read once."""

    def __init__(self) -> None:
        self._read: dict[Path, Any] = {}

    def likeliest(self, study: str, finding: str, places: Sequence[tuple[str, str, str]]) -> tuple[int, str] | None:
        """The 0-based place of the slice of a study with the highest score of a finding, and whose it is in words; None
        where nobody says anything of slices. `places` name models, the files of their scores and what was shown: the
        first that knows is asked."""
        for name, source, shown in places:
            path = Path(source).with_name(f"{Path(source).stem}{SLICES}.csv")
            if path not in self._read:
                self._read[path] = read_predictions(path) if path.is_file() else None
            frame = self._read[path]
            if frame is None:
                continue
            rows = frame.loc[(frame["study_id"] == study) & (frame["finding"] == finding) & (frame["shown"] == shown)]
            if len(rows):
                return int(rows.loc[rows["score"].idxmax(), SLICE]), f"the likeliest to {name}"
        return None


def _png(pixels: UInt8[np.ndarray, "h w *k"]) -> bytes:
    """A PNG without any metadata."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    longest = max(image.size)
    if longest < SMALLEST:
        factor = -(-SMALLEST // longest)
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    elif longest > LARGEST:
        image.thumbnail((LARGEST, LARGEST))
    out = io.BytesIO()
    image.save(out, format="png", optimize=True)
    return out.getvalue()


def _inputs(run: RunLayout) -> Mapping[str, Any]:
    """The inputs that the config of a run names, as plain values; of a stack its modalities in its place."""
    if not run.config.is_file():
        return {}
    raw = parse_yaml(read_text(run.config, most=MOST_OF_CONFIG), str(run.config))
    config: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    inputs = (config.get("model") or {}).get("inputs") or {}
    stacks = (config.get("data") or {}).get("stacks") or {}
    return {part: section for name, section in inputs.items() for part in stacks.get(name, (name,))}


def _window(section: Any) -> Window:
    """The first window of an input's view, `BRAIN` where it has none."""
    try:
        centre, width = section["view"]["windows"][0]
        return float(centre), float(width)
    except (KeyError, TypeError, ValueError, IndexError):
        return BRAIN


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = read_json(path)  # read before, for where the runs come from
    return content if isinstance(content, dict) else {}
