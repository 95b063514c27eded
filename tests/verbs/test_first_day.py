"""`mmdx init` and `mmdx doctor` as verbs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from planning import cheap, cohort, machine

from mmdx.cli import main
from mmdx.engine.planning import doctor, plan
from mmdx.engine.planning.doctor import Checked, Checkup
from mmdx.engine.planning.plan import Means, plan_cohort


@pytest.mark.parametrize("broken", [False, True])
def test_the_exit_code_tells_whether_mmdx_works(broken, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "checkup", lambda: Checkup((Checked("mmdx", "torch", "none", broken=broken),)))
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == int(broken)
    assert "torch" in capsys.readouterr().out


def test_init_plans_into_a_new_folder_and_refuses_a_taken_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    planned = plan_cohort(cohort(), Means(machine(), timing=cheap))
    monkeypatch.setattr(plan, "plan_source", lambda source, **asked: planned)
    with pytest.raises(SystemExit) as ended:
        main(["init", "study", "folder", "raw"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "plan:    study/config.yaml" in said
    assert "next:    study/README.md" in said
    with pytest.raises(SystemExit) as ended:
        main(["init", "study", "folder", "raw"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "mmdx: study: holds something already; choose a folder that is not there yet\n"


def test_a_shell_is_told_how_to_complete():
    asked = {"_MMDX_COMPLETE": "complete_bash", "COMP_WORDS": "mmdx ini", "COMP_CWORD": "1"}
    told = subprocess.run(
        [Path(sys.executable).with_name("mmdx")], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["init"]
