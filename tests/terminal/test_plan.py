"""What `mmdx plan` shows, and the verb itself."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from layouts import LAYOUTS
from planning import BARE, cheap, cohort, label, machine
from rich.console import Console

from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.engine.planning.plan import Means, plan_cohort
from mmdx.terminal.plan import show_planned


def test_a_plan_in_eighty_columns() -> None:
    out = StringIO()
    few = cohort(labels={"bleed": label(40, 60), "rare": label(4, 96)})
    planned = plan_cohort(few, Means(machine(), 0.1, cheap))
    show_planned(planned, Path("plan.yaml"), Console(file=out, width=120))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "found    100 studies of 100 patients, image 3000 images\n" in text
    assert "takes    about 3 minutes, which is more than there are\n" in text
    assert "rather   More time: about 3 minutes are the least that this takes here.\n" in text
    assert text.endswith("plan:    plan.yaml\nnext:    mmdx train plan.yaml\n")


def test_the_verb_leaves_a_config_and_replaces_none(tmp_path: Path, capsys, problem, monkeypatch) -> None:
    monkeypatch.setattr("mmdx.engine.planning.plan.this_machine", lambda: BARE)
    source, out = LAYOUTS["folder"](tmp_path / "raw"), tmp_path / "plan.yaml"
    words = ["plan", "folder", str(source), "findings=[bleed]", "--minutes", "5", "--out", str(out)]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0
    assert "learns   bleed; bleed leads" in capsys.readouterr().out
    config = read_config(out)
    assert (config.data.findings, config.data.reader.options) == (("bleed",), {"findings": ["bleed"]})
    assert "is there already" in problem(*words, code=2)
    assert "unknown key" in problem("plan", "folder", source, "size=3", "--out", tmp_path / "other.yaml", code=2)
