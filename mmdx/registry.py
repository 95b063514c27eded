"""Named parts, of which the constructor is the schema.

Registering is one decorator. Arguments *without* a default are sizes that the assembler gives; keyword arguments *with*
one are options that a config gives, checked by pydantic against their annotations. An option may be a part itself: its
annotation, `Annotated[Component, LOSSES]` (or of `Component | None`, for none), says of which registry.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import pydantic

from mmdx.config_file import explain
from mmdx.errors import UsageError, did_you_mean
from mmdx.schema import Component

Part = TypeVar("Part", bound=Callable[..., Any])


class Registry:
    """The parts of one kind, by name: `@FUSIONS("gated")` registers, `FUSIONS.build(component, **sizes)` makes one."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, Callable[..., Any]] = {}

    def __call__(self, name: str) -> Callable[[Part], Part]:
        """Registers a class or function under `name`. Raises `UsageError` where the name is taken."""

        def register(part: Part) -> Part:
            if name in self._parts:
                raise UsageError(
                    f"{self.kind} '{name}' is registered twice, the second time by {part.__module__}; rename one"
                )
            self._parts[name] = part
            return part

        return register

    def names(self) -> list[str]:
        return sorted(self._parts)

    def get(self, name: str, where: str = "") -> Callable[..., Any]:
        """The part called `name`. Raises `UsageError`, naming the place `where` it was asked for."""
        if name not in self._parts:
            raise UsageError(
                f"{where or self.kind}: no {self.kind} is called '{name}'; {did_you_mean(name, self._parts)}"
            )
        return self._parts[name]

    def summary(self, name: str) -> str:
        """The first line of the part's docstring."""
        return (inspect.getdoc(self.get(name)) or "").partition("\n")[0]

    def schema(self, name: str) -> type[pydantic.BaseModel]:
        """The options of a part as a pydantic model: name, annotation and default of each keyword argument."""
        part = self.get(name)
        hints = get_type_hints(part.__init__ if inspect.isclass(part) else part, include_extras=True)
        options: dict[str, Any] = {
            p.name: (hints.get(p.name, Any), p.default)
            for p in inspect.signature(part).parameters.values()
            if p.default is not p.empty
        }
        config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
        return pydantic.create_model(f"{self.kind} {name}", __config__=config, **options)

    def sizes(self, name: str) -> list[str]:
        """What a part asks the assembler for: its arguments without a default."""
        parameters = inspect.signature(self.get(name)).parameters.values()
        return [p.name for p in parameters if p.default is p.empty]

    def options(self, component: Component, where: str = "") -> dict[str, Any]:
        """All options of `component`, defaults included, as the annotations type them. Raises `UsageError` with every
        problem at once, each under the dotted name `where`."""
        self.get(component.type, where)
        schema = self.schema(component.type)
        try:
            checked = schema.model_validate(component.options)
        except pydantic.ValidationError as error:
            raise UsageError(explain(error, schema, where or f"{self.kind} {component.type}")) from None
        problems = []
        for name, registry in _parts_within(schema).items():
            part = getattr(checked, name)
            try:
                if part is not None:
                    registry.options(part, f"{where or f'{self.kind} {component.type}'}.{name}")
            except UsageError as error:
                problems += error.problems
        if problems:
            raise UsageError(problems)
        return {name: getattr(checked, name) for name in schema.model_fields}

    def resolve(self, component: Component, where: str = "") -> Component:
        """`component` with every default written out in plain values: it reads back equal from a run folder."""
        schema, options = self.schema(component.type), self.options(component, where)
        plain = schema(**options).model_dump(mode="json")
        for name, registry in _parts_within(schema).items():
            if options[name] is not None:
                plain[name] = registry.resolve(options[name]).model_dump(mode="json")
        return Component(type=component.type, **plain)

    def build(self, component: Component, where: str = "", **sizes: Any) -> Any:
        """Makes the part: `sizes` from the assembler, options from the config."""
        return self.get(component.type, where)(**sizes, **self.options(component, where))


def _parts_within(schema: type[pydantic.BaseModel]) -> dict[str, Registry]:
    """The options of a part that are parts themselves, each with its registry."""
    marks = {
        name: [m for m in field.metadata if isinstance(m, Registry)] for name, field in schema.model_fields.items()
    }
    return {name: found[0] for name, found in marks.items() if found}


READERS = Registry("reader")
BRANCHES = Registry("branch")
"""The branches of a model, each under the name of the kind that it reads (`mmdx.kinds`); no config names them."""
IMAGE_VIEWS = Registry("image view")
IMAGE_ENCODERS = Registry("image encoder")
SEQUENCES = Registry("sequence model")
VECTOR_ENCODERS = Registry("vector encoder")
SELECTORS = Registry("selector")
TEXT_ENCODERS = Registry("text encoder")
TABLE_ENCODERS = Registry("table encoder")
FUSIONS = Registry("fusion")
LOSSES = Registry("loss")
HEADS = Registry("head")
INSTANCE_POOLINGS = Registry("instance pooling")
FINALS = Registry("final model")

REGISTRIES: dict[str, Registry] = {
    "readers": READERS,
    "views": IMAGE_VIEWS,
    "image_encoders": IMAGE_ENCODERS,
    "sequences": SEQUENCES,
    "vector_encoders": VECTOR_ENCODERS,
    "selectors": SELECTORS,
    "text_encoders": TEXT_ENCODERS,
    "table_encoders": TABLE_ENCODERS,
    "fusions": FUSIONS,
    "losses": LOSSES,
    "heads": HEADS,
    "instance_poolings": INSTANCE_POOLINGS,
    "finals": FINALS,
}
