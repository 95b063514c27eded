"""What `import mmdx` offers: names, types, and the examples of docs/api.md as they stand there."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import write_cohort

import mmdx

ROOT = Path(__file__).parents[1]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.M | re.S)


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in mmdx.PUBLIC:
        value = getattr(mmdx, name)
        assert value.__doc__, name
    assert set(mmdx.PUBLIC) <= set(dir(mmdx))
    with pytest.raises(AttributeError, match="module 'mmdx' has no attribute 'tain'"):
        _ = mmdx.tain


def test_the_stub_has_the_types_of_all_public_names() -> None:
    tree = ast.parse((ROOT / "mmdx" / "__init__.pyi").read_text(encoding="utf-8"))
    typed = {
        alias.asname: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert typed == mmdx.PUBLIC


@pytest.mark.parametrize(("policy", "expected"), [(None, "passive"), ("active", "active")])
def test_waiting_threads_do_not_spin_unless_the_user_says_so(policy: str | None, expected: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {} if policy is None else {"OMP_WAIT_POLICY": policy}
    code = "import mmdx, os, sys; assert 'torch' not in sys.modules; print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True)
    assert done.stdout.strip() == expected


@pytest.mark.parametrize("names", ["read prepare audit compare plot Run Store Study Comparison Evidence Audit READERS"])
def test_what_needs_no_torch_loads_none(names: str) -> None:
    code = (
        f"import sys, mmdx\nfor name in '{names}'.split():\n    getattr(mmdx, name)\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_the_examples_of_the_page_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "configs", "configs")
    cohort = write_cohort(tmp_path / "my_studies")
    patient = tmp_path / "new_patient"
    patient.mkdir()
    shutil.copy(cohort / "01_0.png", patient / "1.png")
    names: dict[str, Any] = {}
    for number, code in enumerate(EXAMPLES):
        exec(compile(code, f"api.md, example {number + 1}", "exec"), names)
    assert list(names["predictions"][0].missing) == ["report"]
    assert set(names["rows"]["shown"]) == {"image"}
    assert names["together"].members == 2
    assert names["evidence"].comparison.reference.name == "ours"
    assert (tmp_path / "slices.png").stat().st_size > 1000
    assert (tmp_path / "why.png").stat().st_size > 1000
    assert (tmp_path / "compare" / "compare.html").is_file()
