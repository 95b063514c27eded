"""The plan of an ablation: which variants there are, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.ablation.plan import Extent, Plan, plan_jobs
from mmdx.errors import UsageError
from mmdx.models.heads.base import BranchSizes, Findings
from mmdx.models.heads.study import StudyHead
from mmdx.registry import HEADS
from mmdx.schema import Config

CONFIGS = Path(__file__).parents[4] / "configs"
OUT = Path("out")


def config_of(name: str, *overrides: str) -> Config:
    return resolve(read_config(CONFIGS / f"{name}.yaml", overrides))


def inputs_of(planned: Plan) -> dict[str, str]:
    return {name: "+".join(made.config.model.inputs) for name, made in planned.variants.items()}


def test_two_inputs_give_the_fusion_each_alone_and_other_fusions():
    planned = plan_jobs(config_of("phantom"), Extent(1), OUT)
    assert inputs_of(planned) == {
        "fusion": "image+report",
        "only-image": "image",
        "only-report": "report",
        "fusion-concat": "image+report",
    }
    fusions = {name: made.config.model.fusion.type for name, made in planned.variants.items()}
    assert fusions == {"fusion": "late", "only-image": "late", "only-report": "late", "fusion-concat": "concat"}
    assert (planned.reference, planned.refused) == ("fusion", {})
    assert [job.folder for job in planned.jobs] == [OUT / name / "seed-0" for name in planned.variants]
    own = planned.variants["fusion"]
    assert own.notes == ()
    assert own.config == config_of("phantom")


def test_three_inputs_are_tried_without_each():
    planned = plan_jobs(config_of("covid_cxr_tabular"), Extent(1, fusions=["film"]), OUT)
    assert inputs_of(planned) == {
        "fusion": "image+report+clinic",
        "only-image": "image",
        "only-report": "report",
        "only-clinic": "clinic",
        "without-image": "report+clinic",
        "without-report": "image+clinic",
        "without-clinic": "image+report",
        "fusion-film": "image+report+clinic",
    }
    tables = {name: list(made.config.data.tables) for name, made in planned.variants.items()}
    assert [name for name, left in tables.items() if not left] == ["only-image", "only-report", "without-clinic"]
    dropout = {name: made.config.model.modality_dropout for name, made in planned.variants.items()}
    assert {name for name, rate in dropout.items() if rate == 0} == {"only-image", "only-report", "only-clinic"}


def test_one_input_is_the_reference_by_itself():
    planned = plan_jobs(config_of("slice_lstm"), Extent(1, sizes=[100, 50]), OUT)
    assert planned.reference == "only-image"
    folders = ["seed-0", "size-50/seed-0", "size-100/seed-0"]
    assert [job.folder for job in planned.jobs] == [OUT / "only-image" / folder for folder in folders]


def test_seeds_and_sizes():
    planned = plan_jobs(config_of("phantom", "seed=3"), Extent(seeds=2, fusions=[], sizes=[50]), OUT)
    assert [job.name for job in planned.jobs] == [
        *("fusion/seed-3", "only-image/seed-3", "only-report/seed-3"),
        *("fusion/seed-4", "only-image/seed-4", "only-report/seed-4"),
        *("fusion/size-50/seed-3", "fusion/size-50/seed-4"),
    ]
    assert all((job.config.seed, job.config.run) == (job.seed, job.folder) for job in planned.jobs)
    assert [job.config.data.train_patients for job in planned.jobs] == [None] * 6 + [50, 50]
    assert all(resolve(job.config) == job.config for job in planned.jobs)


def test_what_a_variant_cannot_carry_is_left_out_and_said():
    planned = plan_jobs(
        config_of("fused_report", "model.heads.study={type: study, blend: true}"), Extent(1, fusions=[]), OUT
    )
    heads = {name: list(made.config.model.heads) for name, made in planned.variants.items()}
    assert heads == {
        "fusion": ["study", "slice", "boxes", "describe"],
        "only-image": ["study", "slice", "boxes"],
        "only-report": ["study"],
    }
    assert planned.variants["only-image"].notes == ("heads.describe (description) is left out: it asks for report",)
    assert planned.variants["only-report"].notes == (
        "heads.study blends nothing in: there are no images or descriptors",
        *(f"heads.{name} is left out: it asks for image" for name in ("slice (slice)", "boxes (boxes)")),
        "heads.describe (description) is left out: it asks for image",
    )
    assert planned.variants["only-report"].config.model.heads["study"].options["blend"] is False


def test_heads_that_name_no_modality_follow_the_images_that_are_left():
    heads = "model.heads={study: study, slice: slice, boxes: boxes, tell: {type: description, text: report}}"
    planned = plan_jobs(
        config_of("guided", heads, "model.inputs.enhanced.encoder.type=timm", "guidance=null"), Extent(1), OUT
    )
    assert list(planned.variants["only-enhanced"].config.model.heads) == ["study", "slice", "boxes", "tell"]


class OfOneModality(StudyHead):
    """A study head for one modality, as somebody's plugin might have one."""

    def __init__(
        self, dim: int, findings: Findings, branches: Mapping[str, BranchSizes], *, modality: str | None = None
    ) -> None:
        super().__init__(dim, findings, branches)


def test_a_variant_without_a_head_for_studies_is_refused_and_named(monkeypatch):
    monkeypatch.setitem(HEADS._parts, "of_one", OfOneModality)
    heads = "model.heads={look: {type: of_one, modality: image}}"
    planned = plan_jobs(config_of("phantom", heads), Extent(1, fusions=[]), OUT)
    assert list(planned.variants) == ["fusion", "only-image"]
    assert planned.refused == {"only-report": "no head answers for studies from report; add one to model.heads"}
    assert all(job.variant != "only-report" for job in planned.jobs)


def test_a_config_that_answers_for_no_study_has_no_ablation():
    plugin = "model.heads={slice: {type: slice, modality: image}, study: {type: slice, modality: report}}"
    with pytest.raises(UsageError, match=r"^fusion: no head answers for studies from image and report \(left: slice,"):
        plan_jobs(config_of("phantom", plugin, "train.judge=slices"), Extent(1), OUT)


def test_epochs_are_judged_by_studies_where_no_slice_head_is_left():
    planned = plan_jobs(config_of("phantom", "train.judge=slices"), Extent(1, fusions=[]), OUT)
    judges = {name: made.config.train.judge for name, made in planned.variants.items()}
    assert judges == {"fusion": "slices", "only-image": "slices", "only-report": "studies"}
    assert "train.judge is studies: no slice head is left" in planned.variants["only-report"].notes


def test_a_fusion_that_names_an_input_does_not_name_one_that_is_gone():
    fusion = "model.fusion={type: film, by: clinic}"
    planned = plan_jobs(config_of("covid_cxr_tabular", fusion), Extent(1, fusions=[]), OUT)
    by = {name: made.config.model.fusion.options["by"] for name, made in planned.variants.items()}
    assert {name for name, each in by.items() if each is None} == {"only-image", "only-report", "without-clinic"}
    assert "fusion.by is its default: it names clinic" in planned.variants["only-image"].notes


def test_the_first_of_two_stages_loses_the_input_too():
    both = "first.model.inputs.report=bilstm_attention", "model.inputs.report=bilstm_attention"
    planned = plan_jobs(config_of("slice_lstm", *both), Extent(1, fusions=[]), OUT)
    firsts = {name: made.config.first for name, made in planned.variants.items()}
    assert {name: first and list(first.model.inputs) for name, first in firsts.items()} == {
        "fusion": ["image", "report"],
        "only-image": ["image"],
        "only-report": None,
    }
    assert "first is left out: it describes nothing that is read" in planned.variants["only-report"].notes


def test_a_guided_config_is_a_variant_of_all_its_stages():
    planned = plan_jobs(config_of("guided"), Extent(1, fusions=[]), OUT)
    assert list(planned.variants) == ["fusion", "only-image", "only-enhanced", "guided"]
    guided = {name: made.config.guidance is not None for name, made in planned.variants.items()}
    assert guided == {"fusion": False, "only-image": False, "only-enhanced": False, "guided": True}
    assert planned.jobs[-1].runs == (OUT / "guided/seed-0/guided", OUT / "guided/seed-0/guided_own")
    assert planned.jobs[0].runs == (OUT / "fusion/seed-0",)


def test_a_name_that_is_no_folder_is_written_out():
    inputs = "model.inputs={a/b: {encoder: {type: timm, name: test_resnet}}, report: bilstm_attention}"
    planned = plan_jobs(
        config_of("phantom", inputs, "model.heads={study: study}", "model.modality_dropout=0"), Extent(1), OUT
    )
    assert "only-a%2Fb" in planned.variants


@pytest.mark.parametrize(
    ("overrides", "options", "line"),
    [
        ([], {"fusions": ["late"]}, r"--fusion late: is the config's own"),
        ([], {"fusions": ["lat"]}, r"fusion-lat: model.fusion: no fusion is called 'lat'; did you mean 'late'"),
        ([], {"sizes": [50, 50]}, r"--sizes: give numbers of patients from 1, each once"),
        ([], {"sizes": [0]}, r"--sizes: give numbers of patients from 1, each once"),
        (["data.train_patients=40"], {"sizes": [20, 50]}, r"--sizes: 50 is no fewer than data\.train_patients \(40\)"),
        (["run=x"], {}, r"run=x: an ablation has a folder for each of its runs; leave it out, and give --out"),
    ],
)
def test_a_call_that_is_wrong(overrides, options, line):
    with pytest.raises(UsageError, match=line):
        plan_jobs(config_of("phantom", *overrides), Extent(**options), OUT)


def test_other_fusions_of_one_input():
    with pytest.raises(UsageError, match=r"--fusion gated: the config has one input, which no fusion joins"):
        plan_jobs(config_of("slice_lstm"), Extent(1, fusions=["gated"]), OUT)
