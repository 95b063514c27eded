"""Which models can leave as one graph of one study; each other is refused in a line that says why."""

from __future__ import annotations

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.study import check_trained
from mmdx.errors import UsageError
from mmdx.kinds import IMAGES, KINDS, TABULAR, TEXT

_KINDS = (IMAGES.name, TEXT.name, TABULAR.name)


def exported_inputs(saved: SavedModel, *, image_only: bool) -> list[str]:
    """The inputs that an exported model is fed. Raises `UsageError`, with one line per reason, where it cannot be
    exported, so that it would answer as `mmdx predict` does."""
    check_trained(saved)
    facts = saved.facts
    problems = []
    if saved.others:
        problems.append(f"is an ensemble of {len(saved.members)} models; export its members one by one")
    if saved.first is not None or facts.first is not None:
        problems.append("reads what a first stage says of images, which is a second graph; export a model of one stage")
    for name, content in facts.inputs.items():
        if content.kind not in _KINDS and facts.first is None:
            problems.append(f"reads '{name}' ({content.kind}), which mmdx predict makes of no file; it is not exported")
    for name, head in saved.model.answering.items():
        if head.level not in ("study", "slice"):
            problems.append(f"has a head '{name}' ({head.level}), whose answer is no fixed number of scores")
    if saved.config.data.order == "shuffled":
        problems.append("reads the images of a study shuffled, by its identifier, which a graph does not know")
    inputs = [name for name, own in facts.inputs.items() if not image_only or KINDS[own.kind].pictured]
    if not inputs:
        problems.append("reads no images, of which --image-only exports what it answers")
    if problems:
        raise UsageError([f"the model {problem}" for problem in problems])
    return inputs
