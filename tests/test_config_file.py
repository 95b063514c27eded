"""A config file: YAML, then overrides, then checked models; every problem at once, each with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmdx.config_file import dump_config, parse_config, read_config, with_overrides
from mmdx.errors import UsageError
from mmdx.schema import Component

EXPERIMENT = """
data: {reader: {type: phantom, patients: 40}, source: cohort}
model:
  inputs:
    image:
      encoder: {type: timm, name: resnet10t}
      sequence: lstm
    report: bilstm_attention
  fusion: {type: gated, dropout: 0.5}
  modality_dropout: {report: 0.3}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return path


def raw(**sections: Any) -> dict[str, Any]:
    return {"data": {"store": "s"}, "model": {"inputs": {"image": "timm"}}} | sections


def problems_of(content: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        parse_config(content, "x.yaml")
    return caught.value.problems


def test_every_problem_comes_at_once_with_its_key() -> None:
    problems = problems_of(raw(train={"epochs": 0, "lr": "fast", "epoch": 3}, seeds=1))
    assert len(problems) == 4
    assert problems[0].startswith("x.yaml: train.epochs: 0: input should be greater than or equal to 1")
    assert problems[1].startswith("x.yaml: train.lr: 'fast': input should be a valid number")
    assert problems[2].startswith("x.yaml: train.epoch: unknown key; did you mean 'epochs'? known: accumulate, ")
    assert problems[3].startswith("x.yaml: seeds: unknown key; did you mean 'seed'? known: data, first, guidance, ")


@pytest.mark.parametrize(
    ("section", "key", "near", "names"),
    [
        ({"data": {"store": "s", "siz": 64}}, "data.siz", "size", "drop_images, findings, folds, max_images"),
        ({"data": {"store": "s", "split": {"vall": 0.1}}}, "data.split.vall", "val", "seed, test, val"),
        (
            {"model": {"inputs": {"ct": {"encoder": "timm", "augment": {"flipp": 0.5}}}}},
            "model.inputs.ct.augment.flipp",
            "flip",
            "contrast, degrees, flip, gamma, noise, shift",
        ),
        (
            {"model": {"inputs": {"ct": {"encoder": "timm", "veiw": "grey"}}}},
            "model.inputs.ct.veiw",
            "view",
            "augment, encoder, neighbours, select, sequence, view",
        ),
    ],
)
def test_an_unknown_key_names_its_nearest_neighbour(section: dict[str, Any], key: str, near: str, names: str) -> None:
    (problem,) = problems_of(raw(**section))
    assert problem.startswith(f"x.yaml: {key}: unknown key; did you mean '{near}'? known: {names}")


def test_an_unknown_key_like_no_other_gets_no_guess() -> None:
    (problem,) = problems_of(raw(data={"store": "s", "split": {"zzz": 1}}))
    assert problem == "x.yaml: data.split.zzz: unknown key; known: seed, test, val"


def test_missing_sections_are_named() -> None:
    assert problems_of({}) == (
        "x.yaml: data: missing; it has no default",
        "x.yaml: model: missing; it has no default",
    )


def test_an_override_sets_one_dotted_key(experiment: Path) -> None:
    config = read_config(experiment, ["train.epochs=3", "data.split.seed=7", "data.findings=[any]", "train.lr=1e-4"])
    assert config.train.epochs == 3
    assert config.data.split is not None
    assert config.data.split.seed == 7
    assert config.data.findings == ("any",)
    assert config.train.lr == 1e-4
    assert config.train.studies == 16


def test_an_option_of_a_component_is_overridden_beside_its_others(experiment: Path) -> None:
    config = read_config(experiment, ["model.inputs.image.encoder.frozen=true", "data.reader.patients=80"])
    assert config.model.inputs["image"].encoder.options == {"name": "resnet10t", "frozen": True}
    assert config.data.reader == Component.model_validate({"type": "phantom", "patients": 80})


def test_an_option_below_a_component_given_by_name(experiment: Path) -> None:
    sequence = read_config(experiment, ["model.inputs.image.sequence.hidden=32"]).model.inputs["image"].sequence
    assert (sequence.type, sequence.options) == ("lstm", {"hidden": 32})


def test_assigning_a_component_replaces_it_whole(experiment: Path) -> None:
    assert read_config(experiment, ["model.fusion=concat"]).model.fusion == Component(type="concat")
    both = read_config(experiment, ["model.fusion=concat", "model.fusion.hidden=64"]).model.fusion
    assert (both.type, both.options) == ("concat", {"hidden": 64})


def test_overrides_leave_the_mapping_that_they_start_from() -> None:
    start = raw(train={"epochs": 5})
    assert with_overrides(start, ["train.epochs=6", "model.fusion.type=gated"])["train"] == {"epochs": 6}
    assert start == raw(train={"epochs": 5})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs", "'train.epochs': an override is key=value, such as train.epochs=3"),
        ("=3", "'=3': an override is key=value, such as train.epochs=3"),
        ("train.epochs=[3", "'train.epochs=[3': the value is not YAML; quote it"),
        ("seed.x=1", "'seed.x=1': 'seed' is 4, which has no keys below it"),
        ("train={lr: 1, lr: 2}", "'train={lr: 1, lr: 2}':1: key 'lr' stands in line 1 already; remove one"),
    ],
)
def test_an_override_that_is_none_is_refused(override: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_overrides(raw(seed=4), [override])
    assert caught.value.problems == (message,)


def test_a_typo_in_an_override_is_named(experiment: Path) -> None:
    with pytest.raises(UsageError, match=r"train\.epoch: unknown key; did you mean 'epochs'\?"):
        read_config(experiment, ["train.epoch=3"])


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("data:\n  store: s\n  size: [1, 2\nmodel: x\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}:4: not YAML: ")
    assert "\n" not in problem


def test_a_key_that_stands_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("data: {store: s}\ntrain:\n  lr: 0.1\n  epochs: 2\n  lr: 0.2\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert caught.value.problems == (f"{path}:5: key 'lr' stands in line 3 already; remove one",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a\n- b\n", "expected keys such as data, model and train; found list"),
        (b"", "expected keys such as data, model and train; found NoneType"),
        (b"\xff\xfe\x00", "is not UTF-8 at byte 0"),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert caught.value.problems[0].startswith(f"{path}: {message}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such config"):
        read_config(tmp_path / "nowhere.yaml")


def test_a_dumped_config_reads_back_equal(experiment: Path, tmp_path: Path) -> None:
    overrides = ["run=runs/a", "plugins=[my_lab.encoders]", "data.findings=[any, é]", "model.inputs.image.view=grey"]
    config = read_config(experiment, overrides)
    path = tmp_path / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert read_config(path) == config
    assert read_config(path).run == Path("runs/a")


@pytest.mark.parametrize("written", ["no", "'no'", '"no"'])
def test_half_precision_is_switched_off_by_its_name(experiment: Path, written: str) -> None:
    assert read_config(experiment, [f"train.precision={written}"]).train.precision == "no"
    experiment.write_text(f"{EXPERIMENT}train: {{precision: {written}}}\n", encoding="utf-8")
    assert read_config(experiment).train.precision == "no"


def test_findings_may_be_called_as_booleans_are_in_yaml_1_1(experiment: Path, tmp_path: Path) -> None:
    names = ("yes", "no", "on", "off", "true", "3", "1e-3", "2024-01-02", "null", "é")
    quoted = "[yes, no, on, off, 'true', '3', 1e-3, '2024-01-02', 'null', é]"
    config = read_config(experiment, [f"data.findings={quoted}", "run=no", "train.lr=1e-3", "train.weight_decay=1e-5"])
    assert config.data.findings == names
    assert (config.run, config.train.lr, config.train.weight_decay) == (Path("no"), 0.001, 0.00001)
    path = tmp_path / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert read_config(path) == config
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == config.model_dump(mode="json")


def test_an_override_reaches_into_an_input_given_by_its_encoder(experiment: Path) -> None:
    report = read_config(experiment, ["model.inputs.report.encoder.hidden=32"]).model.inputs["report"]
    assert report.encoder == Component.model_validate({"type": "bilstm_attention", "hidden": 32})


def test_options_without_a_part_ask_for_its_name() -> None:
    content = with_overrides(raw(), ["model.fusion.hidden=64"])
    assert problems_of(content) == (
        "x.yaml: model.fusion: options without a part; name it too, such as model.fusion=NAME",
    )
