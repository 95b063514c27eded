"""The reports that are given beside the images of a study: files on the command line, texts from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmdx.data.files import MOST_TEXT, decoded, refuse_special
from mmdx.data.text.missing import says_nothing
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.study import text_inputs
from mmdx.errors import DataError, UsageError, did_you_mean, refuse_lack


def read_reports(saved: SavedModel, options: Sequence[str]) -> dict[str, str]:
    """The text of each file by the input that it is for, from `FILE` or `NAME=FILE`.

    A file without a name is for the only text input. Raises `UsageError` where it is unclear which input a file is for,
    and where there is none or no file; `DataError` for a file that says nothing, is no text, or is too long for one.
    """
    reports: dict[str, str] = {}
    for value in options:
        name, file = _report_of(text_inputs(saved), value)
        if name in reports:
            raise UsageError(f"--report {value}: '{name}' is given twice; give one file per text")
        reports[name] = _report(file)
    return reports


def _report_of(texts: Sequence[str], value: str) -> tuple[str, Path]:
    """The text input and the file of a `--report`; a file whose own name holds `=` is taken whole where it is there."""
    name, equals, file = value.partition("=")
    if not texts:
        raise UsageError("--report: this model reads no text; leave the option out")
    if equals and name in texts:
        return name, Path(file)
    if equals and not Path(value).exists():
        raise UsageError(f"--report {value}: the model reads no text '{name}'; {did_you_mean(name, texts)}")
    if len(texts) > 1:
        raise UsageError(
            f"--report {value}: the model reads several texts ({', '.join(texts)}); say which, such as "
            f"--report {texts[0]}={value}"
        )
    return texts[0], Path(value)


def _report(report: Path) -> str:
    try:
        refuse_special(report)
        with report.open("rb") as file:
            raw = file.read(MOST_TEXT + 1)
        text = decoded(raw).strip() if len(raw) <= MOST_TEXT else None
    except FileNotFoundError:
        raise UsageError(f"--report {report}: no such file") from None
    except (OSError, UnicodeError) as error:
        refuse_lack(error, report)
        raise DataError(f"--report {report}: cannot be read as text ({error}); save it as UTF-8") from None
    if text is None:
        raise DataError(f"--report {report}: has more than {MOST_TEXT:,} bytes; give the report of one study")
    if says_nothing(text):
        said = f"says only '{text}'" if text.isprintable() and text else "is empty"
        raise DataError(f"--report {report}: {said}; leave the option out to predict from the images alone")
    return text


def named_texts(saved: SavedModel, report: str | Mapping[str, str] | None) -> dict[str, str]:
    """The text of each text input: `report` itself for the only one, or a mapping of input name to text.

    Raises `UsageError` where it is unclear which input a text is for, or where the model has no such input.
    """
    texts = text_inputs(saved)
    if report is None:
        return {}
    if not texts:
        raise UsageError("report: this model reads no text; leave it out")
    if isinstance(report, str):
        if len(texts) > 1:
            names = ", ".join(texts)
            raise UsageError(f"report: the model reads several texts ({names}); give a mapping of name to text")
        return {texts[0]: report}
    for name in report:
        if name not in texts:
            raise UsageError(f"report '{name}': the model reads no such text; {did_you_mean(name, texts)}")
    return dict(report)
