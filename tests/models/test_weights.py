"""Pretrained weights from files and packages, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mmdx.errors import UsageError
from mmdx.models.weights import (
    find_model_folder,
    find_weights,
    read_tensors,
    read_weights,
    rename_by_order,
    write_tensors,
)

STATE = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}


def package(home: Path, name: str, *files: str) -> Path:
    folder = home / name
    folder.mkdir()
    for file in ("__init__.py", *files):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return folder


class Payload:
    """What a pickled weight file could run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_a_file_and_a_package_with_one_weight_file_are_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    folder = package(tmp_path, "weights_package_one", "models/net.pth", "models/readme.txt")
    assert find_weights(str(folder / "models" / "net.pth")) == folder / "models" / "net.pth"
    assert find_weights("weights_package_one") == folder / "models" / "net.pth"
    assert find_weights("weights-package.one") == folder / "models" / "net.pth"  # as pip calls it
    assert find_weights("no_such_package") is None
    assert find_weights("no/such/file.pth") is None


@pytest.mark.parametrize(("files", "count"), [((), 0), (("a.pth", "b.safetensors"), 2)])
def test_a_package_must_hold_one_weight_file(tmp_path, monkeypatch, files, count):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"weights_package_with_{count}"
    package(tmp_path, name, *files)
    with pytest.raises(UsageError, match=f"'{name}' holds {count} weight files; give the path of one"):
        find_weights(name)


def test_the_topmost_config_makes_a_model_folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    folder = package(tmp_path, "text_package", "model/config.json", "model/1_Pooling/config.json")
    assert find_model_folder("text_package") == folder / "model"
    assert find_model_folder(str(folder)) == folder / "model"
    assert find_model_folder("some/hub-name") is None
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no config\.json below"):
        find_model_folder(str(tmp_path / "empty"))


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth", "net.bin"])
def test_tensors_are_read_by_name(tmp_path, name):
    path = tmp_path / name
    save_file(STATE, path) if name.endswith("safetensors") else torch.save(STATE, path)
    read = read_weights(path)
    assert read.keys() == STATE.keys()
    assert all(torch.equal(read[key], STATE[key]) for key in STATE)


def test_code_in_a_weight_file_is_refused_and_never_run(tmp_path):
    torch.save({"a.weight": Payload(tmp_path / "ran")}, tmp_path / "net.pth")
    with pytest.raises(UsageError, match=r"net\.pth: not a weight file") as caught:
        read_weights(tmp_path / "net.pth")
    assert not (tmp_path / "ran").exists()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_a_broken_weight_file_is_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(UsageError, match="not a weight file") as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_what_is_no_state_dict_is_refused(tmp_path):
    torch.save({"epoch": 3, "state": STATE}, tmp_path / "net.pth")
    with pytest.raises(UsageError, match="something else than tensors by name; save a state_dict"):
        read_weights(tmp_path / "net.pth")


def test_names_that_fit_stay_and_others_follow_in_order():
    expected = {"x.weight": torch.empty(2, 3), "x.bias": torch.empty(2)}
    assert rename_by_order(STATE, STATE, "net") == STATE
    renamed = rename_by_order(STATE, expected, "net")
    assert list(renamed) == ["x.weight", "x.bias"]
    assert torch.equal(renamed["x.weight"], STATE["a.weight"])
    with pytest.raises(UsageError, match="its 2 tensors fit the model's 1 neither by name nor by order and shape"):
        rename_by_order(STATE, {"x.weight": torch.empty(2, 3)}, "net")
    with pytest.raises(UsageError, match="neither by name nor by order and shape"):
        rename_by_order(STATE, {"x.weight": torch.empty(3, 2), "x.bias": torch.empty(2)}, "net")


def test_the_same_tensors_make_the_same_file(tmp_path: Path) -> None:
    tensors = {name: torch.zeros(3) for name in "abcdefgh"}
    files = []
    for number in range(8):
        write_tensors(tmp_path / str(number), tensors)
        files.append((tmp_path / str(number)).read_bytes())
    assert len(set(files)) == 1
    assert read_tensors(tmp_path / "0", "again").keys() == tensors.keys()
