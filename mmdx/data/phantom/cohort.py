"""Who has what: the patients of a cohort, their studies, the evidence in each, and its true log-odds.

Nothing is rendered here. Every draw has a generator of its own, seeded with (seed, patient, study, purpose): a study
does not depend on the cohort's size, on the number of workers or on the order of work, and a switch leaves the other
draws alone.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logit

from mmdx.data.phantom.prose import CUES, write_report
from mmdx.data.phantom.recipe import ANY, FINDINGS, IMAGES, MODALITIES, REPORT, Recipe

Purpose = Literal["person", "labels", "cues", "words", "scanner", "missing", "head", "noise"]
_PURPOSES: tuple[Purpose, ...] = ("person", "labels", "cues", "words", "scanner", "missing", "head", "noise")
SECOND_STUDY = 0.1
"""The share of patients with two studies."""
SHORTCUT = 0.9
"""With a shortcut, the chance that scanner B was used where there is a bleed, and scanner A where there is none."""


@dataclass(frozen=True)
class Exam:
    """One study of the cohort, drawn but not rendered.

    `origin` is the patient whose images these are: another one for a planted duplicate. `strengths[modality][finding]`
    are the latent lesion strengths z. `modalities` are those that the study has.
    """

    study_id: str
    patient_id: str
    patient: int
    number: int
    origin: int
    age: float
    sex: Literal["F", "M"]
    scanner: Literal["A", "B"]
    labels: Mapping[str, float]
    strengths: Mapping[str, Mapping[str, float]]
    cues: Mapping[str, bool]
    report: str
    modalities: tuple[str, ...]


def draws(recipe: Recipe, patient: int, number: int, purpose: Purpose, part: int = 0) -> np.random.Generator:
    """The generator of one purpose of one study; always five words, since shorter seeds are padded with zeros."""
    return np.random.default_rng([recipe.seed, patient, number, _PURPOSES.index(purpose), part])


def cohort(recipe: Recipe) -> list[Exam]:
    """All studies of all patients, by patient and number. Both are counted from 1."""
    return [exam for patient in range(1, recipe.patients + 1) for exam in _exams(recipe, patient)]


def _exams(recipe: Recipe, patient: int) -> list[Exam]:
    # Patients go in pairs, and the second of a pair is the first under a new name in `duplicates` of them.
    paired = patient % 2 == 0 and draws(recipe, patient, 0, "person", 1).random() < recipe.duplicates
    origin = patient - 1 if paired else patient
    person = draws(recipe, origin, 0, "person")
    age = round(float(np.clip(person.normal(62, 17), 18, 95)), 1)
    sex: Literal["F", "M"] = "F" if person.random() < 0.5 else "M"
    studies = 2 if person.random() < SECOND_STUDY else 1
    years = round(float(person.uniform(0.1, 2)), 1)
    return [_exam(recipe, patient, n, origin, round(age + years * (n - 1), 1), sex) for n in range(1, studies + 1)]


def _exam(recipe: Recipe, patient: int, number: int, origin: int, age: float, sex: Literal["F", "M"]) -> Exam:
    rng = draws(recipe, origin, number, "labels")
    y = (rng.random(len(FINDINGS)) < recipe.prevalence).astype(float)
    z = {name: rng.normal(recipe.separation(name) * y, 1.0) for name in IMAGES}
    if recipe.strength == "shared":
        kept, drawn = recipe.copied, z["image"] - recipe.separation("image") * y
        z["image"] = kept * z["enhanced"] + math.sqrt(1 - kept**2) * drawn
    labels: dict[str, float] = dict(zip((*FINDINGS, ANY), [*y.tolist(), float(y.max())], strict=True))
    rng = draws(recipe, patient, number, "cues")
    sensitivity = recipe.report_likelihood_ratio / (1 + recipe.report_likelihood_ratio)
    cues = {c.name: bool(rng.random() < (sensitivity if labels[c.finding] else 1 - sensitivity)) for c in CUES}
    report = write_report(
        draws(recipe, patient, number, "words"),
        age=math.floor(age),
        sex=sex,
        cues=cues,
        answer={k: labels[k] for k in FINDINGS} if recipe.leak else None,
    )
    chance = (SHORTCUT if labels[ANY] else 1 - SHORTCUT) if recipe.shortcut else 0.5
    return Exam(
        study_id=f"phantom-{patient:05d}-{number}",
        patient_id=f"phantom-{patient:05d}",
        patient=patient,
        number=number,
        origin=origin,
        age=age,
        sex=sex,
        scanner="B" if draws(recipe, origin, number, "scanner").random() < chance else "A",
        labels=labels,
        strengths={name: dict(zip(FINDINGS, z[name].tolist(), strict=True)) for name in IMAGES},
        cues=cues,
        report=report,
        modalities=_present(recipe, draws(recipe, patient, number, "missing")),
    )


def _present(recipe: Recipe, rng: np.random.Generator) -> tuple[str, ...]:
    """The modalities that a study has. One that would lose all of them keeps one that is not missing everywhere."""
    present = tuple(name for name in MODALITIES if rng.random() >= recipe.missing(name))
    possible = [name for name in MODALITIES if recipe.missing(name) < 1]
    return present or (possible[rng.integers(len(possible))],)


def log_odds(recipe: Recipe, exam: Exam) -> dict[str, float]:
    """The true log-odds of every finding given each set of the study's modalities: `image+report/epidural`.

    Names are joined in the order image, enhanced, report. What a report or a picture adds is independent given the
    finding, so that for one finding the log likelihood ratios add up; only a degraded copy adds nothing to the picture
    that it was made of. The findings are independent, too, so that `any` has p = 1 - prod(1 - p_k).
    """
    ratios = {name: _log_ratios(recipe, exam, name) for name in exam.modalities}
    odds: dict[str, float] = {}
    for size in range(1, len(ratios) + 1):
        for names in itertools.combinations(ratios, size):
            single = logit(recipe.prevalence) + sum(ratios[name] for name in _telling(recipe, names))
            # 1 + odds(a or b) = (1 + odds a) (1 + odds b): in logarithms nothing cancels and nothing overflows.
            either = functools.reduce(lambda a, b: np.logaddexp(np.logaddexp(a, b), a + b), single)
            values = [*single.tolist(), float(either)]
            odds |= {f"{'+'.join(names)}/{k}": v for k, v in zip((*FINDINGS, ANY), values, strict=True)}
    return odds


def _telling(recipe: Recipe, names: tuple[str, ...]) -> tuple[str, ...]:
    """The modalities of a set whose evidence is not told by another one of it."""
    copied = recipe.strength == "shared" and "enhanced" in names
    return tuple(name for name in names if not (copied and name == "image"))


def _log_ratios(recipe: Recipe, exam: Exam, modality: str) -> np.ndarray:
    """log P(evidence | y=1) - log P(evidence | y=0), one value per finding."""
    if modality == REPORT:
        unit = math.log(recipe.report_likelihood_ratio)
        return np.array([sum(unit if exam.cues[c.name] else -unit for c in CUES if c.finding == k) for k in FINDINGS])
    delta = recipe.separation(modality)
    return delta * np.array([exam.strengths[modality][k] for k in FINDINGS]) - delta**2 / 2
