"""What the page's server answers beside gradio: files come in, pictures and downloads go out, from memory; and what it
refuses. Everything is asked for by a token that cannot be guessed, and nothing may be kept by a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmdx.demo import templates
from mmdx.demo.answer import Answer
from mmdx.demo.faults import told
from mmdx.demo.visits import Visits
from mmdx.engine.inference.source import folder_of
from mmdx.errors import MmdxError, UsageError, system_refusal
from mmdx.templates import resource

HOSTS = ("127.0.0.1", "localhost")
"""The names under which the page answers: a name of somebody else's that leads here is refused."""
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""What a browser may load for the page: nothing but what comes from here."""
PARTS = {"page.js": "text/javascript", "page.css": "text/css"}
"""The script and the style of the page, and what kind of text each is."""
GONE = "this answer is no longer kept; ask again"


class Guarded:
    """An application that answers under `HOSTS` alone, and tells the browser to load and keep nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
            refusal = PlainTextResponse(f"this page answers at http://{HOSTS[0]} alone", 421)
            await refusal(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
                if scope["path"].startswith(("/answers/", "/files/")):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:
            told(error)  # the application has answered with code 500


def part_routes() -> list[Route]:
    """The script and the style of the page."""
    return [Route(f"/{name}", _part) for name in PARTS]


def visit_routes(visits: Visits) -> list[Route]:
    """Where the files of a visit come in, and its answers go out."""
    routes, answers = _Routes(visits), "/answers/{token}"
    return [
        Route("/files/{token}", routes.take, methods=["PUT"]),
        Route("/files/{token}", routes.clear, methods=["DELETE"]),
        Route(f"{answers}/predictions.json", routes.predictions),
        Route(f"{answers}/answer.pdf", routes.sheet),
        Route(f"{answers}/{{study}}.pdf.dcm", routes.encapsulated_sheet),
        Route(f"{answers}/{{study}}.dcm", routes.report),
        Route(f"{answers}/{{number:int}}/{{name}}/{{index:int}}.png", routes.picture),
    ]


class _Routes:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def take(self, request: Request) -> Response:
        """Keeps one file of a visit."""
        visit = self._visits.of(request.path_params["token"])
        if visit is None:
            return PlainTextResponse("this tab is no longer known; reload the page", 404)
        try:
            await visit.take(request.query_params.get("path", ""), request.stream())
        except MmdxError as error:
            return PlainTextResponse(str(error), 400)
        except OSError as error:
            return PlainTextResponse(system_refusal(OSError(error.errno, error.strerror)), 400)
        return PlainTextResponse("kept")

    async def clear(self, request: Request) -> Response:
        """Forgets the files of a visit."""
        visit = self._visits.of(request.path_params["token"])
        if visit is None:
            return PlainTextResponse("this tab is no longer known; reload the page", 404)
        visit.clear()
        return PlainTextResponse("removed")

    async def predictions(self, request: Request) -> Response:
        def entries(answer: Answer) -> Response:
            return JSONResponse([one.to_json() for study in answer.studies for one in study.predictions])

        return await self._of_answer(request, entries)

    async def sheet(self, request: Request) -> Response:
        from mmdx.demo.sheet import sheet_of

        return await self._of_answer(request, lambda answer: Response(sheet_of(answer), media_type="application/pdf"))

    async def report(self, request: Request) -> Response:
        def content(answer: Answer) -> Response:
            named = {folder_of(study.number): study.handed.content for study in answer.studies}
            found = named.get(request.path_params["study"])
            return PlainTextResponse(GONE, 404) if found is None else Response(found, media_type="application/dicom")

        return await self._of_answer(request, content)

    async def encapsulated_sheet(self, request: Request) -> Response:
        from mmdx.demo.sheet import sheet_of
        from mmdx.engine.inference.handover.encapsulated import encapsulated

        def content(answer: Answer) -> Response:
            named = {folder_of(study.number): study for study in answer.studies}
            study = named.get(request.path_params["study"])
            if study is None or study.handed.content is None:
                return PlainTextResponse(GONE, 404)
            pdf = sheet_of(replace(answer, studies=(study,)))
            made = encapsulated(pdf, study.handed.content, f"mmdx {answer.model}")
            return Response(made, media_type="application/dicom")

        return await self._of_answer(request, content)

    async def picture(self, request: Request) -> Response:
        asked, given = request.path_params, request.query_params

        def drawn(answer: Answer) -> Response:
            study = next((one for one in answer.studies if one.number == asked["number"]), None)
            slices = None if study is None else study.slices.get(asked["name"])
            if slices is None:
                return PlainTextResponse(GONE, 404)
            chosen = {"window": given.get("window", ""), "finding": given.get("finding", "")}
            picture = slices.picture(asked["index"], **chosen, boxes=given.get("boxes"))
            return Response(picture, media_type="image/png")

        return await self._of_answer(request, drawn)

    async def _of_answer(self, request: Request, made: Callable[[Answer], Response]) -> Response:
        """What is made of the answer that a token names, beside other work of the server."""
        answer = self._visits.answer(request.path_params["token"])
        if answer is None:
            return PlainTextResponse(GONE, 404)
        try:
            return await run_in_threadpool(made, answer)
        except UsageError as error:
            return PlainTextResponse(str(error), 400)


@cache
def _content(name: str) -> str:
    return resource(templates.__name__, name)


async def _part(request: Request) -> Response:
    name = request.url.path.removeprefix("/")
    return Response(_content(name), media_type=PARTS[name])
