"""Runs with a stack: what it is fitted on, and that one checkpoint answers with it wherever it goes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from stopping import stopped_in_step
from tiny import write_cohort, write_config

import mmdx
from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import Presence
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments import run as experiments
from mmdx.engine.scoring.stacking.answers import Answers, answers_to, showings_of
from mmdx.engine.scoring.stacking.fit import Met, bare_stack, met, stackable, weighed

QUIET = Console(quiet=True)
SHOWINGS = {("image", "report"), ("image",), ("report",)}
"""What a study with both may be asked for; of one without a report, asked for it, nothing is shown."""


def train(config: Path) -> Path:
    return experiments.train(resolve(read_config(config)), name="stack", console=QUIET).run.folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stack")
    cohort = write_cohort(folder / "cohort", patients=60, reports=40)
    return train(write_config(folder / "stack.yaml", cohort, final={"type": "refit", "folds": 2}, stack=True))


@pytest.fixture(scope="module")
def store(run: Path) -> Store:
    return Store(next((run.parent / "stores").iterdir()))


def test_a_run_leaves_how_much_each_member_counts_for_all_that_may_be_shown(run: Path):
    raw = json.loads((run / "checkpoints" / "best" / "stack.json").read_text())
    assert raw["head"] == "study"
    assert raw["linear"] == ["report"]  # the image encoder learns, so that nothing stands beside it
    assert {tuple(part["shown"]) for part in raw["weightings"]} == SHOWINGS | {()}
    members = {tuple(part["shown"]): list(part["weight"]) for part in raw["weightings"]}
    assert members["image", "report"] == ["network", "network image", "network report", "linear report"]
    assert members["image",] == ["network"]
    assert all(value >= 0 for part in raw["weightings"] for row in part["weight"].values() for value in row.values())


def test_the_card_says_what_counts(run):
    raw = json.loads((run / "checkpoints" / "best" / "stack.json").read_text())
    card = (run / "card.md").read_text().partition("Weights of these answers")[2].partition("#")[0]
    for weighting in (part for part in raw["weightings"] if part["shown"]):
        (line,) = [line for line in card.splitlines() if line.startswith(f"- `{'+'.join(weighting['shown'])}`: ")]
        for member, weights in weighting["weight"].items():
            mean = sum(weights.values()) / len(weights)
            assert (f"{member} {mean:.2f}" in line) == (round(mean, 2) != 0)


def test_the_words_tell_and_the_one_who_reads_them_is_heard(run: Path):
    weight = json.loads((run / "checkpoints" / "best" / "stack.json").read_text())["weightings"]
    report = next(part for part in weight if part["shown"] == ["report"])
    assert report["weight"]["linear report"]["bleed"] > 0.1


def test_the_loaded_model_gives_the_scores_of_the_files(run: Path, store: Store, tmp_path: Path):
    before = (run / "predictions" / "test.csv").read_bytes()
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    mmdx.evaluate(moved)
    assert (moved / "predictions" / "test.csv").read_bytes() == before


def test_validation_scores_are_those_of_the_stack_on_models_that_had_not_seen_the_studies(run: Path):
    raw = json.loads((run / "checkpoints" / "best" / "stack.json").read_text())
    image = next(part for part in raw["weightings"] if part["shown"] == ["image"])
    keys = ["study_id", "shown", "finding"]
    val = pd.read_csv(run / "predictions" / "val.csv").set_index(keys)["score"]
    parts = [pd.read_csv(run / "crossfit" / f"fold-{fold}" / "predictions" / "val.csv") for fold in (0, 1)]
    network = pd.concat(parts).set_index(keys)["score"]
    odds = np.log(network / (1 - network)).xs(("image", "bleed"), level=("shown", "finding"))
    joined = odds * image["weight"]["network"]["bleed"] + image["shift"]["bleed"]
    expected = 1 / (1 + np.exp(-joined))
    assert val.xs(("image", "bleed"), level=("shown", "finding"))[expected.index].to_numpy() == pytest.approx(
        expected.to_numpy(), abs=1e-5
    )


def test_no_study_is_calibrated_twice(run: Path):
    calibration = json.loads((run / "checkpoints" / "best" / "calibration.json").read_text())
    assert "study" not in calibration


def test_a_run_that_keeps_the_best_epoch_is_stacked_by_its_validation_studies(tmp_path: Path):
    cohort = write_cohort(tmp_path / "cohort", patients=80)
    run = train(write_config(tmp_path / "best.yaml", cohort, stack=True))
    saved = load_model(run / "checkpoints" / "best")
    assert saved.model.stack is not None
    assert {part.shown for part in saved.model.stack.weightings} == SHOWINGS


def test_a_config_that_wants_none_has_none(tmp_path: Path):
    run = train(write_config(tmp_path / "none.yaml", write_cohort(tmp_path / "cohort")))
    assert load_model(run / "checkpoints" / "best").model.stack is None
    assert not stackable(load_model(run / "checkpoints" / "best"))


def test_where_absence_tells_a_study_that_has_no_more_is_answered_accordingly(run: Path, store: Store):
    """All studies without a report are positive here, and half of those with one."""
    saved = load_model(run / "checkpoints" / "best")
    rows = range(len(store))
    bare = bare_stack(saved, store, list(rows))
    showings = showings_of(Presence(saved.config, store), ["image", "report"], list(rows))
    answers = answers_to(saved, bare, store, list(rows), showings)
    lacking = ~answers.present[:, 1]
    assert lacking.sum() == 20
    labels = answers.labels.copy()
    labels[lacking, 0] = 1

    def among(train: Sequence[int], given: Answers) -> Met:
        everyone = met(saved, store, train, given)
        without = ~everyone.present[:, 1]
        return replace(everyone, labels=np.where(without[:, None], [1.0, np.nan], everyone.labels))

    told = weighed(saved, bare, replace(answers, labels=labels), among(rows, answers))
    plain = weighed(saved, bare, answers, met(saved, store, rows, answers))
    # Five of them do where the others, which the model has learned from, say the same.
    few = np.flatnonzero(~lacking | (np.cumsum(lacking) <= 5))
    part = Answers(
        tuple(answers.study_ids[at] for at in few),
        tuple(answers.patient_ids[at] for at in few),
        labels[few],
        answers.present[few],
        {shown: {name: values[few] for name, values in of.items()} for shown, of in answers.logits.items()},
    )
    learned = weighed(saved, bare, part, among(rows, part))
    alone = weighed(saved, bare, part, among([], part))

    def shift(stack) -> float:
        return float(next(part.shift[0] for part in stack.weightings if part.shown == ("image",)))

    assert shift(told) > shift(plain) + 1
    assert shift(learned) > shift(alone) + 0.3


def test_raw_files_are_answered_as_the_same_study_was(run: Path, tmp_path: Path):
    scored = pd.read_csv(run / "predictions" / "test.csv")
    study = scored["study_id"].iloc[0]
    number, cohort = int(study.removeprefix("s")), run.parent / "cohort"
    for path in cohort.glob(f"{number:02d}_*.png"):
        (tmp_path / "study").mkdir(exist_ok=True)
        shutil.copyfile(path, tmp_path / "study" / path.name)
    record = json.loads((cohort / "metadata.jsonl").read_text().splitlines()[number])
    [prediction] = mmdx.load(run).predict(tmp_path / "study", report=record["report"] or None)
    shown = scored.loc[(scored["study_id"] == study) & (scored["shown"] == "image+report")]
    assert prediction.findings == pytest.approx(dict(zip(shown["finding"], shown["score"], strict=True)), abs=1e-5)


@pytest.mark.parametrize("final", ["best", {"type": "refit", "folds": 2}])
def test_a_run_that_was_killed_and_resumed_has_the_same_stack(tmp_path: Path, final: object):
    cohort = write_cohort(tmp_path / "cohort", patients=60)
    whole = train(write_config(tmp_path / "whole.yaml", cohort, final=final, stack=True))
    places = ("checkpoints/best/stack.json", "predictions/val.csv", "predictions/test.csv")
    expected = {place: (whole / place).read_bytes() for place in places}
    shutil.rmtree(whole)
    config = resolve(read_config(tmp_path / "whole.yaml"))
    with stopped_in_step(3):
        experiments.train(config, name="stack", console=QUIET)
    resumed = experiments.train(config, name="stack", console=QUIET, resume=True).run.folder
    assert {place: (resumed / place).read_bytes() for place in places} == expected


def test_a_run_that_was_concluded_without_a_stack_gets_none_when_it_is_resumed(tmp_path: Path):
    run = train(write_config(tmp_path / "old.yaml", write_cohort(tmp_path / "cohort", patients=60)))
    before = (run / "predictions" / "test.csv").read_bytes()
    later = resolve(read_config(write_config(tmp_path / "old.yaml", tmp_path / "cohort", stack=True)))
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("  stack: false\n", ""))  # as one from before there were stacks
    experiments.train(later, name="stack", console=QUIET, resume=True)
    assert (run / "predictions" / "test.csv").read_bytes() == before
