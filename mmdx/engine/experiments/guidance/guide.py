"""The guidance model, which guesses the superior latent from the inferior one.

It is trained on frozen latents, checked against the trivial answer (the mean of the training latents), and put between
the encoders of the inferior model and the heads of the superior one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn

from mmdx.batch import Batch
from mmdx.data.store.store import Store
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.saved import SavedModel, write_weights
from mmdx.engine.experiments.guidance.latents import Latents, fit_on_latents
from mmdx.engine.experiments.guidance.studies import GuidedStudies
from mmdx.engine.runs.log import append_log, drop_log_after
from mmdx.files import ModelLayout, RunLayout, write_json
from mmdx.models.fusion.guided import Guide, Guided
from mmdx.models.fusion.pooled import Fusion
from mmdx.models.heads.base import Head
from mmdx.schema import Component, Config, GuidanceConfig
from mmdx.stats.comparison.recovery import variance_explained
from mmdx.stats.resampling.intervals import Estimate

CHECK = "metrics.json"
"""What the guidance model explains; the last file of its folder."""


def teach(
    run: RunLayout,
    inferior: Latents,
    superior: Latents,
    studies: GuidedStudies,
    store: Store,
    options: GuidanceConfig,
    seed: int,
) -> None:
    """Trains the guidance model on training studies that have both sides, to its best validation error.

    The folder of `run` gets its weights, its log and its check, which is written last.
    """
    before, after = ({split: side.of(rows) for split, rows in studies.both.items()} for side in (inferior, superior))
    torch.manual_seed(seed)
    guide = Guide(after["train"].shape[1], dropout=options.dropout)
    lines = fit_guide(guide, (before["train"], after["train"]), (before["val"], after["val"]), options, seed)
    mean = after["train"].mean(dim=0)
    check = {}
    for split in ("val", "test"):
        rows = studies.both[split]
        patients = np.unique([store.patient_ids[row] for row in rows], return_inverse=True)[1]
        with torch.no_grad():
            explained = check_guide(guide(before[split]), after[split], mean, patients)
        check[split] = record(explained, len(rows), int(patients.max()) + 1)
    run.folder.mkdir(parents=True, exist_ok=True)
    write_weights(run.folder, guide)
    drop_log_after(run.log, 0)
    for line in lines:
        append_log(run.log, line)
    write_json(run.folder / CHECK, check)


def fit_guide(
    guide: Guide,
    train: tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]],
    val: tuple[Float[Tensor, "k d"], Float[Tensor, "k d"]],
    options: GuidanceConfig,
    seed: int,
) -> list[dict[str, int | float]]:
    """Fits `guide` to pairs of inferior and superior latents by mean squared error; returns one line per epoch.

    `train` and `val` hold the inferior latents, then the superior ones. An error of 1 is that of the trivial answer:
    errors are divided by the variance of the superior training latents.
    """
    guide.set_scales(*train)
    unit = guide.spread.square()
    return fit_on_latents(
        guide,
        lambda rows: F.mse_loss(guide(train[0][rows]), train[1][rows]) / unit,
        lambda: float(F.mse_loss(guide(val[0]), val[1]) / unit),
        count=len(train[0]),
        options=options,
        seed=seed,
    )


def check_guide(
    guesses: Float[Tensor, "n d"],
    superior: Float[Tensor, "n d"],
    mean: Float[Tensor, "d"],
    patients: Int[np.ndarray, "n"],
) -> Estimate:
    """R² of the guesses against the trivial answer, the mean latent of training, with its interval over patients."""
    errors = (guesses - superior).square().sum(dim=1).numpy().astype(np.float64)
    trivial = (mean - superior).square().sum(dim=1).numpy().astype(np.float64)
    return variance_explained(errors, trivial, patients)


def record(explained: Estimate, studies: int, patients: int) -> dict[str, Any]:
    """The check of one split for a JSON file."""
    beats = explained.low is not None and explained.low > 0
    facts = {"studies": studies, "patients": patients, "beats_trivial": beats}
    return {"r2": explained.to_json(), **facts}


def said_of(check: dict[str, Any]) -> list[str]:
    """The check in words, with a warning where guidance is no better than the trivial answer."""
    lines = []
    for split, name in (("val", "validation"), ("test", "test")):
        counts, r2 = check[split], check[split]["r2"]
        value = "undefined" if r2["value"] is None else f"{r2['value']:.3f}"
        bounds = f"no interval: {r2['refused']}" if r2["refused"] else f"{r2['low']:.3f} to {r2['high']:.3f}"
        lines.append(
            f"guidance explains R² {value} ({bounds}) of the superior latent, on {counts['studies']} {name} studies of "
            f"{counts['patients']} patients"
        )
    if not check["val"]["beats_trivial"]:
        lines.append(
            "warning: guidance is not shown to be better than the trivial answer, the mean superior latent of training:"
            " what is guided below rests on nothing"
        )
    return lines


def guide_of(folder: Path, dim: int, options: GuidanceConfig) -> Guide:
    """The guidance model that a stage left, in evaluation mode."""
    guide = Guide(dim, dropout=options.dropout)
    guide.load_state_dict(load_file(ModelLayout(folder).weights))
    return guide.eval()


def guided_fusion(inferior: SavedModel, options: GuidanceConfig, *, beside: bool) -> Component:
    """The fusion of the inferior model with guidance behind it; `beside` keeps the inferior latent beside the guess."""
    base = inferior.config.model.fusion.model_dump()
    return Component.model_validate({"type": "guided", "base": base, "own": beside, "dropout": options.dropout})


def between(config: Config, inferior: SavedModel, guide: Guide, superior: SavedModel | None) -> SavedModel:
    """A model of `config` with the inferior model's encoders, guidance, and the superior model's heads (None: new)."""
    torch.manual_seed(config.seed)
    model, facts = build_model(config, inferior.facts)
    model.branches.load_state_dict(inferior.model.branches.state_dict())
    model.stand_ins.load_state_dict(inferior.model.stand_ins.state_dict())
    fusion = guided(model.fusion)
    fusion.base.load_state_dict(inferior.model.fusion.state_dict())
    fusion.guide.load_state_dict(guide.state_dict())
    if superior is not None:
        for name, head in model.answering.items():
            head.load_state_dict(superior.model.answering[name].state_dict())
    return SavedModel(model.eval(), config, facts, inferior.tokenizers)


def guided(fusion: Fusion) -> Guided:
    """`fusion`, which must be one with guidance. Raises `TypeError` for another."""
    if not isinstance(fusion, Guided):
        raise TypeError(f"{type(fusion).__name__} is no fusion with guidance")
    return fusion


def decode_both(
    saved: SavedModel, inferior: Latents, studies: GuidedStudies, options: GuidanceConfig
) -> list[dict[str, int | float]]:
    """Trains the new decoder of a model on inferior latents and the guesses of guidance; returns one line per epoch.

    Encoders and guidance stay as they are. The decoder learns from all training studies with the inferior modality, to
    its best validation loss.
    """
    fusion, heads = guided(saved.model.fusion), list(saved.model.heads_of("study").values())
    if fusion.join is None:
        raise TypeError("a decoder of both latents takes a fusion that keeps the inferior one")
    with torch.no_grad():
        guesses = fusion.eval().guide(inferior.fused)
    place = {row: index for index, row in enumerate(inferior.rows)}
    train, val = (torch.tensor([place[row] for row in studies.inferior[split]]) for split in ("train", "val"))

    def loss(rows: Int[Tensor, "k"]) -> Float[Tensor, ""]:
        return _head_loss(heads, fusion.joined(inferior.fused[rows], guesses[rows]), inferior.labels[rows])

    part = nn.ModuleList([fusion.join, *heads])
    return fit_on_latents(
        part,
        lambda rows: loss(train[rows]),
        lambda: float(loss(val)),
        count=len(train),
        options=options,
        seed=saved.config.seed,
    )


def _head_loss(heads: Sequence[Head], fused: Float[Tensor, "k d"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]:
    """The weighted losses of study heads, which need nothing of a batch but its labels."""
    batch = Batch([""] * len(labels), [""] * len(labels), {}, labels, {})
    return torch.stack([head.weight * head.loss(head({}, fused, batch), batch) for head in heads]).sum()
