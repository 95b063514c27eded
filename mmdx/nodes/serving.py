"""What `mmdx serve` does until it is told to end: studies come in, are whole, are answered, and the answers go out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mmdx.data.own_folder import own_folder
from mmdx.data.quiet import quiet
from mmdx.errors import MmdxError
from mmdx.nodes.answering import Answering
from mmdx.nodes.inbox import Bounds, Inbox, Received
from mmdx.nodes.outlets import Outlets
from mmdx.nodes.past import Past, Standing
from mmdx.nodes.receiving import Door, listening
from mmdx.nodes.watched import Watched

TICK = 0.2
"""Seconds between two looks at what has come."""


@dataclass(frozen=True)
class Service:
    """Who may send, what of a study may come, where answers lie and where they go, and a folder to watch as well.
    `modality` is the input that images are for, where the model reads several."""

    door: Door
    bounds: Bounds
    out: Path
    outlets: Outlets
    watch: Path | None = None
    modality: str | None = None


def serve(run: Path, service: Service, say: Callable[[str], None], stop: threading.Event | None = None) -> None:
    """Answers studies by the model in `run` until `stop` is set, or the process is told to end; each event is one line
    to `say`, without a word that a file holds.

    Raises `UsageError` and `DataError`, before anything is listened to, where the call is wrong.
    """
    stop = stop or threading.Event()
    with ExitStack() as stack:
        stack.enter_context(quiet())  # for all threads: each alone would undo what the others keep quiet
        private = stack.enter_context(own_folder("mmdx-serve-"))
        answering = Answering(run, service.out, private, modality=service.modality)
        inbox = Inbox(private, service.bounds)
        watched = None if service.watch is None else Watched(service.watch, inbox, say)
        for line in service.outlets.absent():
            say(line)
        port = stack.enter_context(listening(service.door, inbox, say))
        say(f"listening: {service.door.title} at {service.door.host}:{port} (Ctrl-C ends it)")
        work = _Work(answering, inbox, service.outlets, say)
        try:
            while not stop.wait(TICK):
                if watched is not None:
                    watched.look()
                inbox.remove_stale()
                while (study := inbox.whole()) is not None:
                    work(study)
        except (KeyboardInterrupt, SystemExit):
            pass
        left = work.taken - work.done + inbox.waiting
        say(f"ended: {work.answered} answered, {left} that came without an answer; what was received is removed")


class _Work:
    """Answers whole studies, and counts them."""

    def __init__(self, answering: Answering, inbox: Inbox, outlets: Outlets, say: Callable[[str], None]) -> None:
        self._answering, self._inbox, self._outlets, self._say = answering, inbox, outlets, say
        self._past = Past()
        self.taken = self.done = self.answered = 0

    def __call__(self, study: Received) -> None:
        """Answers one study, or says why not: whatever goes wrong with it, the next one is answered."""
        self.taken += 1
        try:
            self._handle(study)
        except MmdxError as error:
            self._told(study, error.problems, "not answered: ")
        except Exception as error:  # a bug of one study; its words may quote a file
            self._told(study, [type(error).__name__], "not answered: a fault of mmdx: ")
        finally:
            self._inbox.discard(study)
        self.done += 1

    def _handle(self, study: Received) -> None:
        images = frozenset(study.images)
        if study.spoiled:
            self._told(study, [study.spoiled], "not answered, for it is not whole: ")
            return
        if not images:
            self._told(study, ["none of its images could be kept"], "not answered: ")
            return
        standing = self._past.standing(study.key, images)
        if standing is Standing.KNOWN:
            self._told(study, ["the same images were answered before"])
            return
        if standing is Standing.PARTLY:
            missing = self._past.missing(study.key, images)
            why = f"it was answered before, from {missing} images that did not come again; send the whole study again"
            self._told(study, [why], "not answered: ")
            return
        self._answer(study, images)

    def _answer(self, study: Received, images: frozenset[bytes]) -> None:
        began = time.monotonic()
        answered = self._answering(study)
        names = ", ".join(path.name for path in answered.files)
        took = time.monotonic() - began
        self._say(f"study {study.number}: {len(images)} images, answered in {took:.1f} s: {names}")
        self._told(study, answered.without)
        unsent = self._outlets.send(answered.files)
        self._told(study, unsent, "not sent: ")
        if not unsent:
            self._past.answered(study.key, images)
        self.answered += 1

    def _told(self, study: Received, lines: Sequence[str], what: str = "") -> None:
        for line in lines:
            self._say(f"study {study.number}: {what}{line}")
