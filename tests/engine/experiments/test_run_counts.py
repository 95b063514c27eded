"""What whoever waits is told of a training, of its scoring, and of a run that is scored or extracted again."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments
from mmdx.engine.experiments.extract import Source, extract_source

Told = tuple[str, int, int, str]
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Told]]:
    """A run whose image encoder is frozen, and what was told while it was trained."""
    home, told = tmp_path_factory.mktemp("counts"), list[Told]()
    overrides = ["model.inputs.image.encoder={type: timm, name: test_resnet, frozen: true}"]
    config = resolve(read_config(write_config(home / "tiny.yaml", write_cohort(home / "raw")), overrides))
    experiments.train(config, name="tiny", console=QUIET, count=lambda *said: told.append(said))
    return home / "run", told


def of(told: list[Told], what: str) -> list[Told]:
    return [said for said in told if said[0].startswith(what)]


def test_an_epoch_counts_its_slices_from_none_to_all(trained: tuple[Path, list[Told]]) -> None:
    for epoch in (1, 2):
        said = of(trained[1], f"epoch {epoch} of 2")
        done = [one[1] for one in said]
        assert said[0][0] == f"epoch {epoch} of 2"
        assert all(", loss " in one[0] for one in said[1:])
        assert done == sorted(done)
        assert (done[0], done[-1]) == (0, said[0][2])
        assert {one[2:] for one in said} == {(said[0][2], "slices")}


def test_a_frozen_encoder_counts_the_images_that_it_sees_once(trained: tuple[Path, list[Told]]) -> None:
    said = of(trained[1], "encoding image")
    assert said[0] == ("encoding image", 0, 72, "slices")
    assert said[-1][1] < 72


def test_validation_and_scoring_count_their_studies(trained: tuple[Path, list[Told]]) -> None:
    for what in ("validation after epoch 1", "scoring with image+report", "scoring with image", "scoring with report"):
        said = of(trained[1], what)
        assert said[0][1] == 0
        assert said[-1][1] == said[-1][2] > 0
        assert said[-1][3] == "studies"


def test_baselines_and_the_comparison_at_the_end_are_counted(trained: tuple[Path, list[Told]]) -> None:
    told = trained[1]
    for what in ("baseline metadata", "baseline TF-IDF report", "baseline probe image"):
        assert ("findings", 0) in [(said[3], said[1]) for said in of(told, what)]
    compared = of(told, "comparing: metrics")
    assert compared[0] == ("comparing: metrics", 0, 2000, "resamples")
    assert told.index(compared[0]) > told.index(of(told, "baseline metadata")[-1])


def test_a_run_that_is_scored_or_extracted_again_is_counted(trained: tuple[Path, list[Told]], tmp_path: Path) -> None:
    told: list[Told] = []
    experiments.evaluate(trained[0], show=["image"], out=tmp_path / "image", count=lambda *said: told.append(said))
    assert [said[0] for said in told[:1]] == ["scoring with image"]
    assert of(told, "comparing: metrics")[0][1:] == (0, 2000, "resamples")
    told.clear()
    extract_source(Source(str(trained[0])), tmp_path / "store", console=QUIET, count=lambda *said: told.append(said))
    said = of(told, "extracting")
    assert [said[0][1], said[-1][1]] == [0, 36]
    assert said[0][2:] == (36, "studies")
