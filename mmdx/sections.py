"""Sections of a config: what each of them is, the parts that they name, and the section of a training, `train`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pydantic
from pydantic import Field


class Section(pydantic.BaseModel):
    """A part of the config: frozen, and no key that it does not know."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class PartRates(Section):
    """What multiplies `lr` in each part of a model: `encoder` (of images, descriptors and tables), `sequence` models,
    `text` encoders, `fusion` (with what brings modalities to one width, and stand-ins) and `heads`."""

    encoder: float = Field(default=1.0, gt=0)
    sequence: float = Field(default=1.0, gt=0)
    text: float = Field(default=1.0, gt=0)
    fusion: float = Field(default=1.0, gt=0)
    heads: float = Field(default=1.0, gt=0)


class Unfreezing(Section):
    """Pretrained encoders stay frozen until the share `after` of the epochs is over, while all else learns on what they
    give.

    Then they learn too: all their layers at once, or one after the other, the topmost first and the lowest when the
    share `until` is over. A number alone stands for `after`.
    """

    after: float = Field(default=0.0, ge=0, lt=1)
    until: float | None = Field(default=None, gt=0, lt=1)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_share(cls, value: Any) -> Any:
        return {"after": value} if isinstance(value, int | float | str) else value

    @pydantic.model_validator(mode="after")
    def _forwards(self) -> Unfreezing:
        if self.until is not None and self.until < self.after:
            raise ValueError(f"until is {self.until:g}, before after, {self.after:g}; give a later share, or none")
        return self


class ReportOptions(Section):
    """What of a report a model may read: for reports that state the answer.

    `keep_sections` are the only sections that stay (empty: all), `drop_sections` those that go, by their headings in
    lower case (`indication`, `impression`; `""` is the text before any heading). `mask` are terms, whole words in any
    case, that become `[MASKED]`.
    """

    keep_sections: tuple[str, ...] = ()
    drop_sections: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()

    def reads(self, section: str) -> bool:
        """Whether a section stays."""
        return (not self.keep_sections or section in self.keep_sections) and section not in self.drop_sections

    @pydantic.field_validator("keep_sections", "drop_sections")
    @classmethod
    def _lower_case(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.strip().lower() for name in names)

    @pydantic.field_validator("mask")
    @classmethod
    def _terms(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        if any(not term.strip() for term in terms):
            raise ValueError("an empty term would mask everywhere; leave it out")
        return tuple(term.strip() for term in terms)


NO_TEXT = ("images", "pathology", "laboratory", "follow-up", "experts")
"""What labels can be made from that is no text."""


class Provenance(Section):
    """When texts and traits were known, and what labels were made from (`docs/inputs.md`).

    `before` are those that were known before the images were read, `after` those that were not: texts by their name,
    sections of reports by their heading in lower case, traits by their name. `labels_from` is what labels were made
    from: texts and sections again, or `images`, `pathology`, `laboratory`, `follow-up`, `experts`. Nothing stated is
    nothing known.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    labels_from: tuple[str, ...] = ()

    @pydantic.model_validator(mode="after")
    def _once(self) -> Provenance:
        both = [name for name in self.before if name in self.after]
        if both:
            raise ValueError(f"'{both[0]}' stands in before and in after; it was known before the images, or was not")
        return self

    def made_labels(self, text: str, reports: ReportOptions) -> str | None:
        """What of a text made the labels and is read: the text as a whole, or a section; None where nothing is."""
        return self._of([name for name in self.labels_from if name not in NO_TEXT], text, reports)

    def written_after(self, text: str, reports: ReportOptions) -> str | None:
        """What is read of a text that was not known before the images were: the text, or sections; None where
        nothing is, as far as is stated."""
        return self._of(self.after, text, reports)

    def known_before(self, text: str, reports: ReportOptions) -> bool:
        """Whether all that is read of a text was known before the images were."""
        kept = [name for name in reports.keep_sections if reports.reads(name)]
        return text in self.before or bool(kept and all(name in self.before for name in kept))

    @staticmethod
    def _of(names: Sequence[str], text: str, reports: ReportOptions) -> str | None:
        """What of a text is named and read, in words."""
        if text in names:
            return f"the {text}"
        parts = [name for name in names if reports.reads(name)]
        return f"the {' and the '.join(parts)} of the {text}" if parts else None


class OperatingPoint(Section):
    """Where scores become yes or no, stated before any test: the `sensitivity` or the `specificity` that a threshold
    must reach on validation studies, or a `threshold` of the calibrated scores itself. Just one of them."""

    sensitivity: float | None = Field(default=None, gt=0, lt=1)
    specificity: float | None = Field(default=None, gt=0, lt=1)
    threshold: float | None = Field(default=None, gt=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _just_one(self) -> OperatingPoint:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("give one of sensitivity, specificity and threshold, such as {sensitivity: 0.95}")
        return self

    @property
    def of(self) -> tuple[str, float]:
        """What is given, and its value."""
        ((name, value),) = self.model_dump(exclude_none=True).items()
        return name, value

    def __str__(self) -> str:
        name, value = self.of
        return f"{name} {value:g}"


class Component(pydantic.BaseModel):
    """A registered part by name, with its options: `lstm` or `{type: lstm, hidden: 128}`."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True, protected_namespaces=())
    type: str

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class TrainConfig(Section):
    """The loop. `slices` bounds the images in a batch, `studies` the studies in it; both are per process. Each study
    comes once per epoch, and more often where it has a finding that less than the share `balance` of training studies
    have (`docs/methods/losses.md`; 0: none does).

    `lr` and `weight_decay` are AdamW's; `warmup` is the share of all steps over which the rate climbs, after which it
    falls along a cosine. `rates` multiplies it by part; a layer of a pretrained encoder learns at `layer_decay` times
    the rate of the one above it, and `unfreeze` keeps such encoders frozen at first (`docs/methods/rates.md`).
    `accumulate` batches make one optimizer step; `clip` bounds the gradient norm (0: not).
    `final` says which model stays: after how many epochs, with which weights, of which studies (`docs/recipe.md`).
    `stack` lets the answer to a study be one of the network and of linear models beside it, each counting as studies
    that none has learned from say (`docs/methods/stacking.md`).
    Validation runs once per epoch, on `studies`, or on `slices` where `judge` says so, which takes a slice head. Where
    `final` keeps the best epoch, training stops after `patience` epochs without a better one (0: never).
    `checkpoint_steps` saves the last state every so many optimizer steps, beside the end of each epoch (0: at
    the ends of epochs alone).
    `trackers` are told of a training beside `log.jsonl`; none sends anything away by itself (`docs/trackers.md`).
    """

    epochs: int = Field(default=20, ge=1)
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    rates: PartRates = PartRates()
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    unfreeze: Unfreezing = Unfreezing()
    warmup: float = Field(default=0.1, ge=0, lt=1)
    slices: int = Field(default=256, ge=1)
    studies: int = Field(default=16, ge=1)
    balance: float = Field(default=0.0, ge=0, lt=1)
    accumulate: int = Field(default=1, ge=1)
    clip: float = Field(default=1.0, ge=0)
    precision: Literal["no", "bf16", "fp16"] = "no"
    final: Component = Component(type="auto")
    stack: bool = True
    judge: Literal["studies", "slices"] = "studies"
    patience: int = Field(default=0, ge=0)
    checkpoint_steps: int = Field(default=0, ge=0)
    workers: int = Field(default=0, ge=0)
    trackers: tuple[Literal["tensorboard", "wandb", "mlflow", "trackio"], ...] = ("tensorboard",)

    @pydantic.field_validator("trackers", mode="before")
    @classmethod
    def _from_one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value
