"""Several series of one DICOM study as several modalities: which is which, by rules of the user.

A rule looks at SeriesDescription and Modality. A series belongs to the one modality whose rule takes it; of several
that one rule takes, one is chosen as ever (`series.py`). Nothing is guessed: a series that two rules take is kept out
and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pydantic

from mmdx.data.dicom.series import SourceImage, choose_series
from mmdx.errors import one_line, some
from mmdx.study import ImageFiles


class SeriesRule(pydantic.BaseModel):
    """What a series must say to be of a modality, whatever the case: its SeriesDescription contains `description` and
    nothing of `without`, its Modality is `modality` (`MR`, `PT`). Empty says nothing."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    description: str = ""
    without: tuple[str, ...] = ()
    modality: str = ""

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_words(cls, rule: Any) -> Any:
        """Words alone are those of the description; one word to do without stands for a list of it."""
        if isinstance(rule, str):
            return {"description": rule}
        if isinstance(rule, Mapping) and isinstance(rule.get("without"), str):
            return {**rule, "without": (rule["without"],)}
        return rule

    @pydantic.model_validator(mode="after")
    def _says_something(self) -> SeriesRule:
        if not self.description.strip() and not self.modality.strip():
            raise ValueError("says nothing; give description, modality or both")
        return self

    def takes(self, image: SourceImage) -> bool:
        said = str(image.header.get("SeriesDescription") or "").casefold()
        kind = str(image.header.get("Modality") or "").casefold()
        return (
            self.description.casefold() in said
            and not any(words.casefold() in said for words in self.without)
            and self.modality.casefold() in ("", kind)
        )


SeriesRules = Annotated[dict[str, SeriesRule], pydantic.Field(min_length=1)]
"""By modality, what its series say: words of their description, or `{description: …, without: …, modality: …}`."""


def choose_each(
    images: Sequence[SourceImage], rules: Mapping[str, SeriesRule]
) -> tuple[dict[str, ImageFiles], list[str]]:
    """The one series of each modality that has one, certified, and a sentence for everything kept out or suspect."""
    taken: dict[str, list[SourceImage]] = {name: [] for name in rules}
    out: dict[str, list[SourceImage]] = {}
    for image in images:
        names = [name for name, rule in rules.items() if rule.takes(image)]
        if len(names) == 1:
            taken[names[0]].append(image)
        else:
            out.setdefault(_why_not(names, rules), []).append(image)
    problems = [_left(why, left) for why, left in out.items()]
    chosen: dict[str, ImageFiles] = {}
    for name, members in taken.items():
        files, more = choose_series(members)
        problems += [f"{name}: {problem}" for problem in more]
        if files is None:
            problems.append(f"{name}: no series that it takes")
        else:
            chosen[name] = files
    return chosen, problems


def _why_not(names: Sequence[str], rules: Mapping[str, SeriesRule]) -> str:
    if names:
        return f"taken by the rules of {' and '.join(names)} alike; say in one of them what it goes without"
    return f"taken by no rule of {', '.join(rules)}"


def _left(why: str, images: Sequence[SourceImage]) -> str:
    said = {(image.header.get("SeriesNumber"), image.header.get("SeriesDescription") or "") for image in images}
    series = sorted(f"{'?' if number is None else number} '{words}'" for number, words in said)
    return one_line(f"kept out {len(images)} image(s) of series {some(series)}: {why}")
