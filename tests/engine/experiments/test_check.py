"""A check says all that would keep a training from starting, at once, and a training refuses the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from rich.console import Console
from tiny import SIDE, write_cohort, write_config

from mmdx.engine.assembly.store import open_store
from mmdx.engine.experiments.check import check, read_startable
from mmdx.engine.experiments.found import found_store
from mmdx.errors import MmdxError, UsageError
from mmdx.schema import Config


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config on raw files of which nothing is prepared."""
    home = tmp_path_factory.mktemp("check")
    return write_config(home / "tiny.yaml", write_cohort(home / "raw"))


def problems(config: Path, *overrides: str) -> list[str]:
    with pytest.raises(MmdxError) as caught:
        check(config, overrides)
    return [problem.removeprefix(f"{config}: ") for problem in caught.value.problems]


def test_everything_that_is_wrong_stands_in_one_list(config: Path) -> None:
    lines = problems(
        config,
        "train.lr=-1",
        "model.fusion=concatt",
        "model.inputs.report.encoder=lstmm",
        "model.inputs.mri=resnet10t",
        "model.inputs.ct={encoder: {type: timm, name: resnet18, pretrained: nowhere.pth}}",
        "data.findings=[covidd]",
    )
    for start in (
        "train.lr: -1: input should be greater than 0",
        "model.fusion: no fusion is called 'concatt'; did you mean 'concat'?",
        "model.inputs.report.encoder: no encoder is called 'lstmm'",
        "model.inputs.ct.encoder: pretrained 'nowhere.pth' is neither",
        "model.inputs.mri: no study in",
        "model.inputs.ct: no study in",
        "data.findings: no study in",
    ):
        assert sum(line.startswith(start) for line in lines) == 1, (start, lines)
    assert len(lines) == 7


def test_a_source_is_looked_for_where_no_encoder_is_right(config: Path) -> None:
    wrong = ("model.inputs.image.encoder=convnext_tinyy", "model.inputs.report=lstmm", "data.source=nowhere")
    assert [line.partition(":")[0] for line in problems(config, *wrong)] == [
        "model.inputs.image.encoder",
        "model.inputs.report.encoder",
        "nowhere",
    ]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("data.source=nowhere", "nowhere: no such"),
        ("data={store: nowhere}", "nowhere: not a finished store"),
        ("data.primary=covidd", "data.primary: no study in"),
        (
            "model.inputs.image.encoder={type: timm, name: resnet18, pretrained: true}",
            "model.inputs.image.encoder: the w",
        ),
    ],
)
def test_a_training_refuses_what_a_check_refuses(config: Path, problem, override: str, line: str) -> None:
    assert problems(config, override)[0].startswith(line)
    with pytest.raises(MmdxError) as caught:
        check(config, [override])
    told = problem("train", config, override, code=caught.value.exit_code)
    assert told.removeprefix("mmdx: ") == caught.value.problems[0]
    assert not (config.parent / "run").exists()


def test_a_study_must_fit_into_a_batch(config: Path) -> None:
    (line,) = problems(config, "train.slices=2")
    assert line.startswith("train.slices=2: study '")
    assert "' has 3 images, more than a batch may hold; raise train.slices, or set data.max_images" in line
    assert check(config, ["train.slices=2", "data.max_images=2"])


def test_one_line_says_what_would_be_trained_and_nothing_is_touched(config: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.nn.Module, "to", lambda *_, **__: pytest.fail("a device was asked for"))
    before = sorted(config.parent.rglob("*"))
    said = check(config, ["data.stores=stores_of_nobody"]).sentence
    assert said.startswith("this would train image+report on ")
    assert f" of 36 patients for bleed, fracture; 2 epochs; run folder {config.parent / 'run'}" in said
    assert sorted(config.parent.rglob("*")) == before
    assert not Path("stores_of_nobody").exists()


def test_what_is_found_is_what_is_prepared(config: Path) -> None:
    resolved = read_startable(config, [f"data.stores={config.parent / 'prepared'}"])
    found = found_store(resolved)
    store = open_store(resolved, Console(quiet=True))
    assert found is not None
    assert (found.study_ids, found.patient_ids, found.findings) == (store.study_ids, store.patient_ids, store.findings)
    assert list(found.splits) == list(store.splits)
    assert found.labels.tolist() == store.labels.tolist()
    assert found.lengths("image").tolist() == store.lengths("image").tolist()
    assert found.read(3).text("report") == store.read(3).text("report")
    again = found_store(resolved)
    assert again is not None
    assert again.folder == store.folder


def test_a_store_of_another_size_is_refused_with_both_values(config: Path) -> None:
    place = f"data.store={config.parent / 'mine'}"
    open_store(read_startable(config, [place]), Console(quiet=True))
    (line,) = problems(config, place, "data.size=16")
    assert f"size is {SIDE} there and 16 here; ask for the same" in line


def test_studies_that_a_reader_makes_are_not_made_for_a_check(tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.yaml", tmp_path / "phantom")
    said = check(config, ["data.reader=phantom", "model.inputs.image.encoder=resnet10t"]).sentence
    assert "studies that reader 'phantom' makes or downloads first" in said
    assert sorted(tmp_path.iterdir()) == [config]


def test_a_run_that_goes_on_needs_no_weights(config: Path) -> None:
    words = ["model.inputs.image.encoder={type: timm, name: resnet18, pretrained: nowhere.pth}"]
    assert isinstance(read_startable(config, words, resume=True), Config)
    with pytest.raises(UsageError, match=r"pretrained 'nowhere\.pth' is neither"):
        read_startable(config, words)
