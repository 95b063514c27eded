"""What a stage of guidance is made of: heads, configs and studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.guidance.studies import stage_config
from mmdx.errors import UsageError

CONFIGS = Path(__file__).parents[4] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("guided*.yaml")), ids=lambda path: path.stem)
def test_each_side_of_a_shipped_config_is_a_config_of_its_own(path):
    config = resolve(read_config(path))
    assert config.guidance is not None
    for names in (config.guidance.superior, config.guidance.inferior):
        side = stage_config(config, names, Path("x")).config
        assert set(side.model.inputs) == set(names)
        assert side.guidance is None
        assert side.model.modality_dropout == 0
        assert resolve(side) == side
    both = stage_config(config, list(config.model.inputs), Path("x"), dropout=True).config
    assert both.model == config.model


@pytest.mark.parametrize(
    ("side", "kept"),
    [
        (["image"], ["study", "slice", "first"]),
        (["enhanced"], ["study", "other", "first"]),
        (["image", "enhanced"], ["study", "slice", "other", "first"]),
        (["report"], ["study"]),
    ],
)
def test_a_head_for_images_stays_with_its_images(side, kept):
    raw = ["model.inputs.report=bilstm_attention", "guidance.superior=[enhanced,report]"]
    heads = (
        "{study: study, slice: {type: slice, modality: image}, other: {type: slice, modality: enhanced}, first: slice}"
    )
    config = resolve(read_config(CONFIGS / "guided.yaml", [*raw, f"model.heads={heads}"]))
    assert list(stage_config(config, side).config.model.heads) == kept


def test_what_names_an_input_or_asks_for_images_does_not_outlive_them():
    """`film` by one side and epochs judged by slices: on the side of reports, neither can be."""
    sides = ["model.inputs.report=bilstm_attention", "guidance.superior=[enhanced,report]", "train.judge=slices"]
    config = resolve(read_config(CONFIGS / "guided.yaml", [*sides, "model.fusion={type: film, by: enhanced}"]))
    alone = stage_config(config, ["report"])
    assert (alone.config.model.fusion.options["by"], alone.config.train.judge) == (None, "studies")
    assert alone.notes == (
        "heads.slice (slice) is left out: it asks for image or enhanced",
        "heads.slice_enhanced (slice) is left out: it asks for image or enhanced",
        "fusion.by is its default: it names enhanced",
        "train.judge is studies: no slice head is left",
    )
    inferior = stage_config(config, ["image"])
    assert (inferior.config.model.fusion.options["by"], inferior.config.train.judge) == (None, "slices")
    decoder = stage_config(config, ["image"], heads=["study"])
    assert (list(decoder.config.model.heads), decoder.config.train.judge) == (["study"], "studies")


def test_a_slice_head_that_names_no_modality_stays_with_descriptors():
    heads = "model.heads={study: study, slice: slice}"
    config = resolve(read_config(CONFIGS / "guided_cpm_radpath.yaml", [heads, "train.judge=slices"]))
    side = stage_config(config, ["pathology"])
    assert (list(side.config.model.heads), side.config.train.judge, side.notes) == (["study", "slice"], "slices", ())


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (
            ["model.heads.study={type: study, blend: true}"],
            ["guidance: model.heads.study blends in what slices show, which no guess has; drop blend, slices"],
        ),
        (
            ["model.heads={slice: {type: slice, modality: image}}"],
            [
                "guidance.superior: no head answers for studies from enhanced; add one to model.heads",
                "guidance.inferior: no head answers for studies from image (left: slice); add one to model.heads",
                "train.judge=studies: no study head answers for them; add study: study to model.heads, or judge by the "
                "slice head (train.judge=slices)",
            ],
        ),
        (
            ["model.heads={study: study}", "train.judge=slices"],
            ["train.judge=slices: no slice head answers for them; add one to model.heads, or drop judge"],
        ),
    ],
)
def test_heads_that_cannot_guide_are_refused_when_a_config_is_checked(overrides, lines):
    with pytest.raises(UsageError) as caught:
        resolve(read_config(CONFIGS / "guided.yaml", overrides))
    assert list(caught.value.problems) == lines
