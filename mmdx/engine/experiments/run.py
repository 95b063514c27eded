"""`mmdx train` and `mmdx evaluate`: which kind of experiment a config or a run folder is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from mmdx.data.counting import Count, uncounted
from mmdx.engine.assembly.saved import load_description
from mmdx.engine.experiments.cross_validation import FoldResults, evaluate_folds, train_folds
from mmdx.engine.experiments.external.evaluate import Asked, evaluate_on
from mmdx.engine.experiments.external.second import SecondCohort
from mmdx.engine.experiments.guidance.run import GuidanceResults, train_guidance
from mmdx.engine.experiments.start import started
from mmdx.engine.experiments.two_stage import train_split
from mmdx.engine.reporting.conclude import Results, Scores, scores_of
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.scoring.evaluate import AS_TRAINED, Scoring, evaluate_run
from mmdx.engine.scoring.score import parse_shown
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.schema import Config
from mmdx.study import Split


@dataclass(frozen=True)
class Conclusion:
    """A run that is trained to its end, and what its test studies show; None on all processes but the main one."""

    run: RunLayout
    results: Results | FoldResults | GuidanceResults | None


def train(config: Config, *, name: str, console: Console, resume: bool = False, count: Count = uncounted) -> Conclusion:
    """Trains `config` (resolved), once, per fold of `data.folds`, or in the stages of `guidance`, and scores it.

    The run folder is `run` of the config, else `runs/<name>-<n>`. `console` shows how it goes on, and `count` is told
    how far it is within each step.
    """
    with started(config, name=name, resume=resume, console=console, count=count) as (setting, begun):
        if config.guidance is not None:
            results = train_guidance(setting)
        elif config.data.folds is not None:
            results = train_folds(setting, resume=begun)
        else:
            results = train_split(setting, resume=begun).results
        setting.accelerator.end_training()
    return Conclusion(setting.run, results)


def evaluate(
    folder: Path,
    *,
    split: Split | None = None,
    show: Sequence[str] = (),
    out: Path | None = None,
    scoring: Scoring = AS_TRAINED,
    count: Count = uncounted,
    on: SecondCohort | None = None,
) -> Scores:
    """Scores a finished run again, or each fold of a cross-validation by its own model; with `on` another cohort.

    `split` is `test` where it is None, of a second cohort every study. `show` names what is shown, such as
    `image+report`; empty takes every showing that a run has by itself. The files lie in `out`, else they replace the
    run's own, and those of a second cohort lie in `external/` of the run. Raises `UsageError` where other scores would
    replace them.
    """
    if scoring.drop is not None and not 0 <= scoring.drop < 1:
        raise UsageError(f"--drop {scoring.drop:g}: give a share from 0 to below 1, such as 0.2")
    if on is not None:
        return evaluate_on(folder, Asked(on, split, show, out, scoring, count))
    split = split or "test"
    if show and out is None:
        raise UsageError(
            "--show: scores of some showings alone would replace the run's own; give --out FOLDER for them"
        )
    if (scoring.order is not None or scoring.drop is not None) and out is None:
        option = "--drop" if scoring.order is None else "--order"
        raise UsageError(f"{option}: these scores would replace the run's own; give --out FOLDER for them")
    run = RunLayout(folder)
    crossed = run.folds.is_file()
    config = load_description(model_folder(run.fold(0).folder if crossed else folder))[0]
    shown = [parse_shown(text, list(config.model.inputs)) for text in show] or None
    path = (evaluate_folds if crossed else evaluate_run)(folder, split, shown, out, scoring, count)
    return scores_of(path, split, count)
