"""A Hub on loopback: as much of its HTTP as huggingface_hub asks for when a model is pushed and fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

TOKENS = {"hf_mine": "mine", "hf_other": "other"}
"""Who is known by which token."""


@dataclass
class Repository:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    licence: str | None = None
    gated: str | bool = False

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


@dataclass
class FakeHub:
    """`repositories` by name; `asked` are the requests that came, `tags` further revisions of what lies on main."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tags: tuple[str, ...] = ("v1",)
    endpoint: str = ""


@contextmanager
def serving(patch: pytest.MonkeyPatch, cache: Any, *, token: str | None = "hf_mine") -> Iterator[FakeHub]:
    """A Hub that the client library talks to within the block, with a cache and a token of its own."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    patch.setattr(constants, "ENDPOINT", hub.endpoint)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    patch.setattr(constants, "HF_TOKEN_PATH", str(cache / "no-token"))
    patch.setenv("HF_TOKEN", token) if token else patch.delenv("HF_TOKEN", raising=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        return None

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self._path()
        if path == "/api/whoami-v2":
            return self._json({"name": self._who(), "type": "user"}) if self._who() else self._refuse(401)
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            if (there := self._found(found[1], found[2])) is not None:
                siblings = [{"rfilename": name} for name in there.files]
                told = {"id": found[1], "sha": there.sha, "private": there.private, "siblings": siblings}
                self._json(told | {"gated": there.gated, "cardData": {"license": there.licence}})
            return None
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)(?:/.*)?", path):
            if (there := self._found(found[1], found[2])) is not None:
                self._json([_entry(name, content) for name, content in there.files.items()])
            return None
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(found[1], found[2], found[3])
        return self._refuse(404)

    def do_POST(self) -> None:
        path, body = self._path(), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if not self._who():
            return self._refuse(401)
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/([^/]+)", path)
        if found is None or found[1] not in self.hub.repositories:
            return self._refuse(404, "RepoNotFound")
        if found[1].split("/")[0] != self._who():
            return self._refuse(403)
        if found[2] == "preupload":
            files = [file["path"] for file in json.loads(body)["files"]]
            return self._json(
                {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in files]}
            )
        there = self.hub.repositories[found[1]]
        for line in map(json.loads, body.decode().splitlines()):
            if line["key"] == "file":
                there.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                del there.files[line["value"]["path"]]
        address = f"{self.hub.endpoint}/{found[1]}/commit/{there.sha}"
        return self._json({"success": True, "commitOid": there.sha, "commitUrl": address, "hookOutput": ""})

    def _create(self, asked: dict[str, Any]) -> None:
        owner = asked.get("organization") or self._who()
        name = f"{owner}/{asked['name']}"
        if name in self.hub.repositories:
            return self._json({"error": "exists", "url": f"{self.hub.endpoint}/{name}"}, status=409)
        if owner != self._who():
            return self._refuse(403)
        private = asked.get("private", asked.get("visibility") == "private")
        self.hub.repositories[name] = Repository(bool(private))
        return self._json({"url": f"{self.hub.endpoint}/{name}", "name": name, "id": "1"})

    def _found(self, name: str, revision: str | None) -> Repository | None:
        """What may be read of a repository; None where the request was refused."""
        there = self.hub.repositories.get(name)
        mine = name.split("/")[0] == self._who()
        if there is None or (there.private and not mine):
            return self._refuse(404 if self._who() else 401, "RepoNotFound")
        if there.gated and not mine:
            return self._refuse(403, "GatedRepo")
        if revision is not None and revision not in ("main", there.sha, *self.hub.tags):
            return self._refuse(404, "RevisionNotFound")
        return there

    def _file(self, name: str, revision: str, path: str) -> None:
        there = self._found(name, revision)
        if there is None:
            return None
        if path not in there.files:
            return self._refuse(404, "EntryNotFound")
        content = there.files[path]
        headers = {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": there.sha, "Accept-Ranges": "bytes"}
        begin = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if begin is not None:
            first = int(begin[1])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            return self._send(206, content[first:], headers)
        return self._send(200, content, headers)

    def _who(self) -> str | None:
        return TOKENS.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))

    def _path(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        return path

    def _json(self, content: Any, *, status: int = 200) -> None:
        return self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str | None = None) -> None:
        if self.command == "POST":
            self.close_connection = True
        headers = {"Content-Type": "application/json"} | ({"X-Error-Code": code} if code else {})
        return self._send(status, b'{"error": "refused"}', headers)

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return None


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(name: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
