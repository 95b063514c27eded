"""YAML as mmdx reads it everywhere: no key twice, `true` and `false` the only booleans.

YAML 1.1, which PyYAML follows, also reads `yes`, `no`, `on` and `off` as booleans, and of a key that stands twice it
keeps the last value in silence.
"""

from __future__ import annotations

import re
from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

from mmdx.errors import UsageError, reason

_BOOL = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"
MOST_VALUES, MOST_NESTED = 100_000, 50
"""The most that a document may hold, its aliases written out, and how deep. Ten lines of aliases of aliases can stand
for more values than any machine has room for."""


class NotYaml(UsageError):
    """The text breaks the grammar of YAML."""


class _RepeatedKey(yaml.MarkedYAMLError):
    pass


class _Loader(yaml.SafeLoader):
    _open = 0
    yaml_implicit_resolvers = {  # noqa: RUF012 - typed so by PyYAML
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def get_single_node(self) -> Any:
        node = super().get_single_node()
        if node is not None and _values(node) > MOST_VALUES:
            raise yaml.MarkedYAMLError(
                problem=f"its aliases stand for more than {MOST_VALUES:,} values", problem_mark=node.start_mark
            )
        return node

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._open += 1
        if self._open > MOST_NESTED:
            raise yaml.MarkedYAMLError(
                problem=f"nested more than {MOST_NESTED} deep", problem_mark=self.peek_event().start_mark
            )
        node = super().compose_node(parent, index)
        self._open -= 1
        # A node gets its end once all that stands in it is read.
        if node is not None and node.end_mark is None:
            raise yaml.MarkedYAMLError(problem="an alias of what it stands in", problem_mark=node.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        # Looked for here, before merge keys (`<<`) are filled in: what those bring may be set again. And as text, for
        # a config names its keys by text: `1` and `'1'` are the same key.
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if key.value in lines:
                raise _RepeatedKey(
                    problem=f"key '{key.value}' stands in line {lines[key.value]} already; remove one",
                    problem_mark=key.start_mark,
                )
            lines[key.value] = key.start_mark.line + 1
        return node


def _values(root: yaml.Node) -> int:
    """How many values a document has where each alias is written out."""
    counts: dict[int, int] = {}

    def count(node: yaml.Node) -> int:
        if id(node) not in counts:
            within = (
                [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
            )
            counts[id(node)] = 1 + (sum(map(count, within)) if not isinstance(node, yaml.ScalarNode) else 0)
        return counts[id(node)]

    return count(root)


_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def parse_yaml(text: str, where: str) -> Any:
    """The plain value that `text` spells out.

    Raises `UsageError`, which opens with `where` and the line, for a key that stands twice in one mapping, and
    `NotYaml` for what cannot be read at all.
    """
    try:
        return deepcopy(_loaded(text))
    except _RepeatedKey as error:
        raise UsageError(f"{_place(where, error)}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise NotYaml(f"{_place(where, error)}: not YAML: {getattr(error, 'problem', error)}") from None
    except (ValueError, RecursionError, OverflowError, TypeError, AttributeError) as error:
        # Such as the date 2024-13-01, 5000 digits, or a key that is a list: what the library makes of them.
        raise NotYaml(f"{where}: not YAML: {reason(error)}") from None


@lru_cache(maxsize=8)
def _loaded(text: str) -> Any:
    """A run reads its config several times, at a tenth of a second each."""
    return yaml.load(text, Loader=_Loader)


def _place(where: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{where}:{mark.line + 1}" if mark else where
