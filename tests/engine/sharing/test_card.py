"""The README of a model and its results, as the Hub reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard
from strange_model import write_model

from mmdx.engine.assembly.saved import load_description
from mmdx.engine.sharing.card import Benchmark, Shared, eval_results, readme, write_cards
from mmdx.engine.sharing.known import Result
from mmdx.engine.sharing.origins import Origin

SHOWN = "image+report+clinic"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Shared:
    config, facts, _ = load_description(write_model(tmp_path_factory.mktemp("card")))
    results = [Result(SHOWN, None, 0.81234, 0.7, 0.9), Result("image", None, 0.75, None, None)]
    return Shared(
        *("user/head-ct", "apache-2.0", config, facts),
        members=1,
        calibrated=True,
        origins=[Origin("image", "timm/resnet18.a1_in1k", "apache-2.0", False)],
        parts={"train": (70, 60), "test": (20, 20)},
        results=[*results, Result(SHOWN, "bleed", 0.85, 0.75, 0.95)],
        thresholds={"bleed": 0.4},
    )


def test_the_front_matter_is_that_of_the_hub(shared):
    told = ModelCard(readme(shared)).data.to_dict()
    assert told["license"] == "apache-2.0"
    assert told["library_name"] == "mmdx"
    assert told["tags"] == ["mmdx", "medical", "multimodal"]
    assert told["base_model"] == ["timm/resnet18.a1_in1k"]
    assert "no medical device" in told["extra_gated_prompt"]
    assert "model-index" not in told
    assert "pipeline_tag" not in told  # the Hub has no word for images with a report and traits


def test_one_kind_of_input_has_a_pipeline_and_unknown_is_said(shared):
    facts = replace(shared.facts, inputs={"image": shared.facts.inputs["image"]})
    text = readme(replace(shared, facts=facts, licence=None, origins=(), benchmark=Benchmark("org/ct", "bleeds")))
    told = ModelCard(text).data.to_dict()
    assert told["pipeline_tag"] == "image-classification"
    assert (told["license"], told["datasets"]) == ("unknown", ["org/ct"])
    assert "this model: unknown, as those who trained it have not said" in text
    assert "built on no pretrained weights" in text


def test_people_read_what_it_is_and_how_it_was_tested(shared):
    text = readme(shared)
    for words in (
        "mmdx predict user/head-ct STUDY --report report.txt",
        'mmdx.load("user/head-ct")',
        "- train: 70 studies of 60 patients",
        "| image+report+clinic | macro AUROC | 0.812 | 0.700 to 0.900 |",
        "| image | macro AUROC | 0.750 | too few patients |",
        "| image+report+clinic | AUROC for bleed | 0.850 | 0.750 to 0.950 |",
        "bleed 0.400.",
        "built on image: timm/resnet18.a1\\_in1k, licence apache-2.0, not gated",
        "It needs `patches` to be installed.",
    ):
        assert words in text


def test_results_are_in_the_form_of_the_hub_one_showing_a_file(shared):
    assert eval_results(shared) == {}
    files = eval_results(replace(shared, benchmark=Benchmark.parsed("org/head-ct:bleeds")))
    assert list(files) == [f".eval_results/org_head-ct_{shown}.yaml" for shown in (SHOWN, "image")]
    first = yaml.safe_load(files[f".eval_results/org_head-ct_{SHOWN}.yaml"])
    assert first[0]["dataset"] == {"id": "org/head-ct", "task_id": "bleeds"}
    assert first[0]["value"] == 0.8123
    assert "interval of 95 % from 0.700 to 0.900" in first[0]["notes"]
    assert Benchmark.parsed("org/ct") == Benchmark("org/ct", "default")


def test_results_are_read_back_by_the_library_of_the_hub(shared):
    hub = pytest.importorskip("huggingface_hub")
    if not hasattr(hub, "parse_eval_result_entries"):
        pytest.skip("this version of huggingface_hub does not know results yet")
    for text in eval_results(replace(shared, benchmark=Benchmark("org/head-ct"))).values():
        entry = hub.parse_eval_result_entries(yaml.safe_load(text))[0]
        assert (entry.dataset_id, entry.task_id) == ("org/head-ct", "default")


def test_both_are_written(shared, tmp_path):
    names = write_cards(tmp_path, replace(shared, benchmark=Benchmark("org/ct")))
    assert names[0] == "README.md"
    assert all((tmp_path / name).is_file() for name in names)
