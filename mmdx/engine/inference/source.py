"""Raw files become studies: a folder, a file or a zip, read by the reader that fits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mmdx.data.files import unpacked
from mmdx.data.readers.detect import detect_reader
from mmdx.data.store.recipe import names_at_use
from mmdx.data.text.missing import without_empty
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.raw import image_names
from mmdx.errors import DataError, UsageError
from mmdx.registry import READERS
from mmdx.schema import Component
from mmdx.study import ImageFiles, Study

T = TypeVar("T")


def answer_each(
    source: Path, saved: SavedModel, answer: Callable[[int, Study], T], *, alone: bool
) -> Iterator[T | Refused]:
    """What `answer` returns for the number (from 1) and the study of each study in `source`, one after the other.

    Folders are joined into studies by the image inputs of the model, and series are chosen as where it has learned.
    Where `answer` raises `DataError`, the study is refused. Raises `UsageError` where a report belongs to the study
    (`alone`) and there are several.
    """
    with opened(source) as folder:
        found = studies_of(folder, source, saved.facts.at_use)
        studies = join_inputs(found, image_names(saved), folder.resolve().name)
        if alone and len(studies) != 1:
            raise UsageError(
                f"--report: {source} holds {len(studies)} studies and the report belongs to one; give one study"
            )
        for number, study in enumerate(studies, start=1):
            yield _answered(folder, number, study, answer)


def _answered(folder: Path, number: int, study: Study, answer: Callable[[int, Study], T]) -> T | Refused:
    try:
        return answer(number, study)
    except DataError as error:
        # A file is named from the source on: the user does not know where a zip was unpacked.
        reason = str(error).replace(f"{folder}/", "").removeprefix(f"{study.study_id}: ")
        return Refused(study.study_id, reason)


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """`source` as a path that a reader takes, a zip being unpacked for the while."""
    if not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    if source.suffix.lower() == ".zip":
        with unpacked(source) as folder:
            yield folder
    else:
        yield source


def studies_of(folder: Path, source: Path, at_use: Mapping[str, Any]) -> list[Study]:
    """The studies in `folder`, which may be an unpacked `source`: errors speak of what the user gave. `at_use` are
    options for the reader that fits, of which those count that it has."""
    reader = detect_reader(folder)
    known = names_at_use(reader.type)  # another option could name files anywhere
    options = {name: value for name, value in at_use.items() if name in known}
    try:
        return without_empty(READERS.build(Component(type=reader.type, **options), root=folder))
    except DataError as error:
        raise DataError([problem.replace(str(folder), str(source)) for problem in error.problems]) from None


def join_inputs(studies: Sequence[Study], inputs: Sequence[str], name: str) -> list[Study]:
    """Folders called like image inputs of the model, such as `brain` and `bone`, become one study: the folder above.

    `name` is that of the outermost folder. A study of which one of these cannot be read has no modality: it is refused.
    """
    joined: dict[str, Study] = {}
    for study in studies:
        above, _, last = study.study_id.rpartition("/")
        images = [value for value in study.modalities.values() if isinstance(value, ImageFiles)]
        if last not in inputs or len(study.modalities) > 1 or len(images) != len(study.modalities):
            joined[study.study_id] = study
            continue
        before = joined.get(above or name)
        modalities = {last: images[0]} if images else {}
        if before is not None:
            modalities = {**before.modalities, **modalities} if before.modalities and modalities else {}
        problems = (*(before.problems if before else ()), *(f"{last}: {problem}" for problem in study.problems))
        patient, traits = study.patient_id if above else name, {**study.traits, **(before.traits if before else {})}
        joined[above or name] = Study(above or name, patient, modalities, traits=traits, problems=problems)
    return list(joined.values())


def folder_of(number: int) -> str:
    """The name of a folder or a file for the study of this 1-based place in its source: an identifier must not stand
    in a file's name."""
    return f"study-{number:03d}"


def make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made ({error.strerror}); choose another folder") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: may not be written to; choose another folder")
