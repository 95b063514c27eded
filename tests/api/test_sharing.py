"""`mmdx.push` and the methods of `Model` by which it goes to a Hub and comes back."""

from __future__ import annotations

import pytest
from fake_hub import serving
from shared_run import NAME, write_shared_run

import mmdx
from mmdx.engine.export.export import Exported
from mmdx.errors import DataError, UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_shared_run(tmp_path_factory.mktemp("api"))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with serving(monkeypatch, tmp_path / "cache") as hub:
        yield hub


def test_what_is_pushed_is_loaded_by_its_name(hub, run, tmp_path):
    assert mmdx.push(run, "mine/head-ct", license="mit", benchmark="org/ct:bleeds", dry_run=True).address is None
    pushed = mmdx.push(run, "mine/head-ct", license="mit", benchmark="org/ct:bleeds")
    assert pushed.repository == "mine/head-ct"
    model = mmdx.load("mine/head-ct", revision="v1")
    assert model.findings == ("bleed", "fracture")
    assert model.push_to_hub("mine/again", private=False).public
    assert not hub.repositories["mine/again"].private
    again = mmdx.Model.from_pretrained("mine/again", token="hf_other", cache_dir=tmp_path / "elsewhere")
    assert again.inputs == model.inputs
    with pytest.raises(UsageError, match="has no revision 'v9'"):
        mmdx.load("mine/head-ct", revision="v9")


def test_a_model_is_saved_as_it_would_be_pushed(run, tmp_path, monkeypatch):
    model = mmdx.load(run)
    model.save_pretrained(tmp_path / "given", license="mit")
    assert NAME not in (tmp_path / "given" / "config.yaml").read_text(encoding="utf-8")
    assert mmdx.load(tmp_path / "given").findings == model.findings
    with pytest.raises(UsageError, match="holds something already"):
        model.save_pretrained(tmp_path / "given")

    def found(*_):
        raise DataError("config.yaml: holds a path of this machine; it is not shared")

    monkeypatch.setattr("mmdx.engine.sharing.push.check_private", found)
    with pytest.raises(DataError, match="it is not shared"):
        model.save_pretrained(tmp_path / "not given")
    assert not (tmp_path / "not given").exists()
    with pytest.raises(UsageError, match=r"^push_to_hub: this model was made in memory"):
        mmdx.Model(model._saved).push_to_hub("mine/head-ct")


def test_an_export_is_asked_of_the_folder_of_a_run_or_of_the_hub(hub, run, tmp_path, monkeypatch):
    asked = []

    def export_run(folder, out, *, image_only):
        asked.append((folder, image_only))
        return Exported(out, {}, ("image",), (), 0.0)

    monkeypatch.setattr("mmdx.api.sharing.export_run", export_run)
    mmdx.push(run, "mine/head-ct")
    mmdx.export(run, tmp_path / "out")
    mmdx.export("mine/head-ct", tmp_path / "out", image_only=True)
    assert asked[0] == (run, False)
    assert (asked[1][0] / "model.json").is_file()
    assert asked[1][1]
