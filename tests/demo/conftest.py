"""What the page is asked about, once for all its tests: a CT of a named patient with a report, and two pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from handed_over import write_exam, write_model
from members import write_member
from PIL import Image

from mmdx.demo.answer import Answer, Opened, answer_files
from mmdx.engine.assembly.saved import write_ensemble

REPORT = "fall on the head, no blood is seen"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder `ct` with an `exam` that it reads, and an ensemble `both` with `pictures` that it reads."""
    home = tmp_path_factory.mktemp("demo")
    write_model(home / "ct" / "checkpoints" / "best", heads=("study", "slice", "boxes"))
    hu = np.linspace(-1000, 1000, 3 * 24 * 16).reshape(3, 24, 16)
    write_exam(home / "exam", hu)
    image = {"encoder": {"type": "timm", "name": "test_resnet"}, "sequence": {"type": "attention"}}
    for seed, name in enumerate(("one", "other")):
        write_member(
            home / name,
            seed=seed,
            inputs={"image": image, "report": "bilstm_attention"},
            heads={"slice": "slice", "study": "study"},
        )
    write_ensemble(home / "both", [home / "one", home / "other"])
    (home / "pictures").mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (2, 30, 40), dtype=np.uint8), start=1):
        Image.fromarray(pixels).save(home / "pictures" / f"im{number}.png")
    return home


@pytest.fixture(scope="session")
def of_ct(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """The answer to the exam with its report."""
    opened, out = Opened.of(home / "ct"), tmp_path_factory.mktemp("out")
    return answer_files(opened, home / "exam", reports={"report": REPORT}, modality=None, folder=out)


@pytest.fixture(scope="session")
def of_pictures(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """The answer of the ensemble to the pictures with a report."""
    opened, out = Opened.of(home / "both"), tmp_path_factory.mktemp("out")
    reports = {"report": "history of a <b>fall</b>"}
    return answer_files(opened, home / "pictures", reports=reports, modality=None, folder=out)
