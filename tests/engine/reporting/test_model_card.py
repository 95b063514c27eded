"""The card of a run that is written by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from run_by_hand import write_run

from mmdx.config_file import read_config
from mmdx.engine.assembly.model_files.facts_file import parse_facts
from mmdx.engine.reporting.model_card import CardInputs, card
from mmdx.files import ModelLayout, RunLayout, write_text
from mmdx.models.facts import InputFacts
from mmdx.schema import ReportOptions
from mmdx.stats.comparison.compare import compare


@pytest.fixture
def inputs(tmp_path: Path) -> CardInputs:
    run = RunLayout(write_run(tmp_path))
    facts = parse_facts(json.loads(ModelLayout(run.best).facts.read_text()), "model.json")
    return CardInputs(run, read_config(run.config), facts, compare([run.folder], resamples=100))


def paragraphs(inputs: CardInputs, *, testing: Sequence[str] = ()) -> list[str]:
    return card(inputs, testing, "# Test\n\nnumbers").strip().split("\n\n")


def test_sections_stand_in_the_order_of_the_hub(inputs: CardInputs) -> None:
    headings = [line for line in paragraphs(inputs) if line.startswith("## ")]
    assert headings == [
        "## Model Details",
        "## Uses",
        "## Bias, Risks, and Limitations",
        "## How to Get Started with the Model",
        "## Training Details",
        "## Evaluation",
        "## Technical Specifications",
    ]


def test_a_card_says_what_the_model_is_and_stands_on(inputs: CardInputs) -> None:
    text = paragraphs(inputs, testing=["Split by patient."])
    for paragraph in (
        "# run",
        "Reads `image` (images), `report` (text); answers bleed. Trained with seed 0; `config.yaml` rebuilds it, "
        "`environment.json` says on what. For research; not a medical device.",
        "Audit of the data (`audit.json`): no leak between the splits; 1 warning (shortcut).",
        "- The number of images tells bleed; look at it.",
        "All data are of one store: nothing is known of other places. No subgroup was looked at here; `studies.csv` "
        "has `age`, `number of images`, `order source of image`, `having a report` for it.",
        "```\nmmdx predict run STUDY --report report.txt\n```",
        "Reader `folder`, store `ab12`: 8 studies of 8 patients; 2 could not be read and are not in it. By patient: "
        "train 2, val 2, test 4 studies. Licence of the data: cc-by-4.0.",
        "Images are letter-boxed to 32 x 32 pixels. Texts are read as they are.",
        "Split by patient.",
        "#### Test",
        "Python 3.11; mmdx 1.0.",
    ):
        assert paragraph in text


def test_the_front_matter_is_for_programs(inputs: CardInputs) -> None:
    results = ModelCard(card(inputs, [], "")).data.eval_results
    assert results is not None
    values = {
        (result.metric_args["shown"], result.metric_args["finding"]): result.metric_value
        for result in results
        if result.metric_type == "roc_auc"
    }
    shown = ("image+report", "image", "report")
    assert values == {(name, "macro mean"): 1.0 for name in shown} | {("image+report", "bleed"): 1.0}


def test_the_primary_finding_is_listed_first_and_for_every_showing(inputs: CardInputs) -> None:
    led = replace(inputs, comparison=replace(inputs.comparison, primary_finding="bleed"))
    results = ModelCard(card(led, [], "")).data.eval_results
    assert results is not None
    listed = [(r.metric_args["shown"], r.metric_args["finding"]) for r in results if r.metric_type == "roc_auc"]
    shown = ("image+report", "image", "report")
    assert listed == [*((name, "bleed") for name in shown), ("image+report", "macro mean")]
    data = inputs.config.data.model_copy(update={"primary": "bleed"})
    text = card(replace(inputs, config=inputs.config.model_copy(update={"data": data})), [], "")
    assert "the best by the AUROC for bleed of validation studies" in text


def test_names_cannot_write_markdown(inputs: CardInputs) -> None:
    facts = replace(inputs.facts, findings=("<b>_x_",), inputs={"a`b": InputFacts("images")})
    start = paragraphs(replace(inputs, facts=facts))[2]
    assert start.startswith(r"Reads `` a`b `` (images); answers \<b\>\_x\_. Trained")


def test_what_was_withheld_of_reports_is_said(inputs: CardInputs) -> None:
    data = inputs.config.data.model_copy(update={"reports": ReportOptions(mask=("fall",))})
    text = paragraphs(replace(inputs, config=inputs.config.model_copy(update={"data": data})))
    assert "Reports were read without the terms 'fall'." in text
    assert "Images are letter-boxed to 32 x 32 pixels. Texts are read without the terms 'fall'." in text


def test_of_a_cross_validation_all_fold_models_are_asked(inputs: CardInputs) -> None:
    write_text(inputs.run.folds, "study_id,patient_id,fold\na,p,0\nb,q,1\nc,q,1\n")
    text = paragraphs(inputs)
    assert "```\nmmdx predict run STUDY --report report.txt\n```" in text
    assert any("Dealt by patient into 2 folds (1, 2)." in paragraph for paragraph in text)
