"""Whether the two sides of guidance are those of the model, and its heads can answer from each."""

from __future__ import annotations

from mmdx.config import Config
from mmdx.engine.assembly.narrow import level_of, narrow
from mmdx.errors import UsageError, did_you_mean


def side_problems(config: Config) -> list[str]:
    """What is wrong, a line each: every input is on one of the sides, and the superior one can be withheld."""
    if config.guidance is None:
        return []
    inputs, rates = config.model.inputs, config.model.modality_dropout
    named = (*config.guidance.superior, *config.guidance.inferior)
    problems = [f"guidance names '{name}'; {did_you_mean(name, inputs)}" for name in named if name not in inputs]
    problems += [
        f"guidance: '{name}' is superior and inferior; name it once" for name in named if named.count(name) > 1
    ]
    if problems:
        return problems[:1]
    left = [name for name in inputs if name not in named]
    problems = [
        f"guidance: trains stages of its own, which {key} does not reach; leave one of them out"
        for key, given in (("data.folds", config.data.folds), ("first", config.first))
        if given is not None
    ]
    problems += [f"guidance names '{n}' neither superior nor inferior; do so, or drop the input" for n in left]
    if not any(rates.get(n, 0) if isinstance(rates, dict) else rates for n in config.guidance.superior):
        superior = ", ".join(config.guidance.superior)
        problems.append(
            f"guidance: its baseline 'dropped' never sees {superior} withheld; set model.modality_dropout, such as 0.5"
        )
    return problems


def head_problems(config: Config) -> list[str]:
    """What is wrong with the heads of a guided config (resolved, its sides sound), a line each: a side without a head
    that answers for studies, and one that blends in images."""
    if config.guidance is None:
        return []
    problems = []
    for side, names in (("superior", config.guidance.superior), ("inferior", config.guidance.inferior)):
        try:
            narrow(config, names)
        except UsageError as error:
            problems += [f"guidance.{side}: {problem}" for problem in error.problems]
    problems += [
        f"guidance: model.heads.{name} blends in what slices show, which no guess of a latent has; drop blend"
        for name, head in config.model.heads.items()
        if level_of(head) == "study" and head.options.get("blend")
    ]
    return problems
