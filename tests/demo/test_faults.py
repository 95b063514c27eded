"""What is told of a fault."""

from __future__ import annotations

from mmdx.demo.faults import told


def test_a_fault_is_told_by_its_kind_and_place_alone(capsys) -> None:
    try:
        raise ValueError("Doe^Jane")
    except ValueError as error:
        line = told(error)
    assert line.startswith("a fault of mmdx itself, ValueError at test_faults.py:")
    assert capsys.readouterr().err == f"mmdx: {line}\n"
