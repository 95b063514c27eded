"""`mmdx demo` as a verb: what it takes, and what it refuses in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mmdx.cli import main


def test_a_place_without_a_model_is_told_in_one_line(problem, tmp_path: Path) -> None:
    assert "neither a run folder nor a model folder" in problem("demo", tmp_path, "--port", 0, code=2)


def test_without_gradio_a_line_says_what_brings_it(problem, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert "pip install 'mmdx[demo]'" in problem("demo", tmp_path, "--port", 0, code=2)


def test_the_address_is_said_and_ctrl_c_ends_it_in_silence(monkeypatch, tmp_path: Path, capsys) -> None:
    from mmdx.demo import serve

    def served(place: Path, *, port: int, ready) -> None:
        ready(f"http://127.0.0.1:{port}")
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "serve", served)
    with pytest.raises(SystemExit) as ended:
        main(["demo", str(tmp_path), "--port", "7999"])
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    assert said.out == "page:  http://127.0.0.1:7999  (Ctrl-C ends it)\n"
