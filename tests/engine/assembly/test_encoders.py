"""The encoder that an input names says of which kind the input is."""

from __future__ import annotations

import pytest

from mmdx.engine.assembly.encoders import kind_of, kind_read, options_read
from mmdx.kinds import IMAGES, TABULAR, TEXT, VECTORS, Kind
from mmdx.schema import Component, InputConfig


@pytest.mark.parametrize(
    ("encoder", "kind"),
    [("timm", IMAGES), ("mlp", VECTORS), ("bilstm_attention", TEXT), ("tfidf", TEXT), ("table_mlp", TABULAR)],
)
def test_an_encoder_reads_one_kind(encoder: str, kind: Kind) -> None:
    assert kind_read(encoder) == kind
    assert kind_of(InputConfig(encoder=Component(type=encoder))) == kind


def test_an_encoder_that_is_not_registered_counts_as_one_of_images() -> None:
    assert kind_read("nobodys") is None
    assert kind_of(InputConfig(encoder=Component(type="nobodys"))) == IMAGES


def test_only_what_has_an_order_reads_a_sequence() -> None:
    assert options_read(IMAGES) == {"view", "neighbours", "augment", "sequence"}
    assert options_read(VECTORS) == {"select", "sequence"}
    assert options_read(TEXT) == options_read(TABULAR) == frozenset()
