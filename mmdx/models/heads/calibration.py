"""What a head's logits are worth: a scale and a shift per finding, found on studies that the model has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.strangers.sealed import number_in


class Calibration(nn.Module):
    """Logits `[k f]` times `scale` plus `shift`, one of each per finding, in float32.

    It lies beside the weights and is no part of them: the state of a model has the same names with it and without.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Float[Tensor, "f"], shift: Float[Tensor, "f"]) -> None:
        super().__init__()
        self.register_buffer("scale", scale.float(), persistent=False)
        self.register_buffer("shift", shift.float(), persistent=False)

    def forward(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        return logits.float() * self.scale + self.shift

    def to_json(self, findings: Sequence[str]) -> dict[str, dict[str, float]]:
        """`{"scale": {finding: value}, "shift": {finding: value}}`."""
        return {
            name: dict(zip(findings, values.tolist(), strict=True))
            for name, values in (("scale", self.scale), ("shift", self.shift))
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Mapping[str, float]], findings: Sequence[str]) -> Calibration:
        """Raises `ValueError` where a finding has no finite number, or another one has."""
        for part in ("scale", "shift"):
            if set(raw.get(part, ())) != set(findings):
                raise ValueError(f"{part} is not of the findings {', '.join(findings)}")
        scale, shift = (torch.tensor([number_in(raw[part], name) for name in findings]) for part in ("scale", "shift"))
        return cls(scale, shift)
