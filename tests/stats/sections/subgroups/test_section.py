"""A planted gap between subgroups is found and named, and none where none was planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.stats.sections.subgroups.gaps import find_gaps
from mmdx.stats.sections.subgroups.section import subgroups_section


def planted(count: int, *, gap: bool):
    labels = halves(count)
    sex = np.array(["f", "m"])[(np.arange(count) // 4) % 2]
    scores = np.where((sex == "m")[:, None] & gap, noisy(labels, 8.0, seed=1), noisy(labels, 2.0, seed=5))
    ages = [float(20 + (7 * i) % 60) for i in range(count)]
    arms = {"image+report": scores, "image": noisy(labels, 5.0, seed=2)}
    return cohort_of(labels, arms, traits={"sex": list(sex), "age": ages, "hand": [None] * count})


def test_a_planted_gap_is_shown_and_named():
    section = ask(subgroups_section, planted(240, gap=True), resamples=200, seed=0)
    assert section.sentences[0].startswith("The macro AUROC of image+report differs most by sex: ")
    assert section.sentences[1] == (
        "A gap beyond chance was shown (p = 0.002 after Holm over 2 traits, permutation of the groups among patients)."
    )
    sex, age = section.record["gaps"]
    assert (sex["highest"], sex["lowest"], sex["shown"], age["shown"]) == ("f", "m", True, False)
    assert [row[0] for row in section.sheets[0].rows][:3] == ["sex f", "sex m", "age 20 to 34"]
    assert [row[1] for row in section.sheets[0].rows][:2] == ["120", "120"]


def test_a_gap_that_was_shown_leads_before_a_larger_one_that_was_not(monkeypatch):
    """The smaller of two gaps is taken for shown, and the larger one for chance."""

    def judged(*given, **named):
        gaps = find_gaps(*given, **named)
        return [replace(gap, corrected=0.01 if gap.trait.name == "age" else 1.0) for gap in gaps]

    monkeypatch.setattr("mmdx.stats.sections.subgroups.section.find_gaps", judged)
    section = ask(subgroups_section, planted(240, gap=True), resamples=100, seed=0)
    first, second = section.record["gaps"]
    assert (first["trait"], second["trait"]) == ("age", "sex")
    assert second["gap"] > first["gap"]
    assert section.sentences[0].startswith("The macro AUROC of image+report differs by age: ")
    assert section.sentences[1].startswith("A gap beyond chance was shown (p = 0.010 after Holm")
    assert section.sentences[2] == (
        f"Larger in size, but not shown to be more than chance: sex ({second['gap']:.3f}, p = 1.000)."
    )
    assert len(section.sentences) == 3
    assert [row[0] for row in section.sheets[1].rows] == ["age", "sex"]


def test_facts_of_a_modality_that_no_model_was_shown_are_no_subgroups():
    cohort = planted(240, gap=False)
    parity = [float(i % 2) for i in range(240)]
    facts = {
        f"{name}{kind}": parity
        for kind in ("image", "enhanced")
        for name in ("number of items of ", "order source of ")
    }
    traits = cohort.traits.assign(**facts, **{"having a report": ["yes", "no"] * 120})
    section = ask(subgroups_section, replace(cohort, traits=traits), resamples=100, seed=0)
    assert "Facts of enhanced make no subgroups: no model here reads enhanced." in section.notes
    compared = {gap["trait"] for gap in section.record["gaps"]}
    assert "having a report" in compared
    assert not any("enhanced" in trait for trait in compared)


def test_all_facts_stay_where_a_model_reads_what_no_fact_is_of():
    """Stacked channels, say, of which the facts name the parts."""
    cohort = planted(240, gap=False)
    traits = cohort.traits.assign(**{"number of items of brain": [float(i % 2) for i in range(240)]})
    section = ask(subgroups_section, replace(cohort, traits=traits), resamples=100, seed=0)
    assert "number of items of brain" in {gap["trait"] for gap in section.record["gaps"]}


def test_no_gap_is_shown_where_none_was_planted():
    section = ask(subgroups_section, planted(240, gap=False), resamples=200, seed=0)
    assert section.sentences[1].startswith("No gap beyond chance was shown")
    assert not any(gap["shown"] for gap in section.record["gaps"])


def test_gaps_of_nothing_are_shown_seldom():
    """Sex dealt by chance, in 60 cohorts: at 5 % three are expected."""
    labels = halves(80, 1)
    p_values = []
    for seed in range(60):
        sex = np.random.default_rng(seed).choice(["f", "m"], 80)
        cohort = cohort_of(labels, {"image": noisy(labels, 4.0, seed=seed)}, traits={"sex": list(sex)})
        p_values.append(ask(subgroups_section, cohort, resamples=100, seed=0).record["gaps"][0]["p"])
    assert sum(p <= 0.05 for p in p_values) <= 7


def test_the_difference_to_the_second_model_is_paired_within_the_group():
    cohort = planted(80, gap=False)
    same = replace(cohort, scored=(cohort.scored[0], cohort.scored[0]))
    section = ask(subgroups_section, same, resamples=200, seed=0)
    for group in section.record["groups"]:
        assert (group["difference"]["value"], group["difference"]["low"], group["difference"]["high"]) == (0, 0, 0)


def test_a_group_of_one_class_is_left_out_and_named():
    labels = halves(60, 1)
    view = ["AP"] * 20 + ["PA"] * 20 + ["lateral"] * 20
    labels[40:] = 0
    cohort = cohort_of(labels, {"image": noisy(labels, 3.0)}, traits={"view": view})
    section = ask(subgroups_section, cohort, resamples=100, seed=0)
    assert [group["group"] for group in section.record["groups"]] == ["AP", "PA"]
    assert section.notes[0] == "view: lateral left out (no finding with 3 patients with and without it)."
    assert section.sentences[0].startswith("The AUROC for bleed of image differs most by view: ")


def test_slices_of_one_patient_stay_together():
    """Two patients a group with 20 slices each are four patients, of which nothing can be told."""
    labels = np.tile([[1.0], [0.0]], (40, 1))
    patients, scores = np.repeat(np.arange(4), 20), noisy(labels, 1.0)
    cohort = cohort_of(labels, {"image": scores}, patients=patients, traits={"site": ["a"] * 40 + ["b"] * 40})
    section = ask(subgroups_section, cohort, resamples=100, seed=0)
    assert section.sentences == ("No subgroups could be compared.",)
    assert "left out (4 patients)" in section.notes[0]


def test_nothing_known_of_the_studies_is_no_section():
    cohort = planted(40, gap=False)
    assert ask(subgroups_section, replace(cohort, traits=pd.DataFrame(index=range(40))), resamples=100, seed=0) is None
    bare = replace(cohort, traits=pd.DataFrame({"age": [None] * 40}))
    assert ask(subgroups_section, bare, resamples=100, seed=0) is None


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_do_not_crash(name):
    section = ask(subgroups_section, wild()[name], resamples=100, seed=0)
    assert section is None or section.sentences
