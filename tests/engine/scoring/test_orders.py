"""Images in another order: scored so, said once, and recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments import run as experiments
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.scoring.orders import SliceOrders, minding, redrawn_lines, slice_orders
from mmdx.errors import UsageError
from mmdx.models.sequence.recurrent import Lstm
from mmdx.study import ImageFiles, ImageRef, Order, Study

STUDIES, SEVERAL = 36, 24
"""The tiny cohort: studies, and those of two or three images."""


def train(home: Path, *overrides: str) -> Path:
    """A run with a slice head on the tiny cohort."""
    source = home / "raw" if (home / "raw").is_dir() else write_cohort(home / "raw")
    config = write_config(home / "tiny.yaml", source, epochs=1)
    given = ["model.heads.study=study", "model.heads.slice=slice", *overrides]
    return experiments.train(resolve(read_config(config, given)), name="tiny", console=Console(quiet=True)).run.folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("orders"))


def evaluate(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, arguments)])
    return int(ended.value.code or 0)


def slices_of(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    return table[table["shown"] == "image+report"].set_index(["study_id", "finding", "slice"]).sort_index()


def test_a_certified_order_needs_no_word(trained):
    orders = json.loads((trained / "metrics.json").read_text())["slice_orders"]
    assert orders == {"order": "certified", "dropped": 0.0, "unknown": {}, "studies": {"image": SEVERAL}}
    assert "order of images" not in (trained / "card.md").read_text()


def test_baselines_answer_for_every_slice(trained):
    scored, other = (slices_of(trained / "predictions" / "test_slices.csv"), trained / "predictions")
    baselines = pd.read_csv(other / "test_slices_baselines.csv")
    assert list(baselines["shown"].unique()) == ["constant", "slice position"]
    for _, rows in baselines.groupby("shown"):
        rows = rows.set_index(["study_id", "finding", "slice"]).sort_index()
        assert rows.index.equals(scored.index)
        assert np.array_equal(rows["label"], scored["label"], equal_nan=True)


def test_shuffled_images_are_scored_under_their_own_number(trained, tmp_path, capfd):
    assert evaluate(trained, "--order", "shuffled", "--out", tmp_path) == 0
    assert (tmp_path / "test_baselines.csv").is_file()
    before = slices_of(trained / "predictions" / "test_slices.csv")
    after = slices_of(tmp_path / "test_slices.csv")
    assert before.index.equals(after.index)
    assert np.array_equal(before["label"], after["label"], equal_nan=True)
    assert not np.allclose(before["score"], after["score"])
    assert set(after["order_source"]) == {"image:unknown"}
    said = [line for line in capfd.readouterr().err.splitlines() if "order of images is unknown" in line]
    assert len(said) == 1


def test_reversed_images_say_so_and_a_share_is_left_out(trained, tmp_path):
    assert evaluate(trained, "--order", "reversed", "--drop", "0.4", "--out", tmp_path) == 0
    after = slices_of(tmp_path / "test_slices.csv")
    assert set(after["order_source"]) == {"image:given reversed"}
    everything = slices_of(trained / "predictions" / "test_slices.csv")
    left = {1: 1, 2: 1, 3: 2}
    counts = everything.groupby("study_id").size().map(lambda rows: 2 * left[rows // 2])
    assert after.groupby("study_id").size().to_dict() == counts.to_dict()
    assert set(after.index) <= set(everything.index)
    recorded = json.loads((tmp_path / "evaluation.json").read_text())["slice_orders"]
    assert (recorded["order"], recorded["dropped"], recorded["unknown"]) == ("reversed", 0.4, {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--order", "shuffled"], "--order: these scores would replace the run's own; give --out FOLDER"),
        (["--drop", "0.2"], "--drop: these scores would replace the run's own; give --out FOLDER"),
        (["--drop", "1", "--out", "x"], "--drop 1: give a share from 0 to below 1"),
    ],
)
def test_scores_of_another_order_need_a_folder_and_a_share(trained, capsys, arguments, said):
    assert evaluate(trained, *arguments) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_order_is_said_once_and_kept_with_the_result(tmp_path, capsys):
    source = write_cohort(tmp_path / "raw")
    config = write_config(tmp_path / "tiny.yaml", source, epochs=1)
    run = experiments.train(
        resolve(read_config(config, ["data.order=shuffled", "data.drop_images=0.4"])), name="tiny", console=Console()
    ).run.folder
    said = " ".join(capsys.readouterr().out.split())
    sentence = f"image: the order of images is unknown in {SEVERAL} of {SEVERAL} studies, and the model minds it"
    assert said.count("order of images is unknown") == said.count(sentence) == 1
    assert said.count("studies of unknown order stand in a new random order each time (data.unknown_order)") == 1
    orders = json.loads((run / "metrics.json").read_text())["slice_orders"]
    assert orders == {
        "order": "shuffled",
        "dropped": 0.4,
        "unknown": {"image": SEVERAL},
        "studies": {"image": SEVERAL},
    }
    card = (run / "card.md").read_text()
    assert f"Image: the order of images is unknown in {SEVERAL} of {SEVERAL} studies" in card
    assert "Images are read shuffled." in card
    assert "40% of the images of each study are left out." in card


def test_a_set_minds_no_order(tmp_path):
    run = train(tmp_path, "model.inputs.image.sequence=mean", "data.order=shuffled")
    saved = load_model(run / "checkpoints" / "best")
    assert minding(saved.model) == []
    assert json.loads((run / "metrics.json").read_text())["slice_orders"]["unknown"] == {}


def test_certificates_without_an_order_are_counted(trained, monkeypatch):
    saved = load_model(trained / "checkpoints" / "best")
    store = Store(Path(json.loads((trained / "environment.json").read_text())["store"]["folder"]))
    monkeypatch.setattr(Store, "order_source", lambda self, row, name: "unknown" if row < 6 else "given")
    several = sum(length > 1 for length in store.lengths("image")[:6])
    assert slice_orders(saved.model, saved.config, store, range(len(store))).unknown == {"image": several}
    assert slice_orders(saved.model, saved.config, store, range(6, len(store))).unknown == {}


def test_random_orders_are_said_of_sequence_models_that_mind(trained, monkeypatch):
    saved = load_model(trained / "checkpoints" / "best")
    store = Store(Path(json.loads((trained / "environment.json").read_text())["store"]["folder"]))
    monkeypatch.setattr(Store, "order_source", lambda self, row, name: "unknown" if row < 6 else "given")
    several = sum(length > 1 for length in store.lengths("image")[:6])
    (line,) = redrawn_lines(saved.model, saved.config, store, range(len(store)))
    assert line.startswith(f"image: in training the slices of {several} studies of unknown order stand in a new random")
    stored = saved.config.model_copy(update={"data": saved.config.data.model_copy(update={"unknown_order": "stored"})})
    assert redrawn_lines(saved.model, stored, store, range(len(store))) == []
    monkeypatch.setattr(Lstm, "minds_order", False)
    assert redrawn_lines(saved.model, saved.config, store, range(len(store))) == []


def test_a_prediction_names_an_order_that_nobody_knows(trained):
    saved = load_model(trained / "checkpoints" / "best")
    paths = sorted((trained.parent / "raw").glob("02_*.png"))
    files = tuple(ImageRef(path) for path in paths)

    def problems(order: Order, count: int = 3) -> tuple[str, ...]:
        return predict_study(saved, Study("s", "p", {"image": ImageFiles(files[:count], order)})).problems

    unknown = "image: 3 images in an order that is unknown, which this model minds"
    assert problems(Order("unknown")) == (unknown,)
    assert problems(Order("filename")) == ()
    assert problems(Order("unknown"), 1) == ()


def test_a_prediction_reads_the_order_of_its_training_and_answers_in_certified_order(tmp_path):
    saved = load_model(train(tmp_path, "data.order=reversed", "data.drop_images=0.4") / "checkpoints" / "best")
    files = tuple(ImageRef(path) for path in sorted((tmp_path / "raw").glob("02_*.png")))
    assert len(files) == 3
    found = predict_study(saved, Study("s", "p", {"image": ImageFiles(files, Order("given"))}))
    assert found.order_source == {"image": "given reversed"}
    assert found.slice_numbers == (0, 1, 2)
    turned = predict_study(saved, Study("s", "p", {"image": ImageFiles(files[::-1], Order("given"))}))
    # An LSTM that reads one way: the slice that is read first is said the same of whatever follows.
    alone = predict_study(saved, Study("s", "p", {"image": ImageFiles(files[2:], Order("given"))}))
    assert found.slices["bleed"][2] == pytest.approx(alone.slices["bleed"][0], abs=1e-6)
    assert turned.slices["bleed"][2] != pytest.approx(found.slices["bleed"][2], abs=1e-6)


def test_sentences_say_what_was_done_and_what_nobody_knows():
    assert SliceOrders("certified", 0.0, {}, {"ct": 4}).sentences() == []
    lines = SliceOrders("shuffled", 0.25, {"ct": 3}, {"ct": 4}).sentences()
    assert lines[:2] == ["images are read shuffled", "25% of the images of each study are left out"]
    assert lines[2].startswith("ct: the order of images is unknown in 3 of 4 studies, and the model minds it;")


def test_text_has_no_neighbours(tmp_path):
    config = write_config(tmp_path / "tiny.yaml", tmp_path)
    with pytest.raises(UsageError, match=r"report\.neighbours: is not for text, which 'bilstm_attention' reads"):
        resolve(read_config(config, ["model.inputs.report.neighbours=1"]))
