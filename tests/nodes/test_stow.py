"""Files are posted to a DICOMweb server: what leaves, read back from its multipart, and what a server may answer."""

from __future__ import annotations

import email
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, STUDY, write_exam

from mmdx.errors import DataError, UsageError
from mmdx.nodes.stow import checked_address, post_files

ITEM = '{{"{tag}":{{"vr":"SQ","Value":[{{"00081155":{{"vr":"UI","Value":["1.2"]}}{more}}}]}}}}'
KEPT = ITEM.format(tag="00081199", more="")
FAILED = ITEM.format(tag="00081198", more=',"00081197":{"vr":"US","Value":[43264]}')


@contextmanager
def served(status: int, answer: str = KEPT, **headers: str) -> Iterator[tuple[str, list[tuple[str, list]]]]:
    """A server that gives one answer: its address, and of each request the path and the files in it."""
    came: list[tuple[str, list]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = email.message_from_bytes(head + body)
            assert self.headers["Content-Type"].startswith("multipart/related")
            assert [part.get_content_type() for part in parts.get_payload()] == ["application/dicom"]
            contents = [part.get_payload(decode=True) for part in parts.get_payload()]
            came.append((self.path, [pydicom.dcmread(io.BytesIO(content)) for content in contents]))
            self.send_response(status)
            for name, value in ({"Content-Type": "application/dicom+json"} | headers).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web", came
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_exam(tmp_path)[:2]


def test_files_are_posted_one_by_one_as_they_are(files: list[Path]) -> None:
    with served(200) as (url, came):
        assert post_files(url, files) == []
    assert [path for path, _ in came] == ["/dicom-web/studies"] * 2
    posted = [file for _, (file,) in came]
    for file, before in zip(posted, map(pydicom.dcmread, files), strict=True):
        assert (file.StudyInstanceUID, str(file.PatientName), file.PixelData) == (STUDY, NAME, before.PixelData)
        assert file == before


@pytest.mark.parametrize(
    ("status", "answer", "headers", "said"),
    [
        (409, FAILED, {}, "refuses it (status 409)"),
        (401, "", {}, "refuses it (status 401)"),
        (500, "", {}, "refuses it (status 500)"),
        (503, "", {}, "refuses it (status 503)"),
        (202, FAILED, {}, "does not keep it (reason A900)"),
        (202, "", {}, "may not have kept it (status 202, without a word on the file)"),
        (200, "{", {}, "answers what is not understood (JSONDecodeError), with status 200"),
        (307, "", {"Location": "http://127.0.0.1:9/studies"}, "sends elsewhere (a redirect, which is not followed)"),
    ],
)
def test_what_a_server_does_not_keep_is_told_in_one_line(
    files: list[Path], status: int, answer: str, headers: dict[str, str], said: str
) -> None:
    with served(status, answer, **headers) as (url, came):
        lines = post_files(url, files)
    host = url.split("/")[2]
    assert [line.partition(";")[0] for line in lines] == [f"{path.name}: {host} {said}" for path in files]
    assert len(came) == 2  # each is tried once


def test_a_server_that_is_not_there_is_told(files: list[Path]) -> None:
    with pytest.raises(DataError, match=r"127.0.0.1:9 cannot be reached \(ConnectionError\)"):
        post_files("http://127.0.0.1:9/dicom-web", files)


def test_a_kept_file_with_a_warning_is_kept(files: list[Path]) -> None:
    with served(202) as (url, _):
        assert post_files(url, files) == []


@pytest.mark.parametrize("url", ["pacs.local/dicom-web", "ftp://pacs/x", "http://", "http://a:b", "http://a:99999/x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no address of a DICOMweb service"):
        checked_address(url, "--stow")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match=r"belong to ~/.netrc") as refused:
        checked_address("https://me:secret@pacs.local/dicom-web", "--stow")
    assert "secret" not in str(refused.value)
    assert checked_address("https://pacs.local/dicom-web/", "--stow") == "https://pacs.local/dicom-web"
