"""What makes a store: a reader, its options and the raw files, known by a fingerprint."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdx.data.privacy.privacy import private, quoting_nobody
from mmdx.data.privacy.pseudonyms import Pseudonyms, read_key
from mmdx.data.store.check import check_studies
from mmdx.data.store.fingerprint import STORE_FORMAT, fingerprint
from mmdx.data.text.missing import without_empty
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.schema import Component
from mmdx.study import Study


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What makes a store: a reader with its options, the raw files, the stored size, the key of its pseudonyms."""

    reader: Component
    source: Path
    size: int = 224
    pseudonym_key: Path | None = None

    def fingerprint(self) -> str:
        options = READERS.options(self.reader, "reader")
        if (names := self.pseudonyms()) is not None:
            options["data.pseudonym_key"] = names.fingerprint
        return fingerprint(self.reader.type, options, self.source, size=self.size)

    def folder(self, stores: Path) -> Path:
        """Where the store lies under `stores`: a folder named by reader and fingerprint, so that each recipe has one
        of its own."""
        return stores / f"{self.reader.type}-{self.fingerprint()[:12]}"

    def refusal(self, folder: Path, held: Mapping[str, Any]) -> str:
        """The line about a `folder` that holds another store than this, as its description `held` says: what differs,
        with both values."""
        asked = {"format": STORE_FORMAT, "reader": self.reader.type, "size": self.size}
        if held["reader"] == asked["reader"]:
            options = READERS.options(self.reader, "reader")
            asked |= {f"reader.{name}": str(value) for name, value in options.items() if name in held["options"]}
        values = {**held, **{f"reader.{name}": value for name, value in held["options"].items()}}
        pairs = [
            f"{name} is {values[name]} there and {asked[name]} here" for name in asked if values[name] != asked[name]
        ]
        differs = ", ".join(pairs) or f"the files in {self.source} or the key of pseudonyms are others now"
        return (
            f"{folder}: holds a store of other files or options: {differs}; ask for the same, prepare into another "
            "folder, or remove this one"
        )

    def at_use(self) -> dict[str, Any]:
        """Options, in plain values, by which the studies of a model are read once it is in use, too: those that the
        module of the reader names in `AT_USE`, where they were given."""
        plain = READERS.resolve(self.reader, "reader").options
        return {name: plain[name] for name in names_at_use(self.reader.type) if plain[name] is not None}

    def pseudonyms(self) -> Pseudonyms | None:
        return read_key(self.pseudonym_key) if self.pseudonym_key is not None else None

    def read(self) -> list[Study]:
        """The studies as they may be stored, checked against each other. Raises `DataError` where there are none."""
        names = self.pseudonyms()
        with quoting_nobody(names):
            found = without_empty(READERS.build(self.reader, "reader", root=self.source))
            studies = private(found, self.source, names)
        if not studies:
            raise DataError(f"{self.source}: reader '{self.reader.type}' found no study; is it the right folder?")
        check_studies(studies)
        return studies


def names_at_use(reader: str) -> tuple[str, ...]:
    """The options of a reader, and no others, that a model may bring with it."""
    return tuple(vars(sys.modules[READERS.get(reader).__module__]).get("AT_USE", ()))
