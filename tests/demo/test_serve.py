"""The server as its user meets it: one process, asked by a browser, that leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from handed_over import NAME

from mmdx.demo import serve as module
from mmdx.errors import UsageError

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MOST_MS = 120_000


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port {port}: cannot be taken"):
            module.serve(tmp_path, port=port, ready=lambda _: None)


def test_a_folder_without_a_model_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    heard: list[str] = []
    with pytest.raises(UsageError, match="neither a run folder nor a model folder"):
        module.serve(tmp_path, port=0, ready=heard.append)
    assert heard == []


@pytest.fixture
def served(home: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`mmdx demo` as a process, whose temporary files lie in `tmp_path / "tmp"`, and its address."""
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "mmdx", "demo", str(home / "ct"), "--port", "0"]
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH", ""))))
    variables = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": path}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[1]
        process.kill()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt install chromium)")
def test_a_browser_asks_with_files_and_a_report_and_nothing_leaves_the_machine(served, home: Path, tmp_path: Path):
    from playwright.sync_api import sync_playwright

    process, address = served
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 800, "height": 900})
        page.set_default_timeout(MOST_MS)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.set_input_files(".drop input.folder", str(home / "exam"))
        page.wait_for_selector("text=ready to be asked about")
        page.get_by_label("report").fill("fall on the head")
        page.click("#ask")
        page.wait_for_selector(".mmdx.answer")
        assert "with report" in page.inner_text(".findings")
        assert page.inner_text(".arrived").startswith("The files are removed")
        # From the keyboard alone: to the slice slider, one slice on.
        page.focus(".viewer .slice")
        before = page.inner_text(".viewer .place")
        page.keyboard.press("End" if before.startswith("slice 1") else "Home")
        page.wait_for_function("before => document.querySelector('.viewer .place').textContent !== before", arg=before)
        picture = page.locator(".viewer img.plain")
        page.wait_for_function("() => document.querySelector('.viewer img.plain').naturalWidth > 300")
        assert picture.get_attribute("alt")
        unlabelled = page.evaluate(
            "[...document.querySelectorAll('.mmdx input, .mmdx select')].filter((one) => !one.labels.length).length"
        )
        assert unlabelled == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        left = [path for path in (tmp_path / "tmp").rglob("*") if path.suffix in (".dcm", ".png", ".pdf", ".json")]
        assert left == []
        process.send_signal(signal.SIGTERM)  # while the tab is open
        output = process.communicate(timeout=60)[0]
        browser.close()
    assert len(asked) > 10
    assert {url for url in asked if not url.startswith((f"{address}/", "data:", "blob:"))} == set()
    assert NAME.split("^")[0] not in output
    assert "Traceback" not in output
    assert list((tmp_path / "tmp").glob("mmdx-demo-*")) == []
