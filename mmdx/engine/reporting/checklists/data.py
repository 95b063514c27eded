"""What the files of a run say of its data: where they come from, how they were dealt, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mmdx.engine.runs.files import Cell, RunFiles, licence_of_store
from mmdx.study import SPLITS, modality_of, order_fact, text_fact

MOST_FACTS = 6
"""Facts of studies that a cell spells out; `studies.csv` has the others."""
FLOW = "figures/flow.svg"
"""What the card of a run links."""
_FIRST = 3
"""Issues of an audit, or words of a fact, that a cell spells out."""


def source(files: RunFiles) -> Iterator[Cell]:
    if files.evaluated is not None:
        yield Cell("a second cohort, of which nothing taught the model", "predictions/evaluation.json: trained")
    if reader := files.value("environment.json", "store.reader"):
        yield Cell(f"reader {reader}", "environment.json: store.reader")
    if fingerprint := files.value("environment.json", "store.fingerprint"):
        yield Cell(f"store {fingerprint}", "environment.json: store.fingerprint")


def excluded(files: RunFiles) -> Iterator[Cell]:
    store = files.value("environment.json", "store")
    if store:
        total = store["studies"] + store["quarantined"]
        yield Cell(f"{store['studies']} studies of {store['patients']} patients", "environment.json: store.studies")
        share = store["quarantined"] / total if total else 0
        yield Cell(f"{100 * share:.1f} % could not be read", "environment.json: store.quarantined")


def flow(files: RunFiles) -> Iterator[Cell]:
    if (files.folder / FLOW).is_file():
        yield Cell("flow of studies, as a figure and in numbers", FLOW)
    if files.value("compare.json", "sections.flow") is not None:
        yield Cell("flow of studies, in every format", "compare.json: sections.flow")


def table_1(files: RunFiles) -> Iterator[Cell]:
    groups = "cohort" if files.evaluated is not None else "the whole" if files.folds else "split"
    if (files.folder / FLOW).is_file():  # the card writes both
        yield Cell(f"table 1, by {groups} and by finding, with standardized mean differences", "card.md")
    if files.value("compare.json", "sections.characteristics") is not None:
        yield Cell("its numbers", "compare.json: sections.characteristics")


def shift(files: RunFiles) -> Iterator[Cell]:
    if files.evaluated is not None:
        yield from table_1(files)
    for name, second in files.external.items():
        if second.value("compare.json", "sections.characteristics") is not None:
            key = f"external/{name}/compare/compare.json: sections.characteristics"
            yield Cell(f"{name}: table 1 beside the studies that taught the run", key)


def split(files: RunFiles) -> Iterator[Cell]:
    studies = Counter(part for part, _ in files.parts)
    patients = Counter(part for part, _ in set(files.parts))
    if studies:
        names = sorted(studies, key=int) if files.folds else [name for name in (*SPLITS, "unused") if name in studies]
        words = ", ".join(f"{name} {studies[name]} of {patients[name]} patients" for name in names)
        yield Cell(f"studies by {'fold' if files.folds else 'split'}: {words}", files.part_key)


def dealt(files: RunFiles) -> Iterator[Cell]:
    key = "data.folds" if files.folds else "data.split"
    if options := files.value("config.yaml", key):
        words = ", ".join(f"{name} {value}" for name, value in options.items())
        yield Cell(f"dealt by patient, stratified by finding ({words})", f"config.yaml: {key}")
    elif options := files.value("dataset.json", "split"):
        words = ", ".join(f"{name} {value}" for name, value in options.items())
        yield Cell(f"as it came, the rest dealt by patient, stratified ({words})", "dataset.json: split")


def disjoint(files: RunFiles) -> Iterator[Cell]:
    if files.parts:
        several = len(set(files.parts)) - len({patient for _, patient in files.parts})
        words = f"the patient: {several or 'none'} in two parts"
        yield Cell(words, f"{files.part_key.partition(':')[0]}: patient_id")


def audit(files: RunFiles) -> Iterator[Cell]:
    if verdict := files.value("audit.json", "verdict"):
        yield Cell(f"audit: {verdict}", "audit.json: verdict")


def shortcuts(files: RunFiles) -> Iterator[Cell]:
    issues = [issue for issue in files.value("audit.json", "findings") or [] if issue["severity"] != "note"]
    for issue in issues[:_FIRST]:
        yield Cell(issue["sentence"], "audit.json: findings")
    if len(issues) > _FIRST:
        yield Cell(f"{len(issues) - _FIRST} more", "audit.json: findings")


def subsets(files: RunFiles) -> Iterator[Cell]:
    most, drop = files.value("config.yaml", "data.max_images"), files.value("config.yaml", "data.drop_images")
    if files.value("config.yaml", "data") is not None:
        images = f"{most} evenly spaced images of a longer study" if most else "all images of a study"
        yield Cell(f"all studies of the store; {images}", "config.yaml: data.max_images")
    if drop:
        yield Cell(f"{100 * drop:.0f} % of the images of each study left out", "config.yaml: data.drop_images")


def preprocessing(files: RunFiles) -> Iterator[Cell]:
    size = files.value("dataset.json", "size")
    inputs = files.value("config.yaml", "model.inputs") or {}
    kinds = {name: files.value("checkpoints/best/model.json", f"inputs.{name}.kind") for name in inputs}
    if size and "images" in kinds.values():
        yield Cell(f"images letter-boxed to {size} x {size} pixels", "dataset.json: size")
    for name, part in inputs.items():
        if kinds[name] == "images":
            view = (part["view"] or {"type": "the default of its unit"})["type"]
            yield Cell(f"{name}: view {view}, {part['neighbours']} neighbours", f"config.yaml: model.inputs.{name}")
    reports = {name: value for name, value in (files.value("config.yaml", "data.reports") or {}).items() if value}
    if "text" in kinds.values():
        words = ", ".join(f"{name} {' '.join(value)}" for name, value in reports.items()) or "as they are"
        yield Cell(f"texts: {words}", "config.yaml: data.reports")


def privacy(files: RunFiles) -> Iterator[Cell]:
    record = files.value("dataset.json", "privacy")
    if record:
        texts, ids = record["text"], "keyed hashes" if record["pseudonym_key"] else "as in the source"
        yield Cell(f"ids {ids}; no name, birth date or calendar date stored", "dataset.json: privacy.pseudonym_key")
        if texts["reports"]:
            words = f"{texts['with_any']} of {texts['reports']} texts hold what looks like an identifier"
            yield Cell(words, "dataset.json: privacy.text")


def missing(files: RunFiles) -> Iterator[Cell]:
    for name, values in files.studies.items():
        modality = modality_of(name, files.studies)
        if modality is not None and name != order_fact(modality):
            text = name == text_fact(modality)
            share = values.count("no" if text else "0") / len(values)
            yield Cell(f"{100 * share:.1f} % of studies without {modality}", f"studies.csv: {name}")
    for finding in files.value("metrics.json", "findings") or []:
        total = finding["known"] + finding["unknown"]
        if finding["unknown"]:
            share = 100 * finding["unknown"] / total
            yield Cell(f"{finding['finding']}: {share:.1f} % of test labels unknown", "metrics.json: findings.unknown")


def acquisition(files: RunFiles) -> Iterator[Cell]:
    for name, values in files.studies.items():
        if name.startswith(order_fact("")):
            counts = Counter(value for value in values if value)
            words = ", ".join(f"{value} in {count} studies" for value, count in counts.most_common())
            yield Cell(f"images stand in order by {words}", f"studies.csv: {name}")


def characteristics(files: RunFiles) -> Iterator[Cell]:
    names = [name for name in files.studies if not name.startswith((order_fact(""), text_fact("")))]
    parts = ["all"] * len(files.parts) if files.folds else files.table("studies.csv").get("split", [])
    for name in names[:MOST_FACTS]:
        by_part: dict[str, list[str]] = {part: [] for part in (*SPLITS, "unused", "all") if part in parts}
        for part, value in zip(parts, files.studies[name], strict=True):
            by_part[part].append(value)
        words = ", ".join(f"{part} {_summary(values)}" for part, values in by_part.items())
        yield Cell(f"{name}: {words}", f"studies.csv: {name}")
    if len(names) > MOST_FACTS:
        yield Cell(f"{len(names) - MOST_FACTS} more facts", "studies.csv")


def prevalence(files: RunFiles) -> Iterator[Cell]:
    findings = files.value("checkpoints/best/model.json", "findings") or []
    shares = files.value("checkpoints/best/model.json", "prevalence.study") or []
    if findings and len(shares) == len(findings):
        pairs = sorted(zip(findings, shares, strict=True), key=lambda pair: pair[0] != files.primary)
        words = ", ".join(f"{name} {100 * share:.1f} %" for name, share in pairs)
        of = "training studies of the first fold" if files.folds else "training studies"
        yield Cell(f"positive among {of}: {words}", "checkpoints/best/model.json: prevalence.study")


def licence(files: RunFiles) -> Iterator[Cell]:
    folder = files.value("environment.json", "store.folder")
    if folder and (name := licence_of_store(Path(folder))):
        yield Cell(f"the data's licence: {name}", "card.md of the store: license")


def _summary(values: Sequence[str]) -> str:
    """Mean and standard deviation of numbers, the commonest of words, of what is known."""
    filled = [value for value in values if value]
    if not filled:
        return "unknown"
    try:
        numbers = np.array(filled, dtype=float)
        return f"{numbers.mean():.3g} (SD {numbers.std():.3g})"
    except ValueError:
        counts = Counter(filled)
    more = f" and {len(counts) - _FIRST} others" if len(counts) > _FIRST else ""
    return " / ".join(f"{word} {100 * count / len(filled):.0f} %" for word, count in counts.most_common(_FIRST)) + more
