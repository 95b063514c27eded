"""All paired tests of the reference against every other arm, finding by finding: where they agree and where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.forest import ForestLine, forest_plot
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, listed, p_cell, with_interval
from mmdx.stats.sections.pairs.tests import NAIVE, PER_TEST, TESTS, PairTests, pair_tests
from mmdx.stats.significance.difference import ALPHA

RANKING = ("bootstrap", "delong", "permutation")
"""The tests that ask about the AUROC; McNemar's asks about the yeses and noes at one threshold."""


def pairs_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The tests; None where there is no second arm, or no finding has both classes."""
    if not cohort.models or len(cohort.arms) < 2:
        return None
    pairs = (len(cohort.arms) - 1) * len(cohort.findings)
    # The smallest p that resamples can give must pass Holm over all pairs.
    affordable = resampler.affordable(values=cohort.labels.size * len(cohort.arms)).resamples
    fewer = resampler.at_most(max(affordable, PER_TEST * pairs))
    found = pair_tests(cohort, fewer)
    if not found:
        return None
    reference = cohort.arms[cohort.models[0]].name
    return Section(
        "pairs",
        "Paired tests",
        tuple(_sentences(cohort, reference, found)),
        (_sheet(cohort, reference, found),),
        (_plot(cohort, reference, found),),
        tuple(_notes(cohort, found, fewer.resamples, resampler.resamples)),
        {"reference": reference, "tests": [_record(cohort, each) for each in found]},
    )


def _sentences(cohort: Cohort, reference: str, found: Sequence[PairTests]) -> list[str]:
    tested = [each for each in found if each.p]
    if not tested:
        return [f"No pair could be tested: {found[0].difference.estimate.refused}."]
    alike = [each for each in tested if len({each.shown(test) for test in RANKING if test in each.p}) == 1]
    said = []
    if len(alike) == len(tested):
        said.append(f"The tests of AUROC (bootstrap, clustered DeLong, permutation) agree on all {len(tested)} pairs.")
    for arm in dict.fromkeys(each.arm for each in tested):
        said += _of_arm(cohort.arms[arm].name, reference, [each for each in alike if each.arm == arm])
    said += [_disagreement(cohort, reference, each) for each in tested if each not in alike]
    said += _threshold(cohort, alike)
    return said + _naive(cohort, tested)


def _of_arm(name: str, reference: str, alike: Sequence[PairTests]) -> list[str]:
    """What the tests say with one voice of one arm."""
    better = [each.finding for each in alike if each.shown("bootstrap") and each.difference.estimate.value > 0]
    worse = [each.finding for each in alike if each.shown("bootstrap") and each.difference.estimate.value <= 0]
    neither = [each.finding for each in alike if not each.shown("bootstrap")]
    said = ((better, f"a better {reference}"), (worse, f"a worse {reference}"), (neither, "no difference"))
    parts = [f"{what} on {listed(findings)}" for findings, what in said if findings]
    return [f"Against {name} the tests of AUROC show {'; '.join(parts)} (p after Holm)."] if parts else []


def _disagreement(cohort: Cohort, reference: str, each: PairTests) -> str:
    told = listed([f"{TESTS[test]} {p_cell(each.corrected[test])}" for test in RANKING if test in each.p])
    return (
        f"On {each.finding}, {reference} against {cohort.arms[each.arm].name}, the tests of AUROC disagree (p after "
        f"Holm: {told}); take no difference as shown, for a claim should not hang on the choice of the test."
    )


def _threshold(cohort: Cohort, alike: Sequence[PairTests]) -> list[str]:
    odd = [each for each in alike if "mcnemar" in each.p and each.shown("mcnemar") != each.shown("bootstrap")]
    if not odd:
        return []
    named = listed([f"{each.finding} against {cohort.arms[each.arm].name}" for each in odd])
    return [
        f"McNemar's test, of the yeses and noes at the thresholds chosen on validation, answers otherwise on {named}: "
        "that is another question, and for the ranking the tests of AUROC hold."
    ]


def _naive(cohort: Cohort, tested: Sequence[PairTests]) -> list[str]:
    odd = [each for each in tested if NAIVE in each.p and each.shown(NAIVE) != each.shown("delong")]
    if not odd:
        return []
    named = listed([f"{each.finding} against {cohort.arms[each.arm].name}" for each in odd])
    return [
        f"Ordinary DeLong, which takes the rows of one patient for as many patients, would have answered otherwise on "
        f"{named}: trust the clustered one."
    ]


def _sheet(cohort: Cohort, reference: str, found: Sequence[PairTests]) -> Sheet:
    tests = [test for test in TESTS if any(test in each.p for each in found)]
    naive = [NAIVE] if any(NAIVE in each.p for each in found) else []
    titles = [TESTS[test] for test in tests] + ["ordinary DeLong (wrong here: rows are not independent)" for _ in naive]
    rows = [
        (
            f"{each.finding}: {cohort.arms[each.arm].name}",
            with_interval(each.difference.estimate),
            *(_cell(each, test) for test in (*tests, *naive)),
        )
        for each in found
    ]
    return Sheet(f"{reference} minus …, AUROC: p (after Holm)", ("finding: model", "difference", *titles), tuple(rows))


def _cell(each: PairTests, test: str) -> str:
    return f"{p_cell(each.p[test])} ({p_cell(each.corrected[test])})" if test in each.p else "–"


def _plot(cohort: Cohort, reference: str, found: Sequence[PairTests]) -> Plot:
    lines: list[ForestLine] = []
    for arm in dict.fromkeys(each.arm for each in found):
        lines.append(ForestLine(f"minus {cohort.arms[arm].name}"))
        lines += [ForestLine(each.finding, each.difference.estimate, arm) for each in found if each.arm == arm]
    caption = f"{reference} minus the other. Bars: 95 % intervals over patients, not corrected for their number."
    return forest_plot("pairs", "Differences by finding", caption, lines, zero=0.0, axis="difference in AUROC")


def _notes(cohort: Cohort, found: Sequence[PairTests], made: int, resamples: int) -> list[str]:
    said = [
        f"The p-values are corrected (Holm) over {counted(sum(bool(each.p) for each in found), 'pair')} of finding and "
        "model, each test by itself.",
    ]
    if any("mcnemar" in each.p for each in found):
        forms = listed(sorted({each.form for each in found if each.form}))
        said.append(
            f"McNemar's test ({forms}) compares right answers at the thresholds chosen on validation. It is about "
            "these answers, not about the models: thresholds that few validation patients chose lie apart by chance."
        )
    else:
        said.append("McNemar's test was not made: no thresholds were chosen on validation for both models.")
    if any(len(trainings) > 1 for trainings in cohort.scored):
        said.append("Of several trainings the first is tested.")
    refused = [f"{each.finding} ({each.difference.estimate.refused})" for each in found if not each.p]
    if refused:
        said.append(f"Not tested: {listed(list(dict.fromkeys(refused)))}.")
    if made < resamples:
        said.append(f"These intervals stand on {made} resamples and not {resamples}, for time.")
    if 2 * sum(bool(each.p) for each in found) / (made + 1) > ALPHA:
        said.append(f"With {made} resamples no bootstrap p can be small enough after Holm; ask for more.")
    return said


def _record(cohort: Cohort, each: PairTests) -> dict[str, Any]:
    return {
        "arm": cohort.arms[each.arm].name,
        "finding": each.finding,
        "difference": each.difference.estimate.to_json(),
        "p": each.p,
        "p_holm": each.corrected,
        "mcnemar_form": each.form,
    }
