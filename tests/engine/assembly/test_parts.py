"""Every part is listed with its first sentence and its options."""

from __future__ import annotations

import pytest

from mmdx.engine.assembly.parts import parts
from mmdx.errors import UsageError
from mmdx.registry import REGISTRIES


def test_parts_of_one_kind_stand_by_name_with_their_options() -> None:
    rows = {row.name: row for row in parts("fusions")}
    assert list(rows) == sorted(rows)
    assert {row.kind for row in rows.values()} == {"fusions"}
    assert rows["film"].options["by"] == "None"
    assert rows["film"].summary.endswith(".")


def test_what_pretrained_takes_is_said() -> None:
    (timm,) = [row for row in parts("image_encoders") if row.name == "timm"]
    assert timm.options["pretrained"].startswith("None (hub or true (timm's own weights), a weight file, an installed")


def test_all_kinds_stand_in_the_order_of_the_registries() -> None:
    kinds = list(dict.fromkeys(row.kind for row in parts()))
    assert kinds == list(REGISTRIES)


def test_a_kind_that_there_is_not() -> None:
    with pytest.raises(UsageError, match=r"^list: no kind 'fusion'; did you mean 'fusions'"):
        parts("fusion")
