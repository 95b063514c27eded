"""What an experiment is: checked models, with every default in one place; `config_file.py` reads them.

A component (a reader, an encoder, a fusion …) is `name` or `{type: name, option: value}`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import Field

from mmdx.errors import did_you_mean
from mmdx.sections import Component, OperatingPoint, Provenance, ReportOptions, Section, TrainConfig
from mmdx.study import is_fact

SliceOrder = Literal["certified", "shuffled", "reversed"]
UnknownOrder = Literal["random", "stored"]


class SplitOptions(Section):
    """Shares of patients, and the seed that deals them."""

    val: float = Field(default=0.15, gt=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @pydantic.model_validator(mode="after")
    def _room_for_training(self) -> SplitOptions:
        if self.val + self.test >= 1:
            raise ValueError(
                f"val + test is {self.val + self.test:g}, which leaves nothing to train on; keep it below 1"
            )
        return self


class FoldOptions(Section):
    """Cross-validation: `count` folds of patients, and `val`, the share of a fold's other patients that validate.

    `repeats` deals them so many times, by seeds from `seed` on. `by` makes folds of the values of a trait instead, such
    as `source`: each tests one site, and `count` is not asked.
    """

    count: int = Field(default=5, ge=2)
    val: float = Field(default=0.15, gt=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    repeats: int = Field(default=1, ge=1)
    by: str | None = None

    @pydantic.model_validator(mode="after")
    def _dealt_once_by_site(self) -> FoldOptions:
        if self.by is not None and self.repeats > 1:
            raise ValueError(f"folds by {self.by} are the same each time; leave repeats out")
        return self


class DataConfig(Section):
    """Where the studies come from: a prepared `store`, or a `reader` and its `source`, prepared on first use into
    `store`, or where that is None into a folder under `stores` that is named by its fingerprint.

    `size` is the side in pixels of a stored image; `findings` the labels to learn, in this order (None: all of the
    store's); `primary` is the one of them that epochs, tables, claims and corrections lead with, the others being
    secondary (None: all alike, and their macro mean leads; `docs/statistics.md`); `operating_point` says at which
    sensitivity, specificity or threshold a score is a yes, for what a comparison says of decisions (None: nothing is
    stated; `docs/decisions.md`); `split` deals the patients anew
    (None: as the store has them); `folds` trains one model per fold and tests each study once
    (`docs/cross_validation.md`); `train_patients` trains on so many of the training patients, drawn by the config's
    `seed`, those of 50 among those of 100 (None: on all); `max_images` keeps that many evenly spaced images of a longer
    modality; `reports` is what of a report is read, wherever a model meets one; `provenance` says when texts and
    traits were known, and what labels were made from; `tables` makes modalities of traits,
    such as `{clinic: [age, sex]}`, and `stacks` of image modalities of the same slices, as the channels of one:
    `{ct: [brain, bone]}` (`docs/methods/stacks.md`); `pseudonym_key` is a file with a secret by which patient and study
    ids are replaced when the store is prepared (`docs/privacy.md`).

    `order` and `drop_images` are experiments: the images of a study `shuffled` or `reversed`, and a share of them left
    out (one always stays), in training and scoring alike. Both are drawn from the study's id and the config's `seed`.
    `unknown_order` is for slices whose order nobody knows, or that are shuffled, where a sequence model minds it: in
    training a study stands in a new `random` order each time it is read, so that nothing is learned from an order that
    means nothing, or always as `stored`; it is scored as stored.
    """

    store: Path | None = None
    reader: Component | None = None
    source: Path | None = None
    stores: Path = Path("stores")
    size: int = Field(default=224, ge=8)
    findings: tuple[str, ...] | None = None
    primary: str | None = None
    operating_point: OperatingPoint | None = None
    split: SplitOptions | None = None
    folds: FoldOptions | None = None
    train_patients: int | None = Field(default=None, ge=1)
    max_images: int | None = Field(default=None, ge=1)
    order: SliceOrder = "certified"
    unknown_order: UnknownOrder = "random"
    drop_images: float = Field(default=0.0, ge=0, lt=1)
    reports: ReportOptions = ReportOptions()
    provenance: Provenance = Provenance()
    tables: dict[str, tuple[str, ...]] = Field(default={})
    stacks: dict[str, tuple[str, ...]] = Field(default={})
    pseudonym_key: Path | None = None

    @pydantic.model_validator(mode="after")
    def _one_origin(self) -> DataConfig:
        if (self.reader is None) != (self.source is None):
            raise ValueError("a reader needs a source, and a source a reader; give both, or a store alone")
        if self.store is None and self.reader is None:
            raise ValueError("no studies: give store (a folder that mmdx prepare left), or reader and source")
        if self.pseudonym_key is not None and self.reader is None:
            raise ValueError("pseudonym_key is for preparing: give reader and source too, or leave it out")
        if self.split is not None and self.folds is not None:
            raise ValueError("split deals the patients once, folds several times; give one of them")
        return self

    @pydantic.model_validator(mode="after")
    def _primary_is_learnt(self) -> DataConfig:
        if self.primary is not None and self.findings is not None and self.primary not in self.findings:
            raise ValueError(f"primary is '{self.primary}'; {did_you_mean(self.primary, self.findings)}")
        return self

    @property
    def stated(self) -> dict[str, Any]:
        """What was stated before any test, as plain values for the record beside scores that lie outside of a run."""
        return self.model_dump(include={"primary", "operating_point"})

    @pydantic.field_validator("tables")
    @classmethod
    def _traits(cls, tables: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, traits in tables.items():
            if not traits or len(set(traits)) < len(traits):
                raise ValueError(
                    f"{name} names {'a trait twice' if traits else 'no trait'}; list each of its traits once"
                )
            for trait in traits:
                if not is_fact(trait):
                    raise ValueError(f"{name}: '{trait}' is no fact about a patient, and no input; leave it out")
        return tables

    @pydantic.field_validator("stacks")
    @classmethod
    def _several(cls, stacks: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, parts in stacks.items():
            if len(parts) < 2 or len(set(parts)) < len(parts) or name in parts:
                raise ValueError(f"{name} is made of {', '.join(parts) or 'nothing'}; list two or more others")
        return stacks


class Augment(Section):
    """Augmentation of training images, drawn once per study so that its slices move together; all zero switches it off.

    `degrees`, `shift` (share of the side) and `zoom` (share) bound a random rotation, translation and scale; `flip` is
    the chance of a left-right mirror; `contrast` bounds a random gain and offset of the values from 0 to 1. `gamma`
    bounds a random power of them, from `1 / (1 + gamma)` to `1 + gamma`, under which black and white stay; `noise` is
    the largest deviation of normal noise, which is drawn anew at each pixel.
    """

    flip: float = Field(default=0.0, ge=0, le=1)
    degrees: float = Field(default=0.0, ge=0, le=180)
    shift: float = Field(default=0.0, ge=0, le=0.5)
    zoom: float = Field(default=0.0, ge=0, lt=1)
    contrast: float = Field(default=0.0, ge=0, lt=1)
    gamma: float = Field(default=0.0, ge=0, le=1)
    noise: float = Field(default=0.0, ge=0, lt=1)


class InputConfig(Section):
    """How one modality is read: an image encoder makes it one of images, a vector encoder one of descriptors, a text
    encoder one of text, a table encoder one of traits, which `data.tables` names.

    Images alone use `view` (None: CT windows for Hounsfield units, else by channels `grey`, `rgb` or `stacked`),
    `augment` and `neighbours`, how many slices on either side an image brings as further channels (2.5D); images and
    descriptors use `sequence`. Descriptors alone use `select`: which part of them the encoder sees, fitted on the
    training studies (None: all). An encoder's name alone stands for the whole section.
    """

    encoder: Component
    view: Component | None = None
    neighbours: int = Field(default=0, ge=0)
    sequence: Component = Component(type="lstm")
    select: Component | None = None
    augment: Augment = Augment()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_encoder(cls, value: Any) -> Any:
        return {"encoder": value} if isinstance(value, str) else value


class ModelConfig(Section):
    """`inputs` by modality name; `fusion` joins them; `dim` is the width at which they meet; `heads` by name.

    `modality_dropout` is the chance, in training, that a modality of a study is withheld (one always stays): a number
    for all modalities, or one by name. `alone` is the weight in training of a further loss: that of the study heads'
    answers to each modality by itself, by which none leaves the learning to another; `modulate` is how strongly a
    modality that is ahead of the others is kept from learning more from the fused answer (`docs/methods/fusion.md`).
    `withhold` names modalities whose dropout rises in even steps to 1 at the end of the training.
    """

    inputs: dict[str, InputConfig] = Field(min_length=1)
    fusion: Component = Component(type="concat")
    dim: int = Field(default=128, ge=1)
    heads: dict[str, Component] = Field(default={"study": Component(type="study")}, min_length=1)
    modality_dropout: float | dict[str, float] = 0.0
    withhold: tuple[str, ...] = ()
    alone: float = Field(default=0.0, ge=0)
    modulate: float = Field(default=0.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _rates_of_inputs(self) -> ModelConfig:
        rates = self.modality_dropout
        for name, rate in rates.items() if isinstance(rates, dict) else [(None, rates)]:
            if name is not None and name not in self.inputs:
                raise ValueError(f"modality_dropout names '{name}'; {did_you_mean(name, self.inputs)}")
            if not 0 <= rate < 1:
                raise ValueError(f"modality_dropout is {rate:g}; give a chance from 0 to below 1")
        for name in self.withhold:
            if name not in self.inputs:
                raise ValueError(f"withhold names '{name}'; {did_you_mean(name, self.inputs)}")
        if self.withhold and set(self.withhold) >= set(self.inputs):
            raise ValueError("withhold names every input; leave out those that the model is to be used with")
        return self


class FirstStage(Section):
    """A model that is trained before the experiment's own, on the same studies and split, to leave descriptors.

    What it says of images, `model` of the experiment then reads as vectors under the same names. `folds` models, of
    other training patients each, describe the training studies that they did not see (None: the one model describes
    all, which is for frozen encoders, and leaves no logits).
    """

    model: ModelConfig
    train: TrainConfig = TrainConfig()
    folds: int | None = Field(default=5, ge=2)


GuidanceMethod = Literal["warm_start", "distilled", "relational", "contrastive", "shared", "dropped", "withheld"]
"""A way to let a superior modality teach an inferior one that is trained whole; the name of its run folder."""


class GuidanceConfig(Section):
    """Inputs of the model that are absent when it is used (`superior`) guide the others (`inferior`); each input is in
    one of the two.

    `epochs`, `lr`, `studies` (in a batch), `patience` and `dropout` are those of what learns on frozen latents: the
    guidance model, and the decoder of what guided itself.

    `methods` are further ways to the same end, each a training (`docs/methods/guided.md`); None takes a warm start,
    where it fits, distillation and modality dropout. Distillation softens both answers by `temperature`, which get the
    share `share` of its loss; `weight` is that of the loss which `relational`, `contrastive` and `shared` add.
    """

    superior: tuple[str, ...] = Field(min_length=1)
    inferior: tuple[str, ...] = Field(min_length=1)
    epochs: int = Field(default=300, ge=1)
    lr: float = Field(default=1e-3, gt=0)
    studies: int = Field(default=32, ge=1)
    patience: int = Field(default=30, ge=1)
    dropout: float = Field(default=0.25, ge=0, lt=1)
    temperature: float = Field(default=2.0, gt=0)
    share: float = Field(default=0.5, gt=0, le=1)
    methods: tuple[GuidanceMethod, ...] | None = None
    weight: float = Field(default=1.0, gt=0)


class Config(Section):
    """One experiment: rebuilds its model alone. `first` is the first of its two stages, where it has two."""

    data: DataConfig
    first: FirstStage | None = None
    model: ModelConfig
    train: TrainConfig = TrainConfig()
    guidance: GuidanceConfig | None = None
    run: Path | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    plugins: tuple[str, ...] = ()
