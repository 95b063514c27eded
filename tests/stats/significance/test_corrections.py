import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.cohort.cohort import Arm
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.corrections import families, with_corrections, with_delong
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.difference import Difference

ESTIMATE = Estimate(0.1, 0.0, 0.2, 200)


def difference(p: float | None) -> Difference:
    return Difference(ESTIMATE, p)


def test_p_values_are_corrected_within_a_metric_and_apart_for_means_findings_and_baselines():
    kinds = {"a": "model", "b": "model", "c": "model", "constant": "baseline"}
    arms = [Arm(name, name, name, f"{name}.csv", kind) for name, kind in kinds.items()]
    differences = {
        ("b", "auroc", None): difference(0.01),
        ("c", "auroc", None): difference(0.04),
        ("b", "auroc", "bleed"): difference(0.03),
        ("c", "auroc", "bleed"): difference(None),
        ("b", "ap", None): difference(0.5),
        ("constant", "auroc", None): difference(0.2),
    }
    corrected = {key: value.corrected for key, value in with_corrections(differences, arms).items()}
    assert corrected.pop(("b", "auroc", None)) == pytest.approx(0.02)
    assert corrected.pop(("c", "auroc", None)) == pytest.approx(0.04)
    assert set(corrected.values()) == {None}


def test_delong_stands_beside_the_aurocs_of_findings_alone():
    labels = halves(40)
    labels[:4, 0] = np.nan
    scores = [noisy(labels, 2.0), noisy(labels, 4.0, seed=1)]
    cohort = cohort_of(labels, {"fused": scores[0], "image": scores[1]})
    keys = [("image", metric, finding) for metric in ("auroc", "ap") for finding in ("bleed", "fracture", None)]
    differences = dict.fromkeys(keys, difference(0.5)) | {("image", "auroc", "fracture"): difference(None)}
    delong = {key: value.delong for key, value in with_delong(differences, cohort).items()}
    test = delong_test(labels[4:, 0], scores[0][4:, 0], scores[1][4:, 0], np.arange(36))
    assert delong.pop(("image", "auroc", "bleed")) == test.p
    assert set(delong.values()) == {None}


ARMS = [Arm(name, name, name, f"{name}.csv") for name in ("a", "b", "c")]


def test_the_primary_finding_is_corrected_over_the_arms_alone_and_the_others_among_themselves():
    p = {("b", "bleed"): 0.02, ("c", "bleed"): 0.04, ("b", "mass"): 0.01, ("c", "mass"): 0.02, ("b", "cyst"): 0.5}
    differences = {(arm, "auroc", finding): difference(value) for (arm, finding), value in p.items()}
    corrected = with_corrections(differences, ARMS, primary="bleed")
    assert {(arm, finding): value.corrected for (arm, _, finding), value in corrected.items()} == pytest.approx(
        {("b", "bleed"): 0.04, ("c", "bleed"): 0.04, ("b", "mass"): 0.03, ("c", "mass"): 0.04, ("b", "cyst"): 0.5}
    )


def test_against_one_model_the_primary_finding_is_not_corrected():
    differences = {("b", "auroc", finding): difference(0.02) for finding in ("bleed", "mass", "cyst")}
    corrected = with_corrections(differences, ARMS, primary="bleed")
    assert [value.corrected for value in corrected.values()] == [None, 0.04, 0.04]
    assert [value.stated for value in corrected.values()] == [0.02, 0.04, 0.04]


def test_a_class_and_its_complement_are_one_hypothesis_with_the_larger_p_value():
    """Two hypotheses and not three: the pair's 0.02 is doubled. An average precision is not that of the complement."""
    p = {"DX/a": 0.01, "DX/b": 0.02, "bleed": 0.2}
    differences = {("b", metric, f): difference(value) for metric in ("auroc", "ap") for f, value in p.items()}
    corrected = with_corrections(differences, ARMS, complements={"DX/a": "DX/b"})
    assert [corrected["b", "auroc", f].corrected for f in p] == pytest.approx([0.04, 0.04, 0.2])
    assert [corrected["b", "ap", f].corrected for f in p] == pytest.approx([0.03, 0.04, 0.2])


def test_the_families_are_put_into_words():
    assert families(None, complements=False).startswith("Holm, over the arms for macro means, over arms and findings")
    assert "for the primary finding (bleed), over arms and findings for the other" in families(
        "bleed", complements=True
    )
    assert families(None, complements=True).endswith("a class and its complement are one hypothesis")
