"""What moves between rooms once bytes are arrays: `Sample`, `Batch`, `Features`, `Output`.

Axes, everywhere: b studies of a batch · n items of one modality over all those studies (slices, photographs, tokens,
descriptors), packed one study after the other · s items of the longest study, padded · m modalities · f findings ·
d width · c channels · h, w pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """One study as arrays, read from the store: raw dtype, nothing windowed, nothing normalised.

    `inputs[modality]` has one row per item (`[n c h w]` int16 or uint8 pixels; `[n d]` float32 descriptors, also of
    images that a frozen encoder saw before; `[n]` int64 tokens), no entry or no row where the modality is absent.
    `labels [f]` and `slice_labels[modality] [n f]` are float32 with NaN for unknown. `places[modality] [n]` says where
    each image stands, in mm from the first along the normal, NaN where its order certificate has no spacing.
    `boxes[modality] [k 6]` has one row per lesion box: image (0-based, of this Sample), finding (0-based), x0, y0, x1,
    y1 in pixels of the stored images. `slice_numbers[modality] [n]` is the 0-based place of each image among all of
    its study, in certified order. `targets[modality] [t]` are the tokens of a text that is to be written, whether it is
    an input or not. A modality that has none of these has no entry. `unordered` names the modalities of which nobody
    knows the order of the items, and training may take any.
    """

    study_id: str
    patient_id: str
    inputs: Mapping[str, Shaped[np.ndarray, "n *rest"]]
    labels: Float[np.ndarray, "f"]
    slice_labels: Mapping[str, Float[np.ndarray, "n_ f"]]
    places: Mapping[str, Float[np.ndarray, "n_"]] = field(default_factory=dict)
    boxes: Mapping[str, Float[np.ndarray, "k 6"]] = field(default_factory=dict)
    slice_numbers: Mapping[str, Int[np.ndarray, "_"]] = field(default_factory=dict)
    targets: Mapping[str, Int[np.ndarray, "t"]] = field(default_factory=dict)
    unordered: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Packed:
    """The items of one modality, study after study and never padded; a study of length 0 does not have it.

    `places` is where each item stands, in mm from its study's first along the normal; NaN where that is not known, None
    where items have no place. `encoded` says that `values` are no pixels, but what the encoder of the modality gives
    for each image. `unordered` marks the studies of which nobody knows the order of the items, so that training may
    take any (None: of no study).
    """

    values: Shaped[Tensor, "n *rest"]
    lengths: Int[Tensor, "b"]
    places: Float[Tensor, "n"] | None = None
    encoded: bool = False
    unordered: Bool[Tensor, "b"] | None = None


@dataclass(frozen=True)
class Boxes:
    """Lesion boxes on the packed images of one modality.

    `corners` are x0, y0, x1, y1 in pixels of the stored images; `images` the packed item (0-based, over the batch);
    `findings` the column of the label.
    """

    corners: Float[Tensor, "k 4"]
    images: Int[Tensor, "k"]
    findings: Int[Tensor, "k"]


@dataclass(frozen=True)
class Batch:
    """Several studies, packed.

    `slice_labels[modality]` is aligned with `inputs[modality].values`; so are its `slice_numbers`, the 0-based place of
    each item among all of its study. `boxes` has an entry for each image modality, `targets` for each text that a head
    writes: a text withheld as an input stays a target.
    """

    study_ids: Sequence[str]
    patient_ids: Sequence[str]
    inputs: Mapping[str, Packed]
    labels: Float[Tensor, "b f"]
    slice_labels: Mapping[str, Float[Tensor, "n_ f"]]
    boxes: Mapping[str, Boxes] = field(default_factory=dict)
    slice_numbers: Mapping[str, Int[Tensor, "_"]] = field(default_factory=dict)
    targets: Mapping[str, Packed] = field(default_factory=dict)

    def present(self, modality: str) -> Bool[Tensor, "b"]:
        """Which studies have the modality."""
        return self.inputs[modality].lengths > 0

    def to(self, device: torch.device | str) -> Batch:
        """The batch on a device; copies from pinned memory do not block."""

        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory; torch's loader asks for it by this name."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, move: Callable[[Tensor], Tensor]) -> Batch:
        """The batch with every tensor moved."""

        def moved(packed: Packed) -> Packed:
            places, unordered = (None if t is None else move(t) for t in (packed.places, packed.unordered))
            values, lengths = move(packed.values), move(packed.lengths)
            return replace(packed, values=values, lengths=lengths, places=places, unordered=unordered)

        return replace(
            self,
            inputs={name: moved(packed) for name, packed in self.inputs.items()},
            labels=move(self.labels),
            slice_labels={k: move(v) for k, v in self.slice_labels.items()},
            slice_numbers={k: move(v) for k, v in self.slice_numbers.items()},
            boxes={k: Boxes(move(b.corners), move(b.images), move(b.findings)) for k, b in self.boxes.items()},
            targets={name: moved(packed) for name, packed in self.targets.items()},
        )


@dataclass(frozen=True)
class Features:
    """One modality, encoded. `mask` is True at real items; a study without the modality has none.

    `weights` is how much each item counted towards `pooled` (sums to 1 over real items), None where the encoder has no
    such notion. `vectors` are the items as their encoder gave them, before any sequence model saw them together.
    `maps` are feature maps of the packed images, from fine to coarse and to the coarsest of the encoder, where a head
    asked for them. `moves` says how augmentation moved the images of each study (`models/augment.py`), None where it
    did not.
    """

    items: Float[Tensor, "b s d"]
    mask: Bool[Tensor, "b s"]
    pooled: Float[Tensor, "b e"]
    weights: Float[Tensor, "b s"] | None = None
    vectors: Float[Tensor, "b s v"] | None = None
    maps: tuple[Float[Tensor, "n _ _ _"], ...] = ()
    moves: Float[Tensor, "b 2 3"] | None = None


@dataclass(frozen=True)
class Output:
    """What the model says: `features` by modality, `present [b m]` as it was shown, `fused [b d]`, `logits` by head.

    A study head gives `[b f]`; a slice head `[n f]`, aligned with the packed items of its modality; other heads say
    themselves. `boxes` are those of the batch, moved with the images where these were augmented. `alone`, of a training
    that asks for it, is what each study head says to each modality by itself: by modality, then by head. `unstacked` is
    what the network says to studies where a stack has the last word, by head.
    """

    features: Mapping[str, Features]
    present: Bool[Tensor, "b m"]
    fused: Float[Tensor, "b d"]
    logits: Mapping[str, Float[Tensor, "k *f"]]
    boxes: Mapping[str, Boxes] = field(default_factory=dict)
    alone: Mapping[str, Mapping[str, Float[Tensor, "b f"]]] = field(default_factory=dict)
    unstacked: Mapping[str, Float[Tensor, "b f"]] = field(default_factory=dict)
