"""The card of a store is a dataset card of the Hugging Face hub, and says what is in the store."""

from __future__ import annotations

from pathlib import Path

import cohorts
import pytest
from huggingface_hub import DatasetCard

from mmdx.data.readers import folder
from mmdx.data.store.cards.card import OTHER_LICENCE, licence_of, reason_without_names
from mmdx.data.store.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Ten studies of one to three images, of which the last cannot be read; every third has no report."""
    home = tmp_path_factory.mktemp("card")
    raw = cohorts.folder_cohort(home / "raw")
    (raw / "09_0.png").write_bytes(b"no image")
    return cohorts.prepared(raw, home / "out")


@pytest.fixture(scope="module")
def text(store: Store) -> str:
    return (store.folder / "card.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> list[str]:
    return text.partition(f"\n## {title}\n\n")[2].partition("\n## ")[0].strip().splitlines()


def test_the_front_matter_is_that_of_a_dataset_card(store: Store) -> None:
    data = DatasetCard.load(store.folder / "card.md").data.to_dict()
    assert data == {
        "pretty_name": "mmdx store of reader folder",
        "license": "other",
        "task_categories": ["image-classification", "text-classification"],
        "tags": ["medical", "mmdx", "multimodal"],
        "size_categories": "n<1K",
    }


def test_counts_by_modality_and_split(store: Store, text: str) -> None:
    assert section(text, "Counts")[0] == "9 studies of 9 patients; 1 quarantined; 9 kept with problems named."
    assert section(text, "Counts")[-2:] == ["| image | images | 9 | 18 |", "| report | text | 6 |  |"]
    counts = {split: store.splits.count(split) for split in ("train", "val", "test")}
    assert section(text, "Splits")[-3:] == [f"| {split} | {n} | {n} |" for split, n in counts.items()]


def test_prevalence_by_split_adds_up_to_the_labels(store: Store, text: str) -> None:
    (row,) = [line for line in section(text, "Prevalence") if line.startswith("| bleed ")]
    cells = [cell.split("(")[0].split("/") for cell in row.strip("| ").split("|")[1:]]
    sums = [sum(int(cell[i]) for cell in cells) for i in range(3)]
    # Of the nine, 3, 5 and 7 bleed, and nobody knows of 1.
    assert sums == [3, 5, 1]


def test_order_quarantine_preprocessing_and_fingerprint(store: Store, text: str) -> None:
    assert section(text, "Order of images")[-1] == "| image | given 9 | 0 | 0 |"
    assert section(text, "Quarantine")[0] == "1 studies are not in the store; `quarantine.csv` says why, one by one."
    assert section(text, "Quarantine")[-1].startswith("| …: ")
    assert "09_0" not in text
    assert (
        section(text, "Preprocessing")[0]
        == "- `image`: letter-boxed to 8 x 8 pixels, grey, plain intensities, as uint8"
    )
    assert "found in 0 of them" in "\n".join(section(text, "Identifiers"))
    assert store.fingerprint in section(text, "Fingerprint")[0]


def test_the_licence_is_the_readers(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert section(text, "Licence") == [f"{OTHER_LICENCE}."]
    monkeypatch.setattr(folder, "LICENCE", "CC-BY-4.0", raising=False)
    assert licence_of("folder") == "CC-BY-4.0"
    path = cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "out").folder / "card.md"
    assert section(path.read_text(encoding="utf-8"), "Licence") == ["CC-BY-4.0."]
    assert DatasetCard.load(path).data.license == "cc-by-4.0"


def test_names_cannot_become_markup(tmp_path: Path) -> None:
    rows = [{"study_id": f"s{i}", "patient_id": f"p{i}", "report": "Fell.", "<b>a|b</b>": i % 2} for i in range(6)]
    out = cohorts.prepared(cohorts.write_table(tmp_path / "raw", rows), tmp_path / "out").folder
    last = section((out / "card.md").read_text(encoding="utf-8"), "Prevalence")[-1]
    assert last.startswith("| \\<b\\>a\\|b\\</b\\> | ")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("a/b c.png: cannot be decoded: 27 of 32 bytes", "… …: cannot be decoded: N of N bytes"),
        ("file-0f3a: not a DICOM file", "…: not a DICOM file"),
        ("'ct' holds text here", "'…' holds text here"),
        ("study 1.2.840.1: no image · of 3 files", "study N: no image"),
    ],
)
def test_reasons_are_summed_up_without_names(reason: str, kind: str) -> None:
    assert reason_without_names(reason) == kind


def test_a_store_without_images_labels_or_text_has_a_card(tmp_path: Path) -> None:
    rows = [{"study_id": f"s{i}", "patient_id": f"p{i}", "report": "Fell."} for i in range(6)]
    out = cohorts.prepared(cohorts.write_table(tmp_path / "raw", rows), tmp_path / "out").folder
    text = (out / "card.md").read_text(encoding="utf-8")
    assert section(text, "Prevalence") == ["No labels came with the data."]
    assert section(text, "Order of images") == ["No images."]
    assert DatasetCard.load(out / "card.md").data.task_categories == ["text-classification"]
