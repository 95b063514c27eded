"""What the files of a run say of its model and of how good it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mmdx.engine.runs.files import Cell, RunFiles, dropout_words
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.words import bracketed, number


def findings(files: RunFiles) -> Iterator[Cell]:
    if primary := files.primary:
        yield Cell(f"primary finding {primary}", "config.yaml: data.primary")
    if names := files.value("checkpoints/best/model.json", "findings"):
        ordered = sorted(names, key=lambda name: name != files.primary)
        yield Cell(f"answers {', '.join(ordered)}", "checkpoints/best/model.json: findings")


def technology(files: RunFiles) -> Iterator[Cell]:
    inputs = files.value("config.yaml", "model.inputs") or {}
    if inputs:
        yield Cell(f"deep learning on {' and '.join(inputs)}", "config.yaml: model.inputs")


def inputs(files: RunFiles) -> Iterator[Cell]:
    for name, facts in (files.value("checkpoints/best/model.json", "inputs") or {}).items():
        yield Cell(f"{name}: {facts['kind']}", f"checkpoints/best/model.json: inputs.{name}")


def model(files: RunFiles) -> Iterator[Cell]:
    for name, part in (files.value("config.yaml", "model.inputs") or {}).items():
        yield Cell(f"{name}: {_component(part['encoder'])}", f"config.yaml: model.inputs.{name}.encoder")
    if fusion := files.value("config.yaml", "model.fusion"):
        yield Cell(f"fusion {_component(fusion)}", "config.yaml: model.fusion")
    for name, head in (files.value("config.yaml", "model.heads") or {}).items():
        yield Cell(f"head {head['type']}", f"config.yaml: model.heads.{name}")


def output(files: RunFiles) -> Iterator[Cell]:
    if files.value("config.yaml", "model") is not None:
        yield Cell("one score from 0 to 1 per finding, not calibrated", f"{files.scores}: score")


def software(files: RunFiles) -> Iterator[Cell]:
    packages = files.value("environment.json", "packages") or {}
    if packages:
        words = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
        yield Cell(words, "environment.json: packages")
        yield Cell(f"Python {files.value('environment.json', 'python')}", "environment.json: python")


def initialisation(files: RunFiles) -> Iterator[Cell]:
    if (seed := files.value("config.yaml", "seed")) is not None:
        yield Cell(f"seed {seed}", "config.yaml: seed")
    for name, part in (files.value("config.yaml", "model.inputs") or {}).items():
        if "pretrained" in part["encoder"]:
            start = part["encoder"]["pretrained"]
            yield Cell(
                f"{name}: {f'from {start}' if start else 'no pretrained weights'}",
                f"config.yaml: model.inputs.{name}.encoder.pretrained",
            )


def training(files: RunFiles) -> Iterator[Cell]:
    train = files.value("config.yaml", "train")
    if train:
        words = ", ".join(f"{name} {train[name]:g}" for name in ("lr", "weight_decay", "warmup", "epochs", "studies"))
        yield Cell(f"AdamW, {words}", "config.yaml: train")
    epochs = [line["epoch"] for line in files.log if "val_auroc" in line]
    if epochs:
        yield Cell(f"epochs done{' in the first fold' if files.folds else ''}: {max(epochs)}", "log.jsonl: epoch")
    if processes := files.value("environment.json", "processes"):
        yield Cell(f"{processes} x {files.value('environment.json', 'device')}", "environment.json: device")


def augmentation(files: RunFiles) -> Iterator[Cell]:
    if dropout := files.value("config.yaml", "model.modality_dropout"):
        yield Cell(f"modality dropout {dropout_words(dropout)}", "config.yaml: model.modality_dropout")
    for name, part in (files.value("config.yaml", "model.inputs") or {}).items():
        if used := {key: value for key, value in part["augment"].items() if value}:
            words = ", ".join(f"{key} {value:g}" for key, value in used.items())
            yield Cell(words, f"config.yaml: model.inputs.{name}.augment")


def selection(files: RunFiles) -> Iterator[Cell]:
    final, judge = files.value("config.yaml", "train.final.type"), files.value("config.yaml", "train.judge")
    if epochs := files.value("final.json", "epochs"):
        of, models = files.value("final.json", "of"), files.value("final.json", "folds")
        words = f"epoch {epochs} of {of}, by the log loss of {judge} out of fold ({models} models); then refitted"
        yield Cell(words, "final.json: epochs")
        return
    if final in ("last", "average"):
        yield Cell(f"none: {final} weights of the last epoch", "config.yaml: train.final")
        return
    scored = [line for line in files.log if not math.isnan(line.get("val_auroc", math.nan))]
    if not scored:
        return
    by = scored[0].get("judged_by", "auroc")
    primary = files.value("config.yaml", "data.primary")
    titles = {"auroc": f"best AUROC for {primary}" if primary else "best macro AUROC", "log_loss": "least log loss"}
    if judge:
        yield Cell(f"the epoch of the {titles[by]} of validation {judge}", "config.yaml: train.judge")
    best = max(scored, key=lambda line: line["val_auroc"] if by == "auroc" else -line["val_log_loss"])
    yield Cell(f"epoch {best['epoch']}, {best[f'val_{by}']:.3f}", f"log.jsonl: val_{by}")


def ensemble(files: RunFiles) -> Iterator[Cell]:
    if files.folds:
        yield Cell("none: one model per fold, each study scored by one", files.part_key)
    elif files.value("config.yaml", "model") is not None:
        yield Cell("none: one model", "checkpoints/best/model.json")


def imbalance(files: RunFiles) -> Iterator[Cell]:
    for name, head in (files.value("config.yaml", "model.heads") or {}).items():
        loss = head.get("loss")
        if loss:
            yield Cell(f"loss {_component(loss)}", f"config.yaml: model.heads.{name}.loss")


def absence(files: RunFiles) -> Iterator[Cell]:
    if files.value("config.yaml", "model.inputs"):
        words = "an absent input has a learned stand-in; an unknown label takes no part in loss or metrics"
        yield Cell(words, "config.yaml: model.inputs")


def orders(files: RunFiles) -> Iterator[Cell]:
    if (record := files.value("metrics.json", "slice_orders")) is not None:
        unknown = sum(record["unknown"].values())
        words = f"images read {record['order']}; order unknown in {unknown} studies whose order the model minds"
        yield Cell(words, "metrics.json: slice_orders")


def showings(files: RunFiles) -> Iterator[Cell]:
    arms = [arm["shown"] for arm in files.value("metrics.json", "arms") or [] if arm["kind"] == "model"]
    if len(arms) > 1:
        yield Cell(f"scored with {', '.join(arms)}", "metrics.json: arms")


def baselines(files: RunFiles) -> Iterator[Cell]:
    if names := files.baselines():
        yield Cell(f"held against {', '.join(names)}", f"{files.baseline_scores}: shown")


def tested(files: RunFiles) -> Iterator[Cell]:
    if rows := files.value("metrics.json", "rows"):
        how = "a second cohort" if files.evaluated is not None else "out of fold" if files.folds else "the test split"
        studies = files.value("metrics.json", "studies")
        units = f"{rows} slices of {studies} studies" if _of_slices(files) else f"{rows} studies"
        words = f"{how}: {units} of {files.value('metrics.json', 'patients')} patients"
        yield Cell(words, "metrics.json: rows")


def external(files: RunFiles) -> Iterator[Cell]:
    if files.evaluated is not None:
        yield from tested(files)
    for name, second in files.external.items():
        primary, rows = second.primary, second.value("metrics.json", "rows")
        leading = [one for one in second.estimates(finding=primary is not None) if one["metric"] == "auroc"]
        leading = [one for one in leading if one["finding"] == primary]
        if rows and leading:
            units = f"{rows} {'slices' if _of_slices(second) else 'studies'}"
            auroc = f"{f'AUROC for {primary}' if primary else 'macro AUROC'} {_value(leading[0])}"
            words = f"on {name}: {units} of {second.value('metrics.json', 'patients')} patients, {auroc}"
            yield Cell(words, f"external/{name}/metrics.json: estimates")


def sizes(files: RunFiles) -> Iterator[Cell]:
    yield from tested(files)
    yield from by_outcome(files)


def by_outcome(files: RunFiles) -> Iterator[Cell]:
    counts = sorted(files.value("metrics.json", "findings") or [], key=lambda count: count["finding"] != files.primary)
    if counts:
        words = ", ".join(f"{count['finding']} {count['positives']} of {count['known']}" for count in counts)
        yield Cell(f"positive among those tested: {words}", "metrics.json: findings")


def metrics(files: RunFiles) -> Iterator[Cell]:
    names = list(dict.fromkeys(record["metric"] for record in files.estimates(finding=False)))
    if names:
        yield Cell(", ".join(map(_title, names)), "metrics.json: estimates.metric")


def uncertainty(files: RunFiles) -> Iterator[Cell]:
    method = files.value("metrics.json", "method")
    if method:
        level = f"{100 * method['level']:.0f} %"
        words = f"{level} intervals: {method['intervals']}, {files.value('metrics.json', 'resamples')} resamples"
        yield Cell(words, "metrics.json: method.intervals")
        yield Cell(f"p by {method['p']}, corrected: {method['p_holm']}", "metrics.json: method.p_holm")


def performance(files: RunFiles) -> Iterator[Cell]:
    shown, primary = files.value("metrics.json", "reference"), files.value("metrics.json", "primary_finding")
    own = [record for record in files.estimates(finding=True) if record["finding"] == primary and record["metric"]]
    if own:
        values = ", ".join(f"{_title(record['metric'])} {_value(record)}" for record in own)
        yield Cell(f"primary finding, {primary}, with {shown}: {values}", "metrics.json: primary_finding")
    means = [f"{_title(mean['metric'])} {_value(mean)}" for mean in files.estimates(finding=False) if mean["metric"]]
    if means:
        yield Cell(f"macro means with {shown}: {', '.join(means)}", "metrics.json: estimates")


def by_finding(files: RunFiles) -> Iterator[Cell]:
    primary = files.primary
    estimates = [record for record in files.estimates(finding=True) if record["metric"] == "auroc"]
    estimates.sort(key=lambda record: record["finding"] != primary)
    if estimates:
        values = ", ".join(f"{record['finding']} {_value(record)}" for record in estimates)
        yield Cell(f"AUROC: {values}", "metrics.json: estimates")


def scores(files: RunFiles) -> Iterator[Cell]:
    if (files.folder / files.scores).is_file():
        unit = "slice" if _of_slices(files) else "study"
        yield Cell(f"score and label of every {unit}", f"{files.scores}: score")


def record(files: RunFiles) -> Iterator[Cell]:
    if files.value("config.yaml", "model") is not None:
        yield Cell("every option, defaults too", "config.yaml")


def available(files: RunFiles) -> Iterator[Cell]:
    if files.value("checkpoints/best/model.json", "findings"):
        folder = "fold-0/checkpoints/best" if files.folds else "checkpoints/best"
        yield Cell("the model, read by mmdx predict", folder)


def _of_slices(files: RunFiles) -> bool:
    """Whether the rows that were tested are slices."""
    return files.value("metrics.json", "unit") == "slice"


def _title(metric: str) -> str:
    return METRICS[metric].title if metric in METRICS else metric


def _value(record: Mapping[str, Any]) -> str:
    """A value with its interval, and why there is none where it was refused."""
    if record["value"] is None:
        return "undefined"
    if record["low"] is None or record["high"] is None:
        return f"{number(record['value'])} (no interval: {record['refused'] or 'not defined'})"
    return bracketed(record["value"], record["low"], record["high"])


def _component(part: Mapping[str, Any]) -> str:
    """`concat (dropout 0.1)`: a part and what of its options is set."""
    words = ", ".join(f"{name} {value}" for name, value in part.items() if name != "type" and value is not None)
    return f"{part['type']} ({words})" if words else str(part["type"])
