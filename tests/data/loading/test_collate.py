"""Samples hold what a store holds of the modalities shown; a batch packs them without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cohorts
import nibabel
import numpy as np
import pytest
import torch

from mmdx.batch import Batch
from mmdx.data.loading.collate import collate_for
from mmdx.data.loading.dataset import StudyDataset
from mmdx.data.loading.reading import Reading, evenly
from mmdx.data.loading.sample import WHOLE, SampleMaker, Written
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.errors import UsageError
from mmdx.schema import ReportOptions, SliceOrder

MODALITIES = ("image", "report")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Study `i` has `1 + i % 3` images, grey `10 * i + j`; every third has no report."""
    folder = tmp_path_factory.mktemp("cohort")
    return cohorts.prepared(cohorts.folder_cohort(folder / "raw"), folder / "out")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("phantom")
    made = cohorts.recipe(folder / "raw", reader="phantom", size=16, patients=6, matrix=64, missing_enhanced=0.5)
    return cohorts.prepare_store(made, folder / "out", cohorts.SplitOptions(), cohorts.quiet()[0])


def dataset(
    store: Store,
    rows: Sequence[int],
    *,
    modalities: Sequence[str] = MODALITIES,
    findings: Sequence[str] = ("bleed",),
    shown: Sequence[str] | None = None,
    max_images: int | None = None,
    reading: Reading | None = None,
    reports: ReportOptions = WHOLE,
) -> StudyDataset:
    tokenizers = {"report": fit_tokenizer(["fell one times .", "fell two times ."], max_tokens=9)}
    maker = SampleMaker(
        {name: store.modalities[name].kind for name in modalities if shown is None or name in shown},
        findings=findings,
        tokenizers=tokenizers,
        reading=reading or Reading(most=max_images),
        reports=reports,
    )
    return StudyDataset(store, rows, maker)


def batch(studies: StudyDataset, store: Store, modalities: Sequence[str] = MODALITIES) -> Batch:
    return collate_for(store, modalities)([studies[i] for i in range(len(studies))])


def test_images_are_packed_study_after_study(store: Store) -> None:
    packed = batch(dataset(store, [2, 0, 4]), store)
    pixels = packed.inputs["image"]
    assert packed.study_ids == ["s02", "s00", "s04"]
    assert packed.patient_ids == ["p02", "p00", "p04"]
    assert pixels.lengths.tolist() == [3, 1, 2]
    assert pixels.values.shape == (6, 1, 8, 8)
    assert pixels.values.dtype == torch.uint8
    assert pixels.values[:, 0, 0, 0].tolist() == [20, 21, 22, 0, 40, 41]


def test_descriptors_are_packed_as_they_are_and_do_not_count_as_images(tmp_path: Path) -> None:
    for index in range(8):
        name = f"c{index}"
        (tmp_path / "raw" / "Radiology" / name).mkdir(parents=True)
        volume = nibabel.Nifti1Image(np.zeros((4, 4, 2), np.int16), np.eye(4))
        nibabel.save(volume, tmp_path / "raw" / "Radiology" / name / f"{name}_t1.nii")
        (tmp_path / "raw" / "Pathology").mkdir(exist_ok=True)
        if index:
            np.save(tmp_path / "raw" / "Pathology" / f"{name}.npy", np.full((index, 3), index, np.float64))
    made = cohorts.recipe(tmp_path / "raw", reader="cpm_radpath")
    store = cohorts.prepare_store(made, tmp_path / "out", cohorts.SplitOptions(), cohorts.quiet()[0])
    names = ("pathology", "t1")
    studies = dataset(store, [2, 0, 1], modalities=names, findings=(), max_images=1)
    assert studies.images() == [1, 1, 1]
    packed = batch(studies, store, names)
    assert packed.inputs["pathology"].lengths.tolist() == [2, 0, 1]
    assert packed.inputs["pathology"].values.dtype == torch.float32
    assert packed.inputs["pathology"].values.tolist() == [[2] * 3, [2] * 3, [1] * 3]
    assert packed.present("pathology").tolist() == [True, False, True]
    assert packed.present("t1").all()


def test_labels_keep_what_nobody_looked_at(store: Store) -> None:
    labels = batch(dataset(store, [0, 1, 3]), store).labels
    assert labels.dtype == torch.float32
    assert labels[[0, 2], 0].tolist() == [0, 1]
    assert labels[1, 0].isnan()


def test_a_study_without_a_report_is_packed_as_absent(store: Store) -> None:
    packed = batch(dataset(store, [0, 1, 3, 2]), store)
    assert packed.present("report").tolist() == [False, True, False, True]
    assert packed.present("image").tolist() == [True] * 4
    assert packed.inputs["report"].lengths.tolist() == [0, 4, 0, 4]
    assert packed.inputs["report"].values.dtype == torch.int64
    assert packed.inputs["report"].values.shape == (8,)


def test_a_batch_without_any_report_still_has_the_modality(store: Store) -> None:
    packed = batch(dataset(store, [0, 3]), store)
    assert packed.inputs["report"].values.shape == (0,)
    assert packed.inputs["report"].lengths.tolist() == [0, 0]
    assert packed.slice_labels["report"].shape == (0, 1)


@pytest.mark.parametrize(("shown", "absent"), [(["image"], "report"), (["report"], "image")])
def test_a_withheld_modality_is_absent(store: Store, shown: list[str], absent: str) -> None:
    studies = dataset(store, [1, 2], shown=shown)
    assert not batch(studies, store).present(absent).any()
    assert batch(studies, store).present(shown[0]).all()
    assert [set(studies[i].inputs) for i in range(2)] == [set(shown)] * 2


def test_the_sampler_is_told_the_images_that_are_shown(store: Store) -> None:
    assert dataset(store, [0, 1, 2]).images() == [1, 2, 3]
    assert dataset(store, [0, 1, 2], max_images=2).images() == [1, 2, 2]
    assert dataset(store, [0, 1, 2], shown=["report"]).images() == [0, 0, 0]


def test_the_last_images_of_long_studies_are_not_simply_cut(store: Store) -> None:
    packed = batch(dataset(store, [2, 1], max_images=2), store).inputs["image"]
    assert packed.lengths.tolist() == [2, 2]
    assert packed.values[:, 0, 0, 0].tolist() == [20, 22, 10, 11]


@pytest.mark.parametrize(
    ("count", "most", "kept"),
    [(5, None, [0, 1, 2, 3, 4]), (5, 5, [0, 1, 2, 3, 4]), (5, 3, [0, 2, 4]), (9, 2, [2, 6]), (9, 1, [4])],
)
def test_evenly(count: int, most: int | None, kept: list[int]) -> None:
    assert np.arange(count)[evenly(count, most)].tolist() == kept


def test_evenly_never_takes_an_image_twice() -> None:
    for most in range(1, 40):
        for count in range(most + 1, 41):
            kept = np.arange(count)[evenly(count, most)].tolist()
            assert len(set(kept)) == most
            assert kept == sorted(kept)


def test_slice_labels_stand_beside_their_slices(phantom: Store) -> None:
    names = ("image", "enhanced")
    findings = ("any", "epidural")
    studies = dataset(phantom, range(len(phantom)), modalities=names, findings=findings, max_images=5)
    packed = batch(studies, phantom, names)
    for name in names:
        values, labels = packed.inputs[name].values, packed.slice_labels[name]
        assert labels.shape == (len(values), 2)
        assert values.dtype == torch.int16
        starts = np.cumsum([0, *packed.inputs[name].lengths.tolist()])
        for row, (start, end) in enumerate(pairwise(starts)):
            stored = phantom.read(row)
            kept = evenly(len(stored.pixels(name)), 5)
            columns = phantom.columns_of(findings)
            assert np.array_equal(values[start:end].numpy(), stored.pixels(name)[kept])
            assert np.array_equal(labels[start:end].numpy(), stored.slice_labels(name)[kept][:, columns])
    assert not packed.present("enhanced").all()
    assert packed.slice_labels["image"].sum() > 0


@pytest.mark.parametrize("order", ["shuffled", "reversed"])
def test_labels_boxes_and_numbers_follow_their_images_into_another_order(phantom: Store, order: SliceOrder) -> None:
    findings = phantom.findings
    row = next(row for row in range(len(phantom)) if phantom.read(row).boxes())
    stored, reading = phantom.read(row), Reading(order=order, dropped=0.2)
    sample = dataset(phantom, [row], modalities=["image"], findings=findings, reading=reading)[0]
    numbers = sample.slice_numbers["image"]
    assert len(numbers) == reading.count(len(stored.pixels("image")))
    assert numbers.tolist() != sorted(numbers.tolist())
    assert np.array_equal(sample.inputs["image"], stored.pixels("image")[numbers])
    assert np.array_equal(sample.slice_labels["image"], stored.slice_labels("image")[numbers], equal_nan=True)
    found = [(numbers[int(box[0])], findings[int(box[1])], box[2]) for box in sample.boxes["image"]]
    boxes = [box for box in stored.boxes() if box["modality"] == "image" and box["image"] in numbers]
    assert found == [(box["image"], box["finding"], pytest.approx(box["x0"])) for box in boxes]
    assert len(found) > 0


def test_a_batch_numbers_its_images_by_their_place_in_the_study(store: Store) -> None:
    packed = batch(dataset(store, [2, 0, 1], reading=Reading(order="reversed")), store)
    assert packed.slice_numbers["image"].tolist() == [2, 1, 0, 0, 1, 0]
    assert packed.inputs["image"].values[:, 0, 0, 0].tolist() == [22, 21, 20, 0, 11, 10]


def test_the_sampler_is_told_what_is_left(store: Store) -> None:
    assert dataset(store, [0, 1, 2], reading=Reading(dropped=0.4)).images() == [1, 1, 2]


def test_images_without_slice_labels_have_unknown_ones(store: Store) -> None:
    labels = batch(dataset(store, [1, 2]), store).slice_labels["image"]
    assert labels.shape == (5, 1)
    assert labels.isnan().all()


def test_a_batch_is_its_own_and_leaves_the_store_alone(store: Store) -> None:
    packed = batch(dataset(store, [2]), store)
    packed.inputs["image"].values.zero_()
    assert store.read(2).pixels("image")[:, 0, 0, 0].tolist() == [20, 21, 22]


def test_an_unknown_finding_is_refused_with_the_nearest(store: Store) -> None:
    with pytest.raises(UsageError, match=r"no 'bleeed' in .*; did you mean 'bleed'"):
        dataset(store, [0], findings=("bleeed",))


def test_a_report_is_read_as_the_options_leave_it(store: Store) -> None:
    whole, masked = dataset(store, [1])[0], dataset(store, [1], reports=ReportOptions(mask=("fell",)))[0]
    assert whole.inputs["report"][0] != masked.inputs["report"][0]
    assert masked.inputs["report"].tolist()[-1] == whole.inputs["report"].tolist()[-1]


def test_a_report_of_which_nothing_is_left_is_absent(store: Store) -> None:
    nothing = dataset(store, [1, 2], reports=ReportOptions(keep_sections=("history",)))
    assert [list(nothing[i].inputs) for i in range(2)] == [["image"], ["image"]]
    assert batch(nothing, store).inputs["report"].lengths.tolist() == [0, 0]


def test_boxes_and_places_follow_the_images_that_are_kept(phantom):
    """Boxes are those of the store, their images counted over the batch; places are multiples of the spacing."""
    findings = phantom.findings
    rows = [row for row in range(len(phantom)) if phantom.read(row).boxes()][:2]
    assert len(rows) == 2
    samples = [
        dataset(phantom, rows, modalities=["image"], findings=findings, max_images=most)[position]
        for position, most in ((0, None), (1, 5))
    ]
    batch = collate_for(phantom, ["image"])(samples)
    expected, start = [], 0
    for sample, row, most in zip(samples, rows, (None, 5), strict=True):
        stored = phantom.read(row)
        kept = np.arange(len(stored.pixels("image")))[evenly(len(stored.pixels("image")), most)].tolist()
        assert sample.places["image"].tolist() == pytest.approx([place * stored.spacing("image") for place in kept])
        for box in stored.boxes():
            if box["modality"] == "image" and box["image"] in kept:
                expected.append((start + kept.index(box["image"]), findings.index(box["finding"]), box["x0"]))
        start += len(kept)
    boxes = batch.boxes["image"]
    found = zip(boxes.images.tolist(), boxes.findings.tolist(), boxes.corners[:, 0].tolist(), strict=True)
    assert [(image, finding, pytest.approx(x0)) for image, finding, x0 in found] == expected
    assert batch.inputs["image"].places.shape == (len(batch.inputs["image"].values),)


def test_a_text_that_is_written_comes_as_a_target_whatever_is_shown(store: Store):
    words = fit_tokenizer(["fell one times .", "fell two times ."], max_tokens=9)
    # Study 0 has no report; those of 1 and 2 are "Fell 1 times." and "Fell 2 times."
    targets = {"report": Written(words, ReportOptions(mask=("fell",)))}
    studies = StudyDataset(store, [0, 1, 2], SampleMaker({}, findings=["bleed"], writes=targets))
    batch = collate_for(store, ["image"], targets=["report"])([studies[i] for i in range(3)])
    assert set(batch.inputs) == {"image"}
    assert batch.inputs["image"].lengths.tolist() == [0, 0, 0]
    assert batch.targets["report"].lengths.tolist() == [0, 6, 6]
    assert words.words(batch.targets["report"].values[:6].tolist()) == ["[UNK]"] * 4 + ["times", "."]
    assert batch.to("meta").targets["report"].values.is_meta
