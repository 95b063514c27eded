"""`mmdx push` as a verb, and the verbs that take what it left by its name."""

from __future__ import annotations

import numpy as np
import pytest
from fake_hub import serving
from PIL import Image
from shared_run import write_shared_run

from mmdx.cli import main


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with serving(monkeypatch, tmp_path / "cache") as hub:
        yield hub


def test_a_model_is_pushed_and_asked_by_its_name(hub, tmp_path, capsys):
    run = write_shared_run(tmp_path / "home")
    with pytest.raises(SystemExit) as ended:
        main(["push", str(run), "mine/head-ct", "--license", "mit", "--dry-run"])
    assert ended.value.code == 0
    assert hub.repositories == {}
    with pytest.raises(SystemExit) as ended:
        main(["push", str(run), "mine/head-ct", "--license", "mit"])
    assert ended.value.code == 0
    assert f"pushed to {hub.endpoint}/mine/head-ct; you alone can read" in capsys.readouterr().out
    (tmp_path / "exam").mkdir()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "exam" / "1.png")
    for verb in ("predict", "explain"):
        with pytest.raises(SystemExit) as ended:
            main([verb, "mine/head-ct", "exam", "--out", verb])
        assert ended.value.code == 0, capsys.readouterr().err
    assert (tmp_path / "predict" / "predictions.json").is_file()
    assert (tmp_path / "explain" / "explain.json").is_file()


def test_what_cannot_be_is_one_line(hub, problem, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "neither a run folder nor a model folder" in problem("push", "empty", "mine/head-ct", code=2)
    assert "no such model on the Hub" in problem("predict", "mine/nothing", "exam", code=2)
    assert "no licence of the Hub" in problem("push", "empty", "mine/ct", "--license", "mine", code=2)


def test_what_cannot_be_exported_is_one_line(problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "neither a run folder nor a model folder" in problem("export", "empty", "out", code=2)
    assert "holds something already" in problem("export", "empty", ".", code=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]
