"""A planned config as a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from planning import cheap, cohort, machine, reports

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.planning.plan import Means, plan_cohort
from mmdx.engine.planning.planned import Planned
from mmdx.errors import UsageError


@pytest.fixture
def planned() -> Planned:
    return plan_cohort(cohort(reports={"note": reports()}), Means(machine(), timing=cheap))


def test_the_file_reads_back_to_the_config(planned: Planned, tmp_path: Path) -> None:
    planned.save(tmp_path / "plan.yaml")
    assert resolve(read_config(tmp_path / "plan.yaml")) == planned.config
    assert (tmp_path / "plan.yaml").read_text() == planned.text == str(planned)


def test_a_file_is_replaced_only_by_force(planned: Planned, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("mine")
    with pytest.raises(UsageError, match="is there already; choose another --out, or replace it by --force"):
        planned.save(tmp_path / "plan.yaml")
    planned.save(tmp_path / "plan.yaml", force=True)
    assert (tmp_path / "plan.yaml").read_text() == planned.text
    with pytest.raises(UsageError, match="cannot be written"):
        planned.save(tmp_path / "plan.yaml" / "plan.yaml")


def test_what_it_says_of_itself(planned: Planned) -> None:
    assert planned.summary == (
        ("found", "100 studies of 100 patients, image 3000 images, note 100 texts"),
        ("machine", "2 cores, 16 GiB, no GPU; weights: tf_efficientnet_lite0"),
        ("learns", "bleed; bleed leads"),
        ("images", "tf_efficientnet_lite0, pretrained, frozen, at 224 pixels"),
        ("tested", "5 folds by patient"),
        ("trains", "30 epochs"),
    )
    assert planned.to_json()["summary"]["tested"] == "5 folds by patient"
    assert "<th>learns</th><td>bleed; bleed leads</td>" in planned._repr_html_()
