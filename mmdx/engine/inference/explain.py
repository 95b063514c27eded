"""Explanations: on what the answer of a model stands, for one study and for every study in a source.

The likeliest slices of each finding with their Grad-CAM; how much each slice counted where the sequence model weighs
them, and how much each word where the text encoder does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Features
from mmdx.data.text.tokenizer import UNKNOWN_WORD
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation, saving
from mmdx.engine.inference.raw import image_inputs, image_names
from mmdx.engine.inference.reports import read_reports
from mmdx.engine.inference.source import answer_each, make_folder
from mmdx.engine.inference.study import check_trained, device_of, image_input, read_by_members, text_inputs
from mmdx.engine.processes import ready_cpu
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.scoring.boxes import slices_of
from mmdx.engine.scoring.grad_cam import explained_head, heatmaps, shares_of_largest
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.models.branches.images import ImageBranch
from mmdx.models.heads.base import Head
from mmdx.models.heads.mean import answer_together
from mmdx.models.heads.study import StudyHead
from mmdx.study import Study

TOP = 3
"""Slices per finding that are drawn, the likeliest first."""
Item = TypeVar("Item", int, str)


@dataclass(frozen=True)
class _Look:
    """What one model shows of one study: `head`, which answers for what is explained, and its logits; of each image its
    number, its grey picture and its heat for each of the c findings that are explained; how much each slice and each
    word counted. `ranks` tells which slices an answer for the study stands on, the largest first, where it does."""

    head: Head
    logits: Float[Tensor, "k f"]
    numbers: Sequence[int]
    grey: Float[Tensor, "n h w"]
    heat: Float[Tensor, "n c h w"]
    slices: tuple[tuple[int, float], ...] | None
    words: Mapping[str, tuple[tuple[str, float], ...]]
    ranks: Float[Tensor, "n f"] | None


def explain_files(
    run: Path,
    source: Path,
    out: Path,
    *,
    report_files: Sequence[str],
    modality: str | None,
    findings: Sequence[str],
    top: int,
) -> Iterator[Explanation | Refused]:
    """The explanations of the model in `run` (a run or model folder): each one comes when its pictures lie in `out`,
    and `explain.json` is written after the last. Only one study is held in memory.

    `report_files` are `FILE` or `NAME=FILE`, as `read_reports` takes them. Raises as `explain_source` does, and
    `UsageError`, before any study is read, where `out` cannot be made.
    """
    ready_cpu()
    saved = load_model(model_folder(run))
    reports = read_reports(saved, report_files)
    answers = explain_source(saved, source, reports=reports, modality=modality, findings=findings, top=top)
    make_folder(out)
    return saving(answers, out)


def explain_source(
    saved: SavedModel,
    source: Path,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
    findings: Sequence[str] = (),
    top: int = TOP,
) -> Iterator[Explanation | Refused]:
    """The explanation of every study in `source`, or why it was refused, one study after the other.

    `findings` are those to explain, by default all of the model. Raises as `explain_study` does for names that the
    model does not know, before the first study is read.
    """
    check_names(saved, modality, findings)
    return answer_each(
        source,
        image_names(saved),
        lambda number, study: explain_study(
            saved, study, reports=reports, modality=modality, findings=findings, top=top, number=number
        ),
        alone=bool(reports),
    )


def explain_study(
    saved: SavedModel,
    study: Study | ArrayStudy,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
    findings: Sequence[str] = (),
    top: int = TOP,
    number: int = 1,
) -> Explanation:
    """The explanation of one study, which has the place `number` in its source.

    Explained are the images of the input `modality`, by default of the first one. Of an ensemble, heat and weights are
    means over its members. Raises `UsageError` for a modality or a finding that the model does not know, and
    `DataError` where the study has no such images.
    """
    check_trained(saved)
    check_names(saved, modality, findings)
    images, names = modality or image_inputs(saved)[0], findings or saved.facts.findings
    columns = [saved.facts.findings.index(finding) for finding in names]
    looks = [
        _look(member, read.batch, images, columns)
        for member, read in read_by_members(saved, study, reports=reports, modality=modality)
    ]
    weighed = {name: [words for look in looks if (words := look.words.get(name))] for name in text_inputs(saved)}
    slices = [look.slices for look in looks if look.slices is not None]
    return Explanation(
        study_id=study.study_id,
        modality=images,
        findings=_likeliest(looks, names, columns, top),
        slice_weights=mean_weights(slices) if slices else None,
        word_weights={name: mean_weights(weights) for name, weights in weighed.items() if weights},
        number=number,
    )


def check_names(saved: SavedModel, modality: str | None, findings: Sequence[str]) -> None:
    """Raises `UsageError` for a modality or a finding that the model does not know, or where it reads no images."""
    for finding in findings:
        if finding not in saved.facts.findings:
            raise UsageError(f"--finding {finding}: not of this model; {did_you_mean(finding, saved.facts.findings)}")
    image_input(saved, modality)
    if not image_inputs(saved):
        raise UsageError("the model reads no images, of which a picture could be explained")


def _look(saved: SavedModel, batch: Batch, modality: str, columns: Sequence[int]) -> _Look:
    """What one model shows of the study in a batch: its images of `modality` and the findings in `columns`."""
    if not len(batch.inputs[modality].values):
        raise DataError(f"no images that the model reads as '{modality}'")
    on_device = batch.to(device_of(saved))
    heat, _ = heatmaps(saved.model, on_device, modality, columns)
    with torch.no_grad():
        output = saved.model(on_device)
    branch = saved.model.branches[modality]
    assert isinstance(branch, ImageBranch)  # heatmaps has refused any other
    name, _ = explained_head(saved.model, modality)
    words = {}
    for text in text_inputs(saved):
        tokens = saved.tokenizers[text].words(batch.inputs[text].values.tolist())
        weights = _weights(output.features[text], tokens)
        if weights:
            words[text] = weights
    numbers, head = slices_of(batch, modality)[1], saved.model.answering[name]
    ranks = head.ranks(output.features, modality) if isinstance(head, StudyHead) else None
    return _Look(
        head=head,
        logits=output.logits[name],
        numbers=numbers,
        grey=branch.view(on_device.inputs[modality].values)[:, 0].float().cpu(),
        heat=heat.cpu(),
        slices=_weights(output.features[modality], numbers),
        words=words,
        ranks=None if ranks is None else ranks[0].float().cpu(),
    )


def _likeliest(
    looks: Sequence[_Look], findings: Sequence[str], columns: Sequence[int], top: int
) -> dict[str, tuple[ExplainedSlice, ...]]:
    """The `top` slices of each finding with their heat. The heat is a share of the largest over all slices of the
    study, so the gradient of every slice is needed, but of these findings alone."""
    first = looks[0]
    count = len(first.numbers)
    heat = first.heat
    if len(looks) > 1:
        heat = shares_of_largest(torch.stack([look.heat for look in looks]).mean(dim=0), [0] * count)
    answer = answer_together([look.head for look in looks], [look.logits for look in looks])
    # The answer for a study is that for each of its slices.
    scores = answer.probabilities[:, columns].cpu().expand(count, -1)
    by_look = [look.ranks for look in looks if look.ranks is not None]
    ranks = torch.stack(by_look).mean(dim=0)[:, columns] if by_look else scores
    slices = {}
    for place, finding in enumerate(findings):
        likely = ranks[:, place].argsort(descending=True)[:top].tolist()
        slices[finding] = tuple(
            ExplainedSlice(first.numbers[i], float(scores[i, place]), first.grey[i].numpy(), heat[i, place].numpy())
            for i in likely
        )
    return slices


def mean_weights(by_member: Sequence[tuple[tuple[Item, float], ...]]) -> tuple[tuple[Item, float], ...]:
    """How much each item counted, on average over models; a word is called as the first model calls it that knows it.

    Models that split the text otherwise than the first are left out.
    """
    alike = [weights for weights in by_member if len(weights) == len(by_member[0])]
    means = []
    for entries in zip(*alike, strict=True):
        names = [item for item, _ in entries]
        means.append((next((one for one in names if one != UNKNOWN_WORD), names[0]), fmean(w for _, w in entries)))
    return tuple(means)


def _weights(features: Features, items: Sequence[Item]) -> tuple[tuple[Item, float], ...] | None:
    """How much each item counted, in order; None where the model does not weigh them."""
    if features.weights is None:
        return None
    shares = features.weights[0][features.mask[0]].tolist()
    # A text may have more words than the encoder took.
    return tuple(zip(items, shares, strict=False))
