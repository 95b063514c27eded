"""Model folders: what they give back, and what a broken one says."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from safetensors.torch import load_file, save_file
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.run import train
from mmdx.errors import DataError


@pytest.fixture(scope="module")
def best(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("checkpoint")
    config = write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)
    return train(resolve(read_config(config)), name="tiny", console=Console(quiet=True)).run.folder / "checkpoints/best"


@pytest.mark.parametrize(
    "missing", ["model.safetensors", "model.json", "config.yaml", "tokenizers/report/tokenizer.json"]
)
def test_a_model_folder_without_a_file_names_it(best, missing):
    (best / missing).rename(best / "aside")
    with pytest.raises(Exception, match=missing) as caught:
        load_model(best)
    (best / "aside").rename(best / missing)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_the_models(best):
    weights = load_file(best / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "fusion" not in name}, best / "model.safetensors")
    with pytest.raises(DataError, match=r"does not hold this model's weights \(missing fusion"):
        load_model(best)
    save_file(weights, best / "model.safetensors")
    assert not load_model(best).model.training
