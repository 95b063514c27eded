import shutil

import pandas as pd
import pytest
from asking import ask

from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.sections.folds.section import folds_section


def test_models_of_a_cross_validation_are_told_by_fold(write_run):
    """Fold 0 is perfect, fold 1 is wrong throughout: the mean of 1 and 0 is a half."""
    run = write_run("cv", {"ct+report": 1.0, "ct": 0.0}, patients=40, findings=("bleed",))
    table = pd.read_csv(run / "predictions" / "test.csv")
    fold = table["study_id"].str[1:].astype(int) % 4 // 2
    pd.DataFrame({"study_id": table["study_id"], "patient_id": table["patient_id"], "fold": fold}).drop_duplicates(
        "study_id"
    ).to_csv(run / "folds.csv", index=False)
    whole = (table["shown"] == "ct") & (fold == 1)
    table.loc[whole, "score"] = 1 - table.loc[whole, "score"]
    table.to_csv(run / "predictions" / "test.csv", index=False)
    for number in (0, 1):
        part = run / f"fold-{number}" / "predictions"
        part.mkdir(parents=True)
        table[fold == number].to_csv(part / "test.csv", index=False)
    section = ask(folds_section, read_cohort([run]), resamples=50, seed=0)
    rows = {row[0]: row for row in section.sheets[0].rows}
    assert rows["ct"][1] == "0.500 [0.000, 1.000]"
    assert section.record["ct"]["auroc"]["folds"] == pytest.approx([1.0, 0.0])
    assert section.sheets[0].title == "Macro means over 2 folds: mean [lowest, highest]"
    assert section.sentences == (), "rows that do not say their fold are compared fold by fold with none"
    table.assign(fold=fold).to_csv(run / "predictions" / "test.csv", index=False)
    (sentence,) = ask(folds_section, read_cohort([run]), resamples=50, seed=0).sentences
    assert "too (difference of the AUROC for bleed; corrected t-test): no difference was shown" in sentence
    assert "95 % interval -1.000 to 1.000" in sentence, "no difference of AUROCs is more"
    assert "no difference was shown of ct+report to ct (0." in sentence


def test_a_single_run_has_no_folds(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    shutil.copytree(run / "predictions", run / "fold-0" / "predictions")
    assert ask(folds_section, read_cohort([run]), resamples=50, seed=0) is None
