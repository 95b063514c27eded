"""`mmdx doubtful` as a verb."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubted import write_doubted

from mmdx.cli import main
from mmdx.files import RunLayout


def test_the_list_lies_in_the_run_and_the_terminal_names_no_study(tmp_path: Path, capsys):
    run = write_doubted(tmp_path / "run")
    with pytest.raises(SystemExit) as ended:
        main(["doubtful", str(run), "--top", "4"])
    said = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert (run / "doubtful" / "doubtful.csv").is_file()
    assert (run / "doubtful" / "doubtful.html").is_file()
    assert "count as wrong" in said
    assert "s08" not in said


def test_what_cannot_be_is_one_line(tmp_path: Path, problem):
    run = write_doubted(tmp_path / "run")
    assert "did you mean 'bleed'" in problem("doubtful", run, "--finding", "bled", code=2)
    RunLayout(run).final.unlink()
    assert "no scores out of fold" in problem("doubtful", run, code=2)
