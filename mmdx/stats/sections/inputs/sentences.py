"""What swaps say, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mmdx.stats.report.words import capitalised, listed, number, with_bounds, with_test
from mmdx.stats.sections.inputs.measures import Moved, Together, Uses

MARGIN = 0.02
"""An input counts as unused where the upper bound of what another patient's costs lies below this much AUROC."""
Verdict = Literal["used", "unused", "untold"]


def verdict(moved: Moved) -> Verdict:
    """Whether an input is used, by what that of any other patient costs: `unused` where the interval lies below
    `MARGIN`, else `used` where it lies above 0."""
    estimate = moved.drop.estimate
    if estimate.low is None or estimate.high is None:
        return "untold"
    if estimate.high < MARGIN:
        return "unused"
    return "used" if estimate.low > 0 else "untold"


def verdicts(uses: Uses) -> dict[str, Verdict]:
    """The verdict on each input."""
    return {name: verdict(uses.swaps[name, "any"]) for name in uses.together}


def sentences(model: str, named: str, uses: Uses) -> list[str]:
    """Which inputs a model uses, whether it does more than to add them up, and what rewording changes."""
    costs = {name: uses.swaps[name, "any"] for name in uses.together}
    by_name = verdicts(uses)
    by_verdict = {kind: [name for name in costs if by_name[name] == kind] for kind in ("used", "unused", "untold")}
    lines = []
    if by_verdict["unused"] and by_verdict["used"] and not by_verdict["untold"]:
        lines.append(
            f"{capitalised(model)} answers from {_the(by_verdict['used'])} alone: "
            f"{_costs(costs, by_verdict['unused'])} in {named}, less than {MARGIN:g}, and "
            f"{_costs(costs, by_verdict['used'])}."
        )
    else:
        for kind, said in (
            ("used", "uses {}: {}"),
            ("unused", "hardly uses {}, by less than {margin}: {}"),
            ("untold", "was not shown to use {}, nor to go without: {}"),
        ):
            names = by_verdict[kind]
            if names:
                told = said.format(_the(names), _costs(costs, names), margin=f"{MARGIN:g}")
                lines.append(f"{capitalised(model)} {told} in {named}.")
    lines += [_of_sum(name, pair, len(uses.together)) for name, pair in pairs_of(uses).items()]
    lines += [_of_words(name, moved) for name, (count, moved) in uses.reworded.items() if count and moved.drop.shown]
    return lines


def pairs_of(uses: Uses) -> dict[str, Together]:
    """How each input goes with the rest; of two inputs each is the rest of the other, and the first stands for both."""
    names = list(uses.together)
    return {name: uses.together[name] for name in (names[:1] if len(names) == 2 else names)}


def _of_sum(name: str, pair: Together, inputs: int) -> str:
    what = "what each input says by itself" if inputs == 2 else f"what the {name} says and what the rest says"
    told = f"model minus sum {with_test(pair.gain)}"
    if not pair.gain.shown:
        return f"That it does more than add up {what} was not shown: {told}."
    return f"It {'does more' if pair.gain.estimate.value > 0 else 'ranks less well'} than a sum of {what}: {told}."


def _of_words(name: str, moved: Moved) -> str:
    flips = "" if moved.flips is None else f", and {number(moved.flips.value)} of its decisions change"
    return f"With the {name} it loses {with_bounds(moved.drop.estimate)}{flips}."


def _costs(costs: dict[str, Moved], names: Sequence[str]) -> str:
    told = [f"another patient's {name} costs {with_bounds(costs[name].drop.estimate)}" for name in names]
    return listed(told)


def _the(names: Sequence[str]) -> str:
    return listed([f"the {name}" for name in names])
