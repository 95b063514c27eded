"""What a file of swaps says of one model: every number with what it is in each resample of the patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int, Integer
from scipy.special import logit

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.resampling.weights import weighted_mean
from mmdx.stats.sections.inputs.additive import additive, variance_shares
from mmdx.stats.sections.inputs.files import Swaps
from mmdx.stats.sections.inputs.shapley import shapley
from mmdx.stats.sections.inputs.swaps import LENDERS, Lender, beside, lenders, swapped_auroc, swapped_mean
from mmdx.stats.significance.difference import Difference

CHANCE = 0.5


@dataclass(frozen=True)
class Moved:
    """What changes where an input is another: the AUROC, `drop` (with its own minus with the other), the share of
    decisions that change (None without thresholds), and how far the log-odds move."""

    auroc: Drawn
    drop: Difference
    flips: Drawn | None
    log_odds: Drawn


@dataclass(frozen=True)
class Together:
    """How an input and the rest go together: shares of the variance of the log-odds (`own` is that of the input), the
    AUROC of the additive projection, and what the model gains over it in AUROC and in log loss (nats)."""

    rest: Drawn
    own: Drawn
    both: Drawn
    additive: Drawn
    gain: Difference
    log_loss: Difference


@dataclass(frozen=True)
class Uses:
    """What one model makes of its inputs, all over the same `resamples`; `swaps` by input and lender, `reworded` by
    text and change, with how many texts became others."""

    arm: int
    resamples: int
    swaps_of: Swaps
    full: Drawn
    swaps: dict[tuple[str, Lender], Moved]
    together: dict[str, Together]
    shares: dict[str, Drawn]
    reworded: dict[str, tuple[int, Moved]]


def measure_uses(cohort: Cohort, arm: int, swaps: Swaps, rows: Int[np.ndarray, "n"], resampler: Resampler) -> Uses:
    """Everything that a file of swaps says of an arm, the mean over what the cohort leads with; `rows` are the rows of
    the cohort on which its studies stand."""
    pairs = sum(of_input.size for of_input in swaps.pairs.values())
    resampler = resampler.affordable(values=len(LENDERS) * pairs * len(leading(cohort)) // len(swaps.findings))
    ground = _Ground.of(cohort, arm, swaps, rows, resampler)
    full = swaps.shown["+".join(swaps.inputs)]
    own = ground.auroc(full)
    by_subset = {
        frozenset(names): ground.auroc(swaps.shown["+".join(names)])
        for size in range(1, len(swaps.inputs) + 1)
        for names in combinations(swaps.inputs, size)
    }
    nothing = np.full(resampler.resamples + 1, CHANCE)
    shares = shapley({frozenset(): nothing, **by_subset}, swaps.inputs)
    return Uses(
        arm,
        resampler.resamples,
        swaps,
        ground.drawn(own),
        {(name, kind): ground.swapped(pairs, kind, own) for name, pairs in swaps.pairs.items() for kind in LENDERS},
        {name: ground.together(pairs, own) for name, pairs in swaps.pairs.items()},
        {name: ground.drawn(values) for name, values in shares.items()},
        {
            name: (int(swaps.changed[name].sum()), ground.reworded(full, logits, own))
            for name, logits in swaps.texts.items()
        },
    )


@dataclass(frozen=True, eq=False)
class _Ground:
    """The rows that were swapped: labels and log-odds of thresholds by finding of the file, patients, and `weights`:
    ones, and then how often each row was drawn in each resample."""

    labels: Float[np.ndarray, "n f"]
    thresholds: Float[np.ndarray, "n f"]
    patients: Int[np.ndarray, "n"]
    weights: Integer[np.ndarray, "r n"]
    columns: Sequence[int]
    refused: str | None

    @classmethod
    def of(cls, cohort: Cohort, arm: int, swaps: Swaps, rows: Int[np.ndarray, "n"], resampler: Resampler) -> _Ground:
        included = leading(cohort)
        places = [cohort.findings.index(finding) for finding in swaps.findings]
        swapped = np.zeros(len(cohort.patients), dtype=bool)
        swapped[rows] = True
        patients = cohort.patients[rows]
        weights = np.concatenate([np.ones((1, len(rows)), dtype=np.int32), resampler.drawn()[:, patients]])
        return cls(
            cohort.labels[rows][:, places],
            logit(cohort.thresholds[arm, rows][:, places]),
            patients,
            weights,
            [places.index(column) for column in included],
            why_no_mean(cohort, included, swapped),
        )

    def drawn(self, values: Float[np.ndarray, "r"]) -> Drawn:
        return Drawn(float(values[0]), values[1:], self.refused)

    def mean(self, of_finding: Callable[[int], Float[np.ndarray, "r"]]) -> Float[np.ndarray, "r"]:
        """The mean over the findings that lead, NaN where one of them is undefined."""
        return np.mean([of_finding(column) for column in self.columns], axis=0)

    def auroc(self, logits: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "r"]:
        return self.mean(lambda f: self._auroc(f, logits[:, f]))

    def swapped(self, pairs: Float[np.ndarray, "n n f"], kind: Lender, own: Float[np.ndarray, "r"]) -> Moved:
        lent = [lenders(self.patients, self.labels[:, f], kind) for f in range(pairs.shape[2])]
        auroc = self.mean(lambda f: swapped_auroc(pairs[:, :, f], lent[f], self.labels[:, f], self.weights))
        return self._moved(beside(auroc, own), own, pairs, lent, np.einsum("iif->if", pairs))

    def reworded(
        self, full: Float[np.ndarray, "n f"], logits: Float[np.ndarray, "n f"], own: Float[np.ndarray, "r"]
    ) -> Moved:
        own_alone = [np.eye(len(logits), dtype=bool)] * logits.shape[1]
        as_pairs = np.broadcast_to(logits[:, None], (len(logits), *logits.shape))
        return self._moved(self.auroc(logits), own, as_pairs, own_alone, full)

    def together(self, pairs: Float[np.ndarray, "n n f"], own: Float[np.ndarray, "r"]) -> Together:
        shares = [
            self.mean(lambda f, part=part: variance_shares(pairs[:, :, f].astype(float), self.weights)[:, part])
            for part in range(3)
        ]
        added = np.stack([additive(pairs[:, :, f].astype(float)) for f in range(pairs.shape[2])], axis=1)
        auroc, mine = self.auroc(added), np.einsum("iif->if", pairs)
        losses = [self.mean(lambda f, of=of: self._log_loss(f, of[:, f])) for of in (added, mine)]
        return Together(
            self.drawn(shares[0]),
            self.drawn(shares[1]),
            self.drawn(shares[2]),
            self.drawn(auroc),
            self.drawn(own).minus(self.drawn(auroc)),
            self.drawn(losses[0]).minus(self.drawn(losses[1])),
        )

    def _moved(
        self,
        auroc: Float[np.ndarray, "r"],
        own: Float[np.ndarray, "r"],
        logits: Float[np.ndarray, "n n f"],
        lent: Sequence[Bool[np.ndarray, "n n"]],
        mine: Float[np.ndarray, "n f"],
    ) -> Moved:
        """How `logits`, by what was `lent`, differ from those with its own inputs."""
        distances = np.abs(logits - mine[:, None])
        far = self.mean(lambda f: swapped_mean(distances[:, :, f], lent[f], self.weights))
        flips = None
        if not np.isnan(self.thresholds[:, self.columns]).any():
            yes, before = logits >= self.thresholds[:, None], mine >= self.thresholds
            other = (yes != before[:, None]).astype(float)
            flips = self.drawn(self.mean(lambda f: swapped_mean(other[:, :, f], lent[f], self.weights)))
        before, after = self.drawn(own), self.drawn(auroc)
        return Moved(after, before.minus(after), flips, self.drawn(far))

    def _auroc(self, finding: int, logits: Float[np.ndarray, "n"]) -> Float[np.ndarray, "r"]:
        """That of each study with inputs of its own."""
        labels = self.labels[:, finding]
        known = ~np.isnan(labels)
        return METRICS["auroc"].function(labels[known], logits[known], self.weights[:, known])

    def _log_loss(self, finding: int, logits: Float[np.ndarray, "n"]) -> Float[np.ndarray, "r"]:
        labels = self.labels[:, finding]
        known = ~np.isnan(labels)
        losses = np.logaddexp(0, np.where(labels[known] == 1, -1, 1) * logits[known])
        return weighted_mean(losses, self.weights[:, known])
