"""What a model answers for raw files: predictions and explanations."""

from __future__ import annotations

import typer

from mmdx import cli_options as option
from mmdx.strangers.screen import screen
from mmdx.terminal.following import Following
from mmdx.terminal.standing import show_standing

app = typer.Typer()


@app.command()
def predict(
    run: option.RunOrModel,
    source: option.Input,
    report: option.Reports = None,
    modality: option.InputModality = None,
    out: option.PredictedFolder = None,
    sr: option.StructuredReports = False,
) -> None:
    """Findings for raw files; without a report the same model answers from the images alone, and says so."""
    from mmdx.engine.inference.predict import predict_files
    from mmdx.engine.sharing.fetch import local_model
    from mmdx.terminal.predictions import show_predictions

    run = local_model(run)
    show_standing(run, screen(stderr=True))
    answers = predict_files(run, source, report_files=report or [], modality=modality, out=out, sr=sr)
    show_predictions(answers, screen())


@app.command()
def explain(
    run: option.RunOrModel,
    source: option.Input,
    out: option.ExplainedFolder,
    report: option.Reports = None,
    modality: option.ExplainedModality = None,
    finding: option.ExplainedFindings = None,
    top: option.TopSlices = 3,
    dicom: option.Captures = False,
) -> None:
    """On what an answer stands: Grad-CAM over the likeliest slices, and the weights of slices and words."""
    from mmdx.engine.inference.explain import Asked, explain_files
    from mmdx.engine.sharing.fetch import local_model
    from mmdx.terminal.explanations import show_explanations

    run = local_model(run)
    show_standing(run, screen(stderr=True))
    following, asked = Following(screen(stderr=True)), Asked(modality, finding or [], top)
    answers = explain_files(run, source, out, asked, report_files=report or [], follow=following, dicom=dicom)
    show_explanations(answers, out, screen(), following)
