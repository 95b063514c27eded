"""An ensemble asked like any model: means of what its members say, and how they spread."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from members import write_member
from rich.console import Console

from mmdx.engine.assembly.saved import load_model, write_ensemble
from mmdx.engine.inference import raw
from mmdx.engine.inference.model import Model
from mmdx.terminal.predictions import show_predictions

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
REPORT = "history of a fall"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two model folders `a` and `b`, which know other words, and their ensemble `both`."""
    home = tmp_path_factory.mktemp("ensemble")
    write_member(home / "a", seed=0, words=REPORT)
    write_member(home / "b", seed=1, words="history of headache")
    write_ensemble(home / "both", [home / "a", home / "b"])
    return home


def logit(scores: dict[str, float]) -> np.ndarray:
    values = np.array(list(scores.values()))
    return np.log(values / (1 - values))


@pytest.mark.parametrize("report", [REPORT, None])
def test_it_answers_with_the_mean_logit_of_its_members_with_and_without_a_report(home: Path, report: str | None):
    one, other, both = (Model.load(home / name).predict(IMAGES, report=report)[0] for name in ("a", "b", "both"))
    assert logit(both.findings) == pytest.approx((logit(one.findings) + logit(other.findings)) / 2, abs=1e-5)
    assert both.missing == one.missing == (() if report else ("report",))
    assert (both.members, one.members) == (2, 1)
    gaps = [abs(one.findings[name] - other.findings[name]) for name in both.findings]
    assert list(both.spread.values()) == pytest.approx([gap / np.sqrt(2) for gap in gaps], abs=1e-6)
    assert not one.spread
    slices = [np.array([answer.slices["bleed"] for answer in (one, other)]), np.array(both.slices["bleed"])]
    means = np.log(slices[0] / (1 - slices[0])).mean(axis=0)
    assert slices[1] == pytest.approx(1 / (1 + np.exp(-means)), abs=1e-6)
    assert both.slice_spread["bleed"] == pytest.approx(slices[0].std(axis=0, ddof=1), abs=1e-6)


def test_the_spread_stands_in_files_and_in_the_terminal(home: Path, tmp_path: Path):
    predictions = Model.load(home / "both").predict(IMAGES)
    predictions.save(tmp_path)
    entry = json.loads((tmp_path / "predictions.json").read_text())[0]
    assert (entry["members"], entry["spread"]) == (2, pytest.approx(dict(predictions[0].spread)))
    assert len(entry["slice_spread"]["bleed"]) == 3
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert table["spread"].tolist() == pytest.approx(list(predictions[0].spread.values()), rel=1e-6)
    console = Console(width=80, record=True, file=None, quiet=False)
    with console.capture() as capture:
        show_predictions(predictions, console)
    assert "spread of 2" in capture.get()
    assert f"{predictions[0].spread['bleed']:.3f}" in capture.get()
    assert "spread of 2 models" in predictions[0]._repr_html_()


def test_images_are_decoded_once_for_all_members(home: Path, monkeypatch: pytest.MonkeyPatch):
    calls = []
    fitted = raw.fitted
    monkeypatch.setattr(raw, "fitted", lambda *arguments: calls.append(1) or fitted(*arguments))
    Model.load(home / "both").predict(IMAGES)
    assert len(calls) == 1


def test_heat_and_weights_are_means_over_the_members(home: Path):
    model = Model.load(home / "both")
    (both,) = model.explain(IMAGES, report=REPORT, top=3)
    parts = [Model.load(home / name).explain(IMAGES, report=REPORT, top=3)[0] for name in ("a", "b")]
    heats = [{image.place.index: image.heat for image in part.findings["bleed"]} for part in parts]
    means = {number: (heats[0][number] + heats[1][number]) / 2 for number in range(3)}
    largest = max(mean.max() for mean in means.values())
    scores = model.predict(IMAGES, report=REPORT)[0].slices["bleed"]
    for image in both.findings["bleed"]:
        assert image.heat == pytest.approx(means[image.place.index] / largest, abs=1e-5)
        assert image.score == pytest.approx(scores[image.place.index], abs=1e-6)
    words, shares = zip(*both.word_weights["report"], strict=True)
    assert words == ("history", "of", "a", "fall")
    weights = [[share for _, share in part.word_weights["report"]] for part in parts]
    assert shares == pytest.approx(np.mean(weights, axis=0))


def test_features_stand_side_by_side_and_logits_are_means(home: Path):
    parts = [Model.load(home / name).features(IMAGES)[0] for name in ("a", "b", "both")]
    for name in ("image", "report"):
        assert np.array_equal(parts[2].pooled[name], np.concatenate([part.pooled[name] for part in parts[:2]]))
    assert parts[2].fused.shape == (24,)
    assert parts[2].items["image"].shape == (3, 2 * parts[0].items["image"].shape[1])
    assert parts[2].logits["study"] == pytest.approx((parts[0].logits["study"] + parts[1].logits["study"]) / 2)


def test_all_members_move_to_a_device(home: Path):
    saved = load_model(home / "both").to("meta")
    assert {next(member.model.parameters()).device for member in saved.members} == {torch.device("meta")}
