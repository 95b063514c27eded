"""What a second cohort calls the findings and modalities of a first: by name, or as the user states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmdx.errors import UsageError, did_you_mean, some
from mmdx.study import groups_of

OPTION = "--map"


@dataclass(frozen=True)
class Known:
    """The names that a cohort, or a run, has for findings and for modalities."""

    findings: tuple[str, ...]
    modalities: tuple[str, ...]

    def __contains__(self, name: str) -> bool:
        return name in self.findings or name in self.modalities


@dataclass(frozen=True)
class Names:
    """What a second cohort calls what a run knows: by the run's name its own; what it lacks has no entry."""

    findings: Mapping[str, str]
    modalities: Mapping[str, str]

    def renamed(self) -> dict[str, str]:
        """The pairs whose names differ, by the name of the second cohort."""
        pairs = {**self.modalities, **self.findings}
        return {theirs: ours for ours, theirs in pairs.items() if theirs != ours}


def parse_map(words: Sequence[str]) -> dict[str, str]:
    """`THEIRS=OURS` as pairs, by the name of the second cohort. Raises `UsageError` for a word that is none, or a name
    that is given twice."""
    pairs: dict[str, str] = {}
    for word in words:
        theirs, equals, ours = (part.strip() for part in word.partition("="))
        if not (equals and theirs and ours):
            raise UsageError(f"{OPTION} {word}: give NAME_IN_STORE=NAME_IN_RUN, such as 'ANY BLEED=any'")
        if theirs in pairs or ours in pairs.values():
            twice = theirs if theirs in pairs else ours
            raise UsageError(f"{OPTION} {word}: '{twice}' is named twice; a name has one partner")
        pairs[theirs] = ours
    return pairs


def join_names(stated: Mapping[str, str], ours: Known, theirs: Known, *, store: str) -> Names:
    """The findings and modalities of a run in a second cohort, which errors call `store`: those that the user `stated`
    (by the cohort's name that of the run), then those of one name.

    Raises `UsageError` for a stated name that either side does not have, and for a finding that is called a modality.
    """
    findings: dict[str, str] = {}
    modalities: dict[str, str] = {}
    for there, here in stated.items():
        _check_pair(there, here, ours, theirs, store)
        if there in theirs.findings and here in ours.findings:
            findings[here] = there
        else:
            modalities[here] = there
    for known, of_ours, of_theirs in (
        (findings, ours.findings, theirs.findings),
        (modalities, ours.modalities, theirs.modalities),
    ):
        # What the user calls something else there is not what has its name here.
        known |= {name: name for name in of_ours if name in of_theirs and name not in known and name not in stated}
    return Names(
        {name: findings[name] for name in ours.findings if name in findings},
        {name: modalities[name] for name in ours.modalities if name in modalities},
    )


def _check_pair(there: str, here: str, ours: Known, theirs: Known, store: str) -> None:
    pair = f"{OPTION} '{there}={here}'"
    if there not in theirs and there in ours and here in theirs:
        raise UsageError(f"{pair}: '{there}' is the run's name; turn it round: {OPTION} '{here}={there}'")
    if there not in theirs:
        raise UsageError(f"{pair}: {store} has no '{there}'; {did_you_mean(there, _all(theirs))}")
    if here not in ours:
        raise UsageError(f"{pair}: the run has no '{here}'; {did_you_mean(here, _all(ours))}")
    findings = there in theirs.findings and here in ours.findings
    if not findings and not (there in theirs.modalities and here in ours.modalities):
        kinds = ("a finding", "a modality") if there in theirs.findings else ("a modality", "a finding")
        raise UsageError(f"{pair}: '{there}' is {kinds[0]} and '{here}' {kinds[1]}; pair like with like")


def joining_lines(names: Names, ours: Known, theirs: Known, *, store: str) -> list[str]:
    """What of a run a second cohort has under another name, lacks, or has beyond it, a line each."""
    lines = [f"{store}: '{there}' is the run's '{here}'" for there, here in names.renamed().items()]
    lacking = [name for name in ours.findings if name not in names.findings]
    if lacking:
        lines.append(f"left out, for {store} has no label of it: {', '.join(lacking)}")
    for group, classes in groups_of(ours.findings).items():
        held = [name for name in classes if name in names.findings]
        if held and len(held) < len(classes):
            lines.append(
                f"group '{group}': {len(held)} of its {len(classes)} classes are labelled, and measures of the group "
                "are over these"
            )
    extra = _beyond(theirs.findings, names.findings.values())
    if extra:
        lines.append(f"findings of {store} that the run does not answer for: {some(extra, most=6)}")
    absent = [name for name in ours.modalities if name not in names.modalities]
    lines += [f"'{name}': {store} has none, so it is absent from every study" for name in absent]
    extra = _beyond(theirs.modalities, names.modalities.values())
    if extra:
        lines.append(f"modalities of {store} that the run does not read: {some(extra, most=6)}")
    return lines


def _all(known: Known) -> list[str]:
    return [*known.findings, *known.modalities]


def _beyond(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    used = set(taken)
    return [name for name in names if name not in used]
