"""The page of one model, made of gradio: files and reports go in, both answers come out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from mmdx.demo.answer import Opened, answer_files
from mmdx.demo.faults import told
from mmdx.demo.shown import answer_html, drop_html, problems_html
from mmdx.demo.visits import Visit, Visits
from mmdx.errors import MmdxError, UsageError, reason, system_refusal

PRIVACY = (
    "Files stay on this machine. They are removed as soon as they are answered; the answer is forgotten when this tab "
    "is closed. A research model answers: no medical device, and nothing to rely on for a diagnosis."
)
REMOVED = "The files are removed. Give others, or the same again, to ask once more."
BY_FOLDER = "as their folders are called"
"""What is chosen where several image inputs are told apart by folders."""


def page_of(opened: Opened, visits: Visits) -> gr.Blocks:
    """The page on which a model is asked."""
    asked = Asking(opened, visits)
    with gr.Blocks(title="mmdx demo", analytics_enabled=False) as page:
        gr.Markdown(f"# Ask {_plain(opened.run.resolve().name)}\n{PRIVACY}")
        with gr.Row():
            with gr.Column(min_width=360):
                drop = gr.HTML()
                modality = gr.Dropdown(
                    [BY_FOLDER, *opened.images],
                    value=BY_FOLDER,
                    label="The images are",
                    visible=len(opened.images) > 1,
                )
            with gr.Column(min_width=360, visible=bool(opened.texts)):
                texts = [
                    gr.Textbox(
                        label=f"{name} (may stay empty)", lines=6, max_lines=14, placeholder=f"Paste the {name} here."
                    )
                    for name in opened.texts
                ]
        ask = gr.Button("Ask", variant="primary", elem_id="ask")
        result = gr.HTML()
        page.load(asked.begin, None, drop, api_visibility="private", show_progress="hidden")
        ask.click(asked, [modality, *texts], [result, drop], api_visibility="private", show_progress_on=result)
        page.unload(asked.end)
    return page


class Asking:
    """What the page calls: for each tab, what it was asked, and the model."""

    def __init__(self, opened: Opened, visits: Visits) -> None:
        self._opened, self._visits = opened, visits

    def begin(self, request: gr.Request) -> str:
        """Where files are dropped, for a tab that was opened."""
        return drop_html(self._visits.open(_session(request)).token)

    def __call__(self, request: gr.Request, modality: str, *texts: str) -> tuple[str, str]:
        """The answer and, for the next question, an empty place for files; in place of an answer the lines of what is
        wrong."""
        visit = self._visits.open(_session(request))
        try:
            said = self._answered(visit, None if modality == BY_FOLDER else modality, texts)
        finally:
            visit.clear()
        return said, drop_html(visit.token, REMOVED)

    def end(self, request: gr.Request) -> None:
        """Forgets a tab that was closed."""
        self._visits.close(_session(request))

    def _answered(self, visit: Visit, modality: str | None, texts: Sequence[str]) -> str:
        source = None
        try:
            source = visit.source
            reports = dict(zip(self._opened.texts, texts, strict=True))
            visit.keep(answer_files(self._opened, source, reports=reports, modality=modality, folder=visit.folder))
            assert visit.answer is not None
            return answer_html(visit.answer, visit.answer_token)
        except MmdxError as error:
            return problems_html(type(error)([_without(line, visit, source) for line in error.problems]))
        except MemoryError as error:
            return problems_html(MmdxError(f"not enough memory ({reason(error)}); free some, and ask again"))
        except OSError as error:
            return problems_html(MmdxError(system_refusal(OSError(error.errno, error.strerror))))
        except Exception as error:
            return problems_html(MmdxError(f"{told(error)}; please report it with what you gave"))


def _session(request: gr.Request) -> str:
    """The name of a tab."""
    if not request.session_hash:
        raise UsageError("the page has no session; reload it")
    return request.session_hash


def _without(line: str, visit: Visit, source: Path | None) -> str:
    """A line that speaks of files as the user gave them, and not of where they lay."""
    if source == visit.files:
        line = line.replace(f"{source}/", "").replace(str(source), "the files")
    return line.replace(f"{visit.files}/", "")


def _plain(name: str) -> str:
    """A name as Markdown shows it letter by letter."""
    from mmdx.templates import markdown_text

    return markdown_text(name)
