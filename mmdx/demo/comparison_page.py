"""The page of a written comparison, made of gradio: findings, subgroups and studies are chosen, tables and pictures
follow."""

from __future__ import annotations

from functools import cache
from typing import Any

import gradio as gr
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mmdx.demo import templates
from mmdx.demo.comparison import ALL, MEAN, Written
from mmdx.errors import DataError
from mmdx.stats.metrics.registry import METRICS
from mmdx.templates import environment, markdown_text


def comparison_page(written: Written) -> gr.Blocks:
    """The page."""
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    first, metrics = written.findings[0], written.metrics
    with gr.Blocks(title="mmdx demo", analytics_enabled=False) as page:
        gr.Markdown(f"# {markdown_text(written.folder.resolve().name)}\n{markdown_text(written.ground)}.")
        with gr.Row():
            finding = gr.Dropdown(written.findings, value=first, label="Finding")
            metric = gr.Dropdown([(title, name) for name, title in metrics.items()], value="auroc", label="Metric")
        measures = gr.HTML(measures_html(written, first, "auroc"))
        chosen = [finding, metric]
        gr.on([finding.change, metric.change], lambda f, m: measures_html(written, f, m), chosen, measures, **quiet)
        if written.traits:
            gr.Markdown("## Subgroups of patients")
            trait = gr.Dropdown(written.traits, value=written.traits[0], label="Trait")
            groups = gr.HTML(groups_html(written, written.traits[0]))
            trait.change(lambda chosen: groups_html(written, chosen), trait, groups, **quiet)
        if written.disagreements:
            gr.Markdown("## Studies on which models disagree")
            with gr.Row():
                apart = {"finding": gr.Dropdown([ALL, *_findings(written)], value=ALL, label="Finding of the study")}
                apart["study"] = gr.Dropdown([ALL, *_studies(written)], value=ALL, label="Study")
            studies = gr.HTML(disagreements_html(written, ALL, ALL))
            asked = [apart["finding"], apart["study"]]
            events = [one.change for one in asked]
            gr.on(events, lambda f, s: disagreements_html(written, f, s), asked, studies, **quiet)
    return page


def comparison_routes(written: Written) -> list[Route]:
    """The pictures of studies."""

    async def picture(request: Request) -> Response:
        try:
            return Response(written.picture(request.path_params["figure"]), media_type="image/png")
        except DataError as error:
            return PlainTextResponse(str(error), 404)

    return [Route("/pictures/{figure}.png", picture)]


def measures_html(written: Written, finding: str, metric: str) -> str:
    """What each model reaches, and how much the reference is above it."""
    known, rows = METRICS[metric], written.measured(finding, metric)
    notes = [f"{one.arm}: {one.estimate.refused}" for one in rows if one.estimate is not None and one.estimate.refused]
    return _render(
        "measures.html.j2",
        title=known.title,
        rows=rows,
        reference=written.reference,
        charted=known.range == (0.0, 1.0),
        compared=known.direction in ("higher", "lower"),
        mean=finding == MEAN,
        notes=notes,
    )


def groups_html(written: Written, trait: str) -> str:
    """How the reference does in each group of patients."""
    return _render(
        "groups.html.j2",
        trait=trait,
        rows=written.groups(trait),
        reference=written.reference,
        second=written.second,
        gap=written.gap(trait),
    )


def disagreements_html(written: Written, finding: str, study: str) -> str:
    """The studies on which models disagree, of one finding or all, of one study or all, and their pictures."""

    def asked(one: Any) -> bool:
        return finding in (ALL, one.finding) and study in (ALL, one.study)

    rows, pictures = list(filter(asked, written.disagreements)), list(filter(asked, written.pictures))
    return _render(
        "disagreements.html.j2",
        rows=rows,
        pictures=pictures,
        reference=written.reference,
        pictured=bool(written.pictures),
    )


def _findings(written: Written) -> list[str]:
    return list(dict.fromkeys(one.finding for one in (*written.disagreements, *written.pictures)))


def _studies(written: Written) -> list[str]:
    return sorted({one.study for one in (*written.disagreements, *written.pictures)})


def _render(name: str, **values: Any) -> str:
    return _environment().get_template(name).render(**values)


@cache
def _environment() -> Environment:
    return environment(templates.__name__)
