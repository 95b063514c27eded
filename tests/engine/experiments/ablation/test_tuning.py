"""The settings that every variant of an ablation tries, and how validation chooses among them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.ablation.plan import Extent, Plan, plan_jobs
from mmdx.engine.experiments.ablation.tuning import Settings, settings_to_try, settled, tried, with_tries
from mmdx.errors import UsageError
from mmdx.schema import Config

CONFIGS = Path(__file__).parents[4] / "configs"


def phantom(*overrides: str) -> Config:
    return resolve(read_config(CONFIGS / "phantom.yaml", overrides))


def planned(out: Path, count: int, *overrides: str) -> Plan:
    return with_tries(plan_jobs(phantom(*overrides), Extent(2, [], [50]), out), count, out)


def leave(job_folder: Path, noise: float, *, count: int, fold: int | None = None) -> None:
    """What a training leaves that tells the classes apart the worse the more noise there is."""
    draw, label = np.random.default_rng(0), np.arange(count) % 2
    place = job_folder if fold is None else job_folder / f"fold-{fold}"
    (place / "predictions").mkdir(parents=True)
    score = 1 / (1 + np.exp(-(2 * label - 1 + noise * draw.normal(size=count))))
    ids = [f"v{number}" for number in range(count)]
    frame = {"study_id": ids, "patient_id": ids, "shown": "image", "finding": "bleed", "label": label, "score": score}
    pd.DataFrame(frame).to_csv(place / "predictions" / "val.csv", index=False)
    (job_folder / "card.md").write_text("trained\n")


def test_the_config_comes_first_and_no_two_are_alike():
    settings = settings_to_try(9, seed=0)
    assert settings[0] == Settings()
    assert len({(each.rate, each.decay) for each in settings}) == 9
    assert settings_to_try(4, seed=0) == settings[:4]
    assert settings_to_try(9, seed=1) != settings
    with pytest.raises(UsageError, match="--tune 1: give from 2 to 9 tries"):
        settings_to_try(1, seed=0)


def test_settings_change_what_a_config_has_and_nothing_else():
    config = phantom()
    assert Settings().of(config) == config
    changed = Settings(3.0, 0.1, 0.5).of(config)
    assert (changed.train.lr, changed.train.weight_decay) == (0.006, 0.1)
    assert changed.model.fusion.options["dropout"] == 0.5
    assert changed.model.inputs["image"].sequence.options["dropout"] == 0.5
    assert changed.model.modality_dropout == config.model.modality_dropout
    assert resolve(changed) == changed


def test_every_variant_tries_the_same_settings(tmp_path):
    plan = planned(tmp_path, 3)
    assert [job.name for job in plan.tries[:4]] == [
        "fusion/try-1",
        "only-image/try-1",
        "only-report/try-1",
        "fusion/try-2",
    ]
    decays = {
        variant: [job.config.train.weight_decay for job in plan.tries if job.variant == variant]
        for variant in plan.variants
    }
    assert len({tuple(of_variant) for of_variant in decays.values()}) == 1
    assert plan.untried == {"fusion", "only-image", "only-report"}


def test_the_chosen_settings_are_those_of_all_trainings_of_a_variant(tmp_path):
    plan = planned(tmp_path, 3)
    for job in plan.tries:
        if job.variant == "fusion":
            leave(job.folder, noise={1: 2.0, 2: 1.0, 3: 3.0}[job.attempt], count=120)
    outcomes = tried(plan)
    assert (list(outcomes), outcomes["fusion"].chosen) == (["fusion"], 2)
    assert outcomes["fusion"].to_json()["by"] == "auroc"
    after = settled(plan, outcomes)
    assert after.untried == {"only-image", "only-report"}
    jobs = {job.name: job for job in after.jobs}
    best = next(job for job in plan.tries if (job.variant, job.attempt) == ("fusion", 2))
    assert jobs["fusion/seed-0"].folder == best.folder
    for name, seed, size in (("fusion/seed-1", 1, None), ("fusion/size-50/seed-0", 0, 50)):
        config = jobs[name].config
        assert config.train == best.config.train
        assert config.model == best.config.model
        assert (config.seed, config.data.train_patients, config.run) == (seed, size, jobs[name].folder)
    assert jobs["only-image/seed-0"] == next(job for job in plan.jobs if job.name == "only-image/seed-0")


def test_few_validation_studies_choose_by_log_loss_and_folds_by_their_mean(tmp_path):
    plan = planned(tmp_path, 2, "data.folds.count=2")
    plan = replace(plan, tries=tuple(job for job in plan.tries if job.variant == "fusion"))
    for job, noises in zip(plan.tries, ((0.5, 3.0), (1.0, 1.0)), strict=True):
        for fold, noise in enumerate(noises):
            leave(job.folder, noise, count=40, fold=fold)
    outcome = tried(plan)["fusion"]
    assert outcome.to_json()["by"] == "log_loss"
    losses = outcome.to_json()["scores"]
    assert outcome.chosen == int(np.argmin(losses)) + 1 == 2
