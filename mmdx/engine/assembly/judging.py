"""Whether a model has a head by which its epochs can be judged."""

from __future__ import annotations

from mmdx.engine.assembly.narrow import level_of
from mmdx.schema import Config, ModelConfig


def judge_problems(config: Config) -> list[str]:
    """What is wrong, one line per stage: `train.judge` asks for scores that no head of the stage gives.

    Boxes and texts judge nothing: a model whose heads give nothing else is refused as well.
    """
    stages = [("", config.model, config.train.judge)]
    if config.first is not None:
        stages.append(("first.", config.first.model, config.first.train.judge))
    return [line for stage in stages if (line := _problem(*stage)) is not None]


def _problem(stage: str, model: ModelConfig, judge: str) -> str | None:
    """`stage` is what the keys of the stage begin with, empty or `first.`."""
    levels = {level_of(head) for head in model.heads.values()}
    heads = f"{stage}model.heads"
    if judge == "slices" and "slice" not in levels:
        other = ", or drop judge" if "study" in levels else ""
        return f"{stage}train.judge=slices: no slice head answers for them; add one to {heads}{other}"
    if judge == "studies" and "study" not in levels:
        other = f", or judge by the slice head ({stage}train.judge=slices)" if "slice" in levels else ""
        return f"{stage}train.judge=studies: no study head answers for them; add study: study to {heads}{other}"
    return None
