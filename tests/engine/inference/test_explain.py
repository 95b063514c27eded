"""What is explained of raw files: what was asked for and no more, each picture at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from members import write_member
from PIL import Image

from mmdx.engine.inference.explain import Asked, explain_files
from mmdx.engine.inference.explaining import look
from mmdx.errors import UsageError

SIZE = (40, 30)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder `model`, and five images of a study, larger than the model's, in `study`."""
    home = tmp_path_factory.mktemp("explain")
    image = {"encoder": {"type": "timm", "name": "test_resnet"}, "sequence": {"type": "lstm", "hidden": 4}}
    write_member(
        home / "model",
        seed=0,
        findings=("bleed", "fracture"),
        inputs={"image": image, "report": "bilstm_attention"},
        heads={"slice": "slice", "study": "study"},
    )
    (home / "study").mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (5, *SIZE[::-1]), dtype=np.uint8)):
        Image.fromarray(pixels).save(home / "study" / f"im{number + 1}.png")
    return home


def test_only_the_slices_and_findings_that_are_asked_for_go_backward(home: Path, tmp_path: Path, monkeypatch):
    asked = []
    heat_of = look.heat_of
    monkeypatch.setattr(look, "heat_of", lambda *given: asked.append(given[-1]) or heat_of(*given))
    (one,) = explain_files(home / "model", home / "study", tmp_path, Asked(findings=["fracture"], top=1))
    (image,) = one.findings["fracture"]
    assert asked == [[(image.place.index, 1)]]
    asked.clear()
    (all_of_it,) = explain_files(home / "model", home / "study", tmp_path, Asked(top=2))
    assert asked == [
        [(image.place.index, column) for image in all_of_it.findings[finding]]
        for column, finding in enumerate(("bleed", "fracture"))
    ]
    assert [len(pairs) for pairs in asked] == [2, 2]


def test_heat_reaches_the_top_of_its_scale_over_the_source(home: Path, tmp_path: Path):
    (explained,) = explain_files(home / "model", home / "study", tmp_path, Asked(top=2))
    for slices in explained.findings.values():
        assert max(float(image.heat.max()) for image in slices) == 1.0
        for image in slices:
            assert image.heat.shape == image.pixels.shape == SIZE[::-1]
            source = np.asarray(Image.open(home / "study" / image.place.file)) / 255
            np.testing.assert_allclose(image.pixels, source, atol=1e-6)
            assert image.place.file == f"im{image.place.number}.png"


def test_greys_of_a_deep_slice_are_those_of_all_slices(home: Path, tmp_path: Path):
    (tmp_path / "deep").mkdir()
    for number in range(5):
        Image.fromarray(np.full(SIZE[::-1], 1000 * number, np.uint16)).save(tmp_path / "deep" / f"im{number}.png")
    (explained,) = explain_files(home / "model", tmp_path / "deep", tmp_path / "out", Asked(top=1))
    for (image,) in explained.findings.values():
        assert np.unique(image.pixels).tolist() == [pytest.approx(image.place.index / 4)]


def test_each_picture_lies_there_before_the_next_is_made(home: Path, tmp_path: Path):
    seen = []

    def follow(what: str, how_far: str) -> None:
        seen.append((what, how_far, len(list(tmp_path.glob("study-001/*.png")))))

    next(explain_files(home / "model", home / "study", tmp_path, Asked(top=2), follow=follow))
    assert seen == [
        ("loading the model", "", 0),
        (f"looking for studies in {home / 'study'}", "", 0),
        ("study-001: reading images", "", 0),
        ("study-001: asking about 5 images", "", 0),
        *(("study-001: drawing", f"bleed, {place} of 2", place - 1) for place in (1, 2)),
        *(("study-001: drawing", f"fracture, {place} of 2", place + 1) for place in (1, 2)),
    ]


def test_what_is_stopped_half_way_leaves_its_pictures_whole(home: Path, tmp_path: Path):
    def follow(what: str, how_far: str) -> None:
        if how_far == "fracture, 2 of 2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(explain_files(home / "model", home / "study", tmp_path, Asked(top=2), follow=follow))
    left = sorted(tmp_path.rglob("*.*"))
    assert [path.name.partition("-")[0] for path in left] == ["bleed", "bleed", "fracture"]
    for path in left:
        with Image.open(path) as picture:
            picture.load()


def test_all_is_written_in_the_end(home: Path, tmp_path: Path):
    assert len(list(explain_files(home / "model", home / "study", tmp_path, Asked()))) == 1
    (entry,) = json.loads((tmp_path / "explain.json").read_text())
    pictures = [image["picture"] for found in entry["findings"].values() for image in found["slices"]]
    assert len(pictures) == 6
    assert sorted(path.name for path in (tmp_path / "study-001").iterdir()) == sorted(pictures)
    assert (tmp_path / "explain.html").is_file()


def test_an_unknown_finding_is_refused_before_a_study_is_read(home: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="--finding bled: not of this model; did you mean 'bleed'"):
        explain_files(home / "model", home / "nowhere", tmp_path / "out", Asked(findings=["bled"]))
    assert not (tmp_path / "out").exists()
