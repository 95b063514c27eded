"""What a feeder must know stands in the manifest."""

from __future__ import annotations

import json

from lone_models import lone_model

from mmdx.engine.export.feeds import feeds_of
from mmdx.engine.export.manifest import manifest
from mmdx.schema import ReportOptions


def told(saved, inputs):
    return json.loads(json.dumps(manifest(saved, feeds_of(saved, inputs), {"image": {"bleed": 0.4}}, 20)))


def test_it_says_what_each_tensor_is():
    saved = lone_model({"sequence": "mean", "neighbours": 1}, {"type": "tfidf"})
    data = saved.config.data.model_copy(update={"reports": ReportOptions(mask=("bleed",)), "max_images": 9})
    saved = saved.with_config(lambda config: config.model_copy(update={"data": data}))
    content = told(saved, ["image", "report", "clinic"])
    by_name = {one["name"]: one for one in content["inputs"]}
    assert by_name["present"]["of"] == ["image", "report", "clinic"]
    image = by_name["image"]
    assert (image["dtype"], image["unit"], image["shape"]) == ("uint8", "intensity", ["image_items", 1, 16, 16])
    assert (image["most_images"], image["order"]) == (9, "along the normal, the first first")
    assert "0.5th to 99.5th percentile" in image["values"]
    assert "margins are 0" in image["scaling"]
    assert by_name["image.places"]["when_absent"] == "image.places of one item: all NaN"
    assert by_name["report"]["tokenizer"] == "tokenizers/report/tokenizer.json"
    assert by_name["report"]["max_tokens"] == 64
    assert by_name["report"]["before"]["mask"] == ["bleed"]
    assert by_name["clinic"]["columns"] == [
        {"name": "age", "words": None},
        {"name": "site", "words": ["north", "south"]},
    ]
    assert content["inside_the_graph"]["image"]["neighbours"] == 1
    assert content["thresholds"] == {"image": {"bleed": 0.4}}


def test_outputs_stand_in_their_order_and_lacks_are_named():
    saved = lone_model({"sequence": "mean"}, {"type": "tfidf"}, heads={"study": "study", "slice": "slice"})
    content = told(saved, ["image"])
    assert [one["name"] for one in content["outputs"]] == ["study", "study.logits", "slice", "slice.logits"]
    assert content["outputs"][2]["shape"] == ["image_items", 2]
    assert content["always_absent"] == ["report", "clinic"]
    assert content["findings"] == ["bleed", "fracture"]
