"""The plan of a next study, from prediction files to sentences."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from mmdx.errors import UsageError
from mmdx.stats.power import Planned, Power, plan_power
from mmdx.stats.significance import sample_size
from mmdx.stats.significance.sample_size import SampleSize


@pytest.fixture
def run(write_run, monkeypatch):
    monkeypatch.setattr(sample_size, "FIRST_COHORTS", 60)
    monkeypatch.setattr(sample_size, "COHORTS", 60)
    monkeypatch.setattr(sample_size, "RESAMPLES", 60)
    return write_run("run", {"ct+report": 1.5, "ct": 3.0}, patients=120)


def test_each_other_model_is_planned_beside_the_first(run):
    counted = []
    plan = plan_power([run], difference=0.1, finding="bleed", count=lambda *told: counted.append(told))
    (planned,) = plan.planned
    assert (planned.reference, planned.other, plan.patients, plan.positives) == ("ct+report", "ct", 120, 60)
    assert planned.needed.difference == pytest.approx(0.1, abs=0.003)
    assert planned.needed.low <= planned.needed.patients <= planned.needed.high
    assert plan.sentences[0].startswith("ct+report and ct, difference of 0.1")
    assert f"{planned.needed.patients} patients are needed for a power of 0.8" in plan.sentences[0]
    assert "Planned on the scores of 120 patients, 60 of them with bleed" in plan.sentences[-1]
    assert counted[0] == ("drawing cohorts of ct+report and ct", 0, sample_size.MOST_STEPS, "sizes")
    json.dumps(plan.to_json(), allow_nan=False)


def test_what_cannot_be_planned_is_said(run, write_run):
    with pytest.raises(UsageError, match=r"^name the finding .* \(--finding\): bleed, fracture$"):
        plan_power([run])
    with pytest.raises(UsageError, match=r"^finding 'bled': not in the predictions; did you mean 'bleed'"):
        plan_power([run], finding="bled")
    with pytest.raises(UsageError, match=r"^difference 3: must lie between 0 and 0\.5"):
        plan_power([run], difference=3.0, finding="bleed")
    with pytest.raises(UsageError, match=r"^one model alone"):
        plan_power([write_run("alone", {"ct": 1.0})], finding="bleed")
    same = plan_power({"a": table(run), "b": table(run)}, finding="bleed")
    assert same.sentences[0].endswith("can be planned: no difference was seen; state one (--difference).")


def table(run):
    frame = pd.read_csv(run / "predictions" / "test.csv", dtype={"study_id": str, "patient_id": str})
    return frame.loc[frame["shown"] == "ct"].drop(columns="shown")


def test_the_primary_finding_is_what_it_is_about(run):
    (run / "config.yaml").write_text("data: {store: s, primary: fracture}\n")
    assert plan_power([run]).finding == "fracture"


def test_a_sentence_for_each_model_and_what_it_rests_on():
    needed = (SampleSize(0.03, 310, 250, None, (0.8, 0.78, 0.82)), SampleSize(0.01, 30_000, None, None))
    planned = tuple(Planned("fused", other, each) for other, each in zip(("ct", "text"), needed, strict=True))
    first, second, rests = Power("mass", None, 90, 40, planned).sentences
    assert first == (
        "fused and ct, difference that was seen 0.030 in AUROC for mass: 310 patients are needed for a power of 0.8 "
        "(95 % interval from 250 on, without an end). In 2000 drawn cohorts of so many it was shown in 0.800 [0.780, "
        "0.820]."
    )
    assert "no bound" in second
    assert "no cohorts of more than 20000 rows were drawn" in second
    assert rests.startswith("Planned on the scores of 90 patients, 40 of them with mass")
