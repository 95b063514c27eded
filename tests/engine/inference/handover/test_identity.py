"""Whose study it is: as the source says, in Unicode, and nothing that is malformed."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, write_exam

from mmdx.data.dicom.files import read_header
from mmdx.engine.inference.handover.identity import NEEDED, identity_of


def test_names_come_over_in_whatever_characters(tmp_path: Path) -> None:
    header = read_header(write_exam(tmp_path)[0])
    identity, malformed = identity_of(header)
    assert (str(identity.PatientName), identity.PatientBirthDate, identity.PatientID) == (NAME, "19700131", "p 7")
    assert (identity.SpecificCharacterSet, malformed) == ("ISO_IR 192", ())
    identity.save_as(tmp_path / "x", implicit_vr=False, little_endian=True)
    assert NAME.encode() in (tmp_path / "x").read_bytes()
    assert "PatientAddress" not in identity


def test_what_is_unknown_is_empty() -> None:
    identity, malformed = identity_of(pydicom.Dataset())
    assert {keyword for keyword in NEEDED if identity[keyword].value in ("", None)} == set(NEEDED)
    assert malformed == ()
    assert "StudyDescription" not in identity


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", "female"),
        ("PatientBirthDate", "31.1.1970"),
        ("StudyDate", "20200230"),
        ("StudyTime", "noon"),
        ("AccessionNumber", ["1", "2"]),
    ],
)
def test_what_is_malformed_is_left_empty_and_named_without_its_value(keyword: str, value: object) -> None:
    header = pydicom.Dataset()
    with pydicom.config.disable_value_validation():
        setattr(header, keyword, value)
        identity, malformed = identity_of(header)
    assert malformed == (keyword,)
    assert not identity[keyword].value


def test_that_names_were_removed_is_kept_with_the_way_alone() -> None:
    header = pydicom.Dataset()
    header.PatientIdentityRemoved = "YES"
    assert "PatientIdentityRemoved" not in identity_of(header)[0]
    header.DeidentificationMethod = "by hand"
    assert identity_of(header)[0].PatientIdentityRemoved == "YES"
