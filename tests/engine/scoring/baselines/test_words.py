"""A word tells where it does, and a text of which nothing is left answers by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohorts import prepared, write_png, write_table
from grounds import ground, reported

from mmdx.data.store.store import Store
from mmdx.engine.scoring.baselines.files import study_baselines


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return reported(tmp_path_factory.mktemp("cohort"))


def test_a_word_tells_and_a_constant_does_not(store: Store):
    rows = store.splits.rows("test")
    found, said = study_baselines(ground(store), rows)
    assert (list(found), said) == (["constant", "metadata", "TF-IDF report"], [])
    assert found["constant"][:, 0].tolist() == pytest.approx([0.5] * len(rows))
    told = [row for row in rows if store.read(row).text("report")]
    scores = dict(zip(rows, found["TF-IDF report"][:, 0], strict=True))
    assert all((scores[row] > 0.5) == (store.labels[row, 0] == 1) for row in told)


def test_a_script_without_spaces_is_read_by_its_letters(tmp_path: Path):
    rows = []
    for i in range(24):
        write_png(tmp_path / "raw" / f"{i}.png", 50)
        said = f"胸腔积液深约{i}毫米。" if i % 2 else f"未见异常{i}。"
        row = {"study_id": f"s{i}", "patient_id": f"p{i}", "file_name": f"{i}.png", "bleed": i % 2}
        rows.append(row | {"report": said})
    store = prepared(write_table(tmp_path / "raw", rows), tmp_path / "store")
    rows = store.splits.rows("test")
    found, _ = study_baselines(ground(store), rows)
    assert ((found["TF-IDF report"][:, 0] > 0.5) == (store.labels[rows, 0] == 1)).all()
