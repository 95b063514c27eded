"""DICOM files are posted to a DICOMweb server (STOW-RS), by dicomweb-client."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient

from mmdx.data.quiet import unlogged
from mmdx.errors import DataError, UsageError

SECONDS = (10, 60)
"""How long a server may take to be reached, and then to say anything."""
ACCEPTED = 202
"""Some of it was kept, or all with warnings."""


def checked_address(url: str, option: str) -> str:
    """The address of a DICOMweb service, below which there is `studies`. Raises `UsageError` where it is not one."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    else:
        if known and (parts.username or parts.password or parts.query or parts.fragment):
            raise UsageError(f"{option}: gives a name, password or question in the address; they belong to ~/.netrc")
    if not known:
        raise UsageError(f"{option} {url}: is no address of a DICOMweb service, such as https://pacs.local/dicom-web")
    return url.rstrip("/")


def post_files(url: str, paths: Sequence[Path]) -> list[str]:
    """Posts files, one after the other, and returns a line for each that the server does not keep. Who asks is told by
    `~/.netrc`, where that knows the server.

    Raises `DataError` where the server cannot be reached.
    """
    host, lines = urlsplit(url).netloc, []
    with requests.Session() as session:
        session.max_redirects = 0  # what holds a name goes to the server that was named, and to no other
        for path in paths:
            with unlogged("dicomweb_client"):
                why = _posted(session, url, pydicom.dcmread(path))
            if why:
                lines.append(f"{path.name}: {host} {why}")
    return lines


def _posted(session: requests.Session, url: str, file: pydicom.Dataset) -> str:
    """Why a server did not keep a file; empty where it did. Raises `DataError` where it cannot be reached."""
    codes: list[int] = []

    def heard(response: requests.Response, *_: Any, **__: Any) -> None:
        codes.append(response.status_code)

    session.hooks["response"] = [heard]
    client = DICOMwebClient(url, session=session, timeout=SECONDS)
    client.set_http_retry_params(retry=False)
    try:
        told = client.store_instances([file])
    except requests.TooManyRedirects:
        return "sends elsewhere (a redirect, which is not followed); give the address that it leads to"
    except requests.HTTPError:
        return f"refuses it (status {codes[-1]})"
    except (requests.ConnectionError, requests.Timeout) as error:
        raise DataError(f"{urlsplit(url).netloc} cannot be reached ({type(error).__name__})") from None
    except Exception as error:  # what a server says of itself may be malformed in any way
        return f"answers what is not understood ({type(error).__name__}), with status {codes[-1] if codes else '?'}"
    failed = told.get("FailedSOPSequence")
    if failed:
        return f"does not keep it (reason {int(failed[0].get('FailureReason') or 0):04X})"
    kept = "ReferencedSOPSequence" in told
    return "" if kept or codes[-1] != ACCEPTED else "may not have kept it (status 202, without a word on the file)"
