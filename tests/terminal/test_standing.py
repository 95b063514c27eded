"""What is said of a run that is asked before it is finished."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console
from run_by_hand import write_run

from mmdx.files import RunLayout, write_text
from mmdx.terminal.standing import show_standing


def test_a_run_is_told_apart_until_it_is_finished(tmp_path: Path) -> None:
    run, text = write_run(tmp_path), StringIO()
    show_standing(run, Console(file=text, width=20))
    (line,) = text.getvalue().splitlines()
    assert line.startswith(f"{run}: not finished: epoch ")
    assert line.endswith(f"mmdx train {run}/config.yaml run={run} --resume")
    write_text(RunLayout(run).card, "# Model\n")
    text = StringIO()
    show_standing(run, Console(file=text))
    assert text.getvalue() == ""
