"""`mmdx predict` and `mmdx explain` as verbs: what they take, and what they refuse in one line."""

from __future__ import annotations

import pytest

from mmdx.cli import main


@pytest.mark.parametrize("verb", ["predict", "explain"])
def test_a_place_without_a_model_is_told_in_one_line(verb, tmp_path, capsys):
    (tmp_path / "raw").mkdir()
    with pytest.raises(SystemExit) as ended:
        main([verb, str(tmp_path / "nothing"), str(tmp_path / "raw"), "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert str(tmp_path / "nothing") in said.err.replace("\n", "")
    assert not (tmp_path / "out").exists()


def test_explain_asks_where_to_write(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(tmp_path), str(tmp_path)])
    assert ended.value.code == 2
    assert "--out" in capsys.readouterr().err
