"""Equal chances: every variant of an ablation tries the same few settings, and validation chooses among them.

The first settings are those of the config; the others are drawn once, by its seed, and are the same for all variants.
Test studies choose nothing. Beside the runs of a variant lies `try-K`, the run of its settings K, under the first seed;
the chosen one is its training of that seed, and is not made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mmdx.data.store.store import Store
from mmdx.engine.assembly.encoders import kind_of, options_read
from mmdx.engine.assembly.finals import final_of
from mmdx.engine.assembly.store import deal
from mmdx.engine.experiments.ablation.plan import Job, Plan
from mmdx.errors import DataError, UsageError
from mmdx.files import SLICES, RunLayout
from mmdx.schema import Config
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.metrics.evaluate import Judgement, judge

RATES = (0.3, 1.0, 3.0)
"""What the learning rate of the config is multiplied by."""
DECAYS = (0.001, 0.01, 0.1)
"""Weight decays."""
DROPOUTS = (0.0, 0.2, 0.5)
"""What every option `dropout` of a part of the model becomes."""
MOST_TRIES = len(RATES) * len(DECAYS)


@dataclass(frozen=True)
class Settings:
    """What a try changes in a config; without any change it is the config's own."""

    rate: float = 1.0
    decay: float | None = None
    dropout: float | None = None

    def of(self, config: Config) -> Config:
        """The config with these settings: those that its parts have."""
        raw = config.model_dump()
        raw["train"]["lr"] = float(f"{config.train.lr * self.rate:.6g}")
        if self.decay is not None:
            raw["train"]["weight_decay"] = self.decay
        if self.dropout is not None:
            model = raw["model"]
            model["fusion"], model["heads"] = (_dropped(model[part], self.dropout) for part in ("fusion", "heads"))
            for name, section in config.model.inputs.items():
                read = ("encoder", *options_read(kind_of(section)))
                model["inputs"][name] |= {part: _dropped(model["inputs"][name][part], self.dropout) for part in read}
        return Config.model_validate(raw)

    def to_json(self) -> dict[str, float | None]:
        """Plain values: `lr` is a factor, null what stays as the config has it."""
        return {"lr_factor": self.rate, "weight_decay": self.decay, "dropout": self.dropout}


def settings_to_try(count: int, seed: int) -> list[Settings]:
    """The config's own settings, and others of a grid, no two of them alike in learning rate and weight decay.

    Raises `UsageError` where the grid has not as many.
    """
    if not 2 <= count <= MOST_TRIES:
        raise UsageError(f"--tune {count}: give from 2 to {MOST_TRIES} tries, or leave it out for none")
    draw = np.random.default_rng(seed)
    pairs = [pair for pair in product(RATES, DECAYS) if pair != (1.0, DECAYS[1])]
    chosen = [pairs[place] for place in draw.permutation(len(pairs))[: count - 1]]
    dropouts = draw.permutation(len(DROPOUTS))
    return [
        Settings(),
        *(
            Settings(rate, decay, DROPOUTS[dropouts[place % len(DROPOUTS)]])
            for place, (rate, decay) in enumerate(chosen)
        ),
    ]


def with_tries(plan: Plan, count: int, out: Path) -> Plan:
    """The plan with so many tries of each variant before its trainings; none of its settings is chosen yet."""
    first = {}
    for job in plan.jobs:
        first.setdefault(job.variant, job)
    tries = []
    for number, settings in enumerate(settings_to_try(count, plan.jobs[0].seed), start=1):
        for variant, job in first.items():
            folder = out / variant / f"try-{number}"
            config = settings.of(job.config).model_copy(update={"run": folder})
            tries.append(Job(variant, job.seed, None, config, folder, number))
    return replace(plan, tries=tuple(tries), untried=frozenset(first))


@dataclass(frozen=True)
class Tried:
    """What validation said of the tries of a variant, in their order, and the number of the one that is chosen."""

    judgements: tuple[Judgement, ...]
    chosen: int

    def to_json(self) -> dict[str, Any]:
        by = self.judgements[0].by
        scores = [judgement.auroc if by == "auroc" else judgement.log_loss for judgement in self.judgements]
        return {"by": by, "scores": [None if np.isnan(score) else score for score in scores], "chosen": self.chosen}


def tried(plan: Plan) -> dict[str, Tried]:
    """What came of the tries of each variant of which all are done. Raises `DataError` where one has no scores."""
    by_variant: dict[str, list[Job]] = {}
    for job in plan.tries:
        by_variant.setdefault(job.variant, []).append(job)
    outcomes = {}
    for variant, tries in by_variant.items():
        if all(job.finished for job in tries):
            judgements = _alike([_judged(job) for job in tries])
            scores = [-np.inf if np.isnan(judgement.score) else judgement.score for judgement in judgements]
            outcomes[variant] = Tried(tuple(judgements), int(np.argmax(scores)) + 1)
    return outcomes


def settled(plan: Plan, outcomes: Mapping[str, Tried]) -> Plan:
    """The plan with the chosen settings in every training of a variant; the try that was chosen is one of them."""
    chosen = {(job.variant, job.attempt): job for job in plan.tries}
    jobs = []
    for job in plan.jobs:
        if job.variant not in outcomes:
            jobs.append(job)
            continue
        best = chosen[job.variant, outcomes[job.variant].chosen]
        if job.size is None and job.seed == best.seed:
            jobs.append(replace(best, attempt=None))
            continue
        train = best.config.model_dump()
        data = {"data": job.config.model_dump()["data"], "seed": job.seed, "run": job.folder}
        jobs.append(replace(job, config=Config.model_validate(train | data)))
    return replace(plan, jobs=tuple(jobs), untried=plan.untried - outcomes.keys())


def tuning_record(plan: Plan, outcomes: Mapping[str, Tried]) -> dict[str, Any] | None:
    """What `ablation.json` says of the tries; None where none were asked for."""
    if not plan.tries:
        return None
    count, seed = max(job.attempt or 0 for job in plan.tries), plan.tries[0].seed
    return {
        "tries": count,
        "settings": [settings.to_json() for settings in settings_to_try(count, seed)],
        "variants": {variant: outcome.to_json() for variant, outcome in outcomes.items()},
    }


def check_judged(plan: Plan, store: Store) -> None:
    """Raises `DataError` where tries would have no validation studies to be judged by."""
    config = plan.jobs[0].config
    if plan.tries and config.data.folds is None and not deal(config, store).rows("val"):
        raise DataError(
            f"{store.folder}: no validation studies, by which --tune could choose; deal some (data.split), or leave it "
            "out"
        )


def _judged(job: Job) -> Judgement:
    """What validation says of a try, by the measure that judges an epoch; of folds, the mean."""
    config, run = job.config, RunLayout(job.runs[0])
    kinds = (SLICES,) if config.train.judge == "slices" else ()
    folds = sorted(run.folder.glob("fold-*")) if config.data.folds is not None else ()
    files = [RunLayout(fold).scores("val", *kinds) for fold in folds] or [run.scores("val", *kinds)]
    judgements = []
    for file in files:
        if not file.is_file():
            raise DataError(f"{file}: missing; without it no settings can be chosen; remove {job.folder}, and go on")
        frame = read_predictions(file)
        fullest = max(frame["shown"].unique(), key=lambda shown: len(shown.split("+")))
        by = final_of(config).by
        judgements.append(judge(frame.loc[frame["shown"] == fullest], by=by, primary=config.data.primary))
    judgements = _alike(judgements)
    values = np.array([(judgement.auroc, judgement.log_loss) for judgement in judgements])
    auroc, log_loss = (float(np.nanmean(column)) if np.isfinite(column).any() else np.nan for column in values.T)
    return Judgement(auroc, log_loss, judgements[0].by)


def _alike(judgements: Sequence[Judgement]) -> list[Judgement]:
    """All judged by one measure: by the log loss where that judges any of them."""
    by = "log_loss" if any(judgement.by == "log_loss" for judgement in judgements) else "auroc"
    return [replace(judgement, by=by) for judgement in judgements]


def _dropped(part: Any, rate: float) -> Any:
    """A dump of a part with every option `dropout` in it at `rate`."""
    if isinstance(part, dict):
        return {
            key: rate if key == "dropout" and isinstance(value, float | int) else _dropped(value, rate)
            for key, value in part.items()
        }
    return [_dropped(item, rate) for item in part] if isinstance(part, list | tuple) else part
