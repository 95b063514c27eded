"""The pretrained weights that a model was built on: whose they are, under which licence, and whether they are gated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import timm
from huggingface_hub import HfApi, constants

from mmdx.engine.sharing.clean import is_path
from mmdx.models.image import HUB
from mmdx.models.weights import find_model_folder
from mmdx.schema import Component, Config

UNKNOWN = "unknown"
PATIENCE = 4.0
"""Seconds in which the Hub must answer what it knows of a model."""


@dataclass(frozen=True)
class Origin:
    """Pretrained weights: of which input, the model of the Hub that they are (`repository`, None where that is not
    known), their `licence` and whether the Hub gates them, each as far as it is known."""

    input: str
    repository: str | None
    licence: str = UNKNOWN
    gated: bool | None = None

    @property
    def words(self) -> str:
        """What is known of them, as a sentence."""
        if self.repository is None:
            return f"{self.input}: weights of a file or a package, whose origin and licence are {UNKNOWN} here"
        gate = {True: "gated: its terms hold for what is made of it", False: "not gated", None: "gating unknown"}
        return f"{self.input}: {self.repository}, licence {self.licence}, {gate[self.gated]}"


def origins_of(configs: Sequence[Config], *, ask: bool) -> list[Origin]:
    """The pretrained weights in models of these configs, each once; with `ask`, what the Hub knows of them."""
    found = [_origin(name, part.encoder) for config in configs for name, part in config.model.inputs.items()]
    origins = list(dict.fromkeys(origin for origin in found if origin is not None))
    return [_asked(origin) for origin in origins] if ask else origins


def _origin(name: str, encoder: Component) -> Origin | None:
    """Where the weights of an encoder began, as its config says; None where they began at random."""
    pretrained, source = encoder.options.get("pretrained"), encoder.options.get("source")
    if encoder.type == "timm" and pretrained == HUB:
        known = timm.get_pretrained_cfg(str(encoder.options["name"]))
        repository, licence = (known.hf_hub_id, known.license) if known is not None else (None, None)
        return Origin(name, repository, licence or UNKNOWN)
    if isinstance(source, str) and source:
        return Origin(name, source if _on_hub(source) else None)
    return Origin(name, None) if pretrained else None


def _on_hub(source: str) -> bool:
    """Whether a source is a name of the Hub: no path by its form, no folder, no package."""
    return not is_path(source) and not Path(source).exists() and find_model_folder(source) is None


def _asked(origin: Origin) -> Origin:
    """An origin with what the Hub says of it; as it is where the Hub does not answer, or does not know it."""
    if origin.repository is None or constants.HF_HUB_OFFLINE:
        return origin
    try:
        told = HfApi().model_info(origin.repository, timeout=PATIENCE)
    except Exception:  # a request fails in a dozen unrelated types; what is not known is said to be unknown
        return origin
    licence = told.card_data.get("license") if told.card_data is not None else None
    return replace(origin, licence=str(licence or origin.licence), gated=bool(told.gated))
