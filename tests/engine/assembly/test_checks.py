"""What no training can use is refused in one line, before one starts, and leaves no run folder behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cohorts
import pytest
import timm
import yaml
from rich.console import Console
from safetensors.torch import save_file
from tiny import write_cohort, write_config
from transformers import BertConfig, BertModel

from mmdx.config_file import read_config
from mmdx.data.splits.splits import Splits
from mmdx.data.store.prepare import prepare_store
from mmdx.engine.assembly.checks import Presence, check_training, shown_nothing
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.experiments.run import train
from mmdx.errors import DataError, UsageError
from mmdx.models.text.transformer import Transformer
from mmdx.registry import READERS
from mmdx.schema import Component, SplitOptions
from mmdx.study import UNKNOWN, ImageFiles, ImageRef, Order, Study

PLAIN = {"image": {"encoder": "test_patches"}, "report": {"encoder": "bilstm_attention"}}


def rows(count: int = 12, **columns: Sequence[Any]) -> list[dict[str, Any]]:
    """Studies of one image and one report, every other one bleeding; `columns` replace what they name."""
    table: list[dict[str, Any]] = []
    for i in range(count):
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": f"{i}.png", "report": "Fell."}
        table.append(row | {"bleed": i % 2} | {name: values[i] for name, values in columns.items()})
    return table


def store_of(home: Path, table: Sequence[Mapping[str, Any]]) -> Path:
    for row in table:
        if row["file_name"]:
            cohorts.write_png(home / "raw" / str(row["file_name"]), 50)
    return cohorts.prepared(cohorts.write_table(home / "raw", table), home / "store").folder


def config_of(path: Path, store: Path, inputs: Mapping[str, Any] = PLAIN, **data: Any) -> Path:
    train = {"epochs": 1, "slices": 12, "studies": 6, "final": "best"}
    config = {"data": {"store": str(store), **data}, "model": {"inputs": dict(inputs), "dim": 8}, "train": train}
    path.write_text(yaml.safe_dump(config | {"run": str(path.parent / "run"), "plugins": ["patches"]}))
    return path


def test_a_modality_that_the_store_lacks(tmp_path: Path, problem: Any) -> None:
    inputs = {"ct": {"encoder": "test_patches"}}
    line = problem("train", config_of(tmp_path / "a.yaml", store_of(tmp_path, rows()), inputs), code=2)
    assert "model.inputs.ct: no such modality in" in line
    assert "known: image, report" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("model.inputs.mri.encoder=test_patches", "model.inputs.mri: no study in {raw} has such a modality"),
        ("data.findings=[blood]", "data.findings: no study in {raw} has a label 'blood'"),
    ],
)
def test_what_no_study_has_is_seen_before_anything_is_decoded(
    tmp_path: Path, problem: Any, override: str, fault: str
) -> None:
    raw = write_cohort(tmp_path / "raw", patients=6)
    for image in raw.glob("*.png"):
        content = image.read_bytes()
        image.write_bytes(content[:45] + bytes(len(content) - 61) + content[-16:])  # whole chunks without pixels
    line = problem("train", write_config(tmp_path / "a.yaml", raw), override, code=2)
    assert fault.format(raw=raw) in line
    assert not (tmp_path / "stores").exists()


def test_a_finding_without_a_positive_in_training(tmp_path: Path, problem: Any) -> None:
    store = store_of(tmp_path, rows(edema=[0] * 12))
    line = problem("train", config_of(tmp_path / "a.yaml", store), code=1)
    assert "data.findings: nothing to learn edema from, positive in none of " in line
    assert line.endswith("leave it out (data.findings=[bleed])")
    assert not (tmp_path / "run").exists()


def test_a_finding_whose_positives_are_all_tested(tmp_path: Path, problem: Any) -> None:
    split = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    store = store_of(tmp_path, rows(edema=[0] * 10 + [1, 1], split=split))
    line = problem("train", config_of(tmp_path / "a.yaml", store), code=1)
    assert "positive in none of 8 training studies; leave it out (data.findings=[bleed]), or deal the patients " in line
    assert "(data.split.seed=1)" in line


def test_nothing_to_learn_at_all(tmp_path: Path, problem: Any) -> None:
    store = store_of(tmp_path, rows(bleed=[0] * 12, edema=[0] * 12))
    line = problem("train", config_of(tmp_path / "a.yaml", store), code=1)
    assert "nothing to learn bleed, edema from" in line
    assert line.endswith("choose other findings")


def test_labels_in_words_are_no_finding_until_they_are_mapped(tmp_path: Path, problem: Any) -> None:
    words = [{**row, "bleed": "yes" if row["bleed"] else "no"} for row in rows()]
    store = store_of(tmp_path, words)
    line = problem("train", config_of(tmp_path / "a.yaml", store), code=1)
    assert line.startswith(f"mmdx: {store}: no finding, so there is nothing to learn or score; ")
    assert line.endswith("'bleed' (no 6, yes 6): 'labels={bleed: {yes: 1, no: 0}}'")
    assert not (tmp_path / "run").exists()


def test_a_test_split_that_nobody_labelled(tmp_path: Path, problem: Any) -> None:
    split = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    bleed = [0, 1] * 5 + ["", ""]
    store = store_of(tmp_path, rows(bleed=bleed, split=split))
    line = problem("train", config_of(tmp_path / "a.yaml", store), code=1)
    assert "nothing to score: none of 2 test studies has a label of bleed; fill in labels, or deal the " in line


def test_a_fold_that_lacks_a_positive_is_seen_before_the_first_is_trained(tmp_path: Path, problem: Any) -> None:
    store = store_of(tmp_path, rows(24, edema=[1] + [0] * 23))
    overrides = ["data.folds.count=3", "data.folds.val=0.4"]
    line = problem("train", config_of(tmp_path / "a.yaml", store), *overrides, code=1)
    assert "nothing to learn edema from" in line
    assert "(data.folds.seed=1)" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shown", [0.0, 1.0])
def test_a_finding_that_only_slices_show_can_be_learned(tmp_path: Path, shown: float) -> None:
    """Nobody labelled a study for `edema`; where slices do, that is enough."""
    for i in range(12):
        cohorts.write_png(tmp_path / "raw" / f"{i}.png", 50)
    table = cohorts.recipe(tmp_path / "raw", reader="labelled_shots", shown=shown)
    prepare_store(table, tmp_path / "store", SplitOptions(), Console(quiet=True))
    config = resolve(read_config(config_of(tmp_path / "a.yaml", tmp_path / "store", {"image": PLAIN["image"]})))
    store = open_store(config, Console(quiet=True))
    if shown:
        check_training(config, store, deal(config, store))
    else:
        with pytest.raises(DataError, match=r"nothing to learn edema .*data\.findings=\[bleed\]"):
            check_training(config, store, deal(config, store))


@READERS("labelled_shots")
def labelled_shots(root: Path, *, shown: float = 0.0) -> list[Study]:
    studies = []
    for i, path in enumerate(sorted(root.glob("*.png"))):
        image = ImageFiles((ImageRef(path),), Order("given"), "intensity", 1)
        slices = {"image": {"bleed": (float(i % 2),), "edema": (shown * (i % 2),)}}
        labels = {"bleed": float(i % 2), "edema": UNKNOWN}
        studies.append(Study(f"s{i}", f"p{i}", {"image": image}, labels, slice_labels=slices))
    return studies


def test_a_validation_split_that_could_judge_nothing(tmp_path: Path, problem: Any) -> None:
    split = ["val", "train"] + ["train"] * 8 + ["test"] * 2
    line = problem("train", config_of(tmp_path / "a.yaml", store_of(tmp_path, rows(split=split))), code=1)
    assert "no finding has both classes among 1 validation studies, so no epoch can be judged" in line
    assert not (tmp_path / "run").exists()


def test_a_refitted_model_needs_both_classes_among_all_studies_that_it_learns_from(tmp_path: Path) -> None:
    split = ["val", "train"] + ["train"] * 8 + ["test"] * 2
    raw = read_config(config_of(tmp_path / "a.yaml", store_of(tmp_path, rows(split=split))), ["train.final=refit"])
    store = open_store(raw, Console(quiet=True))
    check_training(raw, store, deal(raw, store))
    slices = {"model": raw.model.model_copy(update={"heads": {"slice": Component(type="slice")}})}
    unlabelled = raw.model_copy(update=slices | {"train": raw.train.model_copy(update={"judge": "slices"})})
    with pytest.raises(DataError, match="no finding has both classes among slices of 10 studies of training and val"):
        check_training(unlabelled, store, deal(raw, store))


def test_a_primary_finding_that_the_store_lacks_or_that_could_judge_nothing(tmp_path: Path, problem: Any) -> None:
    split = ["val"] * 2 + ["train"] * 8 + ["test"] * 2
    store = store_of(tmp_path, rows(split=split, mass=[1, 1] + [0, 1] * 5))
    line = problem("train", config_of(tmp_path / "a.yaml", store, primary="bled"), code=2)
    assert f"data.primary: no finding 'bled' in {store}; did you mean 'bleed'?" in line
    line = problem("train", config_of(tmp_path / "b.yaml", store, primary="mass"), code=1)
    assert "'mass' (data.primary) lacks a class among 2 validation studies, so no epoch can be judged" in line
    config = read_config(config_of(tmp_path / "c.yaml", store, primary="bleed"))
    opened = open_store(config, Console(quiet=True))
    check_training(config, opened, deal(config, opened))


@pytest.mark.parametrize("reports", [["Fell." if i > 9 else "" for i in range(12)], ["HISTORY: fell."] * 12])
def test_a_modality_that_no_training_study_has(tmp_path: Path, problem: Any, reports: list[str]) -> None:
    split = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    store = store_of(tmp_path, rows(report=reports, split=split))
    config = config_of(tmp_path / "a.yaml", store, reports={"drop_sections": ["history"]})
    line = problem("train", config, code=1)
    assert "model.inputs.report: none of 8 training studies has 'report'; leave it out, or deal" in line
    assert not (tmp_path / "run").exists()


def test_studies_without_any_modality_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_of(tmp_path, rows(count=16, report=["" if i in (3, 7) else "Fell." for i in range(16)]))
    config = config_of(tmp_path / "a.yaml", store, {"report": {"encoder": "bilstm_attention"}})
    one = resolve(read_config(config))
    opened = open_store(one, Console(quiet=True))
    line = shown_nothing(Presence(one, opened), Splits(("train",) * 4 + ("test",) * 12))
    assert line is not None
    assert line.startswith("without report: 2 studies (train 1, test 1), s03, s07; the model learns, and gives them,")
    train(one, name="a", console=Console())
    assert "without report: 2 studies (" in capsys.readouterr().out
    both = resolve(read_config(config_of(tmp_path / "b.yaml", store)))
    assert shown_nothing(Presence(both, opened), opened.splits) is None


def test_image_weights_of_another_architecture(tmp_path: Path, problem: Any) -> None:
    store = store_of(tmp_path, rows())
    for name, fault in (
        ("resnet34", "of another architecture: 96 of its tensors do not fit, such as layer1.2.bn1"),
        ("resnet50", "of another architecture: 221 of its tensors do not fit"),
        ("test_vit", "its 80 tensors fit the model's 122 neither by name nor by order and shape"),
    ):
        path = tmp_path / f"{name}.safetensors"
        save_file({k: v.contiguous() for k, v in timm.create_model(name).state_dict().items()}, path)
        encoder = {"type": "timm", "name": "resnet18", "pretrained": str(path)}
        config = config_of(tmp_path / "a.yaml", store, {"image": {"encoder": encoder}})
        line = problem("train", config, code=2)
        assert f"{path}: {fault}" in line
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changed", [{"num_hidden_layers": 3}, {"hidden_size": 32}])
def test_text_weights_of_another_architecture(tmp_path: Path, changed: dict[str, int]) -> None:
    sizes = {"vocab_size": 9, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(**sizes, intermediate_size=8)).save_pretrained(tmp_path)
    facts = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(facts | changed))
    with pytest.raises(UsageError, match=r"its weights are of another architecture than its config\.json: \d+ are"):
        Transformer(9, None, source=str(tmp_path))


def test_slices_that_nobody_answers_for_or_labelled_cannot_judge(tmp_path: Path, problem: Any) -> None:
    path, store = tmp_path / "a.yaml", store_of(tmp_path, rows())
    line = problem("train", config_of(path, store), "train.judge=slices", code=2)
    assert line.endswith("train.judge=slices: no slice head answers for them; add one to model.heads, or drop judge")
    line = problem("train", path, "train.judge=slices", "model.heads={study: study, slice: slice}", code=1)
    assert "no finding has both classes among slices of" in line
    assert not (tmp_path / "run").exists()
