"""A model on disk: safetensors, JSON and YAML; nothing is ever unpickled.

A model folder (`mmdx.files.ModelLayout`) holds the config, sizes and architectures, tokenizers and weights: it moves to
another machine as it is and loads with no network. Every file appears under its name only when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmdx.config_file import dump_config, read_config
from mmdx.data.loading.encoded import Encoded
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.loader import BatchRecipe
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.parts import register_parts
from mmdx.engine.assembly.texts import target_key
from mmdx.errors import DataError, reason
from mmdx.files import PARTIAL, ModelLayout, write_json, write_text, written
from mmdx.kinds import KINDS
from mmdx.models.heads.base import FindingsHead
from mmdx.models.heads.calibration import Calibration
from mmdx.models.model import MultimodalModel
from mmdx.schema import Config


@dataclass(frozen=True)
class SavedModel:
    """A model with what it needs to read a study; `first` makes the descriptors that it reads of images.

    `encoded` is what its frozen encoders gave for the images of a store, by input, where that is at hand.
    """

    model: MultimodalModel
    config: Config
    facts: ModelFacts
    tokenizers: Mapping[str, ReportTokenizer]
    first: SavedModel | None = None
    encoded: Mapping[str, Encoded] = field(default_factory=dict)

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
    for name, tokenizer in tokenizers.items():
        tokenizer.save(layout.tokenizer(name))
    write_json(layout.facts, facts.to_json())


def write_weights(folder: Path, model: nn.Module) -> None:
    save_tensors(ModelLayout(folder).weights, model.state_dict(), {})


def load_description(folder: Path) -> tuple[Config, ModelFacts, dict[str, ReportTokenizer]]:
    """Config, sizes and tokenizers of a model folder. Raises `DataError` where one is missing or broken."""
    layout = ModelLayout(folder)
    config = read_config(layout.config)
    register_parts(config)
    try:
        facts = ModelFacts.from_json(json.loads(layout.facts.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise DataError(f"{layout.facts}: cannot be read ({error}); the model folder is not whole") from None
    texts = [name for name, sizes in facts.inputs.items() if KINDS[sizes.kind].worded]
    texts += [target_key(name) for name in facts.texts]
    return config, facts, {name: ReportTokenizer.load(layout.tokenizer(name)) for name in texts}


def load_model(folder: Path) -> SavedModel:
    """The model in a model folder, in evaluation mode, on the CPU.

    Raises `DataError` where the folder is not whole or the weights do not fit.
    """
    config, facts, tokenizers = load_description(folder)
    model, _ = build_model(config, facts)
    try:
        model.load_state_dict(load_file(ModelLayout(folder).weights))
    except FileNotFoundError:
        raise DataError(
            f"{ModelLayout(folder).weights}: missing; training has not reached its first validation"
        ) from None
    except (SafetensorError, RuntimeError) as error:
        raise DataError(
            f"{ModelLayout(folder).weights}: does not hold this model's weights ({reason(error)})"
        ) from None
    _calibrate(model, folder, facts)
    return SavedModel(model.eval(), config, facts, tokenizers, _first_of(folder, facts))


def write_calibration(folder: Path, calibrations: Mapping[str, Calibration], facts: ModelFacts) -> None:
    """Writes the calibration of each head, by its name."""
    content = {name: calibration.to_json(facts.findings) for name, calibration in calibrations.items()}
    write_json(ModelLayout(folder).calibration, content)


def _calibrate(model: MultimodalModel, folder: Path, facts: ModelFacts) -> None:
    """Gives the heads of a model the calibration that lies in its folder, where one does."""
    path = ModelLayout(folder).calibration
    if not path.is_file():
        return
    try:
        for name, raw in json.loads(path.read_text(encoding="utf-8")).items():
            head = model.answering[name]
            if isinstance(head, FindingsHead):
                head.calibration = Calibration.from_json(raw, facts.findings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); copy the whole model folder again") from None


def _first_of(folder: Path, facts: ModelFacts) -> SavedModel | None:
    """The first stage that lies in a model folder. Raises `DataError` where it is not the one whose descriptors the
    model was trained on."""
    if facts.first is None:
        return None
    place = ModelLayout(folder).first
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
    """A model folder, and nothing that lies beside it."""
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(f"*{PARTIAL}"))


def weights_digest(folder: Path) -> str:
    """32 hex digits that tell the weights in a model folder from others."""
    digest, weights = hashlib.blake2b(digest_size=16), ModelLayout(folder).weights
    try:
        with weights.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except FileNotFoundError:
        raise DataError(
            f"{ModelLayout(folder).weights}: missing; training has not reached its first validation"
        ) from None
    return digest.hexdigest()


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Writes tensors, whole or not at all, with `header` as their metadata. Raises `DataError` where it cannot."""
    try:
        with written(path) as partial:
            save_file(_contiguous(tensors), partial, metadata={"format": "pt", **header})
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path}: cannot be written ({reason(error)}); make room, then go on with train --resume"
        ) from None


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU: safetensors refuses views that share memory, such as an expanded buffer."""
    return {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
