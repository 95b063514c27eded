"""`mmdx serve` and `mmdx send` as verbs: what they take, and what they refuse in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pydicom
import pytest
from handed_over import write_exam
from pydicom.uid import SecondaryCaptureImageStorage
from senders import archive

from mmdx.cli import main


@pytest.mark.parametrize("missing", ["pynetdicom", "dicomweb_client"])
@pytest.mark.parametrize("verb", ["serve", "send"])
def test_without_its_packages_a_line_says_what_brings_them(
    problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    out = ("--out", tmp_path / "out") if verb == "serve" else ()
    assert "pip install 'mmdx[pacs]'" in problem(verb, tmp_path, *out, code=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "other machines can reach it; name the AE titles that may send (--allow AET)"),
        (("--aet", "MUCH_LONGER_THAN_IT_MAY_BE"), "is no AE title"),
        (("--allow", "Ä"), "is no AE title"),
        (("--to", "pacs:104"), "is not HOST:PORT:AET"),
        (("--stow", "pacs"), "is no address of a DICOMweb service"),
        ((), "neither a run folder nor a model folder"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(
    problem, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    assert said in problem("serve", tmp_path, "--out", tmp_path / "out", "--port", 0, *options, code=2)


def send(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["send", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_files_and_folders_are_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in write_exam(tmp_path / "made"):
        file = pydicom.dcmread(path)
        file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        file.save_as(path)
    with archive() as (address, kept):
        assert send(tmp_path / "made", tmp_path / "made" / "1.dcm", "--to", address) == 0
    assert len(kept) == 4
    assert capsys.readouterr().out == "sent: 4 files\n"


def test_what_is_not_kept_is_named_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_exam(tmp_path / "made")
    assert send(tmp_path / "made", "--to", "127.0.0.1:9:NOBODY") == 1
    assert capsys.readouterr().err == "mmdx: not sent: NOBODY (127.0.0.1:9) cannot be reached\n"


def test_files_that_are_not_there_and_a_place_that_is_not_said_are_refused(problem, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no .dcm file" in problem("send", tmp_path / "empty", "--to", "a:104:B", code=2)
    assert "no such file" in problem("send", tmp_path / "nothing", "--to", "a:104:B", code=2)
    assert "say where the files go" in problem("send", tmp_path / "empty", code=2)
