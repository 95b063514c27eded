"""Folders, files and archives become the studies that a model is asked about."""

from __future__ import annotations

from pathlib import Path

from mmdx.engine.inference.source import join_inputs
from mmdx.study import ImageFiles, ImageRef, Order, Study


def test_folders_called_like_inputs_are_one_study():
    def study(name: str, *problems: str, readable: bool = True) -> Study:
        files = ImageFiles((ImageRef(Path(name, "1.png")),), Order("filename"))
        return Study(name, name.partition("/")[0], {"image": files} if readable else {}, problems=problems)

    found = join_inputs([study("brain"), study("bone", "odd"), study("notes")], ["brain", "bone"], "050")
    assert [(s.study_id, list(s.modalities), s.problems) for s in found] == [
        ("050", ["brain", "bone"], ("bone: odd",)),
        ("notes", ["image"], ()),
    ]
    assert found[0].modalities["bone"].images[0].path == Path("bone/1.png")
    below = [study("050/bone", "broken", readable=False), study("050/brain"), study("051/brain")]
    found = join_inputs(below, ["brain", "bone"], "patients")
    assert [(s.study_id, s.patient_id, list(s.modalities)) for s in found] == [
        ("050", "050", []),
        ("051", "051", ["brain"]),
    ]
    assert found[0].problems == ("bone: broken",)
