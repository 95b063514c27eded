"""What `mmdx train` and `mmdx evaluate` show of a test split."""

from __future__ import annotations

import shlex

from rich.console import Console, Group

from mmdx.engine.experiments.cross_validation import FoldResults
from mmdx.engine.experiments.guidance.run import GuidanceResults
from mmdx.engine.experiments.run import Conclusion
from mmdx.engine.reporting.conclude import Results, Scores
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.comparison.recovery import Recovery
from mmdx.stats.report.tables import shares_sheet
from mmdx.stats.report.terminal import noted_table, sheet_table, summary_tables
from mmdx.stats.sections.boxes.table import boxes_sheet


def show_conclusion(conclusion: Conclusion, console: Console) -> None:
    """Shows what a run came to, and what comes next; nothing on a process that has no results."""
    results, folder = conclusion.results, conclusion.run.folder
    if results is None:
        return
    if isinstance(results, GuidanceResults):
        _show_guidance(results, console)
        console.print(f"run folder:   {folder}", markup=False, highlight=False)
        return
    if isinstance(results, FoldResults):
        _show_folds(results, console)
    else:
        _show_results(results, console)
    # In the run's own folder no comparison of another run can lie.
    following = f"mmdx compare {shlex.quote(str(folder))} --out {shlex.quote(str(folder / 'compare'))}"
    console.print(f"run folder:   {folder}", markup=False, highlight=False)
    console.print(f"next:         {following}", markup=False, highlight=False, soft_wrap=True)


def show_scores(scores: Scores, console: Console) -> None:
    """Shows what a prediction file says, the boxes beside it, and where the page is, where one was written."""
    console.print(summary_tables(scores.comparison))
    if scores.boxes:
        console.print(sheet_table(boxes_sheet(scores.boxes)))
    console.print(f"predictions:  {scores.path}", markup=False, highlight=False)
    if scores.page is not None:
        console.print(f"comparison:   {scores.page}", markup=False, highlight=False)


def _show_results(results: Results, console: Console) -> None:
    console.print(summary_tables(results.comparison))
    _show_slices(results.slices, console)
    if results.boxes:
        console.print(sheet_table(boxes_sheet(results.boxes)))
    if results.descriptions is not None:
        console.print(noted_table(results.descriptions.sheet(), results.descriptions.notes()))


def _show_folds(results: FoldResults, console: Console) -> None:
    title = f"\nall {results.count} folds, each study scored once, out of fold"
    console.print(title, style="bold", highlight=False)
    console.print(summary_tables(results.comparison))
    _show_slices(results.slices, console)
    console.print(sheet_table(results.spread))
    console.print(
        f"\nThe tables above hold the patients of all {results.count} folds; in the last one each fold stands alone."
    )


def _show_slices(slices: Comparison | None, console: Console) -> None:
    if slices is not None:
        console.print("\nslices, each by itself", style="bold", highlight=False)
        console.print(summary_tables(slices))


def _show_guidance(results: GuidanceResults, console: Console) -> None:
    console.print(summary_tables(results.comparison))
    console.print(_shares(results.recovery))
    if results.left_out:
        console.print(f"left out: {results.left_out} test studies without both sides", highlight=False)


def _shares(recovery: Recovery) -> Group:
    """What each model recovers of the gap, and why where that cannot be said."""
    reasons = {share.refused for share in recovery.shares.values() if share.refused}
    return noted_table(shares_sheet(recovery), [f"no interval of a share: {reason}" for reason in sorted(reasons)])
