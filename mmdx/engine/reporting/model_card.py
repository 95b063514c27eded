"""`card.md` of a run, in the form of a Hugging Face model card: front matter for programs, sections for people.

The sections stand in the order of the hub's template. What is not known is not made up: a licence is its makers' to
give, and a model of several modalities has no pipeline of the hub.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult, ModelCardData

from mmdx.data.store.store import EXTRACTED
from mmdx.data.text.redaction import withheld
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.reporting.audit import AUDIT_FILE
from mmdx.engine.runs.files import dropout_words, licence_of_store
from mmdx.engine.runs.record import read_environment
from mmdx.files import BASELINES, RunLayout
from mmdx.registry import READERS
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.metrics.registry import METRICS

HUB_METRICS = {"auroc": "roc_auc", "ap": "average_precision", "log_loss": "log_loss", "brier": "brier_score"}
"""The metrics of the front matter, and what the hub calls them."""
_PIPELINES = {"images": "image-classification", "text": "text-classification", "tabular": "tabular-classification"}
_NO_EVIDENCE = "No subgroup was looked at here"


@dataclass(frozen=True)
class Ground:
    """What a card stands on: the run, one of its models, and its comparisons of studies and, if judged, of slices."""

    run: RunLayout
    saved: SavedModel
    comparison: Comparison
    slices: Comparison | None = None

    @property
    def store(self) -> Mapping[str, Any]:
        return read_environment(self.run)["store"]

    @property
    def pipeline(self) -> str | None:
        """What the hub calls a model of these inputs; None where it has no word for it."""
        kinds = {known.kind for known in self.saved.facts.inputs.values()}
        return _PIPELINES.get(next(iter(kinds))) if len(kinds) == 1 else None


def card(ground: Ground, told: Sequence[str], results: str) -> str:
    """What `card.md` holds: `told` are paragraphs on how it was tested, `results` the comparison in Markdown."""
    licence = licence_of_store(Path(ground.store["folder"]))
    saved = ground.saved
    inputs = ", ".join(f"`{name}` ({known.kind})" for name, known in saved.facts.inputs.items())
    paragraphs = [
        f"---\n{_front_matter(ground).to_yaml()}\n---",
        f"# {ground.run.folder.name}",
        f"Reads {inputs}; answers {', '.join(saved.facts.findings)}. Trained with seed {saved.config.seed}; "
        "`config.yaml` rebuilds it, `environment.json` says on what. For research; not a medical device.",
        *_details(ground, licence),
        *_uses(ground),
        *_limits(ground),
        *_start(ground),
        *_training(ground, licence),
        *("## Evaluation", "### Testing Data, Factors & Metrics", *told, "### Results", _demoted(results)),
        *_specifications(ground),
    ]
    return "\n\n".join(paragraphs).rstrip() + "\n"


def _front_matter(ground: Ground) -> ModelCardData:
    modalities = ground.saved.facts.inputs
    return ModelCardData(
        library_name="mmdx",
        tags=["medical", "mmdx", *(["multimodal"] if len(modalities) > 1 else [])],
        pipeline_tag=ground.pipeline,
        datasets=_hub_data_set(ground.saved),
        metrics=list(HUB_METRICS.values()),
        model_name=ground.run.folder.name,
        eval_results=[
            result
            for comparison in (ground.comparison, ground.slices)
            if comparison is not None
            for result in _results(ground, comparison)
        ],
    )


def _hub_data_set(saved: SavedModel) -> list[str] | None:
    reader, source = saved.config.data.reader, saved.config.data.source
    if reader is None or source is None or reader.type != "huggingface" or not READERS.options(reader)["hub"]:
        return None
    return [str(source)]


def _results(ground: Ground, comparison: Comparison) -> list[EvalResult]:
    """Every known value: macro means of each showing, and of the fullest one each finding; intervals as arguments."""
    found, models = [], {arm.name for arm in comparison.arms if arm.kind == "model"}
    for (arm, metric, finding), estimate in comparison.estimates.items():
        told = arm == comparison.reference.name or (finding is None and arm in models)
        if not told or metric not in HUB_METRICS or math.isnan(estimate.value):
            continue
        arguments: dict[str, Any] = {"shown": arm, "finding": finding or "macro mean"}
        if estimate.low is not None and estimate.high is not None:
            arguments["interval_95"] = [round(float(estimate.low), 4), round(float(estimate.high), 4)]
        found.append(
            EvalResult(
                task_type=ground.pipeline or "other",
                task_name=f"findings of a {comparison.unit}",
                dataset_type=str(ground.store["reader"]),
                dataset_name=f"mmdx store of reader {ground.store['reader']}",
                dataset_config=comparison.unit,
                dataset_split="test",
                dataset_revision=str(ground.store["fingerprint"]),
                metric_type=HUB_METRICS[metric],
                metric_name=f"{METRICS[metric].title}, {finding or 'macro mean'} ({arm})",
                metric_value=round(float(estimate.value), 4),
                metric_args=arguments,
            )
        )
    return found


def _details(ground: Ground, licence: str | None) -> list[str]:
    model = ground.saved.config.model
    parts = [f"- `{name}`: encoder `{part.encoder.type}`" for name, part in model.inputs.items()]
    heads = ", ".join(f"`{name}` ({head.type})" for name, head in model.heads.items())
    known = f"the data's is `{licence}`" if licence else "the data's is that of its source"
    return [
        "## Model Details",
        "### Model Description",
        "\n".join(
            [
                *parts,
                f"- fusion `{model.fusion.type}` at width {model.dim}; heads {heads}",
                f"- made with mmdx {read_environment(ground.run)['packages']['mmdx']}",
                f"- licence of the model: not stated, for those who trained it to give; {known}",
            ]
        ),
    ]


def _uses(ground: Ground) -> list[str]:
    facts = ground.saved.facts
    several = len(facts.inputs) > 1
    unit = "slices of studies" if ground.comparison.unit == "slice" else "studies"
    fallback = " Any of its inputs may be absent: it answers from the others, and says so." if several else ""
    return [
        "## Uses",
        "### Direct Use",
        f"Research: scores of {', '.join(facts.findings)} for {unit} like those that it was trained on.{fallback}",
        "### Out-of-Scope Use",
        "Any decision about a patient; studies from elsewhere, on which it was not tested; findings that are not "
        "named above; scores taken for calibrated risks.",
    ]


def _limits(ground: Ground) -> list[str]:
    run = ground.run
    path = next((p for p in (run.folder / AUDIT_FILE, run.fold(0).folder / AUDIT_FILE) if p.is_file()), None)
    audited = json.loads(path.read_text(encoding="utf-8")) if path else {"verdict": "not done", "findings": []}
    grave = [found["sentence"] for found in audited["findings"] if found["severity"] != "note"]
    table = pd.read_csv(run.studies, dtype=str, nrows=1) if run.studies.is_file() else pd.DataFrame()
    facts = [f"`{name}`" for name in table.columns[3:]]
    groups = f"{_NO_EVIDENCE}; `studies.csv` has {', '.join(facts)} for it." if facts else f"{_NO_EVIDENCE}."
    taken = withheld(ground.saved.config.data.reports)
    unit, end = ("slices", "_slices") if ground.comparison.unit == "slice" else ("studies", "")
    return [
        "## Bias, Risks, and Limitations",
        f"Audit of the data (`{AUDIT_FILE}`): {audited['verdict']}.",
        *(["\n".join(f"- {sentence}" for sentence in grave)] if grave else []),
        *([f"Reports were read without {taken}."] if taken else []),
        f"All data are of one store: nothing is known of other places. {groups}",
        "### Recommendations",
        f"Hold the scores against the baselines of the same {unit} (`predictions/test{end}{BASELINES}.csv`) before "
        "calling them a model's, and test on data from elsewhere before any use.",
    ]


def _start(ground: Ground) -> list[str]:
    folder = f"{ground.run.folder.name}/fold-0" if ground.run.folds.is_file() else ground.run.folder.name
    texts = [name for name, known in ground.saved.facts.inputs.items() if known.kind == "text"]
    files = ["report.txt"] if len(texts) == 1 else [f"{name}={name}.txt" for name in texts]
    report = "".join(f" --report {file}" for file in files)
    return [
        "## How to Get Started with the Model",
        f"```\nmmdx predict {folder} STUDY{report}\n```",
        "`STUDY` is a folder, file or archive of one exam, as `mmdx predict --help` says.",
    ]


def _training(ground: Ground, licence: str | None) -> list[str]:
    store, config = ground.store, ground.saved.config
    train = config.train
    left = f"; {store['quarantined']} could not be read and are not in it" if store["quarantined"] else ""
    stop = f", stopped after {train.patience} without a better one" if train.patience else ""
    dropout = config.model.modality_dropout
    withheld_inputs = f"; modality dropout {dropout_words(dropout)}" if dropout else ""
    return [
        "## Training Details",
        "### Training Data",
        f"Reader `{store['reader']}`, store `{store['fingerprint']}`: {store['studies']} studies of "
        f"{store['patients']} patients{left}. {_dealt(ground.run)} Licence of the data: {licence or 'see its source'}.",
        "### Training Procedure",
        "#### Preprocessing",
        _prepared(ground),
        "#### Training Hyperparameters",
        f"AdamW, rate {train.lr:g}, decay {train.weight_decay:g}, warm-up {train.warmup:g}; at most {train.epochs} "
        f"epochs{stop}, the best by the macro AUROC of validation {train.judge}; batches of up to {train.studies} "
        f"studies and {train.slices} images; precision {train.precision}{withheld_inputs}.",
    ]


def _dealt(run: RunLayout) -> str:
    """How many studies are in which part."""
    folds = run.folds.is_file()
    column = pd.read_csv(run.folds if folds else run.splits, dtype=str)["fold" if folds else "split"]
    counts = Counter(column)
    if folds:
        return f"Dealt by patient into {len(counts)} folds ({', '.join(str(counts[f]) for f in sorted(counts))})."
    return f"By patient: {', '.join(f'{name} {counts[name]}' for name in ('train', 'val', 'test'))} studies."


def _prepared(ground: Ground) -> str:
    config, path = ground.saved.config, Path(ground.store["folder"]) / "dataset.json"
    described = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    size = described.get("size", config.data.size)
    kinds = {known.kind for known in ground.saved.facts.inputs.values()}
    parts = [f"Images are letter-boxed to {size} x {size} pixels."] if "images" in kinds else []
    parts += ["Descriptors are those that another model left."] if EXTRACTED in described else []
    taken = withheld(config.data.reports)
    parts += [f"Texts are read {f'without {taken}' if taken else 'as they are'}."] if "text" in kinds else []
    return " ".join(parts) or "None beyond the store's."


def _specifications(ground: Ground) -> list[str]:
    environment = read_environment(ground.run)
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items() if version)
    return [
        "## Technical Specifications",
        "### Compute Infrastructure",
        f"{environment['processes']} x {environment['device']}, {environment['platform']}.",
        f"Python {environment['python']}; {packages}.",
    ]


def _demoted(results: str) -> str:
    """Its headings below those of the card."""
    return "\n".join(f"###{line}" if line.startswith("#") else line for line in results.splitlines())
