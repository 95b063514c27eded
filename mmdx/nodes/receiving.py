"""The listener: a DICOM application that takes images (C-STORE) and says that it is there (C-ECHO), by pynetdicom."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
from pynetdicom.sop_class import Verification  # pyright: ignore[reportAttributeAccessIssue]  (made as it is imported)

from mmdx.data.dicom.codecs import syntaxes
from mmdx.data.quiet import unlogged
from mmdx.errors import MmdxError, UsageError, one_line
from mmdx.nodes.arrival import DISCARDED, NO_ROOM, NOT_UNDERSTOOD, Arrival, Unfit, is_image
from mmdx.nodes.inbox import Inbox

SUCCESS = 0x0000
MOST_CONNECTIONS = 10
IDLE, SLOW = 60, 30
"""Seconds after which a silent connection is closed, and those that an answer within one may take."""
MOST_UNIT = 2**20
"""Bytes of one unit of the protocol; senders are asked to keep to a 64th of it."""


@dataclass(frozen=True)
class Door:
    """Where to listen, as which application, and which applications may send; without names any of this machine may."""

    host: str = "127.0.0.1"
    port: int = 11112
    title: str = "MMDX"
    allowed: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raises `UsageError` where others could send that nobody has named."""
        if not self.allowed and not _is_loopback(self.host):
            raise UsageError(
                f"--host {self.host}: other machines can reach it; name the AE titles that may send (--allow AET)"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def listening(door: Door, inbox: Inbox, say: Callable[[str], None]) -> Iterator[int]:
    """Takes images into `inbox` while the block runs, which is given the port; `say` is told of what is refused.

    Raises `UsageError` where the port cannot be taken.
    """
    # Files are written as they come, into the temporary folder, and not held in memory.
    before = (_config.STORE_RECV_CHUNKED_DATASET, _config.LOG_HANDLER_LEVEL)
    _config.STORE_RECV_CHUNKED_DATASET, _config.LOG_HANDLER_LEVEL = True, "none"
    application, reception = _application(door), _Reception(door, inbox, say)
    with unlogged("pynetdicom"):
        try:
            server = application.start_server((door.host, door.port), block=False, evt_handlers=reception.handlers)
        except OSError as error:
            why = f"cannot be taken ({error.strerror})"
            raise UsageError(f"--host {door.host} --port {door.port}: {why}; choose another, or 0 for any") from None
        try:
            assert server is not None  # it does not block
            yield int(server.server_address[1])
        finally:
            application.shutdown()
            _config.STORE_RECV_CHUNKED_DATASET, _config.LOG_HANDLER_LEVEL = before


def _application(door: Door) -> AE:
    application = AE(door.title)
    application.require_called_aet = True
    application.require_calling_aet = list(door.allowed)
    application.maximum_associations = MOST_CONNECTIONS
    application.network_timeout, application.acse_timeout, application.dimse_timeout = IDLE, SLOW, SLOW
    readable = {one.name for one in syntaxes() if not one.missing}
    known = [uid for uid in AllTransferSyntaxes if UID(uid).name in readable]
    for context in AllStoragePresentationContexts:
        kind = UID(str(context.abstract_syntax))
        # What shows no image is taken as it comes, and discarded.
        application.add_supported_context(kind, known if is_image(kind) else AllTransferSyntaxes)
    application.add_supported_context(Verification)
    return application


class _Reception:
    """What is done as connections come and go; each runs in a thread of its own. Events are of pynetdicom's `Event`,
    whose parts are of a type for each kind of event."""

    def __init__(self, door: Door, inbox: Inbox, say: Callable[[str], None]) -> None:
        self._door, self._inbox, self._say = door, inbox, say
        self._refused: dict[object, Counter[str]] = {}
        self._lock = threading.Lock()

    @property
    def handlers(self) -> list[Any]:
        return [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_C_ECHO, lambda _: SUCCESS),
            (evt.EVT_C_STORE, self._stored),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]

    def _opened(self, event: Any) -> None:
        """Bounds what is read of a peer, which may claim any length: it is read before it is understood."""
        sender, plain = event.assoc, event.assoc.dul.socket.recv

        def bounded(size: int) -> bytearray:
            if size > MOST_UNIT:
                raise OSError("a unit of more bytes than were asked for")
            try:
                self._inbox.check_room(size)
            except Unfit as unfit:
                self._refuse(sender, str(unfit))
                raise OSError("no room") from None
            return plain(size)

        event.assoc.dul.socket.recv = bounded

    def _rejected(self, event: Any) -> None:
        peer = event.assoc.requestor
        called, calling = (_shown(one) for one in (peer.primitive.called_ae_title, peer.ae_title))
        why = f"{MOST_CONNECTIONS} connections are open"
        if called != self._door.title:
            why = f"it calls '{called}', and this is '{self._door.title}'"
        elif self._door.allowed and calling not in self._door.allowed:
            why = f"'{calling}' is none of those that may send (--allow)"
        self._say(f"refused: a connection from {peer.address}: {why}")

    def _stored(self, event: Any) -> int:
        request = event.request
        announced = Arrival("", str(request.AffectedSOPInstanceUID), str(request.AffectedSOPClassUID))
        try:
            self._inbox.take(event.dataset_path, event.assoc, announced)
        except Unfit as unfit:
            if unfit.status != DISCARDED:
                self._refuse(event.assoc, str(unfit))
            return unfit.status
        except (MmdxError, OSError):
            self._refuse(event.assoc, "this machine lacks memory or room")
            return NO_ROOM
        except Exception as error:  # a bug ends one file, and not the listener
            self._refuse(event.assoc, f"it could not be read ({type(error).__name__})")
            return NOT_UNDERSTOOD
        return SUCCESS

    def _refuse(self, sender: object, why: str) -> None:
        with self._lock:
            self._refused.setdefault(sender, Counter())[why] += 1

    def _closed(self, event: Any) -> None:
        self._inbox.ended(event.assoc)
        with self._lock:
            refused = self._refused.pop(event.assoc, Counter())
        title = _shown(event.assoc.requestor.ae_title)
        for why, count in refused.items():
            self._say(f"refused: {count} file{'s' * (count > 1)} of {title}: {why}")


def _shown(title: str) -> str:
    """A title that a peer chose, as it can be shown."""
    return one_line(title.strip())
