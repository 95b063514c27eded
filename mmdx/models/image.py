"""Image encoders: each image becomes a vector, by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import timm
import torch
from jaxtyping import Float
from timm.models import group_parameters
from torch import Tensor, nn

from mmdx.errors import UsageError
from mmdx.models.weights import find_weights, read_weights, rename_by_order
from mmdx.registry import IMAGE_ENCODERS

PLAIN = {"mean": (0.5,), "std": (0.5,)}
"""How an encoder without pretrained weights normalises a channel in [0, 1]."""


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

    `pretrained` is `hub` (timm's own weights, downloaded), a local weight file, or an installed package that carries
    one (fitted by name, else by order and shape); None starts at random. `frozen` keeps weights and batch-norm
    statistics as they are. Channels are normalised by the mean and deviation that the pretrained weights expect, 0.5
    where there are none.
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
        pretrained: str | None = None,
        frozen: bool = False,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if not timm.is_model(name):
            near = ", ".join(timm.list_models(f"*{name}*")[:5]) or "timm.list_models() names them all"
            raise UsageError(f"image encoder timm: no timm model is called '{name}'; {near}")
        start = pretrained if architecture is None else None
        self.network = _create(name, channels, start, drop_rate)
        self.frozen, self.pretrained = frozen, pretrained is not None
        if frozen:
            self.network.requires_grad_(False)
        self.dim = int(cast(int, self.network.num_features))
        self.maps = _map_channels(self.network)
        expects = cast(Mapping[str, tuple[float, ...]], self.network.pretrained_cfg if pretrained else PLAIN)
        self.architecture = architecture or {
            "mean": _channelwise(expects["mean"], channels),
            "std": _channelwise(expects["std"], channels),
        }
        self.register_buffer("mean", torch.tensor(self.architecture["mean"]).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(self.architecture["std"]).reshape(1, -1, 1, 1), persistent=False)

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
    if pretrained == "hub":
        return timm.create_model(name, pretrained=True, **options)
    path = find_weights(pretrained)
    if path is None:
        raise UsageError(
            f"image encoder timm: pretrained '{pretrained}' is neither hub, a file, nor an installed package"
        )
    with torch.device("meta"):
        reference = timm.create_model(name)
    named = cast(Mapping[str, Any], reference.pretrained_cfg).get("classifier") or ()
    classifier = [named] if isinstance(named, str) else list(named)
    state = rename_by_order(read_weights(path), reference.state_dict(), str(path), classifier=classifier)
    # timm itself then fits the first convolution to the channels and drops the classifier.
    return timm.create_model(
        name, pretrained=True, pretrained_cfg_overlay={"state_dict": state, "source": ""}, **options
    )


def _channelwise(values: tuple[float, ...], channels: int) -> list[float]:
    """One value per channel. Where `channels` is a multiple of `len(values)` the values are repeated, as timm repeats
    its first convolution; otherwise each channel gets their mean."""
    times, rest = divmod(channels, len(values))
    return [sum(values) / len(values)] * channels if rest else list(values) * times
