"""A written comparison shows the studies on which models disagree, where the store of a run is at hand."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tiny import SIDE, write_cohort

from mmdx.data.store.store import Store
from mmdx.engine.intake.prepare import StoreOptions, prepare_source
from mmdx.engine.reporting.comparison import (
    BRAIN,
    LARGEST,
    _inputs,
    _png,
    _window,
    save_comparison,
    with_pictures,
)
from mmdx.files import RunLayout, write_json, write_text
from mmdx.stats.evidence import Evidence, gather
from mmdx.stats.report.section import Section

STUDIES = 12
FAR = {("s03", "bleed"): 0.05, ("s08", "fracture"): 0.95}
"""The scores of the second run that lie far from those of the first."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of twelve studies in `store`, and two runs on it, of which the first scores slices too."""
    home = tmp_path_factory.mktemp("compared")
    source = write_cohort(home / "studies", patients=STUDIES)
    options = StoreOptions(size=SIDE)
    prepare_source(source, home / "store", reader="folder", store=options, console=Console(quiet=True))
    for name in ("ours", "theirs"):
        write_run(home / name, Store(home / "store"), {} if name == "ours" else FAR)
    rows = [f"s08,p08,image,{finding},1,{score},{n}" for finding in ("bleed", "fracture")
            for n, score in enumerate((0.1, 0.3, 0.2))]  # fmt: skip
    text = "\n".join(["study_id,patient_id,shown,finding,label,score,slice", *rows])
    write_text(RunLayout(home / "ours").scores("test", "_slices"), f"{text}\n")
    return home


def write_run(folder: Path, store: Store, far: dict[tuple[str, str], float]) -> None:
    run = RunLayout(folder)
    write_json(run.environment, {"store": {"folder": str(store.folder), "fingerprint": store.fingerprint}})
    lines = ["study_id,patient_id,shown,finding,label,score"]
    for row, study in enumerate(store.study_ids):
        for column, finding in enumerate(store.findings):
            label = int(store.labels[row, column])
            score = far.get((study, finding), 0.8 if label else 0.2)
            lines.append(f"{study},{store.patient_ids[row]},image,{finding},{label},{score}")
    write_text(run.scores("test"), "\n".join(lines) + "\n")


def disagreements(evidence: Evidence) -> Section:
    (section,) = [section for section in evidence.sections if section.key == "disagreements"]
    return section


def test_each_study_that_leads_is_shown_as_it_lies_in_the_store(home: Path) -> None:
    section = disagreements(with_pictures(gather([home / "ours", home / "theirs"], resamples=100)))
    assert [picture.name for picture in section.pictures] == ["disagreement_01", "disagreement_02"]
    first, second = section.pictures
    assert first.caption == "bleed, present: ours 0.800, theirs 0.050. Study s03: image."
    told = "Study s08: image, slice 2 of 3, the likeliest to ours."
    assert second.caption == f"fracture, absent: ours 0.200, theirs 0.950. {told}"
    drawn = np.asarray(Image.open(io.BytesIO(second.png)))
    store = Store(home / "store")
    stored = store.read(store.study_ids.index("s08")).pixels("image")[1, 0]
    factor = len(drawn) // SIDE
    np.testing.assert_array_equal(drawn[::factor, ::factor], stored)
    assert section.notes == disagreements(gather([home / "ours", home / "theirs"], resamples=100)).notes


def test_the_middle_slice_is_shown_where_nothing_is_said_of_slices(home: Path) -> None:
    files = [home / "theirs", home / "ours" / "predictions" / "test.csv"]
    (home / "bare.csv").write_text(files[1].read_text())
    section = disagreements(with_pictures(gather([home / "theirs", home / "bare.csv"], resamples=100)))
    assert "image, slice 2 of 3, the middle one." in section.pictures[1].caption


def test_prediction_files_alone_have_no_pictures_and_say_nothing_of_them(home: Path, tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / f"{name}.csv").write_text(RunLayout(home / name).scores("test").read_text())
    evidence = gather([tmp_path / "ours.csv", tmp_path / "theirs.csv"], resamples=100)
    assert with_pictures(evidence) == evidence


@pytest.mark.parametrize(
    ("described", "why"),
    [({"folder": "/nowhere"}, "does not lie where it lay"), ({"fingerprint": "other"}, "was prepared anew since")],
)
def test_a_store_that_is_gone_is_named(home: Path, tmp_path: Path, described: dict, why: str) -> None:
    store = Store(home / "store")
    for name, far in (("ours", {}), ("theirs", FAR)):
        write_run(tmp_path / name, store, far)
        content = {"folder": str(store.folder), "fingerprint": store.fingerprint} | described
        write_json(RunLayout(tmp_path / name).environment, {"store": content})
    section = disagreements(with_pictures(gather([tmp_path / "ours", tmp_path / "theirs"], resamples=100)))
    assert section.pictures == ()
    assert section.notes[-1] == f"No pictures of these studies: the store of theirs {why}."


def test_pictures_lie_beside_the_page_and_in_it_and_go_with_the_next_comparison(home: Path, tmp_path: Path) -> None:
    save_comparison(gather([home / "ours", home / "theirs"], resamples=100), tmp_path)
    names = [f"figures/disagreement_0{place}.png" for place in (1, 2)]
    assert [name for name in names if not (tmp_path / name).is_file()] == []
    page, text = (tmp_path / "compare.html").read_text(), (tmp_path / "compare.md").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "lie farthest apart, at most 12 in all" in page
    assert [name for name in names if f"({name})" not in text] == []
    assert set(names) <= set(json.loads((tmp_path / "compare.json").read_text())["figures"])
    save_comparison(gather([home / "ours" / "predictions" / "test.csv"], resamples=100), tmp_path, overwrite=True)
    assert [name for name in names if (tmp_path / name).exists()] == []


def test_the_window_is_the_first_that_the_run_reads_its_ct_in(tmp_path: Path) -> None:
    run = RunLayout(tmp_path)
    assert _inputs(run) == {}
    view = "view: {type: windows, windows: [[50, 130], [40, 80]]}"
    write_text(
        run.config, f"model: {{inputs: {{both: {{{view}}}, x: {{}}}}}}\ndata: {{stacks: {{both: [brain, bone]}}}}\n"
    )
    read = _inputs(run)
    assert list(read) == ["brain", "bone", "x"]
    assert [_window(read.get(name)) for name in ("brain", "x", "other")] == [(50.0, 130.0), BRAIN, BRAIN]


def test_a_picture_is_of_bounded_size_and_says_nothing_of_its_making() -> None:
    with Image.open(io.BytesIO(_png(np.zeros((900, 2000), np.uint8)))) as image:
        assert (image.size, image.info) == ((LARGEST, 230), {})
