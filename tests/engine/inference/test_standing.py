"""Whether scores are called probabilities, and what stands beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from members import write_member
from texts import model_of

from mmdx.engine.assembly.saved import load_model
from mmdx.engine.inference.answers import Refused, Standing
from mmdx.engine.inference.explanation import Explanation
from mmdx.engine.inference.model import Model
from mmdx.engine.inference.prediction import Prediction
from mmdx.engine.inference.standing import (
    explained_with_thresholds,
    is_calibrated,
    prevalence_of,
    standing_of,
    with_thresholds,
)
from mmdx.models.domain import Reference
from mmdx.models.heads.calibration import Calibration
from mmdx.models.stack.stack import Stack, Weighting

HEAD = "study_id,patient_id,shown,finding,label,score"
BASE = {
    "study_id": "s1",
    "patient_id": "p1",
    "missing": (),
    "images": {},
    "order_source": {},
    "problems": (),
    "reports_without": "",
}


def test_a_head_is_calibrated_for_what_it_was_calibrated_on():
    saved = model_of("history", "findings")
    everything = ["history", "findings"]
    assert not is_calibrated(saved, "study", everything)
    (head,) = saved.model.heads_of("study").values()
    head.calibration = Calibration(torch.ones(1), torch.zeros(1))
    assert is_calibrated(saved, "study", everything)
    assert not is_calibrated(saved, "study", ["history"])


def test_a_stack_is_calibrated_for_each_showing_that_it_weighs():
    saved = model_of("history", "findings")
    (name,) = saved.model.heads_of("study")
    weighting = Weighting(("history",), ("network",), torch.ones(1, 1), torch.zeros(1))
    saved.model.stack = Stack(name, ["history", "findings"], {}, [weighting])
    assert is_calibrated(saved, "study", ["history"])
    assert not is_calibrated(saved, "study", ["history", "findings"])


def test_the_prevalence_is_that_of_training_where_it_is_known():
    saved = model_of("history")
    assert prevalence_of(saved, "study") == {}
    known = replace(saved, facts=replace(saved.facts, prevalence={"study": (0.25,)}))
    assert prevalence_of(known, "study") == {"bleed": 0.25}
    unknown = replace(saved, facts=replace(saved.facts, prevalence={"study": (float("nan"),)}))
    assert prevalence_of(unknown, "study") == {}


def test_thresholds_are_those_that_validation_chose_for_the_same_showing(tmp_path: Path):
    folder = tmp_path / "run" / "predictions"
    folder.mkdir(parents=True)
    lines = [f"v{i},v{i},image,bleed,{i % 2},{0.7 if i % 2 else 0.2}" for i in range(12)]
    lines += [f"v{i},v{i},image,edema,{i % 2},0.5" for i in range(4)]
    (folder / "val.csv").write_text("\n".join([HEAD, *lines]) + "\n")
    answers = [Prediction(**BASE, shown=shown, findings={"bleed": 0.3, "edema": 0.4}) for shown in ("image", "report")]
    image, report = map(with_thresholds(tmp_path / "run"), answers)
    assert image.thresholds == pytest.approx({"bleed": 0.45})  # half way between the noes and the yeses
    assert report.thresholds == {}


def test_explanations_have_the_thresholds_of_slices_where_their_scores_are_of_slices(tmp_path: Path):
    folder = tmp_path / "run" / "predictions"
    folder.mkdir(parents=True)
    lines = [f"v{i},v{i},image,bleed,{i % 2},{0.7 if i % 2 else 0.2},0" for i in range(12)]
    (folder / "val_slices.csv").write_text("\n".join([f"{HEAD},slice", *lines]) + "\n")
    of_slices = Explanation("s1", "image", {"bleed": ()}, None, standing=Standing("slices"), shown="image")
    of_studies = replace(of_slices, standing=Standing("studies"))
    refused = Refused("s2", "no images")
    told = list(explained_with_thresholds([of_slices, refused, of_studies], tmp_path / "run"))
    assert told[0].standing.thresholds == pytest.approx({"bleed": 0.45})
    assert told[1:] == [refused, of_studies]


def test_models_that_answer_together_are_calibrated_where_each_of_them_is():
    one, other = model_of("history"), model_of("history")
    for saved in (one, other):
        assert not standing_of([(one, ["history"]), (other, ["history"])], "study").calibrated
        (head,) = saved.model.heads_of("study").values()
        head.calibration = Calibration(torch.ones(1), torch.zeros(1))
    standing = standing_of([(one, ["history"]), (other, ["history"])], "study")
    assert (standing.rows, standing.called) == ("studies", "probability")


def test_how_far_images_lie_is_the_mean_over_the_models_that_know(tmp_path: Path):
    saved = load_model(write_member(tmp_path / "model", seed=0))
    width = saved.model.branches["image"].encoder.dim
    plain = Reference(torch.zeros(width), torch.ones(width), torch.zeros(0, width), torch.zeros(0), 1.0)
    far, near = (replace(saved, domain={"image": replace(plain, limit=limit)}) for limit in (0.5, 2.0))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    one = Model(far).predict({"image": pixels, "report": "a fall"})[0].apart["image"]
    two = Model(replace(far, others=(near, saved))).predict({"image": pixels, "report": "a fall"})[0].apart["image"]
    assert one > 0
    assert two == pytest.approx(one * (1 + 0.25) / 2)
    assert Model(far).explain(pixels, findings=saved.facts.findings[:1])[0].standing.apart["image"] == pytest.approx(
        one
    )
    assert Model(far).predict({"report": "a fall"})[0].apart == {}
    assert Model(saved).predict(pixels)[0].apart == {}


def test_a_model_folder_alone_has_no_thresholds(tmp_path: Path):
    told = with_thresholds(tmp_path)(Prediction(**BASE, shown="image", findings={"bleed": 0.3}))
    assert told.thresholds == {}
