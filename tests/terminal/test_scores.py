"""What a finished training and a second scoring show."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console
from run_by_hand import write_run

from mmdx.engine.experiments.run import Conclusion
from mmdx.engine.reporting.conclude import Results, scores_of
from mmdx.files import RunLayout
from mmdx.terminal.scores import show_conclusion, show_scores


def test_the_tables_end_with_what_comes_next(tmp_path: Path) -> None:
    run = RunLayout(write_run(tmp_path))
    scores = scores_of(run.scores("test"), "test")
    text = StringIO()
    show_scores(scores, Console(file=text, width=400))
    assert text.getvalue().splitlines()[-1] == f"predictions:  {run.scores('test')}"
    text = StringIO()
    show_conclusion(Conclusion(run, Results(scores.comparison, None, {}, None)), Console(file=text, width=400))
    assert text.getvalue().splitlines()[-2:] == [
        f"run folder:   {run.folder}",
        f"next:         mmdx compare {run.folder} --out {run.folder}/compare",
    ]


def test_a_process_without_results_shows_nothing(tmp_path: Path) -> None:
    text = StringIO()
    show_conclusion(Conclusion(RunLayout(tmp_path), None), Console(file=text))
    assert text.getvalue() == ""
