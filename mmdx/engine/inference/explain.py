"""Explanations: on what the answer of a model stands, for one study and for every study in a source.

The slices on which the answer to each finding stands, chosen by one pass forward, and Grad-CAM of these alone; how much
each slice counted where the sequence model weighs them, and how much each word where the text encoder does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.explaining.look import Look, likeliest, look_at, mean_heat, mean_weights, mean_words
from mmdx.engine.inference.explaining.source_slices import SourceSlices
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation, draw_slice, recorded
from mmdx.engine.inference.handover.heat_maps import HeatMaps
from mmdx.engine.inference.raw import image_inputs, images_of
from mmdx.engine.inference.reports import read_reports
from mmdx.engine.inference.source import answer_each, folder_of, make_folder
from mmdx.engine.inference.standing import apart_of, explained_with_thresholds, standing_of
from mmdx.engine.inference.study import check_trained, image_input, read_by_members
from mmdx.engine.processes import ready_cpu
from mmdx.engine.runs.folder import model_folder
from mmdx.errors import UsageError, did_you_mean
from mmdx.study import Study

TOP = 3
"""Slices per finding that are drawn, the likeliest first."""
Follow = Callable[[str, str], None]
"""Told what is being done, and how far it is, as an explanation goes on."""


@dataclass(frozen=True)
class Asked:
    """What is to be explained: images of the input `modality` (None: the first), `findings` (none: all of the model),
    by the `top` slices of each."""

    modality: str | None = None
    findings: Sequence[str] = ()
    top: int = TOP


def unfollowed(what: str, how_far: str) -> None:
    """Nobody waits."""


def unchanged(study: Study, explanation: Explanation) -> Explanation:
    """Nothing is made of it."""
    return explanation


def explain_files(
    run: Path,
    source: Path,
    out: Path,
    asked: Asked,
    *,
    report_files: Sequence[str] = (),
    follow: Follow = unfollowed,
    dicom: bool = False,
) -> Iterator[Explanation | Refused]:
    """The explanations of the model in `run` (a run or model folder). Each picture lies in `out` as soon as it is made;
    after each study `explain.json` and the page `explain.html` are written anew. Only one study is held in memory.
    With `dicom` the slices under their heat lie there as Secondary Captures, too.

    `report_files` are `FILE` or `NAME=FILE`, as `read_reports` takes them. Raises as `explain_source` does, and
    `UsageError`, before any study is read, where `out` cannot be made.
    """
    ready_cpu()
    follow("loading the model", "")
    saved = load_model(model_folder(run))
    reports = read_reports(saved, report_files)
    check_names(saved, asked)
    make_folder(out)
    finished = HeatMaps(saved, run, out, modality=asked.modality) if dicom else unchanged
    follow(f"looking for studies in {source}", "")
    answers = explain_source(saved, source, asked, reports=reports, out=out, follow=follow, finished=finished)
    return recorded(explained_with_thresholds(answers, run), out)


def explain_source(
    saved: SavedModel,
    source: Path,
    asked: Asked = Asked(),
    *,
    reports: Mapping[str, str] | None = None,
    out: Path | None = None,
    follow: Follow = unfollowed,
    finished: Callable[[Study, Explanation], Explanation] = unchanged,
) -> Iterator[Explanation | Refused]:
    """The explanation of every study in `source`, or why it was refused, one study after the other; with `out` each
    picture is written there as soon as it is made. `finished` makes of each what is returned, while the study's files
    are there.

    Raises as `explain_study` does for names that the model does not know, before the first study is read.
    """
    check_names(saved, asked)

    def answer(number: int, study: Study) -> Explanation:
        explained = explain_study(saved, study, asked, reports=reports, number=number, out=out, follow=follow)
        return finished(study, explained)

    return answer_each(source, saved, answer, alone=bool(reports))


def explain_study(
    saved: SavedModel,
    study: Study | ArrayStudy,
    asked: Asked = Asked(),
    *,
    reports: Mapping[str, str] | None = None,
    number: int = 1,
    out: Path | None = None,
    follow: Follow = unfollowed,
) -> Explanation:
    """The explanation of one study, which has the place `number` in its source.

    One pass forward tells on which slices the answer to each finding stands; heat is made of these alone. Of an
    ensemble, heat and weights are means over its members. Raises `UsageError` for a modality or a finding that the
    model does not know, and `DataError` where the study has no such images.
    """
    check_trained(saved)
    check_names(saved, asked)
    name, folder = asked.modality or image_inputs(saved)[0], folder_of(number)
    follow(f"{folder}: reading images", "")
    looks: list[Look] = []
    shown: list[tuple[str, ...]] = []
    for member, read in read_by_members(saved, study, reports=reports, modality=asked.modality):
        which = f"model {len(looks) + 1} of {len(saved.members)}" if len(saved.members) > 1 else ""
        follow(f"{folder}: asking about {len(read.batch.inputs[name].values)} images", which)
        looks.append(look_at(member, read, name))
        shown.append(read.shown)
    standing = standing_of([(one.saved, names) for one, names in zip(looks, shown, strict=True)], looks[0].level)
    standing = replace(standing, apart=apart_of([(look.saved, look.batch, look.output) for look in looks]))
    parts = images_of(saved, study, image_input(saved, asked.modality))[name]
    slices = SourceSlices(next(iter(parts.values())), looks[0].window, looks[0].grey_range)
    findings = {}
    for finding, explained in _explained(looks, asked, slices):
        findings[finding] = explained
        if out is None:
            continue
        for place, image in enumerate(explained, start=1):
            follow(f"{folder}: drawing", f"{finding}, {place} of {len(explained)}")
            draw_slice(name, finding, image, standing.called, out / folder)
    by_slice = [weights for look in looks if (weights := look.slice_weights()) is not None]
    return Explanation(
        study_id=study.study_id,
        modality=name,
        findings=findings,
        standing=standing,
        shown="+".join(shown[0]),
        slice_weights=mean_weights(by_slice) if by_slice else None,
        word_weights=mean_words([look.word_weights() for look in looks]),
        number=number,
    )


def check_names(saved: SavedModel, asked: Asked) -> None:
    """Raises `UsageError` for a modality or a finding that the model does not know, or where it reads no images."""
    for finding in asked.findings:
        if finding not in saved.facts.findings:
            raise UsageError(f"--finding {finding}: not of this model; {did_you_mean(finding, saved.facts.findings)}")
    image_input(saved, asked.modality)
    if not image_inputs(saved):
        raise UsageError("the model reads no images, of which a picture could be explained")


def _explained(
    looks: Sequence[Look], asked: Asked, slices: SourceSlices
) -> Iterator[tuple[str, tuple[ExplainedSlice, ...]]]:
    """Each finding with its likeliest slices and their heat, one finding after the other."""
    known = looks[0].saved.facts.findings
    columns = {finding: known.index(finding) for finding in asked.findings or known}
    chosen = likeliest(looks, list(columns.values()), asked.top)
    for finding, column in columns.items():
        images, scores = zip(*chosen[column], strict=True)
        heats = mean_heat(looks, images, column)
        sources = slices.read([looks[0].indices[image] for image in images])
        yield (
            finding,
            tuple(
                ExplainedSlice(source.place, score, source.pixels, heat, source.window)
                for source, score, heat in zip(sources, scores, heats, strict=True)
            ),
        )
