from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cohorts import quiet, recipe, write_png
from PIL import Image

from mmdx.cli import main
from mmdx.data.readers.huggingface import read
from mmdx.data.store.check import check_studies
from mmdx.data.store.prepare import prepare_store
from mmdx.errors import DataError, UsageError

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(value: int, mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (8, 8), value).save(file, "PNG")
    return file.getvalue()


def embedded(*values: int | None) -> pa.Array:
    return pa.array([None if v is None else {"bytes": png(v), "path": f"{v}.png"} for v in values], IMAGE)


def parquet(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def saved(root: Path, **splits: int) -> Path:
    """What `save_to_disk` leaves: in each split, images of grey 0, 1 …, alternating classes, notes, patients of two."""
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["normal", "bleed"]),
            "note": datasets.Value("string"),
            "patient": datasets.Value("int64"),
        }
    )
    parts = {}
    for place, (split, count) in enumerate(splits.items()):
        rows = [
            {
                "image": {"bytes": png(100 * place + k), "path": None},
                "label": k % 2 if k else -1,
                "note": f"Fell {k} times.",
                "patient": 10 * place + k // 2,
            }
            for k in range(count)
        ]
        parts[split] = datasets.Dataset.from_list(rows, features=features)
    datasets.DatasetDict(parts).save_to_disk(str(root))
    return root


def test_a_saved_data_set_in_its_own_splits(tmp_path):
    root = saved(tmp_path / "set", train=4, validation=2, test=3)
    studies = read(root, texts={"report": "note"}, patient_id="patient")
    check_studies(studies)
    assert [study.split for study in studies] == ["train"] * 4 + ["val"] * 2 + ["test"] * 3
    assert [study.patient_id for study in studies] == ["0", "0", "1", "1", "10", "10", "20", "20", "21"]
    assert studies[3].study_id == "train/data-00000-of-00001/3"
    assert studies[3].labels == {"label/normal": 0.0, "label/bleed": 1.0}
    assert all(math.isnan(label) for label in studies[0].labels.values())
    assert studies[3].modalities["report"] == "Fell 3 times."
    (ref,) = studies[5].modalities["image"].images
    assert (ref.path.parent.name, ref.key, ref.frame) == ("validation", "image", 1)


def test_pixels_reach_the_store(tmp_path):
    root = saved(tmp_path / "set", train=20, validation=3, test=3)
    made = recipe(root, reader="huggingface", texts={"report": "note"}, study_id="note")
    with pytest.raises(DataError, match="listed 3 times"):
        prepare_store(made, tmp_path / "out", None, quiet()[0])
    made = recipe(root, reader="huggingface", texts={"report": "note"})
    store = prepare_store(made, tmp_path / "out", None, quiet()[0])
    seen = [int(store.read(k).pixels("image")[0, 0, 0, 0]) for k in range(len(store))]
    assert seen == [*range(20), 100, 101, 102, 200, 201, 202]


def test_parquet_files_tell_their_split(tmp_path):
    for k, name in enumerate(("data/train-00000-of-00002", "data/train-00001-of-00002", "dev/0000", "test/data")):
        parquet(tmp_path / f"{name}.parquet", image=embedded(k), bleed=[k % 2])
    studies = read(tmp_path, findings=("bleed",))
    assert [(study.study_id, study.split) for study in studies] == [
        ("data/train-00000-of-00002/0", "train"),
        ("data/train-00001-of-00002/0", "train"),
        ("dev/0000/0", "val"),
        ("test/data/0", "test"),
    ]
    assert [study.labels["bleed"] for study in studies] == [0.0, 1.0, 0.0, 1.0]
    parquet(tmp_path / "train_and_test.parquet", image=embedded(1))
    with pytest.raises(DataError, match="'train_and_test' names the splits test and train; rename it"):
        read(tmp_path)


def test_a_single_file_has_no_split(tmp_path):
    (study,) = read(parquet(tmp_path / "train.parquet", image=embedded(3)))
    assert (study.study_id, study.split) == ("train/0", None)


def test_several_image_columns_and_lists_of_images(tmp_path):
    several = pa.array([[{"bytes": png(k), "path": None} for k in (5, 6, 7)], []], pa.list_(IMAGE))
    colour = pa.array([png(1), png(1, "RGB")])
    path = parquet(tmp_path / "a.parquet", front=embedded(1, None), views=several, derm=colour)
    made = recipe(path, reader="huggingface", images={"xray": "front", "ct": "views", "skin": "derm"})
    first, second = made.read()
    assert list(first.modalities) == ["xray", "ct", "skin"]
    assert [ref.key for ref in first.modalities["ct"].images] == ["views[0]", "views[1]", "views[2]"]
    assert first.modalities["ct"].order.source == "given"
    assert list(second.modalities) == ["skin"]
    assert (first.modalities["skin"].channels, second.modalities["skin"].channels) == (1, 3)
    assert list(read(path)[0].modalities) == ["front", "views"]


def test_labels_of_every_form(tmp_path):
    path = parquet(
        tmp_path / "a.parquet",
        image=embedded(0, 1, 2),
        flag=pa.array([True, False, None]),
        number=[1.0, math.nan, 0.0],
        word=["1", "", "0"],
    )
    labels = [list(study.labels.values()) for study in read(path, findings=("flag", "number", "word"))]
    assert str(labels) == "[[1.0, 1.0, 1.0], [0.0, nan, nan], [nan, 0.0, 0.0]]"
    assert read(path)[0].labels == {}


def test_a_list_of_classes_is_a_finding_each(tmp_path):
    features = datasets.Features(
        {"image": datasets.Image(), "seen": datasets.List(datasets.ClassLabel(names=["edema", "mass"]))}
    )
    rows = [{"image": {"bytes": png(1), "path": None}, "seen": seen} for seen in ([1], [], [0, 1], None)]
    datasets.Dataset.from_list(rows, features=features).save_to_disk(str(tmp_path / "set"))
    studies = read(tmp_path / "set")
    assert [study.split for study in studies] == [None] * 4
    assert [study.labels for study in studies[:3]] == [
        {"edema": 0.0, "mass": 1.0},
        {"edema": 0.0, "mass": 0.0},
        {"edema": 1.0, "mass": 1.0},
    ]
    assert math.isnan(studies[3].labels["edema"])


def test_columns_of_identifiers_and_splits(tmp_path):
    path = parquet(
        tmp_path / "a.parquet", image=embedded(0, 1), uid=["007", "b"], mrn=[3, 4], fold=["train", "validation"]
    )
    studies = read(path, study_id="uid", patient_id="mrn", split="fold")
    assert [(s.study_id, s.patient_id, s.split) for s in studies] == [("007", "3", "train"), ("b", "4", "val")]
    parquet(path, image=embedded(0), uid=[None], fold=["fold 1"])
    with pytest.raises(DataError, match=r"row 0 \(from 0\), column 'uid': is empty"):
        read(path, study_id="uid")
    with pytest.raises(DataError, match=r"column 'fold': split is 'fold 1'"):
        read(path, split="fold")


def test_an_image_folder_of_classes(tmp_path):
    for split in ("train", "test"):
        for place, name in enumerate(("bleed", "normal")):
            write_png(tmp_path / split / name / "1.png", 10 * place)
    studies = read(tmp_path)
    assert [study.study_id for study in studies] == [
        *("test/bleed/1.png", "test/normal/1.png", "train/bleed/1.png", "train/normal/1.png")
    ]
    assert [study.split for study in studies] == ["test", "test", "train", "train"]
    assert studies[1].labels == {"label/bleed": 0.0, "label/normal": 1.0}
    (ref,) = studies[1].modalities["image"].images
    assert (ref.path, ref.key) == (tmp_path / "test" / "normal" / "1.png", "")
    write_png(tmp_path / "more" / "1.png", 1)
    with pytest.raises(DataError, match=r"more/1\.png: lies beside the splits \(test, train\)"):
        read(tmp_path)


def test_an_image_folder_with_a_table_in_each_split(tmp_path):
    for split in ("train", "validation"):
        write_png(tmp_path / split / "x" / "1.png", 1)
        (tmp_path / split / "metadata.csv").write_text(f"file_name,note,bleed\nx/1.png,In {split}.,1\n")
    studies = read(tmp_path, texts={"report": "note"}, findings=("bleed",))
    assert [(s.study_id, s.split, s.modalities["report"], s.labels) for s in studies] == [
        ("train/x/1.png", "train", "In train.", {"bleed": 1.0}),
        ("validation/x/1.png", "val", "In validation.", {"bleed": 1.0}),
    ]


def test_plain_images_without_classes(tmp_path):
    write_png(tmp_path / "a.png", 1)
    (study,) = read(tmp_path)
    assert (study.study_id, study.labels, study.split) == ("a.png", {}, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"images": {"image": "imge"}}, "no column 'imge'; did you mean 'image'"),
        ({"texts": {"report": "notes"}}, "no column 'notes'; did you mean 'note'"),
        ({"findings": ("lable",)}, "no column 'lable'; did you mean 'label'"),
        ({"patient_id": "subject"}, "no column 'subject'; known: image, label, note, number"),
        ({"texts": {"report": "number"}}, r"row 0 \(from 0\), column 'number': holds int, no text"),
        ({"findings": ("note",)}, r"row 0 \(from 0\), column 'note': label is 'Fell\.'"),
        ({"findings": ("number",)}, r"row 0 \(from 0\), column 'number': label is '7'"),
    ],
)
def test_columns_that_are_wrong(tmp_path, options, said):
    path = parquet(tmp_path / "a.parquet", image=embedded(1), label=[0], note=["Fell."], number=[7])
    with pytest.raises(DataError, match=said):
        read(path, **options)


def test_every_file_must_have_the_columns(tmp_path):
    parquet(tmp_path / "train.parquet", image=embedded(1), bleed=[0])
    parquet(tmp_path / "test.parquet", image=embedded(1), bled=[0])
    with pytest.raises(DataError, match=r"train\.parquet: no column 'bled'; did you mean 'bleed'"):
        read(tmp_path, findings=("bled",))


def test_without_an_image_column_one_must_be_named(tmp_path):
    path = parquet(tmp_path / "a.parquet", scan=[png(1)], note=["Fell."])
    with pytest.raises(DataError, match=r"no column says that it holds images; name it: images\.image=COLUMN"):
        read(path)
    assert list(read(path, texts={"report": "note"})[0].modalities) == ["report"]


def test_an_image_that_cannot_be_read_refuses_its_study_alone(tmp_path):
    cells = [{"bytes": b"nonsense", "path": None}, {"bytes": png(1), "path": None}, None, {"bytes": None, "path": None}]
    path = parquet(tmp_path / "a.parquet", image=pa.array(cells, IMAGE), number=[1, 2, 3, 4])
    studies = read(path, texts={})
    check_studies(studies)
    assert [len(study.modalities) for study in studies] == [0, 1, 0, 0]
    assert "row 0 (from 0), column 'image': neither DICOM nor an image" in studies[0].problems[0]
    assert studies[2].problems == (f"{path}, row 2 (from 0): neither images nor text; fill it in or drop the row",)
    assert "column 'image': is empty" in studies[3].problems[0]
    (study, *_) = read(path, images={"image": "number"})
    assert "holds int64, no image" in study.problems[0]


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "none.png"])
def test_paths_stay_within_the_data_set(tmp_path, name):
    write_png(tmp_path / "secret.png", 1)
    write_png(tmp_path / "set" / "images" / "1.png", 1)
    cells = pa.array([{"bytes": None, "path": p} for p in ("images/1.png", name)], IMAGE)
    parquet(tmp_path / "set" / "a.parquet", image=cells)
    first, second = read(tmp_path / "set")
    assert first.modalities["image"].images[0].path == tmp_path / "set" / "images" / "1.png"
    assert second.modalities == {}
    assert f"'{name}'" in second.problems[0]


def test_a_saved_data_set_behind_a_link(tmp_path):
    saved(tmp_path / "set", train=2)
    (tmp_path / "link").symlink_to("set")
    assert [s.study_id for s in read(tmp_path / "set" / ".." / "link")] == [
        "train/data-00000-of-00001/0",
        "train/data-00000-of-00001/1",
    ]


def test_a_saved_data_set_names_no_file_elsewhere(tmp_path):
    root = saved(tmp_path / "set", train=2)
    (root / "train" / "data-00000-of-00001.arrow").rename(tmp_path / "other.arrow")
    state = root / "train" / "state.json"
    state.write_text(state.read_text().replace("data-00000-of-00001.arrow", "../../other.arrow"))
    with pytest.raises(DataError, match=r"other\.arrow' is absolute; write it relative to"):
        read(root)
    state.write_text("{")
    with pytest.raises(DataError, match=r"datasets cannot load it: .+; save it again"):
        read(root)


def test_the_hub_is_asked_only_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []
    snapshot = tmp_path / "cache" / "datasets--lab--scans" / "snapshots" / "c0ffee"
    blob = parquet(tmp_path / "cache" / "datasets--lab--scans" / "blobs" / "1a", image=embedded(4))
    (snapshot / "small").mkdir(parents=True)
    (snapshot / "small" / "test.parquet").symlink_to(blob)

    def download(name: str, **options: Any) -> str:
        asked.append((name, options["revision"], options["allow_patterns"][0]))
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(DataError, match="lab/scans: no such data set on disk; hub=true looks for owner/name"):
        read(Path("lab/scans"))
    with pytest.raises(UsageError, match="'scans': neither a folder nor a data set of the hub"):
        read(Path("scans"), hub=True)
    assert asked == []
    (study,) = read(Path("lab/scans/small"), hub=True, revision="c0ffee")
    assert asked == [("lab/scans", "c0ffee", "small/*.arrow")]
    assert (study.study_id, study.split) == ("test/0", "test")


def test_a_hub_out_of_reach_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"'lab/scans': the hub gives no such data set: .+") as caught:
        read(Path("lab/scans"), hub=True)
    assert "\n" not in str(caught.value)


def test_options_on_the_command_line(tmp_path, capsys):
    root = saved(tmp_path / "set", train=4, test=2)
    options = ["images.scan=image", "texts.report=note", "findings=[label]", "patient_id=patient", "size=8"]
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", "huggingface", str(root), str(tmp_path / "out"), *options])
    said = capsys.readouterr().err
    assert stopped.value.code == 0, said
    stored, findings = said.splitlines()[-2:]
    assert stored.startswith(f"{tmp_path / 'out'}: 6 studies (train ")
    assert findings.startswith("findings: label/normal (1: ")
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", "huggingface", str(root), str(tmp_path / "other"), "images.scan=imagge"])
    assert stopped.value.code == 1
    assert "no column 'imagge'; did you mean 'image'?" in capsys.readouterr().err
