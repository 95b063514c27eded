"""The verbs as a user types them, in one process."""

from __future__ import annotations

import errno
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from tiny import write_cohort, write_config

from mmdx import cli
from mmdx.engine.training import loop
from mmdx.registry import REGISTRIES


def mmdx(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A config (`tiny.yaml`) with its run (`run`)."""
    home = tmp_path_factory.mktemp("cli")
    assert mmdx("train", write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)) == 0
    return home


def test_train_prints_the_comparison_and_what_comes_next(tmp_path, capsys):
    config = write_config(tmp_path / "tiny.yaml", write_cohort(tmp_path / "raw"), epochs=1)
    assert mmdx("train", config) == 0
    said = capsys.readouterr().out
    for line in ("studies: train", "epoch  1", "Mean over 2 findings", "run folder:", "next:         mmdx compare"):
        assert line in said
    # A command is one line, to be copied, however long the path is.
    assert max(len(line) for line in said.splitlines()[3:] if not line.startswith("next:")) <= 80


def test_a_killed_run_is_told_apart_and_the_command_that_it_names_goes_on_with_it(tmp_path, monkeypatch, capsys):
    def killed(setting, progress, rate, losses, log=loop.log_step):
        if progress.epoch == 1:
            raise KeyboardInterrupt
        log(setting, progress, rate, losses)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "log_step", killed)
        assert mmdx("train", write_config(tmp_path / "tiny.yaml", write_cohort(tmp_path / "raw"))) == 130
    capsys.readouterr()
    assert mmdx("evaluate", tmp_path / "run", "--out", tmp_path / "scores") == 0
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "not finished" in line]
    assert said.startswith(f"{tmp_path / 'run'}: not finished: epoch 1 of 2; unless it still runs, go on with mmdx ")
    assert mmdx(*shlex.split(said.partition("go on with mmdx ")[2])) == 0
    assert mmdx("evaluate", tmp_path / "run", "--out", tmp_path / "scores") == 0
    assert "not finished" not in capsys.readouterr().err


def test_check_says_in_one_line_what_would_be_trained(home, capsys):
    assert mmdx("check", home / "tiny.yaml", f"run={home / 'another'}") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("this would train image+report on ")
    assert " of 36 patients for bleed, fracture; 1 epochs; run folder " in line


def test_check_prints_a_config_that_reads_back_equal(home, tmp_path, capsys):
    assert mmdx("check", home / "tiny.yaml", "train.lr=0.5", "model.fusion=gated", "--full") == 0
    printed = capsys.readouterr().out
    (tmp_path / "again.yaml").write_text(printed)
    assert yaml.safe_load(printed)["train"]["lr"] == 0.5
    assert yaml.safe_load(printed)["model"]["fusion"] == {"type": "gated", "dropout": 0.1}
    assert mmdx("check", tmp_path / "again.yaml", "--full") == 0
    assert capsys.readouterr().out == printed


def test_evaluate_scores_what_is_shown_into_a_folder_of_its_own(home, tmp_path, capsys):
    assert mmdx("evaluate", home / "run", "--show", "image", "--out", tmp_path / "image") == 0
    said = capsys.readouterr().out
    assert "With image the macro AUROC is" in said
    assert (tmp_path / "image" / "test.csv").read_text().count("report") == 0


def test_scores_of_some_showings_never_replace_the_runs_own(home, capsys):
    before = (home / "run" / "predictions" / "test.csv").read_bytes()
    assert mmdx("evaluate", home / "run", "--show", "image") == 2
    assert "--show: scores of some showings alone would replace the run's own" in capsys.readouterr().err
    assert (home / "run" / "predictions" / "test.csv").read_bytes() == before


def test_evaluate_another_split(home, tmp_path, capsys):
    assert mmdx("evaluate", home / "run", "--split", "train", "--out", tmp_path) == 0
    assert (tmp_path / "train.csv").is_file()


def test_compare_one_finding_leaves_its_report(home, tmp_path, capsys):
    assert mmdx("compare", home / "run", "--finding", "bleed", "--out", tmp_path / "out", "--resamples", 100) == 0
    assert "AUROC for bleed" in " ".join(capsys.readouterr().out.split())
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "compare.html",
        "compare.json",
        "compare.md",
        "compare.tex",
        "figures",
        "reporting.md",
    ]
    told = (tmp_path / "out" / "reporting.md").read_text(encoding="utf-8")
    assert "(compare.json: sections.reliability)" in told


def test_list_names_every_part_with_its_options(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert mmdx("list") == 0
    said = capsys.readouterr().out
    for registry in REGISTRIES.values():
        assert all(name in said for name in registry.names())
    assert "bidirectional=False" in said
    assert max(map(len, said.splitlines())) <= 80
    assert mmdx("list", "fusions") == 0
    alone = capsys.readouterr().out
    assert "gated" in alone
    assert "lstm" not in alone


def test_list_of_a_kind_that_there_is_not(capsys):
    assert mmdx("list", "fusion") == 2
    assert "no kind 'fusion'; did you mean 'fusions'" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "hint"), [(errno.ENOSPC, "; make room, then run it again"), (errno.EROFS, "")])
def test_what_the_system_refuses_is_one_line(home, tmp_path, monkeypatch, capsys, number, hint):
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, "refused by the system", str(tmp_path / "out"))

    monkeypatch.setattr("mmdx.stats.evidence.Evidence.save", refused)
    assert mmdx("compare", home / "run", "--out", tmp_path / "out", "--resamples", 100) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mmdx: {tmp_path / 'out'}: refused by the system{hint}")


def test_a_system_without_posix_locks_is_one_line(tmp_path, monkeypatch, capsys):
    for module in [name for name in sys.modules if name.startswith(("mmdx.data.store", "mmdx.engine"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    assert mmdx("prepare", "folder", tmp_path, tmp_path / "store") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "mmdx: this system has no file locks of POSIX (fcntl); use Linux or macOS, and on Windows WSL"
