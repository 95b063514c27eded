"""A folder for a new study: what stands in it, that its commands work, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from planning import cheap, cohort, machine

from mmdx.config_file import read_config
from mmdx.engine.planning.begun import begin, refuse_taken
from mmdx.engine.planning.plan import Means, plan_cohort
from mmdx.engine.planning.planned import Planned
from mmdx.errors import UsageError


@pytest.fixture(scope="module")
def planned() -> Planned:
    return plan_cohort(cohort(), Means(machine(), timing=cheap))


def test_a_folder_has_the_plan_the_way_and_the_questions(planned: Planned, tmp_path: Path) -> None:
    folder = tmp_path / "my study"
    config, readme, card = begin(folder, planned, Path("raw"))
    assert [path.name for path in (config, readme, card)] == ["config.yaml", "README.md", "data_card.md"]
    assert config.read_text(encoding="utf-8") == planned.text
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("# my study\n")
    assert "from `raw`" in text
    assert all(f"- {word}: " in text for word, _ in planned.summary)
    questions = card.read_text(encoding="utf-8")
    assert all(
        f"`{name}`" in questions for name in [*planned.config.model.inputs, *(planned.config.data.findings or ())]
    )


def test_the_way_names_one_folder_and_its_overrides_are_known(planned: Planned, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    config, readme, _ = begin(folder, planned, Path("raw"))
    commands = re.findall(r"^mmdx (.+?)(?:\s+#.*)?$", readme.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["check", "train", "audit", "compare"]
    path, *overrides = commands[1].split()[1:]
    assert Path(path) == config
    read = read_config(config, overrides)
    assert (read.data.store, read.run) == (folder / "store", folder / "runs" / "first")


def test_a_folder_that_holds_something_is_left_alone(planned: Planned, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something already; choose a folder that is not there yet"):
        begin(tmp_path, planned, Path("raw"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UsageError, match="holds something already"):
        refuse_taken(tmp_path / "mine.txt")
    (tmp_path / "empty").mkdir()
    refuse_taken(tmp_path / "empty")


def test_a_place_that_cannot_be_written_is_one_line(planned: Planned, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written .*; choose another folder"):
        begin(tmp_path / "file" / "study", planned, Path("raw"))
