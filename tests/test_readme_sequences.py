"""Sequences of README on a tiny cohort, in this process: what is refused, what is compared, what Python asks for."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest
from run_by_hand import write_run
from test_readme import README, ROOT, commands
from tiny import write_cohort

import mmdx
from mmdx.cli import main
from mmdx.engine.inference.model import Model, StudyFeatures
from mmdx.engine.inference.prediction import Prediction


def words_of(start: str, **changed: str) -> list[str]:
    """The words of the first command of README that begins so, without its first; options of these names changed."""
    line = next(line for line in commands() if line.startswith(start))
    words = [word for word in shlex.split(line)[1:] if word.partition("=")[0] not in changed]
    return words + [f"{name}={value}" for name, value in changed.items()]


def run_here(words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0, words


def test_a_training_of_another_size_than_was_prepared_is_refused_with_both(tmp_path, monkeypatch, capsys):
    write_cohort(tmp_path / "my_studies", patients=8)
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    run_here(words_of("mmdx prepare folder my_studies"))
    run_here(words_of("mmdx prepare folder my_studies"))  # the same again is done already
    capsys.readouterr()
    for words in (
        words_of("mmdx prepare folder my_studies", size="48"),
        words_of("mmdx train configs/folder.yaml", **{"data.size": "48"}),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "stores/mine" in line]
        assert "size is 32 there and 48 here" in line


def test_the_file_of_another_model_is_compared_as_readme_says(tmp_path, monkeypatch):
    head = re.search(r"```text\n(study_id,.*?)\n", README).group(1)
    (named,) = re.findall(r"`mmdx (compare runs/mine theirs\.csv)`", README)
    (tmp_path / "runs").mkdir()
    write_run(tmp_path).rename(tmp_path / "runs" / "mine")
    rows = [f"s{i},p{i},bleed,{i % 2},{0.3 + 0.4 * (i % 2)}" for i in range(4, 8)]
    (tmp_path / "theirs.csv").write_text("\n".join([head, *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    run_here([*named.split(), "--resamples", "100"])
    assert "theirs" in (tmp_path / "compare" / "compare.html").read_text()


def test_what_readme_asks_from_python_is_there():
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    for name in re.findall(r"mmdx\.(\w+)", block):
        assert callable(getattr(mmdx, name))
    for name in re.findall(r"model\.(\w+)\(", block):
        assert callable(getattr(Model, name))
    assert "findings" in Prediction.__dataclass_fields__
    assert "fused" in StudyFeatures.__dataclass_fields__
