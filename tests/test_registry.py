"""Registered parts: the constructor is the schema, and every problem names its place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest
import yaml

from mmdx.errors import UsageError
from mmdx.registry import REGISTRIES, Registry
from mmdx.schema import Component
from mmdx.yaml_text import parse_yaml


def component(name: str, **options: object) -> Component:
    return Component.model_validate({"type": name, **options})


@pytest.fixture
def poolings() -> Registry:
    registry = Registry("pooling")

    @registry("window")
    class Window:
        """Means over a window of slices.

        More about it.
        """

        def __init__(
            self,
            width: int,
            items: Mapping[str, int],
            *,
            size: int = 3,
            centre: float | None = None,
            spans: tuple[tuple[float, float], ...] = ((0, 1),),
        ) -> None:
            self.given = (width, items, size, centre, spans)

    @registry("listed")
    def listed(root: Path, *, names: tuple[str, ...] | None = None, mask: bool = True) -> list[object]:
        """Slices by name."""
        return [root, names, mask]

    return registry


def test_arguments_with_a_default_are_the_options(poolings: Registry) -> None:
    fields = poolings.schema("window").model_fields
    assert {name: field.default for name, field in fields.items()} == {"size": 3, "centre": None, "spans": ((0, 1),)}
    assert set(poolings.schema("listed").model_fields) == {"names", "mask"}


def test_arguments_without_a_default_are_the_sizes(poolings: Registry) -> None:
    assert poolings.sizes("window") == ["width", "items"]
    assert poolings.sizes("listed") == ["root"]


def test_build_gives_sizes_and_checked_options(poolings: Registry) -> None:
    window = poolings.build(component("window", size="5", spans=[[1, 2]]), width=8, items={"ct": 4})
    assert window.given == (8, {"ct": 4}, 5, None, ((1.0, 2.0),))
    assert poolings.build(component("listed", names=["a"]), root=Path("r")) == [Path("r"), ("a",), True]


def test_an_unknown_part_names_place_kind_and_neighbour(poolings: Registry) -> None:
    with pytest.raises(UsageError) as caught:
        poolings.get("windw", "model.pooling")
    assert str(caught.value) == (
        "model.pooling: no pooling is called 'windw'; did you mean 'window'? known: listed, window"
    )
    with pytest.raises(UsageError, match="pooling: no pooling is called 'x'; known: listed, window"):
        poolings.build(component("x"), width=1)


def test_every_wrong_option_comes_at_once(poolings: Registry) -> None:
    with pytest.raises(UsageError) as caught:
        poolings.options(component("window", size="many", centr=1, spans=4), "model.pooling")
    lines = caught.value.problems
    assert len(lines) == 3
    assert lines[0].startswith("model.pooling.size: 'many': input should be a valid integer")
    assert lines[1].startswith("model.pooling.spans: 4: input should be a valid tuple")
    assert lines[2] == "model.pooling.centr: unknown key; did you mean 'centre'? known: centre, size, spans"


def test_without_a_place_the_part_itself_is_named(poolings: Registry) -> None:
    with pytest.raises(UsageError, match=r"^pooling listed\.masked: unknown key; did you mean 'mask'"):
        poolings.options(component("listed", masked=True))


def test_a_size_is_no_option(poolings: Registry) -> None:
    with pytest.raises(UsageError, match=r"model\.pooling\.width: unknown key; known: centre, size, spans"):
        poolings.options(component("window", width=8), "model.pooling")


def test_a_name_is_given_once(poolings: Registry) -> None:
    with pytest.raises(UsageError, match="pooling 'listed' is registered twice, the second time by "):

        @poolings("listed")
        def again() -> None: ...

    assert poolings.names() == ["listed", "window"]


def test_registering_gives_the_part_back() -> None:
    registry = Registry("pooling")

    def part() -> None: ...

    assert registry("a")(part) is part
    assert registry.get("a") is part


def test_resolve_writes_every_default_out(poolings: Registry) -> None:
    resolved = poolings.resolve(component("window", size=7), "model.pooling")
    assert resolved.type == "window"
    assert set(resolved.options) == {"size", "centre", "spans"}
    assert (resolved.options["size"], resolved.options["centre"]) == (7, None)
    assert poolings.resolve(resolved, "model.pooling") == resolved


def test_the_summary_is_the_first_line(poolings: Registry) -> None:
    assert poolings.summary("window") == "Means over a window of slices."


def test_the_kinds_are_those_that_are_listed() -> None:
    assert set(REGISTRIES) >= {"readers", "views", "image_encoders", "sequences", "text_encoders", "fusions", "heads"}


@pytest.fixture
def nested(poolings: Registry) -> Registry:
    """Heads, of which each has a pooling."""
    registry, listed = Registry("head"), component("listed")

    @registry("pooled")
    class Pooled:
        """Answers from what a pooling gives."""

        def __init__(self, *, pooling: Annotated[Component, poolings] = listed, weight: float = 1) -> None:
            self.given = (pooling.type, pooling.options, weight)

    return registry


def test_a_part_within_a_part_is_resolved_with_it(nested: Registry) -> None:
    resolved = nested.resolve(component("pooled", pooling="window"), "heads.a")
    assert resolved.options["pooling"] == {"type": "window", "size": 3, "centre": None, "spans": [[0, 1]]}
    assert nested.resolve(component("pooled")).options["pooling"] == {"type": "listed", "names": None, "mask": True}
    assert nested.resolve(resolved, "heads.a") == resolved
    assert resolved == Component.model_validate(yaml.safe_load(yaml.safe_dump(resolved.model_dump(mode="json"))))
    assert nested.build(component("pooled", pooling={"type": "window", "size": 5})).given == ("window", {"size": 5}, 1)


@pytest.mark.parametrize(
    ("pooling", "line"),
    [
        ("windw", "heads.a.pooling: no pooling is called 'windw'; did you mean 'window'? known: listed, window"),
        (
            {"type": "window", "sise": 5},
            "heads.a.pooling.sise: unknown key; did you mean 'size'? known: centre, size, spans",
        ),
        ({"size": 5}, "heads.a.pooling: options without a part; name it too, such as heads.a.pooling=NAME"),
    ],
)
def test_a_wrong_part_within_a_part_is_named_at_its_place(nested: Registry, pooling: object, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        nested.resolve(component("pooled", pooling=pooling), "heads.a")
    assert caught.value.problems == (line,)


def test_a_resolved_component_reads_back_equal(poolings: Registry) -> None:
    resolved = poolings.resolve(component("window", spans=[[1, 2]]), "model.pooling")
    assert resolved == Component.model_validate(yaml.safe_load(yaml.safe_dump(resolved.model_dump(mode="json"))))
    assert resolved.options["spans"] == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("yes", True), ("on", True), ("False", False), ("no", False), ("off", False), ("'no'", False)],
)
def test_a_boolean_option_is_switched_by_any_word_for_it(word: str, value: bool) -> None:
    parts = Registry("part")

    @parts("network")
    class Network:
        def __init__(self, *, bidirectional: bool = False) -> None:
            self.bidirectional = bidirectional

    component = Component.model_validate(parse_yaml(f"{{type: network, bidirectional: {word}}}", "x.yaml"))
    assert parts.build(component).bidirectional is value
    assert parts.resolve(component).options == {"bidirectional": value}
