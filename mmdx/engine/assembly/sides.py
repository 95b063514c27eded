"""Whether the two sides of guidance are those of the model."""

from __future__ import annotations

from mmdx.config import Config
from mmdx.errors import did_you_mean


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
