"""What a stage of guidance is made of: heads, configs and studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.config_file import read_config
from mmdx.engine.assembly.build import resolve
from mmdx.engine.experiments.guidance.studies import check_heads, heads_for, stage_config
from mmdx.errors import UsageError

CONFIGS = Path(__file__).parents[4] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("guided*.yaml")), ids=lambda path: path.stem)
def test_each_side_of_a_shipped_config_is_a_config_of_its_own(path):
    config = resolve(read_config(path))
    assert config.guidance is not None
    check_heads(config, config.guidance)
    for names in (config.guidance.superior, config.guidance.inferior):
        side = stage_config(config, names, Path("x"))
        assert set(side.model.inputs) == set(names)
        assert side.guidance is None
        assert side.model.modality_dropout == 0
        assert resolve(side) == side
    both = stage_config(config, list(config.model.inputs), Path("x"), dropout=True)
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
    assert list(heads_for(config, side)) == kept


def test_a_study_head_that_blends_in_slices_is_refused():
    config = resolve(read_config(CONFIGS / "guided.yaml", ["model.heads.study={type: study, blend: true}"]))
    assert config.guidance is not None
    with pytest.raises(UsageError, match=r"heads\.study blends in what slices show, which no guess of a latent has"):
        check_heads(config, config.guidance)
