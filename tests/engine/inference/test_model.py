"""A model asked from Python: files, studies and arrays get the same answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.model import Model
from mmdx.errors import DataError, UsageError
from mmdx.study import ImageFiles, ImageRef, Order, Study

REPORT = "history of a fall on the head"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with a cohort (`raw`), a run on it (`run`) and one study in a folder of its own (`patient`)."""
    home = tmp_path_factory.mktemp("model")
    config = write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)
    train(resolve(read_config(config)), name="tiny", console=Console(quiet=True))
    (home / "patient").mkdir()
    for path in (home / "raw").glob("02_*.png"):
        (home / "patient" / path.name).write_bytes(path.read_bytes())
    return home


@pytest.fixture(scope="module")
def model(home: Path) -> Model:
    return Model.load(home / "run")


def paths(home: Path) -> list[Path]:
    return sorted((home / "patient").iterdir())


def arrays(home: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in paths(home)])


def test_it_says_what_it_is(model: Model) -> None:
    assert model.findings == ("bleed", "fracture")
    assert model.inputs == {"image": "images", "report": "text"}
    assert model.config.data.size == 32
    assert repr(model) == "Model(inputs: image (images), report (text); findings: bleed, fracture; cpu)"


def test_files_a_study_and_arrays_get_the_same_answer(home: Path, model: Model) -> None:
    study = Study("s", "p", {"image": ImageFiles(tuple(map(ImageRef, paths(home))), Order("given")), "report": REPORT})
    answers = [
        model.predict(home / "patient", report=REPORT)[0],
        model.predict(str(home / "patient"), report={"report": REPORT})[0],
        model.predict(study)[0],
        model.predict(arrays(home), report=REPORT)[0],
        model.predict({"image": arrays(home), "report": REPORT})[0],
    ]
    assert {answer.shown for answer in answers} == {"image+report"}
    assert all(answer.findings == answers[0].findings for answer in answers)
    assert answers[-1].order_source == {"image": "given"}


def test_refused_studies_are_named_unless_nothing_is_answered(home: Path, model: Model, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "1.png").write_bytes(paths(home)[0].read_bytes()[:200])
    line = "refused: bad: bad/1.png: cannot be decoded"
    with pytest.raises(DataError, match=line):
        model.predict(tmp_path)
    (tmp_path / "good").mkdir()
    for path in paths(home):
        (tmp_path / "good" / path.name).write_bytes(path.read_bytes())
    predictions = model.predict(tmp_path)
    assert [prediction.study_id for prediction in predictions] == ["good"]
    (refused,) = predictions.refused
    assert refused.startswith(line)
    with pytest.raises(DataError, match=line):
        model.features(tmp_path)


def test_an_array_of_another_unit_is_refused(home: Path, model: Model) -> None:
    with pytest.raises(DataError, match="hold HU, but the model's 'image' was trained on intensity"):
        model.predict(arrays(home).astype(np.int16))


def test_names_that_the_model_does_not_know_are_refused(home: Path, model: Model) -> None:
    with pytest.raises(UsageError, match="report 'repot': the model reads no such text; did you mean 'report'"):
        model.predict(arrays(home), report={"repot": ""})
    with pytest.raises(UsageError, match="bled: not of this model; did you mean 'bleed'"):
        model.explain(arrays(home), findings=["bled"])


def test_an_explanation_is_of_the_findings_and_slices_that_were_asked_for(home: Path, model: Model) -> None:
    (whole,) = model.explain(arrays(home), top=3)
    (part,) = model.explain(arrays(home), findings=["fracture"], top=2)
    assert list(whole.findings) == ["bleed", "fracture"]
    assert list(part.findings) == ["fracture"]
    assert len(part.findings["fracture"]) == 2
    for one, other in zip(part.findings["fracture"], whole.findings["fracture"], strict=False):
        assert (one.place, one.score) == (other.place, other.score)
        np.testing.assert_array_equal(one.pixels, other.pixels)
    assert max(one.heat.max() for one in part.findings["fracture"]) in (0.0, 1.0)


def test_features_are_those_of_each_part(home: Path, model: Model) -> None:
    (features,) = model.features(arrays(home))
    assert features.present == {"image": True, "report": False}
    assert features.pooled["image"].shape == features.fused.shape == (16,)
    assert (len(features.items["image"]), len(features.items["report"])) == (3, 0)
    prediction = model.predict(arrays(home))[0]
    (logits,) = features.logits.values()
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(np.array(list(prediction.findings.values())), abs=1e-6)
