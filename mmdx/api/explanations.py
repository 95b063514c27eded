"""Whether explanations point to what a model uses."""

from __future__ import annotations

from pathlib import Path

from mmdx.api.run import Run
from mmdx.engine.reporting.explanations import checked_explanations
from mmdx.engine.scoring.checking.write import MOST_STUDIES
from mmdx.stats.report.section import Section


def explanations(run: str | Path | Run, *, studies: int = MOST_STUDIES) -> Section:
    """Whether the explanations of a finished run (Grad-CAM, integrated gradients, the weights of slices and words)
    point to what its model uses: pixels and items are taken away and put back, and weights dealt anew, against chance.

    They are of test studies that have a finding, at most `studies` of each. What it finds are the `sentences`, `sheets`
    and `plots` of the value, and a section of `mmdx.compare(run)` from then on. Raises `UsageError` for a model that
    cannot be explained, and `DataError` where no test study is known to have a finding.
    """
    return checked_explanations(run.folder if isinstance(run, Run) else Path(run), most=studies)
