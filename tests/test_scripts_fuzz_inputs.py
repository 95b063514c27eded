"""A few mutated files of each kind are read as others read them, or refused in lines."""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from mmdx.errors import MmdxError

SCRIPTS = Path(__file__).parents[1] / "scripts"
CASES = 12
pytestmark = pytest.mark.filterwarnings("ignore")  # other readers' words


@pytest.mark.parametrize("kind", ["dicom", "nifti", "png", "tiff", "zip", "csv", "json"])
def test_what_is_mutated_is_refused_or_read_as_others_read_it(tmp_path, monkeypatch, kind):
    monkeypatch.syspath_prepend(SCRIPTS)
    import fuzz_inputs

    for number in range(CASES):
        (folder := tmp_path / str(number)).mkdir()
        fuzz_inputs.maker(kind)(random.Random(f"{kind} {number}"), folder)
        with suppress(MmdxError):
            fuzz_inputs.tried(kind)(folder)
