"""A store as a torch data set, without a config."""

import cohorts
import pytest

from mmdx.data.loading.collate import collate_for
from mmdx.data.loading.dataset import StudyDataset, as_torch
from mmdx.data.loading.reading import Reading
from mmdx.data.loading.sample import SampleMaker
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.errors import UsageError


def test_a_store_is_a_torch_data_set(tmp_path):
    store = cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "store")
    tokenizers = {"report": fit_tokenizer(["fell one times ."] * 2, max_tokens=9)}
    studies = as_torch(store, ["image", "report"], rows=[2, 3], tokenizers=tokenizers)
    assert len(studies) == 2
    assert studies[0].inputs["image"][:, 0, 0, 0].tolist() == [20, 21, 22]
    assert studies.images() == [3, 1]
    batch = collate_for(store, ["image", "report"])([studies[0], studies[1]])
    assert batch.labels.tolist() == [[0], [1]]
    assert batch.present("report").tolist() == [True, False]
    assert len(as_torch(store, ["image"])) == 10
    with pytest.raises(UsageError, match=r"no modality 'ct' in .*; known: image, report"):
        as_torch(store, ["ct"])


@pytest.mark.parametrize(("order", "unordered"), [("certified", "s03"), ("reversed", "s03"), ("shuffled", "s02 s03")])
def test_studies_whose_order_nobody_knows_are_marked_where_any_will_do(tmp_path, monkeypatch, order, unordered):
    store = cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "store")
    monkeypatch.setattr(Store, "order_source", lambda self, row, name: "unknown" if row == 3 else "given")
    maker = SampleMaker({"image": "images"}, reading=Reading(order))
    marked = StudyDataset(store, [2, 3], maker, any_order=True)
    assert [study.study_id for study in marked if study.unordered == {"image"}] == unordered.split()
    batch = collate_for(store, ["image"])([marked[0], marked[1]]).inputs["image"]
    assert batch.unordered is not None
    assert batch.unordered.tolist() == [order == "shuffled", True]
    assert all(not study.unordered for study in StudyDataset(store, [2, 3], maker))
