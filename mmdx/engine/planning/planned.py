"""A planned config as a value: its text, what it stands on, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.facts.machine import Machine
from mmdx.engine.planning.length import Length
from mmdx.engine.planning.rules.approaches import Approach
from mmdx.engine.planning.rules.labels import Findings
from mmdx.errors import UsageError, some
from mmdx.files import write_text
from mmdx.schema import Config

GIGABYTE = 2**30


@dataclass(frozen=True)
class Planned:
    """A config that a plan came to.

    `config` is resolved; `text` is the YAML file with a reason per line. `summary` says in some words each what was
    found and what was chosen, `wishes` what the plan would rather have, `remarks` what to mind, a sentence each. The
    training takes about `minutes`; `fits` says whether that is within those that there are.
    """

    config: Config
    text: str
    summary: tuple[tuple[str, str], ...]
    wishes: tuple[str, ...]
    remarks: tuple[str, ...]
    minutes: float
    fits: bool

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Writes the YAML file. Raises `UsageError` where there is one already, unless `force` says to replace it, and
        where it cannot be written."""
        place = Path(path)
        refuse_other(place, force=force)
        try:
            write_text(place, self.text)
        except OSError as error:
            raise UsageError(f"{place}: cannot be written ({error.strerror}); choose another --out") from None

    def to_json(self) -> dict[str, Any]:
        """The config and what is said of it, as plain values."""
        return {
            "config": self.config.model_dump(mode="json"),
            "summary": dict(self.summary),
            "wishes": list(self.wishes),
            "remarks": list(self.remarks),
            "minutes": self.minutes,
            "fits": self.fits,
        }

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        """What a notebook shows: what was found and chosen, what is wished for, and the file."""
        rows = [*self.summary, *(("rather", text) for text in self.wishes), *(("mind", text) for text in self.remarks)]
        body = "".join(f"<tr><th>{escape(word)}</th><td>{escape(text)}</td></tr>" for word, text in rows)
        return f"<table>{body}</table><pre>{escape(self.text)}</pre>"


def refuse_other(path: Path, *, force: bool) -> None:
    """Raises `UsageError` where there is a file already, unless `force` says to replace it."""
    if path.exists() and not force:
        raise UsageError(f"{path}: is there already; choose another --out, or replace it by --force")


def summarised(
    cohort: Cohort, machine: Machine, findings: Findings, approach: Approach, length: Length
) -> tuple[tuple[str, str], ...]:
    """What was found and chosen: a word for each, and what it is."""
    return (
        ("found", _cohort_words(cohort)),
        ("machine", _machine_words(machine)),
        ("learns", f"{some(findings.names, most=8)}; {findings.primary} leads"),
        *((("images", _approach_words(approach)),) if approach.encoder else ()),
        ("tested", f"{length.folds} folds by patient" if length.folds else "one split by patient"),
        ("trains", f"{length.epochs} epochs"),
    )


def _cohort_words(cohort: Cohort) -> str:
    parts = [f"{cohort.studies} studies of {cohort.patients} patients"]
    parts += [f"{name} {held.total} images" for name, held in cohort.pictures.items()]
    parts += [f"{name} {held.total} descriptors" for name, held in cohort.vectors.items()]
    parts += [f"{name} {reports.count} texts" for name, reports in cohort.reports.items()]
    if cohort.slice_labels:
        parts.append("slice labels")
    if cohort.boxes:
        parts.append("boxes")
    return ", ".join(parts)


def _machine_words(machine: Machine) -> str:
    parts = [f"{machine.cores} cores", f"{machine.memory / GIGABYTE:.0f} GiB"]
    parts.append(f"{machine.gpu} with {machine.gpu_memory / GIGABYTE:.0f} GiB" if machine.gpu else "no GPU")
    weights = [*(held.name for held in machine.image_weights), *(held.source for held in machine.text_weights)]
    return ", ".join(parts) + f"; weights: {', '.join(weights) or 'none'}"


def _approach_words(approach: Approach) -> str:
    start = "pretrained" if approach.weights is not None else "from random weights"
    state = "frozen" if approach.frozen else "trained"
    return f"{approach.encoder}, {start}, {state}, at {approach.size} pixels"
