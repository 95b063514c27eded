"""What a kind of modality is, asked by its name."""

from __future__ import annotations

import pytest

from mmdx.errors import UsageError
from mmdx.kinds import IMAGES, KINDS, Kind, Kinds


def test_kinds_say_what_they_are() -> None:
    assert [name for name, kind in KINDS.items() if kind.sliced] == ["images", "vectors"]
    assert [name for name, kind in KINDS.items() if kind.pictured] == ["images"]
    assert [name for name, kind in KINDS.items() if kind.worded] == ["text"]
    assert [name for name, kind in KINDS.items() if kind.made] == ["tabular"]


def test_a_kind_of_ones_own() -> None:
    kinds = Kinds(IMAGES)
    kinds.add(Kind("signals"))
    assert list(kinds) == ["images", "signals"]
    with pytest.raises(UsageError, match="kind 'signals' is registered twice"):
        kinds.add(Kind("signals"))


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="no kind of modality is called 'image'; did you mean 'images'"):
        KINDS["image"]
