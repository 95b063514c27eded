from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmdx.errors import DataError, UsageError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.sources import run_names


def change(run: Path, edit) -> Path:
    path = run / "predictions" / "test.csv"
    edit(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)
    return run


def refusal(*sources: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_cohort(sources)
    (line,) = caught.value.problems
    return line


def test_one_run_gives_an_arm_for_each_shown_the_fullest_first(write_run):
    run = write_run("fused", {"ct": 1.0, "ct+report+labs": 1.0, "ct+report": 1.0}, patients=6)
    cohort = read_cohort([run])
    assert [arm.name for arm in cohort.arms] == ["ct+report+labs", "ct+report", "ct"]
    assert cohort.scores.shape == (3, 6, 2)
    assert (cohort.unit, cohort.studies, cohort.findings) == ("study", 6, ("bleed", "fracture"))


def test_several_runs_are_named_by_their_folders_with_shown_only_where_needed(write_run):
    both = [write_run("seed0/fused", {"ct": 1.0}), write_run("seed1/fused", {"ct": 1.0, "ct+report": 1.0})]
    names = [arm.name for arm in read_cohort(both).arms]
    assert names == ["seed0/fused", "seed1/fused: ct+report", "seed1/fused: ct"]


def test_a_file_is_read_itself_and_another_split_by_name(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=6)
    path = run / "predictions" / "test.csv"
    assert read_cohort([path]).arms[0].source == str(path)
    with pytest.raises(DataError, match=r"no predictions/val\.csv; run 'mmdx evaluate"):
        read_cohort([run], split="val")
    assert "no such run folder" in refusal(run / "nowhere")


def test_wrong_calls(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=6)
    with pytest.raises(UsageError, match="given twice"):
        read_cohort([run, run / "predictions" / "test.csv"])
    with pytest.raises(UsageError, match="nothing to compare"):
        read_cohort([])


def test_rows_are_matched_by_study_and_not_by_place(write_run):
    first, second = (write_run(name, {"ct": 1.0}, patients=8, seed=7) for name in ("a", "b"))
    change(second, lambda frame: frame.iloc[::-1])
    cohort = read_cohort([first, second])
    np.testing.assert_array_equal(cohort.scores[0], cohort.scores[1])


def test_other_studies_are_refused(write_run):
    first, second = (write_run(name, {"ct": 1.0}, patients=8) for name in ("a", "b"))
    change(second, lambda frame: frame[~frame["study_id"].isin(["s3", "s5"])])
    assert "same studies: 2 are in one of them only, the first 's3' (6 against 8)" in refusal(first, second)


def test_other_findings_are_refused(write_run):
    first, second = write_run("a", {"ct": 1.0}), write_run("b", {"ct": 1.0}, findings=("bleed",))
    assert "same findings: 1 is in one of them only, the first 'fracture'" in refusal(first, second)


def test_other_labels_are_refused(write_run):
    first, second = (write_run(name, {"ct": 1.0}, patients=8) for name in ("a", "b"))
    change(second, lambda frame: frame.assign(label=["", *frame["label"][1:]]))
    assert "'b' and 'a' disagree on 1 label, the first bleed of 's0': unknown against 0" in refusal(first, second)


def test_other_patients_are_refused(write_run):
    first, second = (write_run(name, {"ct": 1.0}, patients=8) for name in ("a", "b"))
    change(second, lambda frame: frame.replace({"patient_id": {"p2": "p9"}}))
    assert "1 row to different patients, the first 's2': 'p9' against 'p2'" in refusal(first, second)


def test_a_study_without_a_row_for_a_finding_is_refused_by_name(write_run):
    run = write_run("a", {"ct": 1.0}, patients=8)
    change(run, lambda frame: frame[~((frame["study_id"] == "s3") & (frame["finding"] == "fracture"))])
    line = refusal(run)
    assert line.endswith(
        "test.csv: has no row for fracture of 's3'; score each of them, with an empty label if unknown"
    )


def test_baselines_beside_the_file_are_arms_after_the_models(write_run):
    run = write_run("fused", {"ct": 1.0, "ct+report": 1.0}, patients=8)
    other = write_run("base", {"constant": 1.0, "metadata": 2.0}, patients=8)
    (other / "predictions" / "test.csv").rename(run / "predictions" / "test_baselines.csv")
    cohort = read_cohort([run])
    assert [(arm.name, arm.kind) for arm in cohort.arms] == [
        ("ct+report", "model"),
        ("ct", "model"),
        ("constant", "baseline"),
        ("metadata", "baseline"),
    ]
    assert cohort.models == [0, 1]


def test_a_baseline_that_is_called_like_a_modality_is_kept(write_run):
    run, other = write_run("fused", {"ct+metadata": 1.0, "metadata": 1.0}), write_run("b", {"metadata": 9.0})
    (other / "predictions" / "test.csv").rename(run / "predictions" / "test_baselines.csv")
    names = [(arm.name, arm.kind) for arm in read_cohort([run]).arms]
    assert names[1:] == [("metadata", "model"), ("metadata (baseline)", "baseline")]


def test_sources_of_one_group_are_trainings_of_the_same_arms(write_run):
    runs = [write_run(f"{name}-{seed}", {"ct": 1.0}, patients=8, seed=seed) for name in ("a", "b") for seed in (1, 2)]
    cohort = read_cohort(runs, configs=["a", "a", "b", "b"])
    assert [(arm.name, arm.seeds) for arm in cohort.arms] == [("a", 2), ("b", 2)]
    assert cohort.scores.shape == (2, 8, 2)
    np.testing.assert_array_equal(cohort.scored[1][1].scores, read_cohort([runs[3]]).scores[0])


def test_trainings_of_one_group_are_shown_the_same(write_run):
    runs = [write_run("a", {"ct": 1.0, "ct+report": 1.0}, patients=8), write_run("b", {"ct": 1.0}, patients=8)]
    with pytest.raises(DataError, match=r"fused: 1 of its 2 trainings were shown 'ct\+report'; score all"):
        read_cohort(runs, configs=["fused", "fused"])


def test_a_patient_has_the_highest_score_and_label_of_its_studies(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=4, findings=("bleed",))

    def of_two(frame: pd.DataFrame) -> pd.DataFrame:
        labels, scores = ["0", "1", "0", ""], ["0.2", "0.1", "0.3", "0.9"]
        return frame.assign(patient_id=["p0", "p0", "p1", "p1"], label=labels, score=scores)

    cohort = read_cohort([change(run, of_two)], unit="patient")
    assert (cohort.unit, cohort.names) == ("patient", ("p0", "p1"))
    assert cohort.scores[0, :, 0].tolist() == [0.2, 0.9]
    assert cohort.labels[0, 0] == 1
    assert np.isnan(cohort.labels[1, 0])


def test_labels_unknown_in_both_agree(write_run):
    runs = [write_run(name, {"ct": 1.0}, patients=8, constant={"bleed": ""}) for name in ("a", "b")]
    assert np.isnan(read_cohort(runs).labels[:, 0]).all()


def test_slices_are_rows_of_their_patient_and_not_mixed_with_studies(write_run):
    first, second = (write_run(name, {"ct": 1.0}, patients=8) for name in ("a", "b"))
    four = {f"s{i}": f"s{i // 2}" for i in range(8)}

    def as_slices(frame: pd.DataFrame) -> pd.DataFrame:
        patients = frame["study_id"].map(four).str.replace("s", "p")
        return frame.assign(slice=frame["study_id"], patient_id=patients, study_id=frame["study_id"].map(four))

    change(first, as_slices)
    cohort = read_cohort([first])
    assert (cohort.unit, cohort.studies, cohort.labels.shape) == ("slice", 4, (8, 2))
    assert cohort.patients.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert "one scores slices, the other studies" in refusal(first, second)


def test_a_file_of_a_run_is_called_by_the_run(tmp_path):
    files = []
    for run in ("lstm", "mean"):
        for split in ("val", "test"):
            path = tmp_path / run / "predictions" / f"{split}_slices.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"study_id,patient_id,shown,finding,label,score,slice\ns,{split},ct,bleed,1,0.5,0\n")
            files.append(path)
    assert [arm.name for arm in read_cohort([files[1], files[3]]).arms] == ["lstm", "mean"]
    assert run_names(files[:2]) == ["val_slices", "test_slices"]
