"""A config's key is the one that its store is prepared with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.privacy.pseudonyms import read_key
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.store import open_store
from mmdx.errors import UsageError
from mmdx.schema import Config


def test_a_config_prepares_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"sixteen bytes ok")
    path = write_config(tmp_path / "tiny.yaml", write_cohort(tmp_path / "raw"))
    plain = open_store(resolve(read_config(path)), Console(quiet=True))
    hashed = open_store(resolve(read_config(path, [f"data.pseudonym_key={tmp_path / 'key'}"])), Console(quiet=True))
    assert plain.folder != hashed.folder
    names = read_key(tmp_path / "key")
    assert set(hashed.patient_ids) == {names.of("patient", patient) for patient in plain.patient_ids}


def test_a_key_without_a_reader_is_refused(tmp_path: Path) -> None:
    config = {"data": {"store": "s", "pseudonym_key": "key"}, "model": {"inputs": {"report": "bilstm_attention"}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UsageError, match="pseudonym_key is for preparing: give reader and source too"):
        read_config(tmp_path / "c.yaml")
    assert Config.model_validate(config | {"data": {"store": "s"}}).data.pseudonym_key is None
