"""The same key gives the same pseudonyms; the key is not to be seen."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from mmdx.data.privacy.pseudonyms import Pseudonyms, names_under, read_key
from mmdx.errors import UsageError

KEY = b"sixteen bytes ok"


@pytest.fixture
def names() -> Pseudonyms:
    return Pseudonyms(KEY)


def test_a_pseudonym_is_a_keyed_hash(names: Pseudonyms) -> None:
    assert names.of("patient", "007") == hmac.new(KEY, b"patient\x00007", hashlib.sha256).hexdigest()[:16]
    assert names.of("patient", "007") != names.of("study", "007")
    assert names.of("patient", "007") != Pseudonyms(KEY + b"!").of("patient", "007")
    assert len(names.of("study", "caf\udce9")) == 16  # a name on disk need not be UTF-8


def test_a_key_is_read_without_the_end_of_its_line(tmp_path: Path, names: Pseudonyms) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\r\n")
    assert read_key(tmp_path / "key").fingerprint == names.fingerprint
    assert names.fingerprint != KEY.hex()


def test_a_short_or_missing_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"fifteen bytes..\n")
    with pytest.raises(UsageError, match=r"key: holds 15 bytes, at least 16 are needed; make one with: openssl"):
        read_key(tmp_path / "key")
    with pytest.raises(UsageError, match=r"none: cannot be read \(No such file"):
        read_key(tmp_path / "none")


@pytest.mark.parametrize(
    ("sentence", "gone"),
    [
        ("left out 1 file(s): truncated (exams/Doe Jane/IM 1)", ("Doe", "Jane", "IM 1")),
        ("Doe_Jane.dcm: not a DICOM file", ("Doe", "Jane")),
        ("kept out 3 image(s) of series 2 'Dr Doe brain': localizer (a.dcm, b.dcm)", ("Doe", "a.dcm", "b.dcm")),
        ("study 1.2.840.113619.2.55.3 has no image", ("1.2.840",)),
        ("Doe Jane: no image to use", ("Doe", "Jane")),
        ("left out ct/Roe/1: no number", ("Roe",)),
    ],
)
def test_names_of_files_and_quoted_words_go(names: Pseudonyms, sentence: str, gone: tuple[str, ...]) -> None:
    told = names.sentence(sentence, frozenset({"Doe Jane", "IM 1", "exams"}))
    assert not any(word in told for word in gone)
    assert names.sentence(told) == told


def test_what_says_where_stays(names: Pseudonyms) -> None:
    sentence = "row 3, column 'file_name': gap after image 4, 2.5 mm; kept with images of the study"
    assert names.sentence(sentence, frozenset({"images", "study", "row3"})) == sentence
    assert names.sentence("'x.png' is gone") == f"'{names.of_file('x.png')}' is gone"


def test_words_to_keep_stay_quoted_or_not(names: Pseudonyms) -> None:
    sentence = "no slices in brain; 'brain' holds text here"
    assert names.sentence(sentence, frozenset({"brain"}), keep=("brain",)) == sentence
    assert "brain" not in names.sentence(sentence, frozenset({"brain"}))


def test_the_names_in_a_source(tmp_path: Path) -> None:
    (tmp_path / "Doe Jane").mkdir()
    (tmp_path / "Doe Jane" / "1.dcm").touch()
    assert names_under(tmp_path) == {tmp_path.name, "Doe Jane", "1.dcm", "1"}
