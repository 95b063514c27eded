"""What a run says of slice order: how images were read, and where a model minds an order that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmdx.data.store.store import Store
from mmdx.kinds import KINDS
from mmdx.models.branches.base import Branch
from mmdx.models.model import MultimodalModel
from mmdx.models.sequence.base import SequenceModel
from mmdx.schema import Config


@dataclass(frozen=True)
class SliceOrders:
    """How a run reads the images of its studies. `unknown` counts, by modality whose order the model minds, the studies
    that stand in an unknown one; `studies` how many of its studies have several images."""

    order: str
    dropped: float
    unknown: Mapping[str, int]
    studies: Mapping[str, int]

    def sentences(self) -> list[str]:
        """Lines for a reader: one for an experiment with the order, one per modality whose order is not known."""
        lines = [f"images are read {self.order}"] if self.order != "certified" else []
        lines += [f"{self.dropped:.0%} of the images of each study are left out"] if self.dropped else []
        lines += [
            f"{name}: the order of images is unknown in {count} of {self.studies[name]} studies, and the model minds "
            f"it; attention, mean and max do not (model.inputs.{name}: sequence, without neighbours)"
            for name, count in self.unknown.items()
        ]
        return lines


def redrawn_lines(model: MultimodalModel, config: Config, store: Store, rows: Sequence[int]) -> list[str]:
    """What is said before a training on `rows` in which slices of unknown order stand in random ones; one line per
    modality."""
    if config.data.unknown_order != "random":
        return []
    return [
        f"{name}: in training the slices of {count} studies of unknown order stand in a new random order each time "
        "(data.unknown_order)"
        for name, count in slice_orders(model, config, store, rows).unknown.items()
        if any(isinstance(part, SequenceModel) and part.minds_order for part in model.branches[name].children())
    ]


def minding(model: MultimodalModel) -> list[str]:
    """The modalities whose order the model's answer depends on."""
    return [name for name, branch in model.branches.items() if isinstance(branch, Branch) and branch.minds_order]


def slice_orders(model: MultimodalModel, config: Config, store: Store, rows: Sequence[int]) -> SliceOrders:
    """How `rows` of a store are read by a model. A study of one image has no order to know."""
    unknown, several = {}, {}
    for name in minding(model):
        if name in store.modalities and KINDS[store.modalities[name].kind].sliced:
            lengths = store.lengths(name)
            long = [row for row in rows if lengths[row] > 1]
            several[name] = len(long)
            count = sum(config.data.order == "shuffled" or store.order_source(row, name) == "unknown" for row in long)
            if count:
                unknown[name] = count
    return SliceOrders(config.data.order, config.data.drop_images, unknown, several)
