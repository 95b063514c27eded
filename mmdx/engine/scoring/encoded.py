"""A frozen encoder sees each image of a store once: what it gives is kept beside the store and read in place of pixels.

That is so where an encoder gives the same for an image whenever it is seen: nothing of it learns, nothing augments the
images, and no head asks for its feature maps. Epochs, folds, seeds, ablations, guidance and the scoring of splits share
what is kept, under a key over all that it depends on. The model stays one of images: it predicts from raw files.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import timm
import torch
from accelerate.utils import broadcast_object_list
from jaxtyping import Float32
from torch import nn

from mmdx.data.loading.encoded import Encoded, account_of, lay_out, put, read_encoded, write_account
from mmdx.data.loading.reading import Reading
from mmdx.data.store.lock import hold, hold_waiting
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import BatchRecipe, Share, build_loader
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.runs.setting import Setting
from mmdx.errors import DataError
from mmdx.files import PARTIAL, written
from mmdx.kinds import KINDS
from mmdx.models.branches.images import AT_ONCE, ImageBranch

FOLDER = "encoded"
"""The folder of a store that holds what frozen encoders gave for its images."""
ENCODED_FORMAT = 1
"""Rises whenever the same encoder would give other values for the same images."""


def encodable(saved: SavedModel) -> dict[str, ImageBranch]:
    """The image inputs whose encoder gives the same for an image in every epoch, with their branches.

    With `neighbours` a descriptor depends on the images beside its own: then all must be read, as certified.
    """
    data = saved.config.data
    plain = Reading.of(data, saved.config.seed).of_descriptors() == Reading(seed=saved.config.seed)
    plain = plain and data.max_images is None
    return {
        name: branch
        for name, branch in saved.model.branches.items()
        if isinstance(branch, ImageBranch)
        and not saved.model.maps[name]
        and (plain or not branch.neighbours)
        and branch.repeats_itself()
    }


def encode_once(saved: SavedModel, setting: Setting) -> SavedModel:
    """`saved` with the descriptors of all images of the store that its frozen encoders see, by input.

    What is not kept yet is computed now, in float32. All processes share the work; two trainings do not do it twice.
    Raises `DataError` where the disk is full. Where nothing can be kept, a line says so, and pixels are read.
    """
    encoded = {name: _found_or_made(saved, setting, name) for name in encodable(saved)}
    return replace(saved, encoded={name: vectors for name, vectors in encoded.items() if vectors is not None})


def with_descriptors(saved: SavedModel, store: Store) -> SavedModel:
    """`saved` with those descriptors of its frozen encoders that are kept already; nothing is computed.

    Raises `DataError` where a file of them is broken.
    """
    if saved.encoded or not any(folder.is_dir() for folder in _folders(store)):
        return saved
    kept = {name: _kept(store, key_of(key_parts(saved, store, name))) for name in encodable(saved)}
    return replace(saved, encoded={name: vectors for name, vectors in kept.items() if vectors is not None})


def descriptors_at_hand(
    saved: SavedModel, store: Store, modality: str, rows: Sequence[int]
) -> list[Float32[np.ndarray, "_ _"]] | None:
    """The descriptors of all images of these rows, one array per row; None where none are kept of a frozen encoder.

    A modality that is stored as descriptors gives these. They are of all images, in certified order, whatever the
    config reads.
    """
    facts = store.modalities.get(modality)
    if facts is not None and KINDS[facts.kind].sliced and facts.width:
        return [store.read(row).vectors(modality) for row in rows]
    vectors = with_descriptors(saved, store).encoded.get(modality)
    return None if vectors is None else [vectors.of(row) for row in rows]


def key_parts(saved: SavedModel, store: Store, modality: str) -> dict[str, Any]:
    """Everything that the descriptors of a modality depend on, as plain values."""
    branch, section = _image_branch(saved, modality), saved.config.model.inputs[modality]
    return {
        "format": ENCODED_FORMAT,
        "store": store.fingerprint,
        "modality": list(store.layout.parts(modality)),
        "size": store.layout.size,
        "view": section.view.model_dump(mode="json") if section.view is not None else None,
        "neighbours": section.neighbours,
        "encoder": section.encoder.model_dump(mode="json"),
        "architecture": dict(branch.encoder.architecture),
        "weights": _weights_of(branch.view, branch.encoder),
        "code": [_code_of(branch.view), _code_of(branch.encoder)],
        "precision": "float32",
        "device": next(saved.model.parameters()).device.type,
        "versions": {"torch": torch.__version__, "timm": timm.__version__},
    }


def key_of(parts: Mapping[str, Any]) -> str:
    """32 hex digits that tell these descriptors from all others."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _image_branch(saved: SavedModel, modality: str) -> ImageBranch:
    branch = saved.model.branches[modality]
    if not isinstance(branch, ImageBranch):
        raise TypeError(f"'{modality}' is read by {type(branch).__name__}, which sees no images")
    return branch


def _weights_of(*parts: nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        for name, tensor in [*part.named_parameters(), *part.named_buffers()]:
            array = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {array.dtype} {list(array.shape)};".encode())
            digest.update(array.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _code_of(part: nn.Module) -> str | None:
    """What tells the code of a plugin's part from what it was before its author changed it; None for mmdx's own."""
    source = inspect.getsourcefile(type(part))
    if type(part).__module__.startswith("mmdx.") or source is None:
        return None
    return hashlib.blake2b(Path(source).read_bytes(), digest_size=16).hexdigest()


def _folders(store: Store) -> list[Path]:
    """Where files may lie: beside the store, or in the user's cache where nobody may write beside the store."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmdx"
    return [store.folder / FOLDER, cache / FOLDER]


def _places(store: Store, key: str) -> list[Path]:
    return [folder / f"{key}.npy" for folder in _folders(store)]


def _kept(store: Store, key: str) -> Encoded | None:
    place = next((place for place in _places(store, key) if account_of(place).is_file()), None)
    return None if place is None else read_encoded(place)


def _found_or_made(saved: SavedModel, setting: Setting, modality: str) -> Encoded | None:
    """The descriptors of a modality, on every process; None where there are no images, or no place to keep them."""
    store, accelerator = setting.store, setting.accelerator
    if not store.lengths(modality).any():
        return None
    parts = key_parts(saved, store, modality)
    place, lock = _reserved(setting, key_of(parts)) if setting.is_main else (None, None)
    # The main process alone looks: another could find a file that the first has made by then.
    place, missing = broadcast_object_list([place, lock is not None])
    if place is None:
        return None
    try:
        if missing:
            _encode(saved, setting, modality, place, parts)
    finally:
        if lock is not None:
            lock.close()
    accelerator.wait_for_everyone()
    return read_encoded(place)


def _reserved(setting: Setting, key: str) -> tuple[Path | None, IO[str] | None]:
    """Where the descriptors of a key lie, and the lock under which this process is to make them, None where they are
    whole."""
    refusal = ""
    for place in _places(setting.store, key):
        if _is_whole(place, setting):
            return place, None
    for place in _places(setting.store, key):
        waits = place.with_suffix(".lock")
        try:
            lock = hold(waits)
        except OSError as error:
            refusal = f"{place.parent}: {error.strerror}"
            continue
        if lock is None:
            setting.say(f"{place}: another training makes it; waiting")
            lock = hold_waiting(waits)
        if _is_whole(place, setting):  # made while this one waited
            lock.close()
            return place, None
        return place, lock
    setting.say(f"{refusal}; descriptors of frozen encoders cannot be kept, so that every epoch encodes again")
    return None, None


def _is_whole(place: Path, setting: Setting) -> bool:
    """Whether a file can be read; a broken one is named, and made anew."""
    if not account_of(place).is_file():
        return False
    try:
        read_encoded(place)
    except DataError as error:
        setting.say(f"{error}: made anew now")
        return False
    return True


def _encode(saved: SavedModel, setting: Setting, modality: str, place: Path, parts: Mapping[str, Any]) -> None:
    """Writes the descriptors of a modality, each process those of its share of the studies: whole, or not at all."""
    store, accelerator = setting.store, setting.accelerator
    lengths, width = store.lengths(modality), _image_branch(saved, modality).encoder.dim
    count, starts = int(lengths.sum()), dict(zip(store.study_ids, np.cumsum(lengths) - lengths, strict=True))
    beside = place.with_name(f"{place.name}{PARTIAL}")
    setting.say(f"{modality}: {count} images through the frozen encoder, once; kept in {place}")
    if setting.is_main:
        account_of(place).unlink(missing_ok=True)
    try:
        with written(place) if setting.is_main else nullcontext(beside) as partial:
            if setting.is_main:
                lay_out(partial, count, width)
            accelerator.wait_for_everyone()
            for study, vectors in _described(saved, setting, modality):
                put(partial, int(starts[study]), count, vectors)
            accelerator.wait_for_everyone()
        if setting.is_main:
            write_account(place, lengths.tolist(), parts)
    except OSError as error:
        raise DataError(f"{place}: cannot be written ({error.strerror}); make room, then train --resume") from None
    accelerator.wait_for_everyone()


def _described(saved: SavedModel, setting: Setting, modality: str) -> Iterator[tuple[str, Float32[np.ndarray, "_ _"]]]:
    """This process's share of the studies, a batch at a time: its first study, and the descriptors of all its images.

    What a batch holds does not depend on the config, so that the same key has the same values.
    """
    branch, accelerator, recipe = _image_branch(saved, modality), setting.accelerator, plain_recipe(saved.recipe)
    train = recipe.config.train.model_copy(update={"slices": AT_ONCE, "studies": AT_ONCE})
    recipe = replace(recipe, config=recipe.config.model_copy(update={"train": train}))
    rows, share = range(len(setting.store)), Share.of(accelerator)
    loader, sampler = build_loader(recipe, setting.store, rows, shuffle=False, shown=[modality], share=share)
    (total, unit), done = sampler.amount(), 0
    was_training = saved.model.training
    saved.model.eval()
    for number, batch in enumerate(loader):
        setting.count(f"encoding {modality}", done, total, unit)
        done += sampler.amount(slice(number, number + 1))[0]
        packed = batch.to(accelerator.device).inputs[modality]
        if len(packed.values):
            with torch.inference_mode():
                vectors = branch.vectors_of(packed)
            yield batch.study_ids[0], vectors.float().cpu().numpy()
    saved.model.train(was_training)


def plain_recipe(recipe: BatchRecipe) -> BatchRecipe:
    """A recipe that reads all images of a study in certified order, whatever `data` of its config leaves out or moves,
    in this process."""
    data, train = recipe.config.data, recipe.config.train
    changes = {
        "data": data.model_copy(update={"max_images": None, "order": "certified", "drop_images": 0.0}),
        "train": train.model_copy(update={"workers": 0}),
    }
    return replace(recipe, config=recipe.config.model_copy(update=changes))
