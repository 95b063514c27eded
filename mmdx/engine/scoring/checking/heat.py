"""Heat over the images of a study: Grad-CAM, integrated gradients, and Grad-CAM of a model whose weights are chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mmdx.engine.scoring.checking.asked import Explained
from mmdx.engine.scoring.grad_cam import heat_of
from mmdx.models.model import MultimodalModel

STEPS = 16
"""Points of the path along which gradients are integrated."""
BLUR = 4
"""An image is blurred by taking the mean over a quarter of its side, and back: what tells little of a lesion."""
Heat = Float[Tensor, "p h w"]
"""Over the images on which an answer stands."""


def grad_cam(asked: Explained) -> Heat:
    """Grad-CAM (Selvaraju et al. 2017)."""
    pairs = [(image, asked.column) for image in asked.images]
    with torch.no_grad():
        return heat_of(asked.model, asked.batch, asked.output, asked.modality, pairs)


def integrated_gradients(asked: Explained) -> Heat:
    """Integrated gradients (Sundararajan et al. 2017) from the blurred images to the images, by captum; what speaks
    for the finding, summed over channels."""
    from captum.attr import IntegratedGradients  # imported here: it is slow to import, and few ask for it

    images = asked.seen().detach()

    def logits(several: Float[Tensor, "p n k h w"]) -> Float[Tensor, "p"]:
        return torch.stack([asked.logit(one) for one in several])

    with torch.backends.cudnn.flags(enabled=False):
        method = IntegratedGradients(logits)
        shares = method.attribute(images[None], blurred(images)[None], n_steps=STEPS, internal_batch_size=1)
    return shares[0].detach().sum(dim=1).clamp(min=0).float()


def blurred(images: Float[Tensor, "n k h w"]) -> Float[Tensor, "n k h w"]:
    """The images without what is small in them."""
    size = images.shape[-2:]
    coarse = F.adaptive_avg_pool2d(images, (min(BLUR, size[0]), min(BLUR, size[1])))
    return F.interpolate(coarse, size, mode="bilinear", align_corners=False)


METHODS: Mapping[str, Callable[[Explained], Heat]] = {
    "Grad-CAM": grad_cam,
    "integrated gradients": integrated_gradients,
}


def dealt_anew(model: MultimodalModel, generator: torch.Generator) -> MultimodalModel:
    """A model of the same shape whose weights are chance (Adebayo et al. 2018): each tensor is dealt anew among its own
    values."""
    model = deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            values = parameter.flatten()
            order = torch.randperm(len(values), generator=generator).to(values.device)
            parameter.copy_(values[order].view_as(parameter))
    return model


def under(asked: Explained, model: MultimodalModel) -> Explained:
    """The same images of the same study, explained by another model."""
    with torch.no_grad():
        output = model(asked.batch)
    return replace(asked, model=model, output=output)


def likeness(first: Heat, second: Heat) -> float:
    """The size of Spearman's correlation of two heats over all pixels; NaN where one is the same everywhere."""
    ranks = [_ranks(heat.flatten()) for heat in (first, second)]
    centred = [rank - rank.mean() for rank in ranks]
    size = centred[0].norm() * centred[1].norm()
    return float((centred[0] @ centred[1]).abs() / size) if size > 0 else float("nan")


def rolled(heat: Heat, generator: torch.Generator) -> Heat:
    """The same heat elsewhere: moved by chance within its images, as smooth and as large as before."""
    height, width = heat.shape[-2:]
    draw = partial(torch.randint, size=(1,), generator=generator)
    return heat.roll((int(draw(height // 4, 3 * height // 4 + 1)), int(draw(width // 4, 3 * width // 4 + 1))), (1, 2))


def _ranks(values: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Ranks from 0, equal values sharing their mean."""
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    return (ends - (counts.double() + 1) / 2)[inverse]
