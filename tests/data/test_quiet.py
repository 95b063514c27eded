"""What other libraries say stays off the terminal, and what a codec says of broken pixels is raised."""

from __future__ import annotations

import logging
import os
import warnings

import pytest

from mmdx.data.quiet import codec_heard, quiet


def test_warnings_and_log_lines_of_pydicom_stay_off_the_terminal(caplog) -> None:
    with warnings.catch_warnings(record=True) as heard:
        with quiet():
            warnings.warn("odd tag", stacklevel=1)
            logging.getLogger("pydicom.dataset").warning("odd tag")
        logging.getLogger("pydicom.dataset").warning("afterwards")
    assert heard == []
    assert [record.message for record in caplog.records] == ["afterwards"]


def test_a_codec_that_names_corrupt_pixels_is_an_error() -> None:
    with pytest.raises(ValueError, match="Corrupt JPEG data: bad Huffman code"), codec_heard():
        os.write(2, b"Corrupt JPEG data: bad Huffman code\n")


@pytest.mark.parametrize("line", [b"Corrupt JPEG data: 3 extraneous bytes before marker\n", b"something else\n"])
def test_harmless_lines_raise_nothing_and_others_are_passed_on(line: bytes, capfd) -> None:
    with codec_heard():
        os.write(2, line)
    assert capfd.readouterr().err == ("" if line.startswith(b"Corrupt") else line.decode())
