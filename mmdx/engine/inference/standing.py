"""What a score is to be read against: whether it is calibrated, the threshold of validation, the prevalence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Literal

from mmdx.batch import Batch, Output
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.answers import Refused, Standing
from mmdx.engine.inference.explanation import Explanation
from mmdx.engine.inference.prediction import Prediction
from mmdx.files import SLICES, RunLayout
from mmdx.models.domain import study_vectors
from mmdx.models.heads.base import FindingsHead
from mmdx.stats.cohort.choices import thresholds_for


def standing_of(answered: Sequence[tuple[SavedModel, Sequence[str]]], level: Literal["study", "slice"]) -> Standing:
    """What the scores of models that answer together, each with what it was shown, are to be read against; thresholds
    are their run's to choose."""
    calibrated = all(is_calibrated(saved, level, shown) for saved, shown in answered)
    prevalence = prevalence_of(answered[0][0], level)
    return Standing("studies" if level == "study" else "slices", calibrated, prevalence=prevalence)


def apart_of(answered: Sequence[tuple[SavedModel, Batch, Output]]) -> dict[str, float]:
    """How far the images of a study lie from those of training, by input, as a share of the limit: the mean over the
    models that know and that were shown some."""
    apart: dict[str, list[float]] = {}
    for saved, batch, output in answered:
        for name, reference in saved.domain.items():
            vectors = study_vectors(output.features[name])
            if vectors is not None and bool(batch.present(name)[0]):
                apart.setdefault(name, []).append(float(reference.distance(vectors)[0]) / reference.limit)
    return {name: fmean(shares) for name, shares in apart.items()}


def is_calibrated(saved: SavedModel, level: Literal["study", "slice"], shown: Sequence[str]) -> bool:
    """Whether the scores of a model for what it was `shown` are calibrated.

    A stack weighs the answers to each showing that it knows on studies which the network had not seen. A head by itself
    was calibrated with everything shown.
    """
    stack = saved.model.stack
    for name, head in saved.model.heads_of(level).items():
        if stack is not None and name == stack.head:
            known = any(set(weighting.shown) == set(shown) for weighting in stack.weightings)
        else:
            whole = set(shown) == set(saved.facts.inputs)
            known = whole and isinstance(head, FindingsHead) and head.calibration is not None
        if not known:
            return False
    return True


def prevalence_of(saved: SavedModel, level: Literal["study", "slice"]) -> dict[str, float]:
    """The share of positives among the training studies, or the images that a head answers for, by finding; those alone
    of which it is known."""
    place = "study"
    if level == "slice":
        place = next((head.modality or "" for head in saved.model.heads_of("slice").values()), "")
    shares = saved.facts.prevalence.get(place, ())
    return {name: share for name, share in zip(saved.facts.findings, shares, strict=False) if not math.isnan(share)}


def with_thresholds(run: Path) -> Callable[[Prediction], Prediction]:
    """What gives a prediction the thresholds that the validation rows of its run choose for what the study was shown.

    It stays as it is where `run` is a model folder, or has no such rows.
    """

    def told(answer: Prediction) -> Prediction:
        return replace(answer, thresholds=chosen(answer.standing.rows, answer.shown, answer.scored))

    chosen = _choices(run)
    return told


def explained_with_thresholds(answers: Iterable[Explanation | Refused], run: Path) -> Iterator[Explanation | Refused]:
    """The same of explanations, one after the other."""
    chosen = _choices(run)
    for answer in answers:
        if isinstance(answer, Explanation):
            known = chosen(answer.standing.rows, answer.shown, tuple(answer.findings))
            answer = replace(answer, standing=replace(answer.standing, thresholds=known))
        yield answer


def _choices(run: Path) -> Callable[[str, str, tuple[str, ...]], dict[str, float]]:
    """What chooses the threshold of each finding, by the rows that are scored (studies, slices) and what was shown."""

    @cache
    def chosen(rows: str, shown: str, findings: tuple[str, ...]) -> dict[str, float]:
        path = RunLayout(run).scores("val", *((SLICES,) if rows == "slices" else ()))
        return thresholds_for(path, shown, findings) if path.is_file() else {}

    return chosen
