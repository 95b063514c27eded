"""Files of several models become one, each study once."""

import pandas as pd
import pytest

from mmdx.engine.scoring.pool import average_scores, pool_scores

COLUMNS = ["study_id", "patient_id", "shown", "finding", "label", "score"]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)


def test_rows_stand_by_what_was_shown_then_by_study_and_findings_keep_their_order(tmp_path):
    for place, study in (("a", "s2"), ("b", "s1")):
        rows = [(study, "p", shown, f, 1, 0.25) for shown in ("image+report", "image") for f in ("mass", "bleed")]
        write(tmp_path / place / "val.csv", rows)
    assert pool_scores([tmp_path / "a", tmp_path / "b"], tmp_path / "out", "val") == []
    pooled = pd.read_csv(tmp_path / "out" / "val.csv")
    assert list(zip(pooled["shown"], pooled["study_id"], pooled["finding"], strict=True)) == [
        *[("image+report", "s1", "mass"), ("image+report", "s1", "bleed")],
        *[("image+report", "s2", "mass"), ("image+report", "s2", "bleed")],
        *[("image", "s1", "mass"), ("image", "s1", "bleed"), ("image", "s2", "mass"), ("image", "s2", "bleed")],
    ]


def test_a_baseline_that_one_fold_could_not_make_is_left_out_aloud(tmp_path):
    write(tmp_path / "a" / "val_baselines.csv", [("s1", "p", name, "mass", 1, 0.5) for name in ("constant", "words")])
    write(tmp_path / "b" / "val_baselines.csv", [("s2", "q", "constant", "mass", 0, 0.5)])
    lines = pool_scores([tmp_path / "a", tmp_path / "b"], tmp_path / "out", "val")
    assert lines == ["val_baselines.csv: without 'words', which not every fold could make"]
    assert set(pd.read_csv(tmp_path / "out" / "val_baselines.csv")["shown"]) == {"constant"}


def test_the_mean_of_several_is_of_the_log_odds_of_rows_that_all_have(tmp_path):
    write(tmp_path / "a" / "val.csv", [("s1", "p", "image", "mass", 1, 0.2), ("s2", "q", "image", "mass", 0, 0.7)])
    write(tmp_path / "b" / "val.csv", [("s1", "p", "image", "mass", 1, 0.8)])
    write(tmp_path / "a" / "val_baselines.csv", [("s1", "p", "constant", "mass", 1, 0.4)])
    average_scores([tmp_path / "a", tmp_path / "b"], tmp_path / "out", "val")
    mean = pd.read_csv(tmp_path / "out" / "val.csv")
    assert list(mean.columns) == [*COLUMNS, "spread"]
    assert mean["study_id"].tolist() == ["s1"]
    assert mean["score"].iloc[0] == pytest.approx(0.5)
    assert mean["spread"].iloc[0] == pytest.approx(0.6 / 2**0.5)
    assert pd.read_csv(tmp_path / "out" / "val_baselines.csv")["score"].tolist() == [0.4]
