"""What is a name of the Hub, and what a path."""

from __future__ import annotations

import pytest

from mmdx.engine.sharing.names import HubName, hub_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("user/head-ct", HubName("user/head-ct")),
        ("user/head_ct.2@v1", HubName("user/head_ct.2", "v1")),
        ("user/head-ct@refs/pr/1", HubName("user/head-ct", "refs/pr/1")),
        ("head-ct", None),
        ("/user/head-ct", None),
        ("./user/head-ct", None),
        ("user/head-ct/", None),
        ("user/runs/head-ct", None),
        ("user/head ct", None),
        ("user/..", None),
        ("user/a--b", None),
        ("runs/phantom-1", None),
    ],
)
def test_a_name_has_two_parts_and_may_have_a_revision(text, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert hub_name(text) == name


def test_what_exists_or_begins_in_a_folder_that_exists_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()
    assert hub_name("user/mistyped") is None
    assert hub_name("other/head-ct") == HubName("other/head-ct")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "head-ct").mkdir()
    assert hub_name("folder/head-ct") is None


def test_it_is_shown_as_it_is_typed():
    assert str(HubName("user/head-ct")) == "user/head-ct"
    assert str(HubName("user/head-ct", "v1")) == "user/head-ct@v1"
