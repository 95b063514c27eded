"""A word tells where it does, and a text of which nothing is left answers by itself."""

from __future__ import annotations

import pytest
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
