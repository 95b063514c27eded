"""From raw files to a config that mmdx check takes, for every reader, and that trains as it is."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import timm
from layouts import LAYOUTS, OPTIONS
from planning import BARE, CHEAP, GIB, cheap, cohort, gpu, machine, pictures, vectors
from rich.console import Console
from safetensors.torch import save_file

from mmdx.data.readers import register_all
from mmdx.engine.assembly.checks import check_training
from mmdx.engine.assembly.resolve import read_resolved
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.experiments.cross_validation import deal_folds
from mmdx.engine.experiments.run import train
from mmdx.engine.intake.inspect import find_studies
from mmdx.engine.planning.facts.cohort import Cohort, cohort_of
from mmdx.engine.planning.facts.machine import ImageWeights, Machine
from mmdx.engine.planning.plan import Means, plan_cohort, plan_source
from mmdx.engine.planning.planned import Planned
from mmdx.errors import DataError, UsageError
from mmdx.registry import READERS
from mmdx.schema import Config


@pytest.fixture
def frozen(tmp_path: Path) -> Machine:
    """A machine with weights of the smallest encoder that there is."""
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "weights.safetensors")
    return machine(image_weights=(ImageWeights("test_resnet", str(tmp_path / "weights.safetensors")),))


def read_by(reader: str, source: Path) -> Cohort:
    """The cohort of a layout, as if its images were large enough for an encoder of photographs."""
    options = OPTIONS.get(reader, {})
    found = cohort_of(find_studies(source, reader=reader, options=options)[1], reader, options, source)
    large = {name: replace(held, pixels=replace(held.pixels, side=512)) for name, held in found.pictures.items()}
    return replace(found, pictures=large)


def checked(planned: Planned, folder: Path) -> Config:
    """The config as mmdx check resolves it, after everything that is checked before a training starts."""
    planned.save(folder / "plan.yaml")
    config = read_resolved(folder / "plan.yaml", [f"data.stores={folder / 'stores'}"])
    store = open_store(config, Console(file=StringIO()))
    for splits in deal_folds(config, store)[1] if config.data.folds else [deal(config, store)]:
        check_training(config, store, splits)
    return config


def test_every_reader_has_a_layout() -> None:
    register_all()
    # Other tests of the same process may have registered readers of their own.
    shipped = {name for name in READERS.names() if READERS.get(name).__module__.startswith("mmdx.")}
    assert set(LAYOUTS) == shipped


@pytest.mark.parametrize("reader", LAYOUTS)
def test_a_plan_of_each_reader_passes_every_check(reader: str, tmp_path: Path, frozen: Machine) -> None:
    found = read_by(reader, LAYOUTS[reader](tmp_path / "raw"))
    config = checked(planned(found, frozen), tmp_path)
    assert config.first is not None
    trained = planned(found, BARE).config
    assert (trained.first, list(trained.model.inputs)) == (None, list(config.model.inputs))


@pytest.mark.parametrize(("reader", "showings"), [("ct_ich", 1), ("folder", 3)])
def test_a_plan_trains_as_it_is(reader: str, showings: int, tmp_path: Path, frozen: Machine) -> None:
    planned(read_by(reader, LAYOUTS[reader](tmp_path / "raw")), frozen).save(tmp_path / "plan.yaml")
    shorter = ["train.epochs=1", "train.final=last", "data.size=32", "data.folds=null"]
    places = [f"data.stores={tmp_path / 'stores'}", f"run={tmp_path / 'run'}"]
    config = read_resolved(tmp_path / "plan.yaml", [*shorter, *places])
    conclusion = train(config, name="plan", resume=False, console=Console(file=StringIO()))
    assert len(conclusion.results.comparison.arms) >= showings


def planned(of: Cohort, on: Machine, minutes: float = 60.0, timing=cheap) -> Planned:
    return plan_cohort(of, Means(on, minutes, timing))


def test_a_plan_is_the_same_whenever_a_step_takes_the_same() -> None:
    assert planned(cohort(), machine()).text == planned(cohort(), machine()).text


def test_a_trained_encoder_that_takes_too_long_gives_way_to_a_frozen_one() -> None:
    def slow(config: Config, of: Cohort):
        return replace(CHEAP, study=0.1 if config.first is None else 0.001)

    large = cohort(patients=1500, studies=1500)
    assert planned(large, machine(), 600.0, slow).config.first is None
    hurried = planned(large, machine(), 30.0, slow)
    assert hurried.config.first is not None
    assert hurried.fits
    assert "but not in the minutes that there are" in hurried.text


def test_without_weights_images_shrink_until_the_training_fits() -> None:
    def slow(config: Config, of: Cohort):
        return replace(CHEAP, study=config.data.size**2 / 1e6)

    assert planned(cohort(), BARE, 60.0, slow).config.data.size == 224
    assert planned(cohort(), BARE, 5.0, slow).config.data.size == 160
    assert planned(cohort(), BARE, 3.0, slow).config.data.size == 112
    late = planned(cohort(), BARE, 1.0, slow)
    assert (late.config.data.size, late.fits) == (64, False)
    assert any("More time" in wish for wish in late.wishes)


def test_a_gpu_trains_what_is_large() -> None:
    config = planned(cohort(patients=5000, studies=5000), gpu()).config
    assert (config.first, config.train.precision) == (None, "bf16")
    assert config.train.slices == 256


def test_memory_bounds_the_images_of_a_batch() -> None:
    def heavy(config: Config, of: Cohort):
        return replace(CHEAP, slice_bytes=GIB // 4)

    long = cohort(pictures={"image": pictures(longest=100)})
    config = planned(long, BARE, timing=heavy).config
    assert (config.train.slices, config.data.max_images) == (16, 16)


def test_descriptors_alone_make_a_plan() -> None:
    described = cohort(pictures={}, vectors={"tiles": vectors()})
    assert list(planned(described, BARE).config.model.inputs) == ["tiles"]


def test_what_cannot_be_planned_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="raw: neither images, descriptors nor reports"):
        planned(cohort(pictures={}), BARE)
    with pytest.raises(UsageError, match="--minutes 0: give a number above 0, such as 60"):
        plan_source(tmp_path, minutes=0.0)
    with pytest.raises(UsageError, match="no such file or folder"):
        plan_source(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="plan: no reader is called 'foldr'; did you mean 'folder'"):
        plan_source(tmp_path, reader="foldr")
    with pytest.raises(UsageError, match=r"reader folder\.size: unknown key"):
        plan_source(tmp_path, reader="folder", options={"size": 3})
