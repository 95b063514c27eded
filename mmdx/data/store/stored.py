"""One row of a store: a study as read-only arrays, text and facts."""

from __future__ import annotations

import dataclasses
import json
import math
import reprlib
from functools import cached_property
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float32, Shaped

from mmdx.data.store.description import AGAIN
from mmdx.data.store.kinds import STORED
from mmdx.data.store.kinds.base import Row, StoredItems
from mmdx.data.store.layout import Layout
from mmdx.errors import DataError, reason
from mmdx.files import CORNERS
from mmdx.kinds import KINDS
from mmdx.study import Order, OrderSource


class StoredStudy:
    """One row of a store. What is JSON there is read once."""

    def __init__(self, row: Row, layout: Layout) -> None:
        self._row = row
        self._layout = layout
        self._orders: dict[str, dict[str, Any]] = {}

    @cached_property
    def study_id(self) -> str:
        return self._row.column("study_id")[0].as_py()

    @cached_property
    def patient_id(self) -> str:
        return self._row.column("patient_id")[0].as_py()

    def items(self, modality: str) -> Shaped[np.ndarray, "n *shape"]:
        """The items of a modality that is no text, as stored, read-only; n is 0 where the modality is absent.

        Those of a stack are the channels of its modalities, one after the other.
        """
        if modality in self._layout.stacks:
            parts = [self.items(part) for part in self._layout.parts(modality)]
            whole = all(map(len, parts))
            return np.concatenate([part if whole else part[:0] for part in parts], axis=1)
        slot = self._layout.slot(modality)
        kind = STORED[slot.facts.kind]
        if not isinstance(kind, StoredItems):
            raise ValueError(f"'{modality}' is {slot.facts.kind}, which has no items")
        return kind.items(self._row, slot)

    def pixels(self, modality: str) -> Shaped[np.ndarray, "n c h w"]:
        """Raw stored pixels, read-only: int16 Hounsfield units or uint8; n is 0 where the modality is absent."""
        return self.items(modality)

    def vectors(self, modality: str) -> Float32[np.ndarray, "n d"]:
        """Descriptors, read-only; n is 0 where the modality is absent."""
        return self.items(modality)

    def column(self, name: str) -> pa.Array:
        """The cell of a column as Arrow has it, an array of one; of a stack that of its first modality, where it has
        the others too."""
        modality, dot, fact = name.rpartition(".")
        if modality not in self._layout.stacks:
            return self._row.column(name)
        cell = self._row.column(f"{self._layout.parts(modality)[0]}{dot}{fact}")
        if self._has(modality):
            return cell
        empty = {"length": 0, "order": None, "slice_labels": []}
        return pa.array([empty[fact]], cell.type)

    @property
    def pictured(self) -> tuple[str, ...]:
        """The modalities of images that the study has, stacks behind those of the store."""
        names = [name for name, facts in self._layout.readable.items() if KINDS[facts.kind].pictured]
        return tuple(name for name in names if self.column(f"{name}.length")[0].as_py())

    @property
    def findings(self) -> tuple[str, ...]:
        return self._layout.findings

    def labels(self) -> Float[np.ndarray, " f"]:
        """In the order of `findings`, read-only, NaN where nobody looked."""
        return self._flat("labels")

    def text(self, modality: str) -> str | None:
        return self._row.column(modality)[0].as_py()

    def slice_labels(self, modality: str) -> Float[np.ndarray, "n f"]:
        """Labels by image; n is 0 where the data set has none for this study."""
        flat, findings = self._flat(f"{modality}.slice_labels"), len(self._layout.findings)
        return flat.reshape(len(flat) // max(findings, 1), findings)

    def traits(self) -> dict[str, str | float]:
        return dict(self._traits)

    def spacing(self, modality: str) -> float | None:
        """mm between neighbouring images, or their descriptors, along the normal; None where no certificate says so."""
        return self.certificate(modality).get("spacing_mm")

    def pixel_mm(self, modality: str) -> list[float | None]:
        """The side of a pixel of each stored image in mm, None where its file does not say it; empty where none does,
        and in stores of format 4."""
        return list(self.certificate(modality).get("pixel_mm", ()))

    def boxes(self) -> list[dict[str, Any]]:
        """Lesion boxes in pixels of the stored images; those of the first modality of a stack stand for it as well."""
        return [dict(box) for box in self._boxes]

    @cached_property
    def _traits(self) -> dict[str, str | float]:
        traits = self._json("traits", dict)
        if not all(isinstance(value, str | int | float) for value in traits.values()):
            raise self._refusal("traits", "a trait is neither text nor a number")
        return traits

    def problems(self) -> tuple[str, ...]:
        """What was left out of the study or looks wrong, a sentence each."""
        return tuple(map(str, self._json("problems", list)))

    @cached_property
    def _boxes(self) -> list[dict[str, Any]]:
        boxes = self._json("boxes", list)
        for box in boxes:
            if not self._is_box(box):
                raise self._refusal("boxes", f"{reprlib.repr(box)} is no box of this study")
        firsts = {name: parts[0] for name, parts in self._layout.stacks.items() if self._has(name)}
        of_stacks = [
            {**box, "modality": name} for name, first in firsts.items() for box in boxes if box["modality"] == first
        ]
        return boxes + of_stacks

    def _is_box(self, box: Any) -> bool:
        if not isinstance(box, dict) or {*box} != {"modality", "image", "finding", *CORNERS}:
            return False
        name, image, corners = box["modality"], box["image"], [box[corner] for corner in CORNERS]
        if name not in self._layout.modalities or box["finding"] not in self._layout.findings:
            return False
        counted = type(image) is int and f"{name}.length" in self._layout.schema.names
        numbers = all(isinstance(corner, int | float) and math.isfinite(corner) for corner in corners)
        return counted and numbers and 0 <= image < self._row.column(f"{name}.length")[0].as_py()

    def certificate(self, modality: str) -> dict[str, Any]:
        """The order certificate of a modality as plain values, empty where it has none."""
        if modality not in self._orders:
            column = f"{modality}.order"
            cell = self.column(column)[0].as_py()
            order = self._parsed(column, cell, dict) if cell else {}
            names = {field.name for field in dataclasses.fields(Order)}
            if cell and (order.get("source") not in get_args(OrderSource) or {*order} - names):
                raise self._refusal(column, "it is no certificate of an order")
            for name in ("gaps", "duplicates", "pixel_mm"):
                values = order.get(name, [])
                if not isinstance(values, list) or not all(isinstance(v, int | float | None) for v in values):
                    raise self._refusal(column, f"its {name} are no numbers")
            if not isinstance(order.get("spacing_mm"), int | float | None):
                raise self._refusal(column, "its spacing_mm is no number")
            self._orders[modality] = order
        return self._orders[modality]

    def _json(self, column: str, kind: type) -> Any:
        return self._parsed(column, self._row.column(column)[0].as_py(), kind)

    def _parsed(self, column: str, cell: Any, kind: type) -> Any:
        try:
            value = json.loads(cell)
        except (ValueError, TypeError, RecursionError) as error:
            raise self._refusal(column, reason(error)) from None
        if not isinstance(value, kind):
            raise self._refusal(column, f"it is {type(value).__name__}, not {kind.__name__}")
        return value

    def _refusal(self, column: str, why: str) -> DataError:
        return DataError(f"study '{self.study_id}': its {column} cannot be read ({why}); {AGAIN}")

    def _has(self, stack: str) -> bool:
        """Whether the study has every modality of a stack."""
        return all(self._row.column(f"{part}.length")[0].as_py() for part in self._layout.parts(stack))

    def _flat(self, column: str) -> np.ndarray:
        return self.column(column).flatten().to_numpy(zero_copy_only=True)
