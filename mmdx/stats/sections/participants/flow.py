"""The section on the flow of studies, from the source to the scores."""

from __future__ import annotations

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.enrolled import Enrolled, enrolled_of
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, listed
from mmdx.stats.sections.participants.counts import Flow, Part, flow_of
from mmdx.stats.sections.participants.diagram import flow_plot


def flow_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Found, quarantined, stored, dealt and scored; None where no model lies in a run folder that says it."""
    enrolled = enrolled_of(cohort.arms)
    return None if enrolled is None else section_of(enrolled, cohort.primary_finding)


def section_of(enrolled: Enrolled, finding: str | None) -> Section:
    """The section of one run, with the positives of the `finding` that leads."""
    flow = flow_of(enrolled, finding)
    notes = [
        "Counts are read from environment.json (source and store), "
        f"{'folds.csv' if flow.folds else 'studies.csv' if flow.second else 'splits.csv'}, labels.csv, studies.csv and "
        f"the predictions of {flow.run}; studies are dealt whole, all of a patient together."
    ]
    if not len(enrolled.labels.columns):
        notes.append("The run has no labels.csv: how many studies have no known label is not known.")
    if flow.quarantined and not flow.reasons:
        notes.append("The run does not record why studies could not be stored; quarantine.csv of the store does.")
    if flow.refitted:
        notes.append("Validation studies chose the length of the training by scores out of fold, and then taught, too.")
    return Section(
        "flow",
        "Flow of studies",
        tuple(_sentences(flow)),
        (_sheet(flow),),
        (flow_plot(flow),),
        tuple(notes),
        flow.to_json(),
    )


def _sentences(flow: Flow) -> list[str]:
    sentences = []
    if flow.found is not None and flow.stored is not None:
        patients = f" of {counted(flow.stored_patients, 'patient')}" if flow.stored_patients is not None else ""
        lost = f"{flow.quarantined} could not be stored" if flow.quarantined else "all of them could be stored"
        sentences.append(
            f"Of {counted(flow.found, 'study')} found in the source, {lost}; {flow.stored} studies{patients} remain."
        )
    if flow.left_out:
        reasons = listed([f"{count} {reason}" for reason, count in flow.left_out.items()])
        sentences.append(f"Not taken from the second cohort: {reasons}.")
    scored = f"{counted(flow.scored.studies, 'study')} of {counted(flow.scored.patients, 'patient')}"
    lacking = [f"{count} without {modality}" for modality, count in flow.scored.without.items()]
    sentences.append(f"Scored: {scored}{f', {listed(lacking)}' if lacking else ''}.")
    if flow.unscored:
        has = "has" if flow.unscored == 1 else "have"
        sentences.append(f"{counted(flow.unscored, 'study')} that should have been scored {has} no score.")
    if flow.mismatch:
        sentences.append(
            f"The counts do not add up: the store had {flow.stored} studies, the run names {flow.dealt}, and no file "
            "says why."
        )
    return sentences


def _sheet(flow: Flow) -> Sheet:
    named = () if flow.finding is None else (f"{flow.finding}, positive of known",)
    modalities = list(dict.fromkeys(name for part in (*flow.parts, flow.scored) for name in part.without))
    header = ("step", "studies", "patients", *named, "no known label", *(f"without {name}" for name in modalities))

    def row(name: str, part: Part) -> tuple[str, ...]:
        own = () if flow.finding is None else (f"{part.positive} of {part.known}",)
        unlabelled = "–" if part.unlabelled is None else str(part.unlabelled)
        lacking = (str(part.without.get(modality, 0)) for modality in modalities)
        return (name, str(part.studies), str(part.patients), *own, unlabelled, *lacking)

    def step(name: str, studies: int, patients: int | None = None) -> tuple[str, ...]:
        known = (name, str(studies), "–" if patients is None else str(patients))
        return (*known, *("–",) * (len(header) - len(known)))

    rows = []
    if flow.found is not None and flow.quarantined is not None and flow.stored is not None:
        rows += [step("found in the source", flow.found), step("could not be stored", flow.quarantined)]
        rows += [step(f"… {reason}", count) for reason, count in flow.reasons.items()]
        rows.append(step("stored", flow.stored, flow.stored_patients))
    rows += [step(f"not taken: {reason}", count) for reason, count in flow.left_out.items()]
    rows += [
        row("second cohort" if flow.second else f"fold {part.name}" if flow.folds else part.name, part)
        for part in flow.parts
    ]
    return Sheet("Studies and patients at each step", header, (*rows, row("scored", flow.scored)))
