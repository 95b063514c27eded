import json
import shutil

import pandas as pd
import pytest

from mmdx.errors import DataError, UsageError
from mmdx.stats.cohort.ablation_folder import select
from mmdx.stats.evidence import Stated, gather


@pytest.fixture
def ablation(write_run, tmp_path):
    """A fusion and one input alone, two seeds each, the fusion also on 10 patients; what only sees texts is refused."""
    runs = []
    for variant, shown in (("fusion", {"ct+report": 1.0, "ct": 2.0}), ("only-ct", {"ct": 2.0})):
        for seed in (0, 1):
            run = write_run(f"{variant}-{seed}", shown, patients=40, seed=seed)
            place = tmp_path / "abl" / variant / f"seed-{seed}"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(run, place)
            splits = [(f"s{i}", f"p{i}", "test") for i in range(40)] + [(f"t{i}", f"t{i}", "train") for i in range(60)]
            pd.DataFrame(splits, columns=["study_id", "patient_id", "split"]).to_csv(place / "splits.csv", index=False)
            folder = f"{variant}/seed-{seed}"
            runs.append({"variant": variant, "seed": seed, "size": None, "predictions": [folder], "state": "done"})
    small = tmp_path / "abl" / "fusion" / "size-10" / "seed-0"
    shutil.copytree(tmp_path / "abl" / "fusion" / "seed-0", small)
    folder = "fusion/size-10/seed-0"
    runs.append({"variant": "fusion", "seed": 0, "size": 10, "predictions": [folder], "state": "done"})
    runs.append({"variant": "fusion-late", "seed": 0, "size": None, "predictions": ["x"], "state": "failed"})
    record = {"reference": "fusion", "refused": {"only-report": "no head answers for studies"}, "runs": runs}
    (tmp_path / "abl" / "ablation.json").write_text(json.dumps(record), encoding="utf-8")
    return tmp_path / "abl"


def test_seeds_of_a_variant_are_one_arm_and_others_stand_with_their_fullest_showing(ablation):
    selection = select([ablation])
    assert selection.configs == ("fusion", "fusion", "only-ct", "only-ct")
    assert selection.fullest == {"only-ct"}
    assert selection.left_out == ("only-report: no head answers for studies", "not trained: fusion-late seed 0")
    evidence = gather([ablation], resamples=200)
    arms = [(arm.name, arm.seeds) for arm in evidence.comparison.arms]
    assert arms == [("fusion: ct+report", 2), ("fusion: ct", 2), ("only-ct", 2)]
    assert {"missing", "seeds", "learning"} <= {section.key for section in evidence.sections}


def test_the_learning_curve_ends_with_all_training_patients(ablation):
    sizes = select([ablation]).sizes["fusion"]
    assert {size: len(runs) for size, runs in sizes.items()} == {10: 1, 60: 2}


def test_an_ablation_is_compared_alone_and_with_its_reference(ablation):
    with pytest.raises(UsageError, match="is an ablation, which is compared alone"):
        select([ablation, ablation / "fusion" / "seed-0"])
    record = json.loads((ablation / "ablation.json").read_text(encoding="utf-8"))
    changed = [run | {"state": "waiting"} for run in record["runs"] if run["variant"] == "fusion"]
    (ablation / "ablation.json").write_text(json.dumps(record | {"runs": changed}), encoding="utf-8")
    with pytest.raises(
        DataError, match="'fusion', with which all others are compared, is not trained; run mmdx ablate"
    ):
        select([ablation])


def test_runs_that_score_no_slices_are_left_out_by_name(ablation):
    for seed in (0, 1):
        place = ablation / "fusion" / f"seed-{seed}" / "predictions"
        pd.read_csv(place / "test.csv").assign(slice=0).to_csv(place / "test_slices.csv", index=False)
    evidence = gather([ablation], resamples=200, unit="slice")
    assert [arm.name for arm in evidence.comparison.arms] == ["ct+report", "ct"]
    assert "only-ct: scores no slices" in evidence.left_out


def test_a_record_names_no_folder_outside_of_the_ablation(ablation):
    text = (ablation / "ablation.json").read_text(encoding="utf-8").replace('"only-ct/seed-0"', '"../fusion-9"')
    (ablation / "ablation.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"'\.\./fusion-9' lies outside of the ablation"):
        select([ablation])


def test_a_margin_that_is_none_is_refused_before_a_file_is_read(tmp_path):
    with pytest.raises(UsageError, match=r"margin 0: must lie between 0 and 0\.5"):
        gather([tmp_path / "nowhere"], stated=Stated(margin=0.0))


def test_the_learning_curve_stands_on_the_rows_that_are_compared(ablation):
    by_patient = gather([ablation], resamples=200, unit="patient")
    assert by_patient.comparison.unit == "patient"
    assert "learning" in {section.key for section in by_patient.sections}
