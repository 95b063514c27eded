"""A step is timed on made studies, and the bytes that it keeps are counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import timm
import torch
from planning import BARE, cohort, machine, pictures, reports
from safetensors.torch import save_file

from mmdx.engine.planning.choices import Choice, config_of
from mmdx.engine.planning.facts.machine import ImageWeights
from mmdx.engine.planning.rules.approaches import approaches
from mmdx.engine.planning.rules.heads import head_choices
from mmdx.engine.planning.rules.inputs import input_choices
from mmdx.engine.planning.rules.labels import choose_findings
from mmdx.engine.planning.timing import timed


def planned(of, on, size: int = 32):
    way = replace(approaches(of, on)[0], size=size)
    body = [Choice("data.store", "x", ""), Choice("data.size", size, ""), *input_choices(of, on, way)]
    return config_of([*body, *head_choices(of, choose_findings(of), way, on.measured)])


def few(**changes):
    return cohort(pictures={"image": pictures(total=300, middle=3, longest=4)}, **changes)


def test_a_trained_encoder_keeps_more_for_larger_images() -> None:
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    small, large = (timed(planned(few(), BARE, size), few()) for size in (32, 64))
    assert small.encode == 0
    assert small.study > 0
    assert 2 < large.slice_bytes / small.slice_bytes < 6
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_frozen_encoder_is_timed_by_itself(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "weights.safetensors")
    weights = ImageWeights("test_resnet", str(tmp_path / "weights.safetensors"))
    of = few(slice_labels={"image": {"bleed": 9}}, reports={"note": reports()})
    cost = timed(planned(of, machine(image_weights=(weights,))), of)
    assert cost.encode > 0
    assert cost.study > 0


def test_reports_alone_are_timed() -> None:
    of = cohort(pictures={}, reports={"note": reports()})
    assert timed(planned(of, BARE), of).study > 0
