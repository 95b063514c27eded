"""Selections: the affine map is what scikit-learn's own transform gives; unknown labels count for nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold, mutual_info_classif

from mmdx.errors import DataError
from mmdx.models.select import Affine
from mmdx.registry import SELECTORS
from mmdx.schema import Component

RNG = np.random.default_rng(0)
LABELS = np.array([i % 2 for i in range(60)], dtype=np.float32)[:, None]
DESCRIPTORS = RNG.normal(size=(60, 7)).astype(np.float32) * [1, 2, 3, 4, 5, 6, 0.5]
DESCRIPTORS[:, 2] += 9 * LABELS[:, 0]
DESCRIPTORS[:, 6] += 2 * LABELS[:, 0]
DESCRIPTORS = DESCRIPTORS.astype(np.float32)


def fit(name: str, labels: np.ndarray = LABELS, **options: object) -> tuple[np.ndarray, np.ndarray]:
    return SELECTORS.build(Component(type=name, **options)).fit(DESCRIPTORS, labels, seed=3)


def test_pca_is_that_of_scikit_learn():
    mean, matrix = fit("pca", components=4)
    expected = PCA(4, random_state=3).fit_transform(DESCRIPTORS)
    np.testing.assert_allclose((DESCRIPTORS - mean) @ matrix, expected, atol=1e-4)


def test_whitened_components_vary_alike():
    mean, matrix = fit("pca", components=4, whiten=True)
    components = (DESCRIPTORS - mean) @ matrix
    np.testing.assert_allclose(components.std(axis=0, ddof=1), np.ones(4), atol=1e-4)
    np.testing.assert_allclose(components, PCA(4, whiten=True, random_state=3).fit_transform(DESCRIPTORS), atol=1e-4)


def test_a_direction_without_variance_is_not_blown_up():
    line = np.outer(np.arange(60), [3.0, 4.0]).astype(np.float32)
    mean, matrix = SELECTORS.build(Component(type="pca", components=2, whiten=True)).fit(line, LABELS, seed=0)
    assert np.abs((line - mean) @ matrix)[:, 1].max() == 0


@pytest.mark.parametrize(
    ("name", "options", "reference"),
    [
        ("variance", {"threshold": 5.0}, VarianceThreshold(5.0)),
        ("variance", {"k": 3}, SelectKBest(lambda x, y: x.var(axis=0), k=3)),
        (
            "mutual_information",
            {"k": 2},
            SelectKBest(lambda x, y: mutual_info_classif(x, y, random_state=3), k=2),
        ),
        (
            "model",
            {"k": 2, "estimator": "trees"},
            SelectFromModel(ExtraTreesClassifier(100, random_state=3), max_features=2, threshold=-np.inf),
        ),
    ],
)
def test_columns_are_those_of_scikit_learn(name, options, reference):
    mean, matrix = fit(name, **options)
    expected = reference.fit_transform(DESCRIPTORS, LABELS[:, 0])
    np.testing.assert_allclose((DESCRIPTORS - mean) @ matrix, expected, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"estimator": "trees"}])
def test_a_model_keeps_the_features_that_tell(options):
    _, matrix = fit("model", k=2, **options)
    assert np.flatnonzero(matrix.any(axis=1)).tolist() == [2, 6]


def test_items_with_unknown_labels_count_for_nothing():
    labels = LABELS.copy()
    labels[40:] = np.nan
    nobody = np.full_like(labels, np.nan)
    _, matrix = fit("mutual_information", np.hstack([labels, nobody]), k=2)
    selector = SELECTORS.build(Component(type="mutual_information", k=2))
    _, expected = selector.fit(DESCRIPTORS[:40], LABELS[:40], seed=3)
    assert np.array_equal(matrix, expected)
    with pytest.raises(DataError, match="no finding has both classes among the training items"):
        fit("model", nobody, k=2)


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("pca", {"components": 8}, "8 components of 60 training items of 7 values; ask for 1 to 7"),
        ("variance", {"k": 8}, "variance: k is 8 of 7 features"),
        ("variance", {"threshold": 1e9}, r"no feature varies by more than 1e\+09; lower it"),
        ("mutual_information", {"k": 0}, "k is 0 of 7 features"),
    ],
)
def test_what_cannot_be_selected_is_refused(name, options, line):
    with pytest.raises(DataError, match=line):
        fit(name, **options)


def test_logits_pass_as_they_are():
    affine = Affine(3, 2)
    affine.load_state_dict({"mean": torch.tensor([1.0, 0, 0]), "matrix": torch.tensor([[1.0, 0], [0, 2], [0, 0]])})
    descriptors = torch.tensor([[3.0, 4.0, 5.0, -7.0, 8.0]])
    assert affine(descriptors).tolist() == [[2.0, 8.0, -7.0, 8.0]]
