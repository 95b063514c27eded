"""Files of several models become one, each study once."""

from dataclasses import replace

import pandas as pd
import pytest
from parts import FACTS, config_of, model_of

from mmdx.engine.assembly.saved import SavedModel
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


def saved(*findings: str, loss: str = "bce") -> SavedModel:
    heads = {"study": {"type": "study", "loss": loss}, "slice": "slice"}
    config, facts = config_of(heads=heads), replace(FACTS, findings=findings)
    return SavedModel(model_of(config, facts), config, facts, {})


def test_the_mean_of_several_is_of_the_logits_of_rows_that_all_have(tmp_path):
    write(tmp_path / "a" / "val.csv", [("s1", "p", "image", "mass", 1, 0.2), ("s2", "q", "image", "mass", 0, 0.7)])
    write(tmp_path / "b" / "val.csv", [("s1", "p", "image", "mass", 1, 0.8)])
    write(tmp_path / "a" / "val_baselines.csv", [("s1", "p", "constant", "mass", 1, 0.4)])
    average_scores(saved("mass"), [tmp_path / "a", tmp_path / "b"], tmp_path / "out", "val")
    mean = pd.read_csv(tmp_path / "out" / "val.csv")
    assert list(mean.columns) == [*COLUMNS, "spread"]
    assert mean["study_id"].tolist() == ["s1"]
    assert mean["score"].iloc[0] == pytest.approx(0.5)
    assert mean["spread"].iloc[0] == pytest.approx(0.6 / 2**0.5)
    assert pd.read_csv(tmp_path / "out" / "val_baselines.csv")["score"].tolist() == [0.4]


def test_classes_that_exclude_each_other_still_sum_to_one(tmp_path):
    for place, scores in (("a", (0.8, 0.1, 0.1)), ("b", (0.2, 0.4, 0.4))):
        rows = [("s1", "p", "image", f"DIAG/{n}", n == 0, p) for n, p in enumerate(scores)]
        write(tmp_path / place / "val.csv", rows)
    model = saved("DIAG/0", "DIAG/1", "DIAG/2", loss="cross_entropy")
    average_scores(model, [tmp_path / "a", tmp_path / "b"], tmp_path / "out", "val")
    # The geometric means .4, .2, .2, normalised.
    assert pd.read_csv(tmp_path / "out" / "val.csv")["score"].tolist() == pytest.approx([0.5, 0.25, 0.25])


def test_slices_of_two_modalities_that_share_a_number_are_two_rows(tmp_path):
    for place, scores in (("a", (0.2, 0.9)), ("b", (0.8, 0.9))):
        rows = [(*("s1", "p", "ct+mr", "mass", 1), score) for score in scores]
        write(tmp_path / place / "val_slices.csv", rows)
        path = tmp_path / place / "val_slices.csv"
        pd.read_csv(path).assign(slice=0).to_csv(path, index=False)
    average_scores(saved("mass"), [tmp_path / "a", tmp_path / "b"], tmp_path / "out", "val")
    assert pd.read_csv(tmp_path / "out" / "val_slices.csv")["score"].tolist() == pytest.approx([0.5, 0.9])
