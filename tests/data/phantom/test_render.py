from dataclasses import replace

import numpy as np
import pytest

from mmdx.data.phantom.cohort import Exam, cohort
from mmdx.data.phantom.head import Head, Pose, head_grid, healthy_brain, lateral_ventricles, slice_levels, within_skull
from mmdx.data.phantom.lesions import TISSUE, draw_sites, patches
from mmdx.data.phantom.recipe import BASE_HU, FINDINGS, GAIN_HU, IMAGES, Recipe
from mmdx.data.phantom.render import render

HEAD = Head(half_width=72.0, half_length=88.0, ventricle=0.1, sulci=11, phase=0.0)
UPRIGHT = Pose(degrees=0.0, right=0.0, back=0.0)


def with_strength(exam: Exam, strength: float) -> Exam:
    return replace(exam, strengths={name: dict.fromkeys(FINDINGS, strength) for name in IMAGES})


def test_levels_share_the_slab_evenly() -> None:
    np.testing.assert_allclose(slice_levels(4), [0.125, 0.375, 0.625, 0.875])


def test_a_healthy_head_has_the_densities_of_a_head() -> None:
    grid = head_grid(HEAD, UPRIGHT, count=10, matrix=96)
    hu = within_skull(healthy_brain(HEAD, grid, enhanced=False), grid)[5]
    assert hu[0, 0] == -1000
    assert hu.max() == pytest.approx(1000)
    assert 28 <= hu[48, 70] <= 40
    ventricles = hu[lateral_ventricles(HEAD, grid)[5]]
    assert np.median(ventricles) == pytest.approx(8, abs=1)


def test_agent_brightens_brain_and_vessels() -> None:
    grid = head_grid(HEAD, UPRIGHT, count=8, matrix=64)
    gain = healthy_brain(HEAD, grid, enhanced=True) - healthy_brain(HEAD, grid, enhanced=False)
    assert set(np.unique(gain).tolist()) == {0.0, 4.0, 26.0, 82.0}


@pytest.mark.parametrize("seed", range(8))
def test_patches_are_disjoint_inside_the_skull_and_large(seed: int) -> None:
    grid = head_grid(HEAD, UPRIGHT, count=8 + seed % 7, matrix=64)
    masks = patches(draw_sites(np.random.default_rng(seed)), HEAD, grid)
    assert tuple(masks) == FINDINGS
    assert np.sum(list(masks.values()), axis=0).max() == 1
    brain = int((grid.r < 0.9)[0].sum())
    for finding, mask in masks.items():
        assert not (mask & (grid.r >= 0.92)).any()
        covered = np.flatnonzero(mask.any(axis=(1, 2)))
        assert 2 <= len(covered) <= 5, finding
        assert (np.diff(covered) == 1).all()
        assert mask.sum() / len(covered) > 0.02 * brain, finding


def test_bleeds_are_where_their_kind_occurs() -> None:
    grid = head_grid(HEAD, UPRIGHT, count=12, matrix=96)
    masks = patches(draw_sites(np.random.default_rng(3)), HEAD, grid)
    assert (masks["intraventricular"] <= lateral_ventricles(HEAD, grid)).all()
    assert grid.r[masks["subdural"]].min() > 0.75
    assert grid.r[masks["epidural"]].min() > 0.6
    assert grid.r[masks["intraparenchymal"]].max() < 0.9
    assert np.sign(grid.u[masks["subdural"]].mean()) == -np.sign(grid.u[masks["epidural"]].mean())
    assert grid.t[masks["subarachnoid"].any(axis=(1, 2))].max() < 0.5


@pytest.mark.parametrize("modality", IMAGES)
def test_the_strength_can_be_read_off_the_picture(modality: str) -> None:
    recipe = Recipe(patients=12)
    exams = cohort(recipe)
    pictures = [render(recipe, exam, modality) for exam in exams]
    for finding in FINDINGS:
        seen = [picture.hu[picture.patches[finding]].mean() for picture in pictures]
        drawn = [exam.strengths[modality][finding] for exam in exams]
        assert np.corrcoef(seen, drawn)[0, 1] > 0.99, finding


def test_a_patch_has_the_density_of_its_strength() -> None:
    recipe = Recipe(patients=1, noise=0.0)
    rendered = render(recipe, with_strength(cohort(recipe)[0], 2.0), "image")
    for finding, mask in rendered.patches.items():
        # Not the mean: rims are blurred with what lies around them.
        assert np.percentile(rendered.hu[mask], 75) == pytest.approx(TISSUE[finding] + BASE_HU + 2 * GAIN_HU, abs=1.5)


def test_faint_patches_have_a_share_of_the_density_in_one_modality_alone() -> None:
    recipe = Recipe(patients=1, noise=0.0, image_contrast=0.4)
    exam = with_strength(cohort(recipe)[0], 2.0)
    for modality, share in (("image", 0.4), ("enhanced", 1.0)):
        rendered = render(recipe, exam, modality)
        for finding, mask in rendered.patches.items():
            full = BASE_HU + 2 * GAIN_HU
            brightest = np.percentile(rendered.hu[mask], 75)
            assert brightest == pytest.approx(TISSUE[finding] + share * full, abs=1.5), (modality, finding)


def test_noise_has_the_asked_for_spread_and_both_series_their_own() -> None:
    quiet, noisy = Recipe(patients=1, noise=0.0), Recipe(patients=1, noise=6.0)
    exam = cohort(quiet)[0]
    difference = render(noisy, exam, "image").hu.astype(float) - render(quiet, exam, "image").hu
    inside = render(quiet, exam, "image").hu > -900
    assert difference[inside].std() == pytest.approx(6, rel=0.05)


def test_series_differ_in_length_and_repeat_exactly() -> None:
    recipe = Recipe(patients=25, matrix=64)
    exams = cohort(recipe)
    counts = [len(render(recipe, exam, "image").hu) for exam in exams]
    assert min(counts) >= 8
    assert max(counts) <= 14
    assert len(set(counts)) > 3
    np.testing.assert_array_equal(render(recipe, exams[0], "image").hu, render(recipe, exams[0], "image").hu)


def test_duplicates_are_the_same_pixels() -> None:
    recipe = Recipe(patients=2, duplicates=1.0, matrix=64)
    source, copy = (exam for exam in cohort(recipe) if exam.number == 1)
    np.testing.assert_array_equal(render(recipe, source, "image").hu, render(recipe, copy, "image").hu)


def test_a_shortcut_is_burnt_in_by_scanner_b_alone() -> None:
    recipe = Recipe(patients=1, shortcut=True)
    exam = cohort(recipe)[0]
    assert (render(recipe, replace(exam, scanner="B"), "image").hu[:, 3, 3] == 1500).all()
    assert (render(recipe, replace(exam, scanner="A"), "image").hu[:, 3, 3] < -900).all()
    assert (render(Recipe(patients=1), replace(exam, scanner="B"), "image").hu[:, 3, 3] < -900).all()
