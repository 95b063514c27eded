"""Raw files in, findings out: the scores of the run itself, with and without the report, and refusals in one line."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train
from mmdx.engine.inference import predict as infer


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with a cohort (`raw`) and a run on it (`run`)."""
    home = tmp_path_factory.mktemp("infer")
    config = write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)
    train(resolve(read_config(config)), name="tiny", console=Console(quiet=True))
    return home


def scores(run: Path, shown: str, study: str) -> dict[str, float]:
    table = pd.read_csv(run / "predictions" / "test.csv")
    rows = table[(table["shown"] == shown) & (table["study_id"] == study)]
    return dict(zip(rows["finding"], rows["score"], strict=True))


def study_folder(home: Path, tmp_path: Path) -> tuple[str, Path, Path]:
    """A test study's images in a folder of their own, and its report as a file."""
    study = pd.read_csv(home / "run" / "predictions" / "test.csv")["study_id"].iloc[0]
    rows = [json.loads(line) for line in (home / "raw" / "metadata.jsonl").read_text().splitlines()]
    row = next(row for row in rows if row["study_id"] == study)
    folder = tmp_path / "patient"
    folder.mkdir()
    for name in row["file_names"]:
        shutil.copy(home / "raw" / name, folder)
    (tmp_path / "report.txt").write_text(row["report"])
    return study, folder, tmp_path / "report.txt"


def predict(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["predict", *map(str, arguments)])
    return int(ended.value.code or 0)


def results(out: Path) -> list[dict]:
    return json.loads((out / "predictions.json").read_text())


def test_a_study_gets_the_scores_of_the_run(trained, tmp_path):
    study, folder, report = study_folder(trained, tmp_path)
    assert predict(trained / "run", folder, "--report", report, "--out", tmp_path / "both") == 0
    both = results(tmp_path / "both")[0]
    assert both["shown"] == "image+report"
    assert both["findings"] == pytest.approx(scores(trained / "run", "image+report", study), abs=1e-5)


def test_without_a_report_it_answers_from_the_image_and_says_so(trained, tmp_path, capsys):
    study, folder, _ = study_folder(trained, tmp_path)
    assert predict(trained / "run", folder, "--out", tmp_path / "image") == 0
    alone = results(tmp_path / "image")[0]
    assert (alone["shown"], alone["missing"]) == ("image", ["report"])
    assert alone["findings"] == pytest.approx(scores(trained / "run", "image", study), abs=1e-5)
    assert "without report: answered from image alone" in " ".join(capsys.readouterr().out.split())


def test_a_model_folder_moves_alone(trained, tmp_path):
    study, folder, _ = study_folder(trained, tmp_path)
    shutil.copytree(trained / "run" / "checkpoints" / "best", tmp_path / "model")
    assert predict(tmp_path / "model", folder, "--out", tmp_path / "out") == 0
    found = results(tmp_path / "out")[0]["findings"]
    assert found == pytest.approx(scores(trained / "run", "image", study), abs=1e-5)


def test_images_on_which_nothing_is_seen_are_named(trained, tmp_path):
    _, folder, _ = study_folder(trained, tmp_path)
    for path in folder.iterdir():
        with Image.open(path) as image:
            Image.new(image.mode, image.size, 128).save(path)
    assert predict(trained / "run", folder, "--out", tmp_path / "flat") == 0
    assert any("images are one grey everywhere" in problem for problem in results(tmp_path / "flat")[0]["problems"])


def test_a_zip_is_read_like_its_folder(trained, tmp_path):
    study, folder, _ = study_folder(trained, tmp_path)
    with zipfile.ZipFile(tmp_path / "patient.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    assert predict(trained / "run", tmp_path / "patient.zip", "--out", tmp_path / "out") == 0
    found = results(tmp_path / "out")[0]["findings"]
    assert found == pytest.approx(scores(trained / "run", "image", study), abs=1e-5)


def test_a_broken_study_is_refused_and_the_others_are_read(trained, tmp_path, capsys):
    _, folder, _ = study_folder(trained, tmp_path)
    cohort = tmp_path / "cohort"
    shutil.copytree(folder, cohort / "good")
    (cohort / "bad").mkdir()
    (cohort / "bad" / "1.png").write_bytes((next(folder.iterdir())).read_bytes()[:200])
    assert predict(trained / "run", cohort, "--out", tmp_path / "out") == 1
    assert [result["study_id"] for result in results(tmp_path / "out")] == ["good"]
    refused = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mmdx: refused:")]
    assert len(refused) == 1
    assert "1.png" in refused[0]


def test_a_report_belongs_to_one_study(trained, tmp_path, capsys):
    _, folder, report = study_folder(trained, tmp_path)
    for name in ("a", "b"):
        shutil.copytree(folder, tmp_path / "two" / name)
    assert predict(trained / "run", tmp_path / "two", "--report", report) == 2
    assert "holds 2 studies and the report belongs to one" in capsys.readouterr().err


def test_images_of_another_unit_are_refused(trained, capsys):
    from pydicom.data import get_testdata_file

    # A CT in Hounsfield units, for a model of grey photographs.
    assert predict(trained / "run", get_testdata_file("CT_small.dcm")) == 1
    assert "hold HU, but the model's 'image' was trained on intensity" in capsys.readouterr().err


def test_no_run_no_prediction(tmp_path, capsys):
    assert predict(tmp_path, tmp_path) == 2
    assert "neither a run folder nor a model folder" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["taken", "taken/out"])
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_predicted(
    trained, tmp_path, monkeypatch, capsys, place
):
    def never(*_: object) -> None:
        raise AssertionError("predicted all the same")

    monkeypatch.setattr(infer, "predict_study", never)
    (tmp_path / "taken").write_text("")
    assert predict(trained / "run", trained / "raw", "--out", tmp_path / place) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mmdx: --out {tmp_path / place}: cannot be made (")
    assert line.endswith("; choose another folder")


def test_a_labelled_folder_keeps_its_labels_and_can_be_compared(trained, tmp_path):
    assert predict(trained / "run", trained / "raw", "--out", tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    rows = [json.loads(line) for line in (trained / "raw" / "metadata.jsonl").read_text().splitlines()]
    bleeds = table[table["finding"] == "bleed"].set_index("study_id")["label"].to_dict()
    assert bleeds == {row["study_id"]: row["bleed"] for row in rows}
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "compare",
                str(tmp_path / "out" / "predictions.csv"),
                "--out",
                str(tmp_path / "page"),
                "--resamples",
                "100",
            ]
        )
    assert not ended.value.code
    assert json.loads((tmp_path / "page" / "compare.json").read_text())["estimates"]
