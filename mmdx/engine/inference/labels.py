"""The labels that came with a study, by the findings that a model answers for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.study import Study

SliceLabels = Mapping[str, tuple[float, ...]]
"""By finding, the label of each image of a study, in certified order."""


def known_labels(saved: SavedModel, study: Study | ArrayStudy) -> dict[str, float]:
    """The known labels of a study, 1.0 or 0.0, of the findings that the model answers for; none of arrays."""
    told = study.labels if isinstance(study, Study) else {}
    return {name: told[name] for name in saved.facts.findings if not math.isnan(told.get(name, math.nan))}


def known_slice_labels(saved: SavedModel, study: Study | ArrayStudy) -> SliceLabels:
    """The labels of the images that the slice head of a model answers for, of those of its findings that have any.

    Of a stack they are those of its first modality, and images of the only modality go under whatever name it has.
    """
    told = study.slice_labels if isinstance(study, Study) else {}
    heads = saved.model.heads_of("slice").values()
    modality = next((head.modality for head in heads if head.modality is not None), "")
    names = [modality, *saved.config.data.stacks.get(modality, ())[:1], *(told if len(told) == 1 else ())]
    labels = next((told[name] for name in names if name in told), {})
    return {name: labels[name] for name in saved.facts.findings if name in labels}
