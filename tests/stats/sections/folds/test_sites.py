"""Values by site, of folds that are sites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.folds.sites import Sites, over_sites, read_sites, site_sentences, site_sheets

NAMES = ["A", "B", "C + D"]


def sites(breadths: tuple[float, float, float], *, seeds: tuple[int, int, int] = (0, 1, 2)) -> Sites:
    """Forty patients a site; the reference tells the classes apart the worse the broader the noise on it."""
    labels, folds = halves(120, findings=1), np.repeat([0, 1, 2], 40)
    drawn = [noisy(labels[folds == n], breadth, seed=seeds[n]) for n, breadth in enumerate(breadths)]
    best = np.concatenate(drawn)
    cohort = cohort_of(labels, {"image+report": best, "image": noisy(labels, 6.0, seed=9)})
    scored = tuple((replace(arm[0], folds=folds),) for arm in cohort.scored)
    cohort = replace(cohort, scored=scored)
    return over_sites(cohort, [0, 1], NAMES, Resampler.of(cohort, resamples=300, seed=0))


def test_sites_that_differ_are_said_to():
    found = sites((0.5, 1.5, 12.0))
    values = {name: drawn.value for name, drawn in zip(NAMES, found.values["image+report"], strict=True)}
    assert values["A"] == 1.0
    assert values["C + D"] == min(values.values())
    assert found.patients == {"A": 40, "B": 40, "C + D": 40}
    over = found.pooled_differences["image"]
    assert over is not None
    assert over.low > 0 or over.p < 0.05
    said = site_sentences(found)
    assert said[0].startswith(
        f"Site by site, by models that saw none of it, the AUROC for bleed of image+report is from "
        f"{values['C + D']:.3f} (C + D) to 1.000 (A)"
    )
    opening = "image+report minus image over sites: " if over.low > 0 else "Over sites no difference was shown of "
    assert said[1].startswith(opening)
    sheet = site_sheets(found)[0]
    assert [row[0] for row in sheet.rows] == [*NAMES, "over sites", "I², SD between sites"]
    assert sheet.rows[0][1:3] == ("40", "1.000 [1.000, 1.000]")


def test_sites_that_are_alike_are_not_shown_to_differ():
    found = sites((3.0, 3.0, 3.0), seeds=(0, 0, 0))
    over = found.pooled["image+report"]
    assert over is not None
    assert over.p > 0.05
    assert (
        "that the 3 sites differ by more than their patients explain was not shown (I² 0 %" in site_sentences(found)[0]
    )
    assert found.to_json()["models"]["image+report"]["pooled"]["sites"] == 3


def test_names_stand_in_the_order_of_the_folds_of_a_cohort(tmp_path):
    rows = [f"s{fold},p{fold},{fold},site {fold}" for fold in range(12)]
    (tmp_path / "folds.csv").write_text("\n".join(["study_id,patient_id,fold,site", *rows]) + "\n")
    assert read_sites(tmp_path) == [f"site {fold}" for fold in sorted(map(str, range(12)))]
    (tmp_path / "folds.csv").write_text("study_id,patient_id,fold\ns0,p0,0\n")
    assert read_sites(tmp_path) is None


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_sites_without_both_classes_have_no_value(constant):
    labels, folds = np.full((30, 1), constant), np.repeat([0, 1, 2], 10)
    labels[:10] = halves(10, findings=1)
    cohort = cohort_of(labels, {"image+report": noisy(labels, 1.0), "image": noisy(labels, 2.0)})
    cohort = replace(cohort, scored=tuple((replace(arm[0], folds=folds),) for arm in cohort.scored))
    found = over_sites(cohort, [0, 1], NAMES, Resampler.of(cohort, resamples=100, seed=0))
    assert site_sentences(found)[0].startswith("image+report: fewer than two sites have patients with and without")
    assert all("nan" not in cell for sheet in site_sheets(found) for row in sheet.rows for cell in row)
