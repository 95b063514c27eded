"""What the server of the page answers beside gradio, and to whom."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pydicom
import pytest
from handed_over import NAME
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from mmdx.demo.answer import Answer
from mmdx.demo.routes import Guarded, part_routes, visit_routes
from mmdx.demo.visits import Visit, Visits


@pytest.fixture
def visits(tmp_path: Path) -> Visits:
    return Visits(tmp_path)


@pytest.fixture
def visit(visits: Visits) -> Visit:
    return visits.open("tab")


@pytest.fixture
def client(visits: Visits) -> TestClient:
    app = Starlette(routes=[*part_routes(), *visit_routes(visits)])
    return TestClient(Guarded(app), base_url="http://127.0.0.1:7860")


def test_files_come_in_and_are_removed(client: TestClient, visit: Visit) -> None:
    place = f"/files/{visit.token}"
    assert client.put(place, params={"path": "exam/1.png"}, content=b"abc").status_code == 200
    assert (visit.files / "exam" / "1.png").read_bytes() == b"abc"
    refused = client.put(place, params={"path": "../1.png"}, content=b"abc")
    assert refused.status_code == 400
    assert "no path of a file" in refused.text
    blocked = client.put(place, params={"path": "exam"}, content=b"abc")
    assert (blocked.status_code, blocked.text) == (400, "a file: Is a directory")
    assert client.delete(place).status_code == 200
    assert not visit.files.exists()
    assert client.put("/files/other", params={"path": "1.png"}, content=b"a").status_code == 404
    assert client.delete("/files/other").status_code == 404


@pytest.mark.usefixtures("figures_as_pdf")
def test_the_answer_leaves_as_json_pdf_and_dicom(client: TestClient, visit: Visit, of_ct: Answer) -> None:
    visit.keep(of_ct)
    base = f"/answers/{visit.answer_token}"
    entries = json.loads(client.get(f"{base}/predictions.json").content)
    assert [entry["shown"] for entry in entries] == ["image+report", "image"]
    assert entries[0]["findings"] == of_ct.studies[0].main.findings
    pdf = client.get(f"{base}/answer.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    report = client.get(f"{base}/study-001.dcm")
    assert str(pydicom.dcmread(io.BytesIO(report.content)).PatientName) == NAME
    assert report.headers["cache-control"] == "no-store"
    assert client.get(f"{base}/study-002.dcm").status_code == 404
    held = pydicom.dcmread(io.BytesIO(client.get(f"{base}/study-001.pdf.dcm").content))
    assert held.EncapsulatedDocument.startswith(b"%PDF")
    assert (str(held.PatientName), held.DocumentTitle) == (NAME, f"mmdx {of_ct.model}")
    assert client.get(f"{base}/study-002.pdf.dcm").status_code == 404
    assert client.get("/answers/other/predictions.json").status_code == 404


def test_slices_leave_as_pictures(client: TestClient, visit: Visit, of_ct: Answer) -> None:
    visit.keep(of_ct)
    base = f"/answers/{visit.answer_token}/1/image"
    plain = client.get(f"{base}/0.png", params={"window": "bone"})
    assert plain.headers["content-type"] == "image/png"
    assert min(Image.open(io.BytesIO(plain.content)).size) >= 300
    assert client.get(f"{base}/0.png", params={"window": "bone", "boxes": ""}).content != plain.content
    assert client.get(f"{base}/7.png").text == "slice 8: there are 3"
    assert client.get(f"{base.replace('/1/', '/2/')}/0.png").status_code == 404


def test_it_answers_under_the_names_of_this_machine_alone(client: TestClient) -> None:
    assert client.get("/page.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/page.css", headers={"host": "localhost"}).status_code == 200
    for host in ("evil.example:7860", "127.0.0.1.evil.example", "", "192.168.0.7:7860"):
        refused = client.get("/page.js", headers={"host": host})
        assert refused.status_code == 421


def test_a_fault_is_told_without_its_message(visits: Visits, capfd) -> None:
    def fault(_: object) -> None:
        raise ValueError("Doe^Jane")

    app = Starlette(routes=[Route("/fault", fault)])
    answer = TestClient(Guarded(app), base_url="http://localhost").get("/fault")
    logged = "".join(capfd.readouterr())
    assert (answer.status_code, "ValueError at test_routes.py" in logged) == (500, True)
    assert "Doe" not in answer.text + logged


def test_a_browser_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    headers = client.get("/page.css").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
