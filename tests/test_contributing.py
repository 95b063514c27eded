"""The examples of CONTRIBUTING.md, as they stand there, do what the page says."""

import re
import sys
from math import nan
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from mmdx.batch import Batch, Packed
from mmdx.config_file import parse_config
from mmdx.data.readers import register_all
from mmdx.data.store.check import check_studies
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.training.objective import objective
from mmdx.models.facts import InputFacts
from mmdx.registry import REGISTRIES
from mmdx.schema import Component
from mmdx.study import ImageFiles, Study

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
EXAMPLES = dict(
    re.findall(r"^### An? ([a-z ]+)\n.*?^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that holds all examples; their parts leave the registries again with the test."""
    # Readers register when their modules are first imported: before the copy, or they would go with it.
    register_all()
    for registry in REGISTRIES.values():
        monkeypatch.setattr(registry, "_parts", dict(registry._parts))
    module = ModuleType("lab_examples")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for heading, code in EXAMPLES.items():
        exec(compile(code, f"{PAGE.name}: {heading}", "exec"), module.__dict__)
    return module.__name__


def batch() -> Batch:
    """Two studies: three slices with a report of two words, and two slices without one; one label is unknown."""
    return Batch(
        study_ids=["a", "b"],
        patient_ids=["a", "b"],
        inputs={
            "image": Packed(torch.arange(5 * 256).reshape(5, 1, 16, 16).to(torch.uint8), torch.tensor([3, 2])),
            "report": Packed(torch.tensor([2, 3]), torch.tensor([2, 0])),
        },
        labels=torch.tensor([[1.0, 0.0], [0.0, torch.nan]]),
        slice_labels={"image": torch.full((5, 2), torch.nan)},
    )


def test_the_page_has_an_example_of_each_kind() -> None:
    assert list(EXAMPLES) == ["image encoder", "fusion", "head", "loss", "reader"]


def test_encoder_fusion_and_head_make_a_model_that_learns(example: str) -> None:
    model = {
        "inputs": {"image": {"encoder": {"type": "small_cnn", "width": 4}}, "report": "bilstm_attention"},
        "fusion": "strongest",
        "heads": {"study": {"type": "deep_study", "hidden": 8, "loss": "hinge"}},
        "dim": 8,
    }
    config = resolve(parse_config({"data": {"store": "s"}, "model": model, "plugins": [example]}, "test"))
    assert config.model.fusion.options == {"dropout": 0.1}
    assert config.model.heads["study"].options == {"hidden": 8, "weight": 1.0, "loss": {"type": "hinge", "margin": 1.0}}

    facts = ModelFacts(("x", "y"), 16, {"image": InputFacts("images"), "report": InputFacts("text", vocabulary=8)})
    torch.manual_seed(0)
    network, complete = build_model(config, facts)
    assert complete.inputs["image"].architecture == {}
    output = network(batch())
    assert output.logits["study"].shape == (2, 2)

    losses = objective(network, output, batch())
    losses["loss"].backward()
    for part in (network.branches["image"], network.fusion, network.heads):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())
        assert any(p.grad.abs().sum() > 0 for p in part.parameters() if p.grad is not None)


def test_the_loss_by_hand(example: str) -> None:
    """A logit of 0.25 lacks 0.75 of a margin of 1 where the label is positive, and 1.25 where it is negative."""
    hinge = REGISTRIES["losses"].build(Component(type="hinge"), findings=("a", "b"), prevalence=(nan, nan))
    logits = torch.tensor([[0.25, 9.0], [0.25, 2.0]])
    assert hinge(logits, torch.tensor([[1.0, nan], [nan, 1.0]])).item() == pytest.approx(0.75 / 2)
    assert hinge(logits, torch.tensor([[0.0, nan], [nan, nan]])).item() == pytest.approx(1.25)
    wide = Component.model_validate({"type": "hinge", "margin": 2})
    hinge = REGISTRIES["losses"].build(wide, findings=("a", "b"), prevalence=(nan, nan))
    assert hinge(logits, torch.tensor([[1.0, nan], [nan, nan]])).item() == pytest.approx(1.75)


def test_the_encoder_sees_each_image_by_itself(example: str) -> None:
    sizes = {"channels": 3, "architecture": None}
    encoder = REGISTRIES["image_encoders"].build(Component(type="small_cnn"), **sizes)
    images = torch.rand(4, 3, 16, 16)
    together = encoder(images)
    assert together.shape == (4, encoder.dim)
    assert torch.allclose(together[1:2], encoder(images[1:2]), atol=1e-5)


def test_the_reader_names_what_it_cannot_read(example: str, tmp_path: Path) -> None:
    Image.fromarray(np.full((6, 8, 3), (200, 100, 50), dtype=np.uint8)).save(tmp_path / "a.png")
    rows = [
        "lesion,patient,photo,melanoma,note",
        "l1,p1,a.png,1,itches since May",
        "l2,p1,gone.png,,",
        "l3,p2,a.png,0,",
    ]
    (tmp_path / "lesions.csv").write_text("\n".join(rows), encoding="utf-8")

    studies: list[Study] = REGISTRIES["readers"].build(Component(type="lesion_photos"), root=tmp_path)
    check_studies(studies)
    assert [study.study_id for study in studies] == ["l1", "l2", "l3"]
    assert [list(study.modalities) for study in studies] == [["derm", "note"], [], ["derm"]]
    photo = studies[0].modalities["derm"]
    assert isinstance(photo, ImageFiles)
    assert photo.channels == 3
    assert studies[0].labels == {"melanoma": 1.0}
    assert np.isnan(studies[1].labels["melanoma"])
    assert studies[1].problems[0].startswith(f"{tmp_path / 'lesions.csv'}, row 3, column 'photo': no file 'gone.png'")

    mute = Component.model_validate({"type": "lesion_photos", "notes": False})
    assert [list(s.modalities) for s in REGISTRIES["readers"].build(mute, root=tmp_path)] == [["derm"], [], ["derm"]]
