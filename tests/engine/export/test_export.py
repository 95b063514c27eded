"""Exported models answer as mmdx does: by onnxruntime, by the script of the page, and by torch without mmdx."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import config
from lone_models import lone_model, write_lone_model

from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.export import export as exporting
from mmdx.engine.export.export import Exported, _program, export
from mmdx.engine.export.feeds import feed_of, feeds_of
from mmdx.engine.export.lone import LoneStudy
from mmdx.engine.export.parity import Runtime, difference, random_studies
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.inference.study import read_study
from mmdx.errors import DataError, UsageError

pytest.importorskip("onnxscript", reason="mmdx[export] is not installed")
pytest.importorskip("onnxruntime", reason="mmdx[export] is not installed")
PAGE = Path(__file__).parents[3] / "docs" / "export.md"
SCRIPT = re.findall(r"^```python\n(\"\"\".*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)[0]
REPORT = "a fall on the head, blood is seen"


@contextmanager
def unchecked() -> Iterator[None]:
    """Shapes are not checked while a compiler traces: it would look at each a thousand times."""
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def fused(tmp_path_factory) -> tuple[Path, SavedModel, Exported]:
    """An LSTM over slices, a report, and a stack with a linear model of its words."""
    home = tmp_path_factory.mktemp("fused")
    image = {"sequence": {"type": "lstm", "hidden": 4}}
    saved = lone_model(image, {"type": "tfidf"}, fusion="late", traits=False)
    model = write_lone_model(home / "model", saved)
    with unchecked():
        return model, load_model(model), export(model, home / "out")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Attention over slices, calibrated."""
    saved = lone_model({"sequence": {"type": "attention", "hidden": 4}}, {"type": "tfidf"})
    return write_lone_model(tmp_path_factory.mktemp("pictures"), saved)


def test_of_any_length_with_and_without_a_report(fused):
    _, saved, exported = fused
    assert exported.difference < 1e-5
    assert exported.inputs == ("image", "report")
    feeds, answered = feeds_of(saved, exported.inputs), Runtime(exported.folder / "model.onnx")
    for study in random_studies(saved, feeds, seed=1):
        assert difference(saved, feeds, answered, study) < 1e-5
        alone = ArrayStudy({name: value for name, value in study.modalities.items() if name == "image"})
        if alone.modalities:
            assert difference(saved, feeds, answered, alone) < 1e-5


def test_torch_reads_its_own_program_of_images_alone(pictures, tmp_path):
    saved = load_model(pictures)
    feeds = feeds_of(saved, ["image"])
    with unchecked():
        torch.export.save(_program(LoneStudy(saved, feeds).eval(), feeds), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    for study in random_studies(saved, feeds, seed=2):
        fed = feed_of(read_study(saved, study).batch, feeds)
        expected = list(predict_study(saved, study).findings.values())
        np.testing.assert_allclose(program(*fed.values())[0][0].detach(), expected, atol=1e-5)


def test_the_folder_holds_its_files_and_no_place_of_this_machine(fused):
    model, _, exported = fused
    tokenizer = {f"tokenizers/report/{name}.json" for name in ("tokenizer", "length")}
    assert set(exported.files) == {"model.onnx", "model.pt2", "manifest.json"} | tokenizer
    for path in exported.folder.rglob("*"):
        whole = path.read_bytes() if path.is_file() else b""
        for place in (str(model.parent), str(Path(__file__).parents[3]), "site-packages"):
            assert place.encode() not in whole, (path, place)
    assert json.loads((exported.folder / "manifest.json").read_text())["stack"] == {
        "head": "study",
        "inside_the_graph": True,
    }


@pytest.mark.parametrize("report", [REPORT, None])
def test_the_script_of_the_page_says_what_mmdx_says(fused, report, tmp_path):
    _, saved, exported = fused
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16)).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    (tmp_path / "ask.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "report.txt").write_text(report or "", encoding="utf-8")
    words = ["ask.py", exported.folder, "images.npy", *(["report.txt"] if report else [])]
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    scores = dict(line.split("\t") for line in done.stdout.splitlines())
    study = ArrayStudy({"image": ImageArrays(images), **({"report": report} if report else {})})
    expected = predict_study(saved, study).findings
    assert {name: float(score) for name, score in scores.items()} == pytest.approx(expected, abs=1e-5)


def test_what_answers_otherwise_leaves_nothing(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "_program", lambda *_: None)
    monkeypatch.setattr(exporting, "_write_onnx", lambda *_: 20)
    monkeypatch.setattr(torch.export, "save", lambda *_: None)
    monkeypatch.setattr(exporting, "Runtime", lambda _: None)
    monkeypatch.setattr(exporting, "largest_difference", lambda *_: 0.002)
    with pytest.raises(DataError, match=r"answers otherwise than mmdx, by up to 0.002, .* nothing was left"):
        export(pictures, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_traced_and_a_taken_folder_are_one_line(pictures, tmp_path, monkeypatch):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(UsageError, match="holds something already; choose another folder"):
        export(pictures, tmp_path / "taken")

    def refuse(*_, **__):
        raise RuntimeError("a part\nthat hangs on a value")

    monkeypatch.setattr(torch.export, "export", refuse)
    with pytest.raises(UsageError, match=r"torch cannot trace one of its parts \(a part that hangs on a value\)"):
        export(pictures, tmp_path / "out")
    assert not (tmp_path / "out").exists()
