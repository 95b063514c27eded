import pandas as pd
import pytest

from mmdx.errors import DataError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.sources import find_sources, with_repeats


def write_splits(run, split_of):
    rows = [(f"s{i}", f"p{i}", split) for i, split in split_of.items()]
    pd.DataFrame(rows, columns=["study_id", "patient_id", "split"]).to_csv(run / "splits.csv", index=False)


def test_a_model_is_not_judged_on_patients_that_it_was_trained_or_chosen_on(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    write_splits(run, dict.fromkeys(range(8), "test"))
    assert len(read_cohort([run]).names) == 8
    write_splits(run, dict.fromkeys(range(8), "test") | {3: "train", 5: "val"})
    with pytest.raises(DataError, match=r"patients 'p3', 'p5' of its rows are in the 'train' and 'val' split of "):
        read_cohort([run])


def test_another_study_of_the_same_patient_counts_as_seen(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    rows = [("s0", "p0", "test"), ("earlier", "p0", "train")]
    pd.DataFrame(rows, columns=["study_id", "patient_id", "split"]).to_csv(run / "splits.csv", index=False)
    with pytest.raises(DataError, match="patients 'p0' of its rows are in the 'train' split"):
        read_cohort([run])


def test_predictions_of_the_training_split_may_be_looked_at_as_such(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    write_splits(run, dict.fromkeys(range(8), "train"))
    (run / "predictions" / "test.csv").rename(run / "predictions" / "train.csv")
    assert len(read_cohort([run], split="train").names) == 8


def test_slices_of_a_run_are_asked_for_by_level(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    with pytest.raises(DataError, match="only a model with a slice head scores slices"):
        find_sources([run], split="test", unit="slice")
    table = pd.read_csv(run / "predictions" / "test.csv")
    table.assign(slice=0).to_csv(run / "predictions" / "test_slices.csv", index=False)
    assert read_cohort([run], unit="slice").unit == "slice"
    with pytest.raises(DataError, match="scores studies; give files that score each slice"):
        read_cohort([run / "predictions" / "test.csv"], unit="slice")


def test_a_folder_that_evaluate_left_is_compared_as_it_lies(write_run, tmp_path):
    run = write_run("fused", {"ct": 1.0, "ct+report": 2.0}, patients=8)
    table = pd.read_csv(run / "predictions" / "test.csv")
    (tmp_path / "ct_only").mkdir()
    table[table["shown"] == "ct"].to_csv(tmp_path / "ct_only" / "test.csv", index=False)
    assert "ct_only" in [arm.name for arm in read_cohort([run, tmp_path / "ct_only"]).arms]
    assert [source.file for source in find_sources([tmp_path / "ct_only"], split="test", unit=None)] == [
        tmp_path / "ct_only" / "test.csv"
    ]


def test_a_file_of_someone_elses_model_needs_no_column_shown(write_run, tmp_path):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    pd.read_csv(run / "predictions" / "test.csv").drop(columns="shown").to_csv(tmp_path / "theirs.csv", index=False)
    (source,) = find_sources([tmp_path / "theirs.csv"], split="test", unit=None)
    assert set(source.read()["shown"]) == {"theirs"}
    assert len(read_cohort([run, tmp_path / "theirs.csv"]).names) == 8


def test_facts_of_studies_are_numbers_words_or_unknown(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=3)
    text = "study_id,patient_id,split,age,sex,site\ns2,p2,test,60,f,\ns0,p0,test,50,m,\nother,p9,train,1,m,x\n"
    (run / "studies.csv").write_text(text, encoding="utf-8")
    traits = read_cohort([run]).traits
    assert list(traits.columns) == ["age", "sex", "site"]
    assert traits["age"].tolist()[::2] == [50.0, 60.0]
    assert traits["sex"].tolist() == ["m", None, "f"]
    assert traits["site"].tolist() == [None, None, None]
    assert read_cohort([run], unit="patient").traits["age"].tolist()[::2] == [50.0, 60.0]


def test_folds_choose_for_their_own_studies(write_run):
    run = write_run("cv", {"ct": 1.0}, patients=40, findings=("bleed",))
    folds = pd.DataFrame({"study_id": [f"s{i}" for i in range(40)], "patient_id": [f"p{i}" for i in range(40)]})
    folds.assign(fold=[i // 20 for i in range(40)]).to_csv(run / "folds.csv", index=False)
    for fold, (low, high) in enumerate([(0.1, 0.3), (0.7, 0.9)]):
        rows = [(f"v{i}", f"v{i}", "ct", "bleed", i % 2, high if i % 2 else low) for i in range(12)]
        path = run / f"fold-{fold}" / "predictions" / "val.csv"
        path.parent.mkdir(parents=True)
        columns = ["study_id", "patient_id", "shown", "finding", "label", "score"]
        pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    thresholds = read_cohort([run]).thresholds[0, :, 0]
    assert thresholds.tolist() == pytest.approx([0.2] * 20 + [0.8] * 20)


def test_a_path_may_be_text(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=6)
    (named,) = find_sources({"ours": str(run)}, split="test", unit=None)
    (alone,) = find_sources([str(run / "predictions" / "test.csv")], split="test", unit=None)
    assert (named.name, named.file, alone.file) == ("ours", run / "predictions" / "test.csv", named.file)
    assert (alone.name, alone.folder) == ("fused", run)


def test_all_deals_of_a_cross_validation_are_trainings_of_one_config(write_run, tmp_path):
    run, other = write_run("cv", {"ct": 1.0}, patients=8), write_run("fused", {"ct": 1.0}, patients=8)
    assert with_repeats([run, other]) == ([run, other], None)
    for number in (1, 2, 10):
        (run / f"repeat-{number}").mkdir()
    (run / "repeat-many").mkdir()
    table = pd.DataFrame()
    inputs, configs = with_repeats([run, table, other])
    assert [thing for thing in inputs if thing is not table] == [
        *(run, run / "repeat-1", run / "repeat-2", run / "repeat-10"),
        other,
    ]
    assert configs == ("cv", "cv", "cv", "cv", "table 2", "fused")
    assert with_repeats({"ours": run, "theirs": other})[1] == ("ours",) * 4 + ("theirs",)
