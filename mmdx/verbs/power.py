"""How many patients a next study takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx import cli_options as option
from mmdx.strangers.screen import screen
from mmdx.terminal.following import Following

Stated = Annotated[
    float | None,
    typer.Option(help="how much better in AUROC the first model is to be, such as 0.03; as it was seen if left out"),
]
About = Annotated[str | None, typer.Option(help="finding that the study is about; the primary one if left out")]
Record = Annotated[Path | None, typer.Option(help="file for all numbers, as JSON")]


def power(
    runs: option.Compared,
    difference: Stated = None,
    finding: About = None,
    split: option.ScoredSplit = "test",
    seed: Annotated[int, typer.Option(help="seed of the cohorts that are drawn")] = 0,
    out: Record = None,
) -> None:
    """Say how many patients would show, with 80 % power, that the first model and each other one differ in AUROC."""
    from mmdx.files import write_json
    from mmdx.stats.power import plan_power

    with Following.beside(console := screen()) as following:
        count = following.count
        planned = plan_power(runs, difference=difference, finding=finding, split=split, seed=seed, count=count)
    for sentence in planned.sentences:
        console.print(sentence, markup=False, highlight=False)
    if out is not None:
        write_json(out, planned.to_json())
