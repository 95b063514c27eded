"""All paired tests of the reference against every other arm, finding by finding: where they agree, and where not."""

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

RANKING = {"bootstrap": "bootstrap", "delong": "clustered DeLong", "permutation": "permutation"}
"""The tests that ask about the AUROC; McNemar's asks about the yeses and noes at one threshold."""


def pairs_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The tests; None where there is no second arm, or no finding has both classes."""
    if not cohort.models or len(cohort.arms) < 2:
        return None
    pair_count = (len(cohort.arms) - 1) * len(cohort.findings)
    # The smallest p that resamples can give must pass Holm over all pairs.
    affordable = resampler.affordable(values=cohort.labels.size * len(cohort.arms)).resamples
    fewer = resampler.at_most(max(affordable, PER_TEST * pair_count))
    pairs = pair_tests(cohort, fewer)
    if not pairs:
        return None
    reference = cohort.arms[cohort.models[0]].name
    return Section(
        "pairs",
        "Paired tests",
        tuple(_sentences(cohort, reference, pairs)),
        (_sheet(cohort, reference, pairs),),
        (_plot(cohort, reference, pairs),),
        tuple(_notes(cohort, pairs, fewer.resamples, resampler.resamples)),
        {"reference": reference, "tests": [_record(cohort, pair) for pair in pairs]},
    )


def _sentences(cohort: Cohort, reference: str, pairs: Sequence[PairTests]) -> list[str]:
    tested = [pair for pair in pairs if pair.p]
    if not tested:
        return [f"No pair could be tested: {pairs[0].difference.estimate.refused}."]
    alike = [pair for pair in tested if len({pair.shown(test) for test in RANKING if test in pair.p}) == 1]
    sentences = []
    if len(alike) == len(tested):
        made = [name for test, name in RANKING.items() if any(test in pair.p for pair in tested)]
        sentences.append(f"The tests of AUROC ({', '.join(made)}) agree on all {len(tested)} pairs.")
    for arm in dict.fromkeys(pair.arm for pair in tested):
        sentences += _of_arm(cohort.arms[arm].name, reference, [pair for pair in alike if pair.arm == arm])
    sentences += [_disagreement(cohort, reference, pair) for pair in tested if pair not in alike]
    sentences += _threshold(cohort, alike)
    return sentences + _naive(cohort, tested)


def _of_arm(name: str, reference: str, alike: Sequence[PairTests]) -> list[str]:
    """What the tests say of one arm, on the findings where they agree."""
    better = [pair.finding for pair in alike if pair.shown("bootstrap") and pair.difference.estimate.value > 0]
    worse = [pair.finding for pair in alike if pair.shown("bootstrap") and pair.difference.estimate.value <= 0]
    neither = [pair.finding for pair in alike if not pair.shown("bootstrap")]
    shown = ((better, f"a better {reference}"), (worse, f"a worse {reference}"))
    parts = [f"{what} on {listed(findings)}" for findings, what in shown if findings]
    sentences = [f"Against {name} the tests of AUROC show {'; '.join(parts)} (p after Holm)."] if parts else []
    if neither:
        against = "No further difference was shown" if parts else f"Against {name} no difference was shown"
        sentences.append(f"{against} on {listed(neither)} (p after Holm), which does not prove the models equal.")
    return sentences


def _disagreement(cohort: Cohort, reference: str, pair: PairTests) -> str:
    p_values = listed([f"{TESTS[test]} {p_cell(pair.corrected[test])}" for test in RANKING if test in pair.p])
    return (
        f"On {pair.finding}, {reference} against {cohort.arms[pair.arm].name}, the tests of AUROC disagree (p after "
        f"Holm: {p_values}); take no difference as shown, for a claim should not hang on the choice of the test."
    )


def _threshold(cohort: Cohort, alike: Sequence[PairTests]) -> list[str]:
    odd = [pair for pair in alike if "mcnemar" in pair.p and pair.shown("mcnemar") != pair.shown("bootstrap")]
    if not odd:
        return []
    named = listed([f"{pair.finding} against {cohort.arms[pair.arm].name}" for pair in odd])
    return [
        f"McNemar's test, of the yeses and noes at the thresholds chosen on validation, answers otherwise on {named}: "
        "that is another question, and for the ranking the tests of AUROC hold."
    ]


def _naive(cohort: Cohort, tested: Sequence[PairTests]) -> list[str]:
    odd = [pair for pair in tested if NAIVE in pair.p and pair.shown(NAIVE) != pair.shown("delong")]
    if not odd:
        return []
    named = listed([f"{pair.finding} against {cohort.arms[pair.arm].name}" for pair in odd])
    return [
        f"Ordinary DeLong, which takes the rows of one patient for as many patients, would have answered otherwise on "
        f"{named}: trust the clustered one."
    ]


def _sheet(cohort: Cohort, reference: str, pairs: Sequence[PairTests]) -> Sheet:
    tests = [test for test in TESTS if any(test in pair.p for pair in pairs)]
    naive = [NAIVE] if any(NAIVE in pair.p for pair in pairs) else []
    titles = [TESTS[test] for test in tests] + ["ordinary DeLong (wrong here: rows are not independent)" for _ in naive]
    rows = [
        (
            f"{pair.finding}: {cohort.arms[pair.arm].name}",
            with_interval(pair.difference.estimate),
            *(_cell(pair, test) for test in (*tests, *naive)),
        )
        for pair in pairs
    ]
    return Sheet(f"{reference} minus …, AUROC: p (after Holm)", ("finding: model", "difference", *titles), tuple(rows))


def _cell(pair: PairTests, test: str) -> str:
    return f"{p_cell(pair.p[test])} ({p_cell(pair.corrected[test])})" if test in pair.p else "–"


def _plot(cohort: Cohort, reference: str, pairs: Sequence[PairTests]) -> Plot:
    lines: list[ForestLine] = []
    for arm in dict.fromkeys(pair.arm for pair in pairs):
        lines.append(ForestLine(f"minus {cohort.arms[arm].name}"))
        lines += [ForestLine(pair.finding, pair.difference.estimate, arm) for pair in pairs if pair.arm == arm]
    caption = f"{reference} minus the other. Bars: 95 % intervals over patients, not corrected for their number."
    return forest_plot("pairs", "Differences by finding", caption, lines, zero=0.0, axis="difference in AUROC")


def _notes(cohort: Cohort, pairs: Sequence[PairTests], used: int, resamples: int) -> list[str]:
    sentences = [
        f"The p-values are corrected (Holm) over {counted(sum(bool(pair.p) for pair in pairs), 'pair')} of finding and "
        "model, each test by itself.",
    ]
    if cohort.primary_finding is not None:
        sentences.append(
            f"{cohort.primary_finding} is the primary finding: its pairs are corrected among themselves, those of the "
            "other findings apart."
        )
    if any("mcnemar" in pair.p for pair in pairs):
        forms = listed(sorted({pair.form for pair in pairs if pair.form}))
        sentences.append(
            f"McNemar's test ({forms}) compares right answers at the thresholds chosen on validation. It is about "
            "these answers, not about the models: thresholds that few validation patients chose lie apart by chance."
        )
    else:
        sentences.append("McNemar's test was not made: no thresholds were chosen on validation for both models.")
    if cohort.folding == "different":
        sentences.append("Models of different folds swap no scores: no permutation was made of them.")
    if any(len(trainings) > 1 for trainings in cohort.scored):
        sentences.append("Of several trainings the first is tested.")
    refused = [f"{pair.finding} ({pair.difference.estimate.refused})" for pair in pairs if not pair.p]
    if refused:
        sentences.append(f"Not tested: {listed(list(dict.fromkeys(refused)))}.")
    if used < resamples:
        sentences.append(f"These intervals stand on {used} resamples and not {resamples}, for time.")
    if 2 * sum(bool(pair.p) for pair in pairs) / (used + 1) > ALPHA:
        sentences.append(f"With {used} resamples no bootstrap p can be small enough after Holm; ask for more.")
    return sentences


def _record(cohort: Cohort, pair: PairTests) -> dict[str, Any]:
    return {
        "arm": cohort.arms[pair.arm].name,
        "finding": pair.finding,
        "difference": pair.difference.estimate.to_json(),
        "p": pair.p,
        "p_holm": pair.corrected,
        "mcnemar_form": pair.form,
    }
