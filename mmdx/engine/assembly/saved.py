"""A model on disk: safetensors, JSON and YAML; nothing is ever unpickled.

A model folder (`mmdx.files.ModelLayout`) holds the config, sizes and architectures, tokenizers and weights: it moves to
another machine as it is and loads with no network. Every file appears under its name only when it is whole. The folder
of an ensemble holds model folders, and `ensemble.json`, which names them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from mmdx.config_file import dump_config, read_config
from mmdx.data.files import inside
from mmdx.data.loading.encoded import Encoded
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.loader import BatchRecipe
from mmdx.engine.assembly.members import difference
from mmdx.engine.assembly.model_files.build import AGAIN, model_of
from mmdx.engine.assembly.model_files.copies import copy_files
from mmdx.engine.assembly.model_files.facts_file import NOT_WHOLE, read_facts, write_facts
from mmdx.engine.assembly.parts import register_parts
from mmdx.engine.assembly.stacks import read_stack
from mmdx.engine.assembly.texts import target_key
from mmdx.errors import DataError, UsageError, reason
from mmdx.files import ModelLayout, write_text
from mmdx.kinds import KINDS
from mmdx.models.domain import Reference, read_domain
from mmdx.models.heads.base import FindingsHead
from mmdx.models.heads.calibration import Calibration
from mmdx.models.model import MultimodalModel
from mmdx.models.weights import write_tensors
from mmdx.schema import Config
from mmdx.strangers.sealed import digest_of, read_sealed, require, write_sealed


@dataclass(frozen=True)
class SavedModel:
    """A model with what it needs to read a study; `first` makes the descriptors that it reads of images.

    `encoded` is what its frozen encoders gave for the images of a store, by input, where that is at hand.
    `others` are the further members of an ensemble: they answer for the same findings from the same inputs, each with
    tokenizers and tables of its own, and what all of them say is averaged. A model alone has none. `domain` says where
    its training images lie, by input, where that is known.
    """

    model: MultimodalModel
    config: Config
    facts: ModelFacts
    tokenizers: Mapping[str, ReportTokenizer]
    first: SavedModel | None = None
    encoded: Mapping[str, Encoded] = field(default_factory=dict)
    others: tuple[SavedModel, ...] = ()
    domain: Mapping[str, Reference] = field(default_factory=dict)

    @property
    def members(self) -> tuple[SavedModel, ...]:
        """The models that answer together, each of them alone: one, or those of an ensemble."""
        return (replace(self, others=()), *self.others)

    def to(self, device: str | torch.device) -> SavedModel:
        """Moves all members, with the first stages that they have, and returns them."""
        for member in self.members:
            member.model.to(device)
            if member.first is not None:
                member.first.to(device)
        return self

    def with_config(self, change: Callable[[Config], Config]) -> SavedModel:
        """The same models under changed configs."""
        others = tuple(other.with_config(change) for other in self.others)
        return replace(self, config=change(self.config), others=others)

    @property
    def recipe(self) -> BatchRecipe:
        """How studies become batches for this model."""
        return BatchRecipe(self.config, self.tokenizers, self.facts.tables(), self.encoded)


def write_description(
    folder: Path, config: Config, facts: ModelFacts, tokenizers: Mapping[str, ReportTokenizer]
) -> None:
    """Writes everything of a model folder but the weights; the facts last: with them, the model is described."""
    layout = ModelLayout(folder)
    write_text(layout.config, dump_config(config))
    beside = [layout.config]
    for name, tokenizer in tokenizers.items():
        beside += tokenizer.save(layout.tokenizer(name))
    write_facts(folder, facts, beside)


def write_weights(folder: Path, model: nn.Module) -> None:
    write_tensors(ModelLayout(folder).weights, model.state_dict())


def load_description(folder: Path) -> tuple[Config, ModelFacts, dict[str, ReportTokenizer]]:
    """Config, sizes and tokenizers of a model folder, of an ensemble those of its first member. Raises `DataError`
    where one is missing or broken."""
    layout = ModelLayout(folder)
    if layout.ensemble.is_file():
        return load_description(member_folders(folder)[0])
    config = read_config(layout.config)
    register_parts(config)
    facts = read_facts(folder, config)
    vocabularies = {name: sizes.vocabulary for name, sizes in facts.inputs.items() if KINDS[sizes.kind].worded}
    vocabularies |= {target_key(name): size for name, size in facts.texts.items()}
    tokenizers = {name: ReportTokenizer.load(layout.tokenizer(name)) for name in vocabularies}
    for name, size in vocabularies.items():
        if tokenizers[name].vocabulary != size:
            found = f"{tokenizers[name].vocabulary} tokens, {layout.facts.name} says {size}"
            raise DataError(f"{layout.tokenizer(name)}: has {found}; {NOT_WHOLE}")
    return config, facts, tokenizers


def load_model(folder: Path) -> SavedModel:
    """The model or the ensemble in a model folder, in evaluation mode, on the CPU.

    Raises `DataError` where the folder is not whole, the weights do not fit, or members do not answer alike.
    """
    if ModelLayout(folder).ensemble.is_file():
        return _load_ensemble(folder)
    config, facts, tokenizers = load_description(folder)
    model = model_of(folder, config, facts)
    _calibrate(model, folder, facts)
    model.stack = read_stack(folder, facts)
    if model.stack is not None and model.stack.head not in model.heads_of("study"):
        raise DataError(f"{ModelLayout(folder).stack}: '{model.stack.head}' is no study head of this model; {AGAIN}")
    return SavedModel(model.eval(), config, facts, tokenizers, _first_of(folder, facts), domain=read_domain(folder))


def write_calibration(folder: Path, calibrations: Mapping[str, Calibration], facts: ModelFacts) -> None:
    """Writes the calibration of each head, by its name."""
    content = {name: calibration.to_json(facts.findings) for name, calibration in calibrations.items()}
    layout = ModelLayout(folder)
    write_sealed(layout.calibration, content)
    require(layout.facts, layout.calibration)


def _calibrate(model: MultimodalModel, folder: Path, facts: ModelFacts) -> None:
    """Gives the heads of a model the calibration that lies in its folder, where one does."""
    path = ModelLayout(folder).calibration
    try:
        content = read_sealed(path, AGAIN)
    except FileNotFoundError:
        return
    for name, raw in content.items():
        head = model.answering.get(name)
        if not isinstance(head, FindingsHead):
            raise DataError(f"{path}: '{name}' is no head of this model that can be calibrated; {AGAIN}")
        try:
            head.calibration = Calibration.from_json(raw, facts.findings)
        except (ValueError, AttributeError, TypeError) as error:
            raise DataError(f"{path}: '{name}' cannot be read ({reason(error)}); {AGAIN}") from None


def _load_ensemble(folder: Path) -> SavedModel:
    places = member_folders(folder)
    loaded = [member for place in places for member in load_model(place).members]
    first = loaded[0]
    for place, member in zip(places, loaded, strict=True):
        if reason := difference((first.config, first.facts), (member.config, member.facts)):
            raise DataError(f"{place}: {reason}, unlike {places[0]}; only models that answer alike are averaged")
    # What a config draws of images, as data.order=shuffled does, is drawn alike for all.
    alike = [replace(member, config=member.config.model_copy(update={"seed": first.config.seed})) for member in loaded]
    return replace(alike[0], others=tuple(alike[1:]))


def member_folders(folder: Path) -> list[Path]:
    """The model folders that `ensemble.json` of a model folder names, in its order.

    Raises `DataError` where it names none, one outside the folder, or one that is no lone model.
    """
    path = ModelLayout(folder).ensemble
    try:
        names = read_sealed(path, NOT_WHOLE).get("members")
    except FileNotFoundError:
        raise DataError(f"{path}: missing; {NOT_WHOLE}") from None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: members is no list of folders; {AGAIN}")
    places = [inside(folder, name, str(path)) for name in names]
    if len({place.resolve() for place in places}) < len(places):
        raise DataError(f"{path}: members name a folder twice; {AGAIN}")
    for place in places:
        own = ModelLayout(place)
        if not own.facts.is_file() or own.ensemble.exists() or not place.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{place}: is no folder of one model; {AGAIN}")
    return places


def write_ensemble(folder: Path, models: Sequence[Path]) -> None:
    """Copies model folders, of one model or of an ensemble, into one that is the ensemble of them all; what lay there
    goes.

    Raises `UsageError`, before anything is written, as `check_alike` does.
    """
    lone = check_alike(models)
    layout = ModelLayout(folder)
    layout.ensemble.unlink(missing_ok=True)
    shutil.rmtree(folder / "members", ignore_errors=True)
    places = [layout.member(number).folder for number in range(len(lone))]
    for source, place in zip(lone, places, strict=True):
        copy_model(source, place)
    write_sealed(layout.ensemble, {"members": [place.relative_to(folder).as_posix() for place in places]})


def check_alike(models: Sequence[Path]) -> list[Path]:
    """The folders of all models in several model folders. Raises `UsageError` where they answer for other findings,
    read other inputs or read and answer otherwise."""
    lone = [place for model in models for place in lone_models(model)]
    descriptions = [load_description(place)[:2] for place in lone]
    for place, description in zip(lone, descriptions, strict=True):
        if reason := difference(descriptions[0], description):
            raise UsageError(f"{place}: {reason}, unlike {lone[0]}; only models that answer alike are averaged")
    return lone


def lone_models(folder: Path) -> list[Path]:
    """The folders of the models in a model folder: itself, or the members of an ensemble."""
    return member_folders(folder) if ModelLayout(folder).ensemble.is_file() else [folder]


def _first_of(folder: Path, facts: ModelFacts) -> SavedModel | None:
    """The first stage that lies in a model folder. Raises `DataError` where it is not the one whose descriptors the
    model was trained on."""
    if facts.first is None:
        return None
    place = ModelLayout(folder).first
    if place.is_symlink():
        raise DataError(f"{place}: is a link, not the folder itself; {AGAIN}")
    first = load_model(place)
    if weights_digest(place) != facts.first:
        raise DataError(
            f"{place}: holds other weights than those whose descriptors this model was trained on; copy the whole "
            "model folder again"
        )
    return first


def copy_first(store: Store, folder: Path, facts: ModelFacts) -> None:
    """The model that left the descriptors of a store into a model folder, where the model of `facts` reads them."""
    if facts.first is not None:
        copy_model(ModelLayout(store.folder).first, ModelLayout(folder).first)


def copy_model(source: Path, folder: Path) -> None:
    """A model folder, and nothing that lies beside it. Raises `DataError` as `copy_files` does."""
    copy_files(source, folder)


def weights_digest(folder: Path) -> str:
    """32 hex digits that tell the weights in a model folder from others; those of an ensemble hang on all members."""
    if ModelLayout(folder).ensemble.is_file():
        digests = "".join(weights_digest(place) for place in member_folders(folder))
        return hashlib.blake2b(digests.encode(), digest_size=16).hexdigest()
    weights = ModelLayout(folder).weights
    try:
        return digest_of(weights)
    except FileNotFoundError:
        raise DataError(f"{weights}: missing; training has not reached its first validation") from None
