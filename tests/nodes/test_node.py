"""Titles and addresses of applications, as they are given."""

from __future__ import annotations

import pytest

from mmdx.errors import UsageError
from mmdx.nodes.node import Node, checked_title


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("pacs.local:104:ARCHIVE", Node("pacs.local", 104, "ARCHIVE")),
        ("[::1]:11112:MY PACS", Node("::1", 11112, "MY PACS")),
        ("10.0.0.1:4242: ORTHANC ", Node("10.0.0.1", 4242, "ORTHANC")),
    ],
)
def test_a_node_is_read(text: str, node: Node) -> None:
    assert Node.parsed(text, "--to") == node


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pacs.local:104", "is not HOST:PORT:AET"),
        (":104:A", "is not HOST:PORT:AET"),
        ("pacs:²:A", "is not HOST:PORT:AET"),
        ("pacs:0:A", "port 0 is not between 1 and 65535"),
        ("pacs:70000:A", "port 70000 is not between"),
        ("pacs:104:", "is no AE title"),
        ("pacs:104:SEVENTEEN_LETTERS", "is no AE title"),
        ("pacs:104:Ä", "is no AE title"),
    ],
)
def test_what_is_no_node_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        Node.parsed(text, "--to")
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize("text", ["", "   ", "A\\B", "A\nB", "A" * 17])
def test_what_is_no_title_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--aet .*is no AE title"):
        checked_title(text, "--aet")
