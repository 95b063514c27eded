"""The lines that a training opens with: its size, its studies, and what of them will teach it nothing."""

from __future__ import annotations

import numpy as np

from mmdx.data.text.redaction import absent_sections
from mmdx.data.text.sections import sections
from mmdx.engine.assembly.checks import Presence, shown_nothing
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.reporting.conclude import orders_of
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.threads import Threads
from mmdx.engine.scoring.orders import redrawn_lines
from mmdx.engine.scoring.texts import writing_lines
from mmdx.engine.training.optimizer import rate_lines
from mmdx.kinds import KINDS
from mmdx.sections import NO_TEXT
from mmdx.study import Split


def opening_lines(setting: Setting, saved: SavedModel, present: Presence, threads: Threads) -> list[str]:
    """What is said of `saved`, a model that is about to be trained; `present` says which studies have what it reads."""
    store, splits, accelerator = setting.store, setting.splits, setting.accelerator
    parameters = sum(p.numel() for p in saved.model.parameters() if p.requires_grad) / 1e6
    counts = ", ".join(f"{name} {count}" for name, count in splits.counts().items())
    lines = [
        f"{'+'.join(saved.config.model.inputs)}: {parameters:.2f} M parameters to train, "
        f"{accelerator.num_processes} x {accelerator.device.type}",
        *([threads.sentence()] if accelerator.device.type == "cpu" else []),
        f"studies: {counts}; run folder {setting.run.folder}",
        *_absent_sections(setting, saved),
        *_unknown_origins(setting, saved),
    ]
    lines += [line] if (line := shown_nothing(present, splits)) else []
    lines += writing_lines(setting, saved) + rate_lines(saved.model, setting.config.train)
    for split in ("train", "test"):
        if findings := _of_one_class(setting, saved, split):
            lines.append(f"{split}: one class only for {', '.join(findings)}")
    lines += orders_of(saved, store).sentences()
    return lines + redrawn_lines(saved.model, setting.config, store, splits.rows("train"))


def _absent_sections(setting: Setting, saved: SavedModel) -> list[str]:
    """Sections that `data.reports` names and no training report has."""
    lines = []
    for name in [name for name, facts in saved.facts.inputs.items() if KINDS[facts.kind].worded]:
        reports = (setting.store.read(row).text(name) or "" for row in setting.splits.rows("train"))
        absent = absent_sections(reports, saved.config.data.reports)
        lines += [f"data.reports: no training report has a section '{section}'" for section in absent]
    return lines


def _unknown_origins(setting: Setting, saved: SavedModel) -> list[str]:
    """What `data.provenance` names and is neither a text, nor a section of a training report, nor a trait."""
    stated, store = saved.config.data.provenance, setting.store
    named = {name for name in (*stated.before, *stated.after, *stated.labels_from) if name not in NO_TEXT}
    named -= {name for name, facts in store.modalities.items() if KINDS[facts.kind].worded}
    for row in setting.splits.rows("train") if named else ():
        study = store.read(row)
        named -= study.traits().keys()
        for name in [name for name, facts in store.modalities.items() if KINDS[facts.kind].worded]:
            named -= sections(study.text(name) or "").keys()
    return [
        f"data.provenance: '{name}' is no text, no section of a training report and no trait" for name in sorted(named)
    ]


def _of_one_class(setting: Setting, saved: SavedModel, split: Split) -> list[str]:
    """Findings of which a split does not know both a positive and a negative study."""
    findings = saved.facts.findings
    labels = setting.store.labels[setting.splits.rows(split)][:, setting.store.columns_of(findings)]
    classes = [set(column[~np.isnan(column)]) for column in labels.T]
    return [finding for finding, values in zip(findings, classes, strict=True) if len(values) < 2]
