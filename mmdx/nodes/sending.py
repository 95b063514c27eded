"""DICOM files are sent to another application by C-STORE, by pynetdicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.uid import UID
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # pyright: ignore[reportAttributeAccessIssue]  (made as it is imported)

from mmdx.data.dicom.files import read_header
from mmdx.data.quiet import quiet, unlogged
from mmdx.errors import DataError, MmdxError
from mmdx.nodes.node import Node

SECONDS = 30
"""How long a node may take to answer to anything."""
_WARNINGS = range(0xB000, 0xC000)


def store_files(node: Node, title: str, paths: Sequence[Path]) -> list[str]:
    """Sends files as the application `title`, and returns a line for each that the node does not keep.

    Raises `DataError` where the node cannot be reached, or refuses all.
    """
    kinds = [_kind(path) for path in paths]
    application = _application(title)
    for kind, syntax in dict.fromkeys(kinds):
        application.add_requested_context(kind, syntax)
    with unlogged("pynetdicom"), quiet():
        association = _associated(application, node)
        try:
            return [line for path in paths if (line := _stored(association, node, path))]
        finally:
            if association.is_established:
                association.release()


def echo(node: Node, title: str) -> str:
    """Asks a node whether it is there (C-ECHO); a line where it is not, else nothing."""
    application = _application(title)
    application.add_requested_context(Verification)
    with unlogged("pynetdicom"):
        try:
            association = _associated(application, node)
        except MmdxError as error:
            return str(error)
        status = association.send_c_echo()
        association.release()
    return "" if "Status" in status and status.Status == 0 else f"{called(node)} does not answer to C-ECHO"


def called(node: Node) -> str:
    return f"{node.title} ({node.host}:{node.port})"


def _application(title: str) -> AE:
    application = AE(title)
    application.connection_timeout = application.acse_timeout = SECONDS
    application.dimse_timeout = application.network_timeout = SECONDS
    return application


def _associated(application: AE, node: Node) -> Association:
    try:
        association = application.associate(node.host, node.port, ae_title=node.title)
    except (OSError, RuntimeError, ValueError):
        raise DataError(f"{called(node)} cannot be reached") from None
    if association.is_established:
        return association
    if association.is_rejected:
        raise DataError(
            f"{called(node)} refuses the connection: is it called so, and does it know '{application.ae_title}'?"
        )
    refused = bool(association.acceptor.primitive) and not association.accepted_contexts
    raise DataError(f"{called(node)} {'takes no such files' if refused else 'cannot be reached'}")


def _kind(path: Path) -> tuple[UID, UID]:
    """Class and transfer syntax of a file. Raises `DataError` where it is no DICOM file."""
    header = read_header(path)
    syntax = header.file_meta.get("TransferSyntaxUID")
    if not header.get("SOPClassUID") or syntax is None:
        raise DataError(f"{path}: says neither what it is nor how it is encoded; only whole DICOM files are sent")
    return UID(str(header.SOPClassUID)), UID(str(syntax))


def _stored(association: Association, node: Node, path: Path) -> str:
    """Why a file was not kept; empty where it was."""
    try:
        status = association.send_c_store(pydicom.dcmread(path))
    except (ValueError, RuntimeError):  # no context for it, or the connection is gone
        return f"{path.name}: {called(node)} takes no such file" if association.is_established else _gone(path, node)
    if "Status" not in status:
        return _gone(path, node)
    code = int(status.Status)
    return "" if code == 0 or code in _WARNINGS else f"{path.name}: {called(node)} refuses it (status {code:04X})"


def _gone(path: Path, node: Node) -> str:
    return f"{path.name}: {called(node)} gave no answer"
