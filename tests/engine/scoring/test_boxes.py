"""Boxes of a run: files, original pixels, lesions, pictures."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml
from raw_dicom import file_bytes, slice_elements
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train
from mmdx.engine.scoring.boxes import lesions_of, merged_boxes
from mmdx.models.heads.base import BranchSizes, Findings
from mmdx.models.heads.boxes import BoxHead


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with a box head on a cohort without boxes: what is known is that nobody drew any."""
    home = tmp_path_factory.mktemp("boxes")
    path = write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)
    config = yaml.safe_load(path.read_text())
    boxes = {"type": "boxes", "levels": 1, "hidden": 8, "least": 0.0, "most": 2}
    config["model"]["heads"] = {"study": "study", "boxes": boxes}
    path.write_text(yaml.safe_dump(config))
    train(resolve(read_config(path)), name="tiny", console=Console(quiet=True))
    return home


def test_a_run_leaves_boxes_and_what_is_known(trained):
    folder = trained / "run" / "predictions"
    found = pd.read_csv(folder / "test_boxes.csv")
    columns = ["study_id", "patient_id", "shown", "finding", "slice", "x0", "y0", "x1", "y1", "score"]
    assert list(found.columns) == columns
    assert set(found["shown"]) == {"image+report", "image"}
    assert found.groupby(["study_id", "shown", "slice"]).size().max() <= 2
    assert pd.read_csv(folder / "test_boxes_truth.csv").empty


def test_predict_gives_boxes_in_source_pixels_and_lesions(trained, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(trained / "run"), str(trained / "raw" / "02_0.png"), "--out", str(tmp_path)])
    assert not ended.value.code
    (result,) = json.loads((tmp_path / "predictions.json").read_text())
    assert 1 <= len(result["boxes"]) <= 2
    assert all(0 <= box["x0"] <= box["x1"] <= 32 for box in result["boxes"])
    numbers = sorted(number for lesion in result["lesions"] for number in lesion["boxes"])
    assert numbers == list(range(len(result["boxes"])))


def test_predict_gives_sides_in_mm_where_the_file_knows(trained, tmp_path):
    elements = slice_elements(1) | {"Modality": ("CS", b"MR"), "PixelSpacing": ("DS", b"2\\0.5 ")}
    (tmp_path / "a.dcm").write_bytes(file_bytes(elements))
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(trained / "run"), str(tmp_path / "a.dcm"), "--out", str(tmp_path)])
    assert not ended.value.code
    (result,) = json.loads((tmp_path / "predictions.json").read_text())
    for box in result["boxes"]:
        assert box["width_mm"] == pytest.approx((box["x1"] - box["x0"]) * 0.5)
        assert box["height_mm"] == pytest.approx((box["y1"] - box["y0"]) * 2)
    for lesion in result["lesions"]:
        assert lesion["width_mm"] == max(result["boxes"][number]["width_mm"] for number in lesion["boxes"])


def test_explain_leaves_pictures_without_names(trained, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(trained / "run"), str(trained / "raw" / "02_0.png"), "--out", str(tmp_path)])
    assert not ended.value.code
    (told,) = json.loads((tmp_path / "explain.json").read_text())
    assert told["folder"] == "study-001"
    for finding in ("bleed", "fracture"):
        (drawn,) = told["findings"][finding]["slices"]
        content = (tmp_path / "study-001" / drawn["picture"]).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert b"tEXt" not in content


def test_explain_names_a_finding_that_is_not_there(trained, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(trained / "run"), str(trained / "raw"), "--out", str(tmp_path), "--finding", "bled"])
    assert ended.value.code == 2
    assert "--finding bled: not of this model; did you mean 'bleed'" in capsys.readouterr().err


def test_grad_cam_is_a_baseline_of_the_same_form(trained, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(trained / "run"), "--grad-cam", "--out", str(tmp_path)])
    assert not ended.value.code
    ours, theirs = (pd.read_csv(tmp_path / f"test_boxes{kind}.csv") for kind in ("", "_grad_cam"))
    assert list(ours.columns) == list(theirs.columns)


def test_lesions_span_slices():
    box = {"finding": "bleed", "x0": 0.0, "y0": 0.0, "x1": 4.0, "y1": 4.0}
    boxes = [box | {"slice": 3, "score": 0.4}, box | {"slice": 4, "score": 0.9}, box | {"slice": 8, "score": 0.95}]
    assert lesions_of(boxes) == [
        {"finding": "bleed", "score": 0.95, "first": 8, "last": 8, "boxes": [2]},
        {"finding": "bleed", "score": 0.9, "first": 3, "last": 4, "boxes": [0, 1]},
    ]


def test_boxes_of_an_ensemble_meet_where_they_overlap():
    head = BoxHead(4, Findings(("a",)), {"image": BranchSizes("images", items=4, maps=(6,))}, levels=1, hidden=8)
    one = [box(0, 0, 10, 10, 0.9), box(20, 20, 30, 30, 0.06)]
    other = [box(0, 0, 10, 9, 0.5), box(0, 0, 10, 10, 0.4), box(0, 0, 10, 10, 0.8) | {"slice": 1}]
    merged = merged_boxes([one, other], head)
    # One box of both members, (0.9 + 0.5) / 2; one of the second alone; the faint one of the first alone is dropped.
    assert [(row["slice"], row["y1"]) for row in merged] == [(0, 10), (1, 10)]
    assert [row["score"] for row in merged] == pytest.approx([0.7, 0.4])
    assert merged_boxes([one], head) == one


def box(x0: float, y0: float, x1: float, y1: float, score: float) -> dict:
    return {"finding": "a", "slice": 0, "x0": x0, "y0": y0, "x1": x1, "y1": y1, "score": score}
