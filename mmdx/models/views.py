"""A view turns stored pixels into the channels that an image encoder reads."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from mmdx.errors import UsageError
from mmdx.registry import IMAGE_VIEWS


class View(nn.Module, ABC):
    """Stored pixels `[n c h w]` (int16 Hounsfield units or uint8) to float channels in [0, 1]; belongs to the model."""

    channels: int
    """How many channels come out."""

    @abstractmethod
    def forward(self, pixels: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]: ...


@IMAGE_VIEWS("windows")
class Windows(View):
    """CT windows as channels: each `[centre, width]` in Hounsfield units maps centre ± width / 2 to 0..1, clipped.

    The default three are brain, subdural and soft tissue as in Burduja et al. 2020. Of a stack each scan comes out in
    every window, scan after scan.
    """

    low: Tensor
    width: Tensor

    def __init__(
        self, stored: int, *, windows: tuple[tuple[float, float], ...] = ((40.0, 80.0), (80.0, 200.0), (40.0, 380.0))
    ) -> None:
        super().__init__()
        if not windows or any(width <= 0 for _, width in windows):
            raise UsageError(f"view windows: each window is [centre, width] with a width above 0; found {windows}")
        centre, width = torch.tensor(windows, dtype=torch.float32).T
        self.register_buffer("low", (centre - width / 2).reshape(1, -1, 1, 1))
        self.register_buffer("width", width.reshape(1, -1, 1, 1))
        self.channels = stored * len(windows)

    def forward(self, pixels: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        scans = pixels.float().unsqueeze(2)
        return ((scans - self.low) / self.width).clamp(0, 1).flatten(1, 2)


@IMAGE_VIEWS("grey")
class Grey(View):
    """uint8 intensities to 0..1, repeated over `channels` (3 suits encoders pretrained on photographs)."""

    def __init__(self, stored: int, *, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, pixels: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        grey = pixels.float().mean(dim=1, keepdim=True) / 255
        return grey.expand(-1, self.channels, -1, -1)


@IMAGE_VIEWS("stacked")
class Stacked(View):
    """uint8 intensities to 0..1, every channel of a stack as it is; `channels` takes them in turn until there are so
    many (None: each once).

    A pretrained encoder fits its first layer to any number of channels; with 3 it reads brain, bone, brain with the
    very weights that it had on photographs.
    """

    def __init__(self, stored: int, *, channels: int | None = None) -> None:
        super().__init__()
        self.channels = channels or stored
        if self.channels < stored:
            raise UsageError(f"view stacked: channels={channels} leaves some of {stored} out; give {stored} or more")
        self.turn = [channel % stored for channel in range(self.channels)]

    def forward(self, pixels: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        return pixels[:, self.turn].float() / 255


@IMAGE_VIEWS("rgb")
class Rgb(View):
    """uint8 colour to 0..1; grey images are repeated over the three channels."""

    def __init__(self, stored: int) -> None:
        super().__init__()
        self.channels = 3

    def forward(self, pixels: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        return (pixels.float() / 255).expand(-1, 3, -1, -1)
