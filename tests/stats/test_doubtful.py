"""Which labels of a run are doubtful, and where nobody can say."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubted import WRONG, write_doubted

from mmdx.errors import UsageError
from mmdx.files import RunLayout, write_json, write_text
from mmdx.stats.doubtful import COLUMNS, find_doubtful


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_doubted(tmp_path / "run")


def test_wrong_labels_lead_the_list(run: Path):
    found = find_doubtful(run, top=5)
    assert tuple(found.frame().columns) == COLUMNS
    assert sorted(found.rows["study_id"][:3]) == list(WRONG)
    assert found.rows["marked"].tolist() == [True] * 3 + [False] * 2
    assert found.rows["rank"].tolist() == [1, 2, 3, 4, 5]
    assert found.shown == "image+report"  # the fullest showing
    named = dict(zip(found.rows["study_id"], found.rows["audit"], strict=True))
    assert (named["s08"], named["s03"]) == ("contradictory labels", "")
    (count,) = found.counts
    assert (count.level, count.finding, count.labels, count.patients, count.marked) == ("study", "bleed", 40, 40, 3)
    assert count.wrong.value == pytest.approx(3, abs=0.5)
    assert count.absent.value + count.present.value == pytest.approx(count.wrong.value)
    assert count.wrong.low is not None
    assert count.wrong.high is not None
    assert count.wrong.low < 3 < count.wrong.high
    assert found.skipped == ("rare (study): 2 patients with the finding, and 5 are needed",)


def test_all_that_are_marked_are_listed(run: Path):
    assert len(find_doubtful(run, top=1).rows) == 3


def test_slices_have_a_list_of_their_own(tmp_path: Path):
    found = find_doubtful(write_doubted(tmp_path / "run", slices=True), top=2)
    assert [count.level for count in found.counts] == ["study", "slice"]
    slices = found.rows.loc[found.rows["level"] == "slice"]
    assert slices["rank"].tolist()[:2] == [1, 2]
    assert set(slices["slice"]) <= {"0", "1"}


def test_each_study_of_a_cross_validation_is_asked_of_its_own_model(run: Path):
    layout = RunLayout(run)
    layout.final.unlink()
    rows = layout.scores("val").read_text().splitlines()
    folded = [f"{rows[0]},fold", *(f"{row},{i % 2}" for i, row in enumerate(rows[1:]))]
    folded = [row for row in folded if "image,bleed" not in row and ",rare," not in row]
    write_text(layout.scores("test"), "\n".join(folded) + "\n")
    write_text(layout.folds, "study_id,patient_id,fold\n")
    found = find_doubtful(run)
    assert "the model of its own fold" in found.how
    assert found.files["study"].name == "test.csv"
    assert sorted(found.rows["study_id"][:3]) == list(WRONG)


def test_a_run_without_scores_out_of_fold_is_told_what_to_do(run: Path):
    RunLayout(run).final.unlink()
    with pytest.raises(UsageError, match=r"has no scores out of fold, .* train.final=refit or with data.folds.count=5"):
        find_doubtful(run)
    with pytest.raises(UsageError, match="not a run folder"):
        find_doubtful(run / "nowhere")


def test_what_cannot_be_asked(run: Path):
    with pytest.raises(UsageError, match=r"--finding bled: was not scored in .*did you mean 'bleed'"):
        find_doubtful(run, finding="bled")
    with pytest.raises(UsageError, match="--top 0: is no number of labels"):
        find_doubtful(run, top=0)


def test_right_labels_are_not_shown_to_be_wrong(run: Path):
    """Labels that are drawn from their very scores are as right as can be, and a weak model doubts many of them."""
    layout, lines = RunLayout(run), []
    for i in range(200):
        score = 0.2 + 0.6 * ((i * 37 % 200) / 200)
        label = int((i * 61 % 200) / 200 < score)
        lines.append(f"s{i},p{i},image,bleed,{label},{score:.3f}")
    write_text(layout.scores("val"), "\n".join(["study_id,patient_id,shown,finding,label,score", *lines]) + "\n")
    write_json(layout.audit, {"findings": []})
    (count,) = find_doubtful(run).counts
    assert count.marked > 20
    assert not count.beyond
