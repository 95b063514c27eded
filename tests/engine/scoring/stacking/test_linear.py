"""The linear models beside a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.start import started
from mmdx.engine.scoring.baselines.probe import probe
from mmdx.engine.scoring.stacking.linear import fit_linear, of_descriptors, of_table, regressions
from mmdx.engine.training.loop import set_up
from mmdx.engine.training.plan import plan
from mmdx.models.stack.summaries import Standardised
from mmdx.study import Column


def expit(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def test_the_answer_to_descriptors_is_that_of_the_probe():
    rng = np.random.default_rng(0)
    learned = rng.normal(size=(60, 8)).astype(np.float32)
    labels = (learned[:, :2] + rng.normal(0, 0.5, (60, 2)) > 0).astype(float)
    patients = [f"p{row // 2}" for row in range(60)]
    answer = of_descriptors(torch.from_numpy(learned), labels, patients)
    logits = ((torch.from_numpy(learned) - answer.centre) @ answer.weight + answer.bias).numpy()
    assert expit(logits) == pytest.approx(probe(learned, labels, patients, learned), abs=1e-4)


def test_the_answer_to_a_table_rises_with_what_tells():
    summary = Standardised([Column("age", mean=50.0, sd=10.0)])
    learned = torch.linspace(-2, 2, 40)[:, None]
    answer = of_table(summary, learned, (learned.numpy() > 0).astype(float))
    logits = answer(torch.tensor([[40.0], [60.0]]), torch.tensor([1, 1]))
    assert logits[0, 0] < 0 < logits[1, 0]


def test_a_finding_of_one_class_is_answered_by_its_share_and_an_unknown_one_by_a_half():
    labels = np.array([[0.0, np.nan], [0.0, np.nan]])
    weight, bias = regressions(np.ones((2, 3)), labels, c=1.0)
    assert not weight.any()
    assert bias[0] < -5
    assert bias[1] == 0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("linear")
    config = write_config(home / "c.yaml", write_cohort(home / "cohort", reports=30))
    asked, quiet = resolve(read_config(config)), Console(quiet=True)
    with started(asked, name="linear", resume=False, console=quiet) as (setting, _):
        pass
    setting.run.best.mkdir(parents=True)
    plan(setting).write(setting)
    return setting, set_up(setting, resume=False).saved


def test_only_what_stands_as_nothing_learned_has_one(model: tuple):
    setting, saved = model
    assert list(fit_linear(saved, setting.store, setting.splits.rows("train"))) == ["report"]


def test_it_is_fitted_on_the_studies_that_it_is_given_alone(model: tuple, monkeypatch: pytest.MonkeyPatch):
    """Labels of other studies change nothing."""
    setting, saved = model
    rows = setting.splits.rows("train")
    before = fit_linear(saved, setting.store, rows)["report"].weight.clone()
    others = [row for row in range(len(setting.store)) if row not in rows]
    labels = setting.store.labels.copy()
    labels[others] = 1 - labels[others]
    monkeypatch.setattr(type(setting.store), "labels", labels)
    assert torch.equal(before, fit_linear(saved, setting.store, rows)["report"].weight)


def test_too_few_studies_with_a_text_have_none(model: tuple):
    setting, saved = model
    assert fit_linear(saved, setting.store, setting.splits.rows("train")[:5]) == {}
