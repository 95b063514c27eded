"""`card.md` of a run, in the form of a Hugging Face model card: front matter for programs, sections for people.

The sections stand in the order of the hub's template. What is not known is not made up: a licence is its makers' to
give, and a model of several modalities has no pipeline of the hub.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult, ModelCardData

from mmdx.data.loading.coverage import coverage_sentences
from mmdx.data.store.store import EXTRACTED
from mmdx.data.text.redaction import withheld
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.reporting.participants import participants
from mmdx.engine.runs.files import dropout_words, hub_data_set, licence_of_store, pipeline_of
from mmdx.engine.runs.record import read_environment, read_members
from mmdx.files import BASELINES, SLICES, RunLayout
from mmdx.kinds import KINDS
from mmdx.schema import Config
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.metrics.registry import METRICS
from mmdx.strangers.bounded import read_json
from mmdx.templates import environment

HUB_METRICS = {"auroc": "roc_auc", "ap": "average_precision", "log_loss": "log_loss", "brier": "brier_score"}
"""The metrics of the front matter, and what the hub calls them."""


@dataclass(frozen=True)
class CardInputs:
    """What a card is made of: the run, the config and facts of one of its models, and its comparisons of studies and,
    where these judged the epochs, of slices."""

    run: RunLayout
    config: Config
    facts: ModelFacts
    comparison: Comparison
    slices: Comparison | None = None

    @property
    def store(self) -> Mapping[str, Any]:
        return read_environment(self.run)["store"]

    @property
    def of_slices(self) -> bool:
        return self.comparison.unit == "slice"

    @property
    def kinds(self) -> set[str]:
        """The kinds of what the model reads."""
        return {content.kind for content in self.facts.inputs.values()}

    @property
    def pipeline(self) -> str | None:
        """What the hub calls a model of these inputs; None where it has no word for it."""
        return pipeline_of(self.kinds)


def card(inputs: CardInputs, paragraphs: Sequence[str], results: str) -> str:
    """What `card.md` holds: `paragraphs` say how it was tested, `results` are the comparison; both are Markdown. Its
    figure is written beside it."""
    run, config, dropout = inputs.run, inputs.config, inputs.config.model.modality_dropout
    template = environment("mmdx.engine.reporting").get_template("card.md.j2")
    text = template.render(
        front_matter=_front_matter(inputs).to_yaml(),
        name=run.folder.name,
        config=config,
        facts=inputs.facts,
        seeds=_seeds(inputs),
        refitted=run.final.is_file() or run.fold(0).final.is_file(),
        store=inputs.store,
        machine=read_environment(run),
        licence=licence_of_store(Path(inputs.store["folder"])),
        of_slices=inputs.of_slices,
        **_limits(inputs),
        command=_command(inputs),
        dealt=_dealt(run),
        preparation=_preparation(inputs),
        dropout=dropout_words(dropout) if dropout else "",
        paragraphs=paragraphs,
        results=demoted(results),
        participants=demoted(participants(run, inputs.comparison)),
    )
    return text.rstrip() + "\n"


def _seeds(inputs: CardInputs) -> str:
    """With which seed it was trained, or with which its members were."""
    if not inputs.run.members.is_file():
        return f"seed {inputs.config.seed}"
    return (
        f"seeds {', '.join(str(member['seed']) for member in read_members(inputs.run))}, one per member of an ensemble"
    )


def _front_matter(inputs: CardInputs) -> ModelCardData:
    modalities, data_set = inputs.facts.inputs, hub_data_set(inputs.config)
    return ModelCardData(
        library_name="mmdx",
        tags=["medical", "mmdx", *(["multimodal"] if len(modalities) > 1 else [])],
        pipeline_tag=inputs.pipeline,
        datasets=[data_set] if data_set else None,
        metrics=list(HUB_METRICS.values()),
        model_name=inputs.run.folder.name,
        eval_results=eval_results(inputs),
    )


def eval_results(inputs: CardInputs) -> list[EvalResult]:
    """The results of the front matter: of studies, and of slices where these judged the epochs."""
    return [
        result
        for comparison in (inputs.comparison, inputs.slices)
        if comparison is not None
        for result in _results(inputs, comparison)
    ]


def _results(inputs: CardInputs, comparison: Comparison) -> list[EvalResult]:
    """Every known value, with its interval as an argument.

    Of each showing they are what the comparison leads with (the primary finding, the macro means), of the fullest one
    each finding; those of the primary finding come first.
    """
    results, models = [], {arm.name for arm in comparison.models}
    primary = comparison.primary_finding
    ordered = sorted(comparison.estimates.items(), key=lambda item: primary is not None and item[0][2] != primary)
    for (arm, metric, finding), estimate in ordered:
        listed = arm == comparison.reference.name or (finding in comparison.leads and arm in models)
        if not listed or metric not in HUB_METRICS or math.isnan(estimate.value):
            continue
        arguments: dict[str, Any] = {"shown": arm, "finding": finding or "macro mean"}
        if estimate.low is not None and estimate.high is not None:
            arguments["interval_95"] = [round(float(estimate.low), 4), round(float(estimate.high), 4)]
        results.append(
            EvalResult(
                task_type=inputs.pipeline or "other",
                task_name=f"findings of a {comparison.unit}",
                dataset_type=str(inputs.store["reader"]),
                dataset_name=f"mmdx store of reader {inputs.store['reader']}",
                dataset_config=comparison.unit,
                dataset_split="test",
                dataset_revision=str(inputs.store["fingerprint"]),
                metric_type=HUB_METRICS[metric],
                metric_name=f"{METRICS[metric].title}, {finding or 'macro mean'} ({arm})",
                metric_value=round(float(estimate.value), 4),
                metric_args=arguments,
            )
        )
    return results


def _limits(inputs: CardInputs) -> dict[str, Any]:
    """What speaks against a model's scores: the audit, what was withheld, and the subgroups that nobody looked at."""
    run = inputs.run
    path = next((path for path in (run.audit, run.fold(0).audit) if path.is_file()), None)
    audit = read_json(path) if path else {"verdict": "not done", "findings": []}
    studies = pd.read_csv(run.studies, dtype=str, nrows=1) if run.studies.is_file() else pd.DataFrame()
    return {
        "verdict": audit["verdict"],
        "issues": [issue["sentence"] for issue in audit["findings"] if issue["severity"] != "note"],
        "withheld": withheld(inputs.config.data.reports),
        "groups": list(studies.columns[3:]),
        "baselines": RunLayout(Path()).scores("test", *((SLICES,) if inputs.of_slices else ()), BASELINES).as_posix(),
    }


def _command(inputs: CardInputs) -> str:
    """How the model is asked, with a file for each text that it reads."""
    run = inputs.run
    texts = [name for name, content in inputs.facts.inputs.items() if KINDS[content.kind].worded]
    files = ["report.txt"] if len(texts) == 1 else [f"{text}={text}.txt" for text in texts]
    return f"mmdx predict {run.folder.name} STUDY{''.join(f' --report {file}' for file in files)}"


def _dealt(run: RunLayout) -> str:
    """How many studies are in which part."""
    folds = run.folds.is_file()
    column = pd.read_csv(run.folds if folds else run.splits, dtype=str)["fold" if folds else "split"]
    counts = Counter(column)
    if folds:
        return f"Dealt by patient into {len(counts)} folds ({', '.join(str(counts[f]) for f in sorted(counts))})."
    return f"By patient: {', '.join(f'{name} {counts[name]}' for name in ('train', 'val', 'test'))} studies."


def _preparation(inputs: CardInputs) -> list[str]:
    """What is done to a study before a model reads it, in sentences."""
    config, path = inputs.config, Path(inputs.store["folder"]) / "dataset.json"
    description = read_json(path) if path.is_file() else {}
    size = description.get("size", config.data.size)
    sentences = []
    if any(KINDS[kind].pictured for kind in inputs.kinds):
        sentences.append(f"Images are letter-boxed to {size} x {size} pixels.")
    if EXTRACTED in description:
        sentences.append("Descriptors are those that another model left.")
    if any(KINDS[kind].worded for kind in inputs.kinds):
        reports = withheld(config.data.reports)
        sentences.append(f"Texts are read {f'without {reports}' if reports else 'as they are'}.")
        texts = next((path for path in (inputs.run.texts, inputs.run.fold(0).texts) if path.is_file()), None)
        sentences += coverage_sentences(read_json(texts)) if texts else []
    return sentences


def demoted(results: str) -> str:
    """Its headings below those of the card."""
    return "\n".join(f"###{line}" if line.startswith("#") else line for line in results.splitlines())
