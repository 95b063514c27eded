"""What moves between rooms once bytes are arrays: `Sample`, `Batch`, `Features`, `Output`.

Axes, everywhere: b studies of a batch · n items of one modality over all those studies (slices, photographs, tokens,
descriptors), packed one study after the other · s items of the longest study, padded · m modalities · f findings ·
d width · c channels · h, w pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """One study as arrays, read from the store: raw dtype, nothing windowed, nothing normalised.

    `inputs[modality]` has one row an item (`[n c h w]` int16 or uint8 pixels; `[n d]` float32 descriptors; `[n]` int64
    tokens), no entry or no row where the modality is absent. `labels [f]` and `slice_labels[modality] [n f]` are
    float32 with NaN for unknown.
    """

    study_id: str
    patient_id: str
    inputs: Mapping[str, Shaped[np.ndarray, "n *rest"]]
    labels: Float[np.ndarray, "f"]
    slice_labels: Mapping[str, Float[np.ndarray, "n_ f"]]


@dataclass(frozen=True)
class Packed:
    """The items of one modality, study after study and never padded; a study of length 0 does not have it."""

    values: Shaped[Tensor, "n *rest"]
    lengths: Int[Tensor, "b"]


@dataclass(frozen=True)
class Batch:
    """Several studies, packed. `slice_labels[modality]` is aligned with `inputs[modality].values`."""

    study_ids: Sequence[str]
    patient_ids: Sequence[str]
    inputs: Mapping[str, Packed]
    labels: Float[Tensor, "b f"]
    slice_labels: Mapping[str, Float[Tensor, "n_ f"]]

    def present(self, modality: str) -> Bool[Tensor, "b"]:
        """Which studies have the modality."""
        return self.inputs[modality].lengths > 0

    def to(self, device: torch.device | str) -> Batch:
        """The batch on a device; copies from pinned memory do not block."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return replace(
            self,
            inputs={k: Packed(move(p.values), move(p.lengths)) for k, p in self.inputs.items()},
            labels=move(self.labels),
            slice_labels={k: move(v) for k, v in self.slice_labels.items()},
        )

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory; torch's loader asks for it by this name."""
        return replace(
            self,
            inputs={k: Packed(p.values.pin_memory(), p.lengths.pin_memory()) for k, p in self.inputs.items()},
            labels=self.labels.pin_memory(),
            slice_labels={k: v.pin_memory() for k, v in self.slice_labels.items()},
        )


@dataclass(frozen=True)
class Features:
    """One modality, encoded. `mask` is True at real items; a study without the modality has none.

    `weights` is how much each item counted towards `pooled` (sums to 1 over real items), None where the encoder has no
    such notion.
    """

    items: Float[Tensor, "b s d"]
    mask: Bool[Tensor, "b s"]
    pooled: Float[Tensor, "b e"]
    weights: Float[Tensor, "b s"] | None = None


@dataclass(frozen=True)
class Output:
    """What the model says: `features` by modality, `present [b m]` as it was shown, `fused [b d]`, `logits` by head.

    A study head gives `[b f]`; a slice head `[n f]`, aligned with the packed items of its modality.
    """

    features: Mapping[str, Features]
    present: Bool[Tensor, "b m"]
    fused: Float[Tensor, "b d"]
    logits: Mapping[str, Float[Tensor, "k f"]]
