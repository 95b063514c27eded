"""The scripts that prove the statistics: what they draw has the truth that they say, and their tables stand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

SCRIPTS = Path(__file__).parents[1] / "scripts"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("rows", [1, 8])
def test_drawn_scores_have_the_auroc_that_is_stated(rows):
    claims = load("simulate_claims")
    drawn = claims.draw(np.random.default_rng(0), claims.Setting(20_000, rows, areas=(0.8, 0.85)))
    areas = [roc_auc_score(drawn.labels, scores) for scores in drawn.scores]
    assert areas == pytest.approx([0.8, 0.85], abs=0.01)
    noise = drawn.scores - np.sqrt(2) * np.array([[0.8416], [1.0364]]) * drawn.labels
    assert np.corrcoef(noise)[0, 1] == pytest.approx(0.5, abs=0.02)


def test_every_test_and_interval_is_in_the_tables(capsys):
    claims = load("simulate_claims")
    assert claims.wilson(5, 100) == "5.0 % [2.2, 11.2]"
    settings = [claims.Setting(30, rows, prevalence=0.5, resamples=100) for rows in (1, 4)]

    def run(one, setting, runs):
        return [one((0, n), setting) for n in range(runs)]

    claims.tests_table(settings, run, 2)
    claims.coverage_table(settings, run, 2)
    said = capsys.readouterr().out
    assert said.count("| permutation, by patient |") == 2
    assert said.count("| DeLong, rows as patients |") == 1
    assert said.count("| BCa, rare strata |") == 2


def test_a_part_runs_by_itself(capsys):
    claims = load("simulate_claims")
    asked = ["--only", "false_positives", "--runs", "2", "--resamples", "60", "--processes", "1"]
    assert claims.main(asked) == 0
    said = capsys.readouterr().out
    assert "false_positives: 2 runs, 60 resamples, seed 0" in said
    assert said.count("McNemar, by patient, own threshold of 600 patients") == 1


def test_a_reference_that_is_not_installed_is_named(monkeypatch, capsys):
    agreement = load("agreement")
    kept = {name: agreement.COMPARED[name] for name in ("MLstatkit", "scikit-learn, all entries")}
    monkeypatch.setattr(agreement, "COMPARED", kept)
    monkeypatch.setitem(sys.modules, "MLstatkit", None)
    assert agreement.main(["--cases", "2"]) == 0
    said = capsys.readouterr().out
    assert "MLstatkit: not compared, MLstatkit is not installed" in said
    assert "| RSNA weighted log loss | scikit-learn, all entries | 2 |" in said


def test_trainings_are_drawn_with_the_auroc_and_the_spread_that_are_stated():
    seeds = load("simulate_seeds")
    labels, scores = seeds.draw(np.random.default_rng(0), seeds.Setting(6_000, 0.02, trainings=25))
    areas = np.array([[roc_auc_score(labels, each) for each in model] for model in scores])
    assert areas.mean() == pytest.approx(0.8, abs=0.01)
    assert areas.std(axis=1, ddof=1).mean() == pytest.approx(0.02, abs=0.006)
    once = np.ones((1, len(labels)), dtype=np.int64)
    assert seeds.areas(labels, scores[0, 0], once)[0] == pytest.approx(areas[0, 0])


def test_each_way_to_hold_trainings_and_patients_is_in_the_table():
    seeds = load("simulate_seeds")
    found = seeds.coverage(seeds.Setting(60, 0.05), runs=4, resamples=100, seed=0)
    widths = {way: width for way, (_, _, width) in found.items()}
    assert list(found) == list(seeds.WAYS)
    assert widths["patients"] < widths["both"] < widths["widest"]


def test_second_cohorts_are_drawn_with_the_truth_that_is_stated(tmp_path):
    second = load("simulate_second_cohort")
    truths = second.truths(second.APART)
    assert truths["change of AUROC"] == 0
    assert truths["intercept"] == pytest.approx(np.log(0.6 / 0.4) - np.log(0.3 / 0.7), abs=0.01)
    found = second.found(tmp_path, np.random.default_rng(0), patients=200, apart=second.APART, resamples=100)
    assert found.keys() == truths.keys()
    assert found["shift of prevalence"]["low"] > 0.1
