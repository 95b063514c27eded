"""Are all inputs used? What other patients' inputs change, what inputs say together, and what other words change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from scipy.special import expit

from mmdx.errors import DataError, some
from mmdx.files import SWAPS
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading
from mmdx.stats.cohort.showings import fullest
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.forest import ForestLine, forest_plot
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import capitalised, counted, p_cell, with_interval
from mmdx.stats.sections.inputs.files import AGAIN, Swaps, read_swaps
from mmdx.stats.sections.inputs.measures import Moved, Uses, measure_uses
from mmdx.stats.sections.inputs.sentences import pairs_of, sentences, verdicts
from mmdx.stats.sections.inputs.swaps import Lender

KEY = "inputs"
ALIKE = 0.01
"""How far scores of one model may lie apart, for devices and batches round differently."""
LENT_BY: dict[Lender, str] = {
    "any": "any other",
    "same": "same label",
    "opposite": "other label",
}


def inputs_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Every model beside whose predictions a file of swaps lies, as `mmdx inputs` leaves it; None where none does.

    Raises `DataError` where such a file is broken, or of other studies or findings than the predictions.
    """
    if cohort.unit != "study":
        return None
    found = [(arm, path) for arm in fullest(cohort) if (path := swaps_path(Path(cohort.arms[arm].source))).is_file()]
    measured = []
    for arm, path in found:
        swaps = read_swaps(path)
        if "+".join(swaps.inputs) == cohort.arms[arm].shown:
            measured.append(measure_uses(cohort, arm, swaps, _rows(cohort, arm, swaps, path), resampler))
    if not measured:
        return None
    named = mean_name(cohort, leading(cohort), METRICS["auroc"])
    return Section(
        KEY,
        "Are all inputs used?",
        tuple(line for uses in measured for line in sentences(_called(cohort, uses, measured), named, uses)),
        tuple(sheet for uses in measured for sheet in _sheets(cohort, uses, measured, named)),
        (_plot(cohort, measured, named),),
        _notes(cohort, measured, resampler),
        [_record(cohort, uses) for uses in measured],
    )


def swaps_path(predictions: Path) -> Path:
    """Where the swaps of a file of predictions lie."""
    return predictions.with_name(f"{predictions.stem}{SWAPS}.safetensors")


def _rows(cohort: Cohort, arm: int, swaps: Swaps, path: Path) -> Int[np.ndarray, "n"]:
    """The rows of the studies of a file, whose scores with their own inputs must be those of the arm."""
    places = {name: row for row, name in enumerate(cohort.names)}
    missing = [study for study in swaps.studies if study not in places]
    if missing or set(cohort.findings) != set(swaps.findings):
        what = f"studies {some(missing)}" if missing else "other findings"
        raise DataError(f"{path}: is of {what} that the predictions beside it lack; {AGAIN}")
    rows = np.array([places[study] for study in swaps.studies], dtype=np.int64)
    columns = [cohort.findings.index(finding) for finding in swaps.findings]
    told = cohort.scored[arm][0].scores[rows][:, columns]
    if np.abs(expit(swaps.shown["+".join(swaps.inputs)]) - told).max(initial=0.0) > ALIKE:
        raise DataError(f"{path}: is of another model than the predictions beside it; {AGAIN}")
    return rows


def _called(cohort: Cohort, uses: Uses, measured: Sequence[Uses]) -> str:
    return cohort.arms[uses.arm].name if len(measured) > 1 else "the model"


def _sheets(cohort: Cohort, uses: Uses, measured: Sequence[Uses], named: str) -> list[Sheet]:
    of = f": {cohort.arms[uses.arm].name}" if len(measured) > 1 else ""
    named = capitalised(named)
    swaps = {f"{name}, {LENT_BY[lender]}": moved for (name, lender), moved in uses.swaps.items()}
    own = ("its own inputs", with_interval(uses.full.estimate), "", "")
    ranked, changed = _moved_sheets(f"Inputs of other patients{of}", named, swaps)
    sheets = [replace(ranked, rows=(own, *ranked.rows)), changed, _varied(uses, of), _beyond(uses, of, named)]
    shares = [(name, with_interval(value.estimate)) for name, value in uses.shares.items()]
    sheets.append(Sheet(f"Shapley shares of {named} above 0.5{of}", ("input", "share"), tuple(shares)))
    if uses.reworded:
        sheets += _moved_sheets(
            f"Texts in other words{of}", named, {n: moved for n, (_, moved) in uses.reworded.items()}
        )
    return sheets


def _moved_sheets(title: str, named: str, by_name: Mapping[str, Moved]) -> tuple[Sheet, Sheet]:
    """Two tables, each of which a terminal holds: how the model ranks, and what changes of its answers."""
    ranked = [
        (name, with_interval(m.auroc.estimate), with_interval(m.drop.estimate), p_cell(m.drop.stated))
        for name, m in by_name.items()
    ]
    changed = [
        (name, "–" if m.flips is None else with_interval(m.flips.estimate), with_interval(m.log_odds.estimate))
        for name, m in by_name.items()
    ]
    return (
        Sheet(title, ("shown", named, "own minus this", "p"), tuple(ranked)),
        Sheet(f"{title}: answers", ("shown", "decisions changed", "log-odds moved by"), tuple(changed)),
    )


def _varied(uses: Uses, of: str) -> Sheet:
    """The shares of the variance; of two inputs each is the rest of the other, and one line says all."""
    title, names = f"What the answer varies with (share of its variance){of}", list(uses.together)
    lines = {
        name: tuple(with_interval(part.estimate) for part in (pair.own, pair.rest, pair.both))
        for name, pair in uses.together.items()
    }
    if len(names) == 2:
        return Sheet(title, (names[0], names[1], "both together"), (lines[names[0]],))
    rows = [(name, *cells) for name, cells in lines.items()]
    return Sheet(title, ("input", "itself", "the other inputs", "both together"), tuple(rows))


def _beyond(uses: Uses, of: str, named: str) -> Sheet:
    pairs = pairs_of(uses)
    rows = [
        (
            f"{name} and the rest" if len(pairs) > 1 else "all inputs",
            with_interval(pair.gain.estimate),
            p_cell(pair.gain.stated),
            with_interval(pair.log_loss.estimate),
        )
        for name, pair in pairs.items()
    ]
    title = f"Beyond the sum of what each input says{of}"
    return Sheet(title, ("", f"{named}: model minus sum", "p", "log loss saved"), tuple(rows))


def _plot(cohort: Cohort, measured: Sequence[Uses], named: str) -> Plot:
    lines: list[ForestLine] = []
    for series, uses in enumerate(measured):
        lines.append(ForestLine(cohort.arms[uses.arm].name))
        lines.append(ForestLine("its own inputs", uses.full.estimate, series))
        for (name, lender), moved in uses.swaps.items():
            lines.append(ForestLine(f"{name}, {LENT_BY[lender]}", moved.auroc.estimate, series))
        for name, (_, moved) in uses.reworded.items():
            lines.append(ForestLine(name, moved.auroc.estimate, series))
    caption = "With its own inputs, with one input of another patient, and with texts in other words. Bars: 95 % "
    caption += "intervals over patients. At 0.5 the model ranks by chance."
    return forest_plot("inputs", "Inputs exchanged", caption, lines, zero=0.5, axis=named)


def _notes(cohort: Cohort, measured: Sequence[Uses], resampler: Resampler) -> tuple[str, ...]:
    notes = [
        "Each study is taken with the input of every other patient: any other, those with the same label, those with "
        "the other label; each counts the same, and a resample draws both. One checkpoint answers, and nothing was "
        "trained. A decision is at the threshold that validation chose.",
        "The sum is the additive projection of the log-odds (EMAP, Hessel and Lee 2020) over all pairs of these "
        "studies. Shapley shares are over all sets of inputs that can be shown; nothing shown counts as 0.5.",
        "The p-values of this section are not corrected for their number.",
    ]
    for uses in measured:
        swaps = uses.swaps_of
        if len(swaps.studies) < len(cohort.names):
            notes.append(
                f"{cohort.arms[uses.arm].name}: exchanged among {len(swaps.studies)} of "
                f"{counted(swaps.of, 'study')}, of those that have every input."
            )
        if uses.reworded:
            counts = [f"{name} {count}" for name, (count, _) in uses.reworded.items()]
            notes.append(f"Texts that became others, of {len(swaps.studies)}: {', '.join(counts)}.")
        if uses.resamples < resampler.resamples:
            notes.append(
                f"These intervals stand on {uses.resamples} resamples and not {resampler.resamples}, for time."
            )
        if len(cohort.scored[uses.arm]) > 1:
            notes.append(f"{cohort.arms[uses.arm].name}: of several trainings the first is asked.")
    return tuple(notes)


def _record(cohort: Cohort, uses: Uses) -> dict[str, Any]:
    def of(drawn: Drawn) -> dict[str, Any]:
        return drawn.estimate.to_json()

    def moved(change: Moved) -> dict[str, Any]:
        return {
            "auroc": of(change.auroc),
            "drop": change.drop.estimate.to_json() | {"p": change.drop.p},
            "flips": None if change.flips is None else of(change.flips),
            "log_odds": of(change.log_odds),
        }

    return {
        "arm": cohort.arms[uses.arm].name,
        "studies": len(uses.swaps_of.studies),
        "auroc": of(uses.full),
        "verdicts": verdicts(uses),
        "swaps": [{"input": n, "lender": kind} | moved(change) for (n, kind), change in uses.swaps.items()],
        "together": {
            name: {"rest": of(pair.rest), "own": of(pair.own), "both": of(pair.both), "additive": of(pair.additive)}
            | {"gain": pair.gain.estimate.to_json() | {"p": pair.gain.p}, "log_loss": pair.log_loss.estimate.to_json()}
            for name, pair in uses.together.items()
        },
        "shapley": {name: of(value) for name, value in uses.shares.items()},
        "texts": {name: {"changed": count} | moved(change) for name, (count, change) in uses.reworded.items()},
    }
