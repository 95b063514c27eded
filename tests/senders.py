"""The other side of a network of DICOM applications, on this machine: who sends images, and who takes answers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

MINE = "MMDX"


@contextmanager
def associated(port: int, files: Sequence[Path], *, title: str = "SCANNER", called: str = MINE) -> Iterator:
    """A connection to the listener, as one that sends these files and asks who is there."""
    application = AE(title)
    application.connection_timeout = application.acse_timeout = application.dimse_timeout = 20
    application.add_requested_context(Verification)
    for file in map(pydicom.dcmread, files):
        application.add_requested_context(file.SOPClassUID, file.file_meta.TransferSyntaxUID)
    association = application.associate("127.0.0.1", port, ae_title=called)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def sent(port: int, files: Sequence[Path]) -> list[int]:
    """Sends files by pynetdicom, and returns the status of each."""
    with associated(port, files) as association:
        return [int(association.send_c_store(pydicom.dcmread(file)).Status) for file in files]


def sent_by_dcmtk(port: int, files: Sequence[Path]) -> None:
    """Sends files by DCMTK's `storescu`; the test is skipped where there is none."""
    places = [Path(place) / "storescu" for place in os.environ["PATH"].split(os.pathsep)]
    # pynetdicom installs a script of that name.
    program = next((place for place in places if place.is_file() and place.read_bytes()[:2] != b"#!"), None)
    if program is None:
        pytest.skip("needs DCMTK (apt install dcmtk)")
    command = [str(program), "-aec", MINE, "127.0.0.1", str(port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@contextmanager
def archive(status: int = 0, *, title: str = "ARCHIVE") -> Iterator[tuple[str, list[pydicom.Dataset]]]:
    """An application that takes whatever comes, with one status: `HOST:PORT:AET`, and what came to it."""
    kept: list[pydicom.Dataset] = []

    def stored(event) -> int:
        file = event.dataset
        file.file_meta = event.file_meta
        kept.append(file)
        return status

    application = AE(title)
    application.require_called_aet = True
    application.add_supported_context(Verification)
    for kind in ("ComprehensiveSRStorage", "EncapsulatedPDFStorage", "MultiFrameTrueColorSecondaryCaptureImageStorage"):
        application.add_supported_context(getattr(pydicom.uid, kind))
    application.add_supported_context(pydicom.uid.SecondaryCaptureImageStorage)
    handlers: list[tuple[object, Callable]] = [(evt.EVT_C_STORE, stored), (evt.EVT_C_ECHO, lambda _: 0)]
    server = application.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield f"127.0.0.1:{server.server_address[1]}:{title}", kept
    finally:
        application.shutdown()
