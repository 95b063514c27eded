"""Which part of a descriptor a second stage sees: fitted once on training items, then an affine map.

scikit-learn fits; what it found is kept as numbers, `(x - mean) @ matrix`, and never as a pickled object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from mmdx.errors import DataError
from mmdx.registry import SELECTORS

Scores = Callable[[Float[np.ndarray, "n d"], Float[np.ndarray, "n"]], Float[np.ndarray, "d"]]
"""How much each feature tells of one finding."""


class Selector(ABC):
    """Fits `(mean [d], matrix [d k])` on descriptors and the labels of their images (NaN: unknown).

    `descriptors [n d]` has n items of d values, `labels [n f]` one column per finding; of the d values k are made.
    `seed` is for what draws. Raises `DataError` where the descriptors or labels do not suffice.
    """

    @abstractmethod
    def fit(
        self, descriptors: Float32[np.ndarray, "n d"], labels: Float[np.ndarray, "n f"], *, seed: int
    ) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d k"]]: ...


class Affine(nn.Module):
    """`(x - mean) @ matrix` on the first `width` values of a descriptor; logits behind them pass as they are."""

    mean: Tensor
    matrix: Tensor

    def __init__(self, width: int, selected: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("matrix", torch.zeros(width, selected))

    def forward(self, descriptors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        width = len(self.mean)
        selected = (descriptors[:, :width] - self.mean) @ self.matrix
        return torch.cat([selected, descriptors[:, width:]], dim=1)


@SELECTORS("pca")
class Pca(Selector):
    """The first principal components (Burduja et al. 2020 take 120 of 2,048).

    `whiten` divides each by its deviation over the training items, so that the last counts as much as the first.
    """

    def __init__(self, *, components: int = 120, whiten: bool = False) -> None:
        self.components, self.whiten = components, whiten

    def fit(
        self, descriptors: Float32[np.ndarray, "n d"], labels: Float[np.ndarray, "n f"], *, seed: int
    ) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d k"]]:
        from sklearn.decomposition import PCA

        most = min(descriptors.shape)
        if not 0 < self.components <= most:
            raise DataError(
                f"pca: {self.components} components of {len(descriptors)} training items of {descriptors.shape[1]} "
                f"values; ask for 1 to {most}"
            )
        fitted = PCA(self.components, random_state=seed).fit(descriptors)
        matrix = np.asarray(fitted.components_).T
        if self.whiten:
            deviations = np.sqrt(np.asarray(fitted.explained_variance_))
            # A component along which nothing varies holds rounding alone, which is not to be blown up.
            matrix = matrix / np.where(deviations > 1e-6 * deviations[0], deviations, np.inf)
        return np.asarray(fitted.mean_), matrix


@SELECTORS("variance")
class Variance(Selector):
    """The features that vary most: the `k` first, or with k None all that vary by more than `threshold`."""

    def __init__(self, *, k: int | None = None, threshold: float = 0.0) -> None:
        self.k, self.threshold = k, threshold

    def fit(
        self, descriptors: Float32[np.ndarray, "n d"], labels: Float[np.ndarray, "n f"], *, seed: int
    ) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d k"]]:
        from sklearn.feature_selection import VarianceThreshold

        try:
            fitted = VarianceThreshold(self.threshold).fit(descriptors)
        except ValueError:
            raise DataError(f"variance: no feature varies by more than {self.threshold:g}; lower it") from None
        if self.k is not None:
            return _best(np.asarray(fitted.variances_, dtype=float), self.k, "variance")
        return _columns(np.asarray(fitted.get_support(indices=True)), descriptors.shape[1])


@SELECTORS("mutual_information")
class MutualInformation(Selector):
    """The `k` features that tell most of the findings by themselves: mutual information, the mean over findings."""

    def __init__(self, *, k: int = 120) -> None:
        self.k = k

    def fit(
        self, descriptors: Float32[np.ndarray, "n d"], labels: Float[np.ndarray, "n f"], *, seed: int
    ) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d k"]]:
        from sklearn.feature_selection import mutual_info_classif

        def scores(values: Float[np.ndarray, "n d"], label: Float[np.ndarray, "n"]) -> Float[np.ndarray, "d"]:
            return mutual_info_classif(values, label, random_state=seed)

        return _best(_over_findings(scores, descriptors, labels, "mutual_information"), self.k, "mutual_information")


@SELECTORS("model")
class ModelBased(Selector):
    """The `k` features that a model of each finding leans on most, the mean over findings.

    `estimator` is a linear classifier with an L1 penalty (on standardised features, by the size of its weights) or
    extremely randomised trees (by the impurity that a feature takes away). What one finding tells sums to 1.
    """

    def __init__(self, *, k: int = 120, estimator: Literal["linear", "trees"] = "linear") -> None:
        self.k, self.estimator = k, estimator

    def fit(
        self, descriptors: Float32[np.ndarray, "n d"], labels: Float[np.ndarray, "n f"], *, seed: int
    ) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d k"]]:
        from sklearn.ensemble import ExtraTreesClassifier
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC

        def scores(values: Float[np.ndarray, "n d"], label: Float[np.ndarray, "n"]) -> Float[np.ndarray, "d"]:
            if self.estimator == "trees":
                return ExtraTreesClassifier(100, random_state=seed).fit(values, label).feature_importances_
            # The loss is a sum over items: so weighed, it stands to the penalty the same whatever their number.
            strength = 30 / len(values)
            linear = LinearSVC(penalty="l1", dual="auto", C=strength, class_weight="balanced", random_state=seed)
            weights = np.abs(linear.fit(StandardScaler().fit_transform(values), label).coef_[0])
            # Where the penalty leaves no weight at all, the finding tells nothing: 0, not 0 / 0.
            return weights / max(weights.sum(), np.finfo(float).tiny)

        return _best(_over_findings(scores, descriptors, labels, "model"), self.k, "model")


def _over_findings(
    scores_of: Scores, descriptors: Float32[np.ndarray, "n d"], labels: Float[np.ndarray, "n f"], name: str
) -> Float[np.ndarray, "d"]:
    """The mean of a score over the findings of which both classes are known."""
    scores = []
    for column in labels.T:
        labelled = ~np.isnan(column)
        if len(np.unique(column[labelled])) > 1:
            scores.append(scores_of(descriptors[labelled], column[labelled]))
    if not scores:
        raise DataError(f"{name}: no finding has both classes among the training items; select by pca or variance")
    return np.mean(scores, axis=0)


def _best(scores: Float[np.ndarray, "d"], k: int, name: str) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d k"]]:
    """The columns of the `k` largest scores, in the order of the descriptor; the first of equals."""
    if not 0 < k <= len(scores):
        raise DataError(f"{name}: k is {k} of {len(scores)} features; ask for 1 to {len(scores)}")
    return _columns(np.sort(np.argsort(-scores, kind="stable")[:k]), len(scores))


def _columns(chosen: np.ndarray, width: int) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d k"]]:
    matrix = np.zeros((width, len(chosen)))
    matrix[chosen, np.arange(len(chosen))] = 1
    return np.zeros(width), matrix
