"""Arguments and options that several verbs share, and those that one line does not hold."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mmdx import __version__


def _show_version(wanted: bool | None) -> None:
    if wanted:
        print(f"mmdx {__version__}")
        raise typer.Exit


def experiment_of(config: str | None, overrides: list[str]) -> tuple[Path, list[str]]:
    """The file of an experiment that may be left out, and its overrides: of these is a first word with `=` in it."""
    if config is not None and "=" in config:
        return DEFAULT_CONFIG, [config, *overrides]
    return Path(config) if config else DEFAULT_CONFIG, overrides


Version = Annotated[
    bool | None, typer.Option("--version", callback=_show_version, is_eager=True, help="show the version and exit")
]
Experiment = Annotated[Path, typer.Argument(help="experiment, YAML")]
DEFAULT_CONFIG = Path("configs/phantom.yaml")
OptionalExperiment = Annotated[str | None, typer.Argument(help=f"experiment, YAML; {DEFAULT_CONFIG} when left out")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[key=value]...", help="overrides, such as train.epochs=3")
]
Full = Annotated[bool, typer.Option("--full", help="print the whole config instead, with every default")]
Plugins = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="module of your own to import first, such as my_lab.readers; repeat for several"),
]
NewStore = Annotated[Path, typer.Argument(help="the store to make")]
ReaderOptions = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[option=value]...",
        help="options of the reader; also size, val, test, split_seed, pseudonym_key=FILE of the store",
    ),
]
Minutes = Annotated[float, typer.Option(help="how long its training may take on this machine")]
PlannedReader = Annotated[list[str] | None, typer.Argument(metavar="[option=value]...", help="options of the reader")]
ScoredSplit = Annotated[Literal["train", "val", "test"], typer.Option(help="which studies")]
EvaluatedSplit = Annotated[
    Literal["train", "val", "test"] | None,
    typer.Option(help="which studies; test if left out, and all of a second cohort"),
]
SecondCohort = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="STORE|READER:SRC",
        help="score a second cohort instead: a store of mmdx prepare, or raw files, prepared at the size of the run; "
        "nothing is fitted on it",
    ),
]
Renamed = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="THEIRS=OURS",
        help="finding or modality of the second cohort, and what the run calls it; repeat for several",
    ),
]
SecondOptions = Annotated[
    list[str] | None,
    typer.Argument(metavar="[option=value]...", help="with --on READER:SRC options of the reader; also pseudonym_key"),
]
RunOrModel = Annotated[
    Path, typer.Argument(help="a run folder, a model folder, or a model of the Hub (user/name, user/name@revision)")
]
Input = Annotated[Path, typer.Argument(metavar="INPUT", help="a folder, a file or a zip with one or more studies")]
Reports = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="text file with the report of the study; of several text inputs NAME=FILE each"),
]
KeptSections = Annotated[
    list[str] | None, typer.Option(help="section of reports to keep in the second probe; repeat for several")
]
DroppedSections = Annotated[
    list[str] | None, typer.Option(help="section of reports to drop from it; repeat for several")
]
MaskedTerms = Annotated[
    list[str] | None, typer.Option(help="term to mask in it, by default those of the lexicon; repeat for several")
]
OptionalReader = Annotated[str | None, typer.Option(help="reader to use; by default dicom or folder, whichever fits")]
Lexicon = Annotated[Path | None, typer.Option(help="YAML: which terms state a finding; the shipped one when left out")]
Resume = Annotated[bool, typer.Option("--resume", help="go on with the last run of this config, or with run=FOLDER")]
Showings = Annotated[
    list[str] | None, typer.Option(help="modalities to show, such as image or image+report; repeat for several")
]
ImageOrder = Annotated[
    Literal["certified", "shuffled", "reversed"] | None, typer.Option(help="in which order images are read")
]
GradCam = Annotated[
    bool, typer.Option("--grad-cam", help="boxes around the Grad-CAM of each slice, too: a baseline for boxes")
]
Level = Annotated[
    Literal["study", "slice", "patient"] | None,
    typer.Option(help="what is scored; as the files have it if left out"),
]
Compared = Annotated[
    list[Path],
    typer.Argument(
        help="run folders, prediction files, or one folder of mmdx ablate. Any model takes part by a CSV with columns "
        "study_id, patient_id, finding, label (1, 0 or empty) and score (from 0 to 1), and shown (image+report …) if "
        "it has several arms; docs/statistics.md has an example"
    ),
]
Margin = Annotated[
    float | None, typer.Option(help="test that the others are at most so much worse than the first, such as 0.02")
]
Primary = Annotated[
    str | None,
    typer.Option(help="finding that leads, the others being secondary; by default data.primary of the runs' config"),
]
AtPoint = Annotated[
    str | None,
    typer.Option(
        "--operating-point",
        metavar="sensitivity=.95",
        help="where scores become yes: a sensitivity, specificity or threshold; by default data.operating_point",
    ),
]
Prevalence = Annotated[
    float | None, typer.Option(help="share of patients with the finding where the models would be used, such as 0.02")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace a comparison of other sources that lies there")]
Fusions = Annotated[
    list[str] | None, typer.Option(help="other fusion, concat and late when left out; repeat for several")
]
NewRun = Annotated[Path, typer.Argument(help="the run folder to make")]
FinishedRuns = Annotated[
    list[Path], typer.Argument(help="finished runs of one config with other seeds, or of equal folds")
]
PartKind = Annotated[str | None, typer.Argument(help="readers, image_encoders, fusions …; all when left out")]
Describing = Annotated[
    str,
    typer.Argument(
        metavar="RUN|CONFIG|ENCODER",
        help="a run folder, also one of a cross-validation; a config whose encoders are frozen; a timm encoder's name",
    ),
]
DescribedStore = Annotated[Path | None, typer.Option(help="store whose images the encoder of this name describes")]
PretrainedWeights = Annotated[
    str | None,
    typer.Option(help="its weights: hub (timm's own), a file, or an installed package; random when left out"),
]
DescribedModalities = Annotated[
    list[str] | None, typer.Option(help="image modality to describe, all when left out; repeat for several")
]
FoldModels = Annotated[
    int | None, typer.Option(help="train so many models, each to describe the training studies that it did not see")
]
InputModality = Annotated[
    str | None, typer.Option(help="which image input the files are, when the model reads several")
]
PredictedFolder = Annotated[Path | None, typer.Option(help="folder for predictions.json and predictions.csv")]
StructuredReports = Annotated[
    bool,
    typer.Option("--sr", help="leave there a DICOM SR of each study, too; it holds the patient's name (docs/pacs.md)"),
]
ExplainedModality = Annotated[
    str | None, typer.Option(help="which image input to explain, when the model reads several")
]
ExplainedFolder = Annotated[
    Path, typer.Option(help="folder for explain.html, explain.json and the pictures, one folder per study")
]
TopSlices = Annotated[int, typer.Option(min=1, help="slices a finding, the likeliest first")]
Captures = Annotated[
    bool,
    typer.Option(
        "--dicom", help="leave the slices under their heat as DICOM, too; these hold the patient's name (docs/pacs.md)"
    ),
]
ExplainedFindings = Annotated[
    list[str] | None, typer.Option(help="finding to explain, all when left out; repeat for several")
]
SentTo = Annotated[
    str | None, typer.Option("--to", metavar="HOST:PORT:AET", help="send to this DICOM application by C-STORE")
]
Stow = Annotated[str | None, typer.Option(metavar="URL", help="post to this DICOMweb service (STOW-RS)")]
OwnTitle = Annotated[str, typer.Option(metavar="AET", help="AE title of mmdx itself")]
Senders = Annotated[
    list[str] | None,
    typer.Option(metavar="AET", help="AE title that may send; any of this machine if left out; repeat for several"),
]
Watching = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="answer DICOM files that are put there, too; they stay there")
]
Answers = Annotated[Path, typer.Option(help="folder for a DICOM SR of each study; it holds the patient's name")]
HeldMebibytes = Annotated[
    int, typer.Option(min=1, metavar="MIB", help="how much of the temporary folder studies may take, all together")
]
