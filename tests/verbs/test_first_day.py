"""`mmdx doctor` as a verb."""

from __future__ import annotations

import pytest

from mmdx.cli import main
from mmdx.engine.planning import doctor
from mmdx.engine.planning.doctor import Checked, Checkup


@pytest.mark.parametrize("broken", [False, True])
def test_the_exit_code_tells_whether_mmdx_works(broken, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "checkup", lambda: Checkup((Checked("mmdx", "torch", "none", broken=broken),)))
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == int(broken)
    assert "torch" in capsys.readouterr().out
