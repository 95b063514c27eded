"""What an audit takes from a store."""

from __future__ import annotations

from pathlib import Path

import cohorts

from mmdx.data.audit.identities import check_identities
from mmdx.data.audit.store_facts import gather
from mmdx.data.store.prepare import prepare_store
from mmdx.schema import SplitOptions


def test_a_column_called_series_is_a_trait_and_no_identity(tmp_path: Path) -> None:
    rows = [
        {"study_id": f"s{i}", "patient_id": f"p{i}", "report": f"Fell {i} times.", "series": "CT Plain", "bleed": i % 2}
        for i in range(10)
    ]
    raw = cohorts.write_table(tmp_path / "raw", rows)
    store = prepare_store(cohorts.recipe(raw), tmp_path / "out", SplitOptions(val=0.2, test=0.2), cohorts.quiet()[0])
    evidence = gather(store, store.splits)
    assert [facts["series"] for facts in evidence.traits] == ["CT Plain"] * 10
    assert evidence.series == (None,) * 10
    assert check_identities(evidence) == []
