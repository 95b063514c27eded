"""Do explanations point to what the model uses: checked on studies that have a finding, against chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.forest import ForestLine, forest_plot
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, number, p_cell, with_interval, with_test
from mmdx.stats.resampling.intervals import FEWEST_PATIENTS
from mmdx.stats.resampling.weights import weighted_mean
from mmdx.stats.sections.explanations.files import explanations_path, read_explanations
from mmdx.stats.significance.difference import Difference

BETTER = {"deletion": -1, "insertion": 1, "removal": -1, "hit": 1, "randomised": -1}
"""Whether more or less than chance is what an explanation should give."""
TITLES = {
    "deletion": "probability as its pixels are blurred",
    "insertion": "probability as its pixels come back",
    "removal": "probability without its items",
    "hit": "its maximum in a known lesion",
    "randomised": "likeness under chance weights",
}


@dataclass(frozen=True)
class Checked:
    """One measure of one method over `studies` studies of `patients` patients; `gain` is how much better than chance it
    is, above 0 where the explanation points to what the model uses."""

    method: str
    measure: str
    studies: int
    patients: int
    value: Drawn
    chance: Drawn
    gain: Difference


def explanations_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The first model beside whose predictions checked explanations lie, as `mmdx explanations` leaves them; None where
    none does, or of no finding that the comparison leads with.

    Raises `DataError` where the file is broken.
    """
    paths = [explanations_path(Path(cohort.arms[arm].source)) for arm in cohort.models]
    path = next((path for path in paths if path.is_file()), None)
    if cohort.unit != "study" or path is None:
        return None
    table = read_explanations(path)
    names = [cohort.findings[column] for column in leading(cohort)]
    table = table.loc[table["finding"].isin(names) & table["study_id"].isin(cohort.names)]
    if not len(table):
        return None
    groups = table.groupby(["method", "measure"], sort=False)
    checked = [_checked(cohort, resampler, *key, rows) for key, rows in groups]  # pyright: ignore[reportArgumentType]
    return Section(
        "explanations",
        "Do explanations point to what the model uses?",
        tuple(_sentence(one) for one in checked),
        (_sheet(checked),),
        (_plot(checked),),
        (
            "Explanations of the findings that studies have. Deletion and insertion: the mean probability of the "
            "finding as a rising share of the hottest pixels is blurred, or comes back into blurred images; chance is "
            "the same heat moved elsewhere. Removal: without the tenth of the slices or words that count most, against "
            "as many others. A hit is the maximum of the heat, or the slice that counts most, within a known lesion; "
            "chance is the share of pixels or slices that are. Under chance weights the heat should look different: "
            "likeness is the size of Spearman's correlation, against 1. The p-values are not corrected for their "
            "number.",
        ),
        [_record(one) for one in checked],
    )


def _checked(cohort: Cohort, resampler: Resampler, method: str, measure: str, rows: pd.DataFrame) -> Checked:
    """The mean over studies and findings, each row counting as often as its patient was drawn."""
    place = {name: row for row, name in enumerate(cohort.names)}
    of_rows = cohort.patients[[place[study] for study in rows["study_id"]]]
    patients = len(np.unique(of_rows))
    refused = None if patients >= FEWEST_PATIENTS else f"{counted(patients, 'patient')}, fewer than {FEWEST_PATIENTS}"
    weights = np.concatenate([np.ones((1, len(rows)), dtype=np.int32), resampler.drawn()[:, of_rows]])
    value, chance = (
        Drawn(float(means[0]), means[1:], refused)
        for means in (weighted_mean(rows[name].to_numpy(dtype=float), weights) for name in ("value", "chance"))
    )
    gain = value.minus(chance) if BETTER[measure] > 0 else chance.minus(value)
    return Checked(method, measure, rows["study_id"].nunique(), patients, value, chance, gain)


def _sentence(one: Checked) -> str:
    head = f"{one.method}, {TITLES[one.measure]}: {number(one.value.value)}, by chance {number(one.chance.value)}"
    if not one.gain.shown:
        return f"{head}; that it does better than chance, here by {with_test(one.gain)}, was not shown."
    better = one.gain.estimate.value > 0
    return f"{head}; it does {'better' if better else 'worse'} than chance by {with_test(one.gain)}."


def _sheet(checked: Sequence[Checked]) -> Sheet:
    rows = [
        (
            f"{one.method}: {one.measure}",
            str(one.studies),
            with_interval(one.value.estimate),
            number(one.chance.value),
            with_interval(one.gain.estimate),
            p_cell(one.gain.stated),
        )
        for one in checked
    ]
    header = ("explanation", "studies", "value", "chance", "better by", "p")
    return Sheet("Explanations against chance", header, tuple(rows))


def _plot(checked: Sequence[Checked]) -> Plot:
    lines: list[ForestLine] = []
    for method in dict.fromkeys(one.method for one in checked):
        lines.append(ForestLine(method))
        lines += [ForestLine(one.measure, one.gain.estimate, 0) for one in checked if one.method == method]
    caption = "How much better than chance, right of the dashed line. Bars: 95 % intervals over patients."
    return forest_plot("explanations", "Explanations against chance", caption, lines, zero=0.0, axis="better by")


def _record(one: Checked) -> dict[str, Any]:
    return {
        "method": one.method,
        "measure": one.measure,
        "studies": one.studies,
        "patients": one.patients,
        "value": one.value.estimate.to_json(),
        "chance": one.chance.estimate.to_json(),
        "gain": one.gain.estimate.to_json() | {"p": one.gain.p, "shown": one.gain.shown},
    }
