"""A comparison as the page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparing import RECORD, write_comparison
from pages import text_of
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdx.demo.comparison import ALL, MEAN, Written
from mmdx.demo.comparison_page import (
    comparison_page,
    comparison_routes,
    disagreements_html,
    groups_html,
    measures_html,
)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written.of(write_comparison(tmp_path / "compare"))


def test_models_stand_with_their_intervals_and_differences(written: Written) -> None:
    text = text_of(measures_html(written, MEAN, "auroc"))
    assert "image+report 0.900 0.800 to 0.950 reference" in text
    assert "image 0.800 0.700 to 0.850 0.100 0.020 to 0.200 0.010 shown" in text
    one = text_of(measures_html(written, "bleed", "auroc"))
    assert "Without an interval: 1 image+report: 4 patients" in one


def test_what_is_no_share_has_no_bar(written: Written) -> None:
    assert 'class="track"' in measures_html(written, "bleed", "auroc")
    assert 'class="track"' not in measures_html(written, "bleed", "log_loss")


def test_groups_stand_with_their_patients(written: Written) -> None:
    text = text_of(groups_html(written, "sex"))
    assert "f 16 0.900 –" in text
    assert "From m to f it is 0.200" in text


def test_studies_are_chosen_by_finding_and_by_name(written: Written) -> None:
    page = disagreements_html(written, ALL, ALL)
    assert "s1 bleed present 0.900 image 0.200" in text_of(page)
    assert 'src="/pictures/disagreement_01.png"' in page
    assert "<b>" not in page
    assert disagreements_html(written, "bleed", "s1") == page
    assert "None of these" in disagreements_html(written, ALL, "s2")
    without = Written(written.folder, RECORD | {"pictures": []})
    assert "No pictures: the comparison had no store at hand" in disagreements_html(without, ALL, ALL)


def test_pictures_are_served_and_nothing_else(written: Written) -> None:
    client = TestClient(Starlette(routes=comparison_routes(written)))
    found = client.get("/pictures/disagreement_01.png")
    assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
    assert client.get("/pictures/auroc.png").status_code == 404


def test_what_was_not_compared_is_not_offered(tmp_path: Path, written: Written) -> None:
    def labels(of: Written) -> list[str]:
        page = comparison_page(of)
        return [one.label for one in page.blocks.values() if one.get_block_name() == "dropdown"]

    assert labels(written) == ["Finding", "Metric", "Trait", "Finding of the study", "Study"]
    bare = Written.of(write_comparison(tmp_path / "bare", sections={}, pictures=[]))
    assert labels(bare) == ["Finding", "Metric"]
