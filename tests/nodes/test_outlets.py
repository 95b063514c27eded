"""Where files go: to a node, to a server, to both, or nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from handed_over import write_exam
from senders import archive

from mmdx.errors import UsageError
from mmdx.nodes.node import Node
from mmdx.nodes.outlets import Outlets

NOBODY = "127.0.0.1:9:NOBODY"
NO_SERVER = "http://127.0.0.1:9/dicom-web"


def test_options_are_read_and_wrong_ones_refused() -> None:
    assert Outlets.parsed("ME", "pacs:104:A", f"{NO_SERVER}/") == Outlets("ME", Node("pacs", 104, "A"), NO_SERVER)
    assert Outlets.parsed("ME", None, None) == Outlets("ME")
    for title, to, stow, option in (
        ("", None, None, "--aet"),
        ("ME", "pacs", None, "--to"),
        ("ME", None, "x", "--stow"),
    ):
        with pytest.raises(UsageError, match=option):
            Outlets.parsed(title, to, stow)


def test_what_one_does_not_take_does_not_keep_it_from_the_other(tmp_path: Path) -> None:
    files = write_exam(tmp_path)[:1]
    lines = Outlets.parsed("ME", NOBODY, NO_SERVER).send(files)
    assert lines == ["NOBODY (127.0.0.1:9) cannot be reached", "127.0.0.1:9 cannot be reached (ConnectionError)"]
    assert Outlets().send(files) == []


def test_a_node_that_is_not_there_yet_is_told() -> None:
    assert Outlets.parsed("ME", NOBODY, None).absent() == ["not there yet: NOBODY (127.0.0.1:9) cannot be reached"]
    with archive() as (address, _):
        assert Outlets.parsed("ME", address, None).absent() == []
    assert Outlets().absent() == []
