"""What stages of guidance read, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.config_file import read_config
from mmdx.engine.experiments.guidance.stages import Stages
from mmdx.engine.experiments.guidance.studies import GuidedStudies
from mmdx.engine.runs.setting import Setting
from mmdx.files import RunLayout
from mmdx.schema import GuidanceConfig

GUIDED = Path(__file__).parents[4] / "configs" / "guided.yaml"
OPTIONS = GuidanceConfig(superior=("enhanced",), inferior=("image",))


def stages(folder: Path) -> Stages:
    setting = object.__new__(Setting)  # of a setting, stages read the config and the run alone
    for name, value in (("config", read_config(GUIDED)), ("run", RunLayout(folder))):
        object.__setattr__(setting, name, value)
    return Stages(setting, OPTIONS, GuidedStudies({}, {}), ("warm_start", "dropped"))


def test_sides_come_first_then_the_paper_then_the_methods(tmp_path):
    assert stages(tmp_path).names == ("superior", "inferior", "guided", "guided_own", "warm_start", "dropped")
    assert stages(tmp_path).run("dropped").folder == tmp_path / "dropped"


@pytest.mark.parametrize(
    ("stage", "inputs"),
    [
        ("superior", ("enhanced",)),
        ("inferior", ("image",)),
        ("guided", ("image",)),
        ("warm_start", ("image",)),
        ("relational", ("image",)),
        ("shared", ("image", "enhanced")),
        ("dropped", ("image", "enhanced")),
        ("withheld", ("image", "enhanced")),
    ],
)
def test_a_stage_reads_one_side_or_both(tmp_path, stage, inputs):
    assert stages(tmp_path).inputs(stage) == inputs
