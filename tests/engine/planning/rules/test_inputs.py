"""How each modality is read."""

from __future__ import annotations

from planning import BARE, cohort, label, machine, pictures, reports, vectors

from mmdx.engine.planning.rules.approaches import approaches
from mmdx.engine.planning.rules.inputs import image_inputs, input_choices, input_names


def values(planned, on) -> dict:
    return {choice.key: choice.value for choice in input_choices(planned, on, approaches(planned, on)[0])}


def test_a_frozen_encoder_describes_and_a_small_model_reads_its_descriptors() -> None:
    chosen = values(cohort(), machine())
    assert chosen["first.folds"] is None
    assert chosen["first.model.inputs.image.view"] == {"type": "grey", "channels": 3}
    assert chosen["first.model.inputs.image.encoder"]["frozen"] is True
    assert chosen["model.inputs.image.select"] == {"type": "pca", "components": 120}
    assert chosen["model.inputs.image.encoder"]["input_dropout"] == 0.5
    assert chosen["model.inputs.image.sequence"]["type"] == "lstm"
    assert "model.inputs.image.augment" not in chosen


def test_components_are_few_where_images_are() -> None:
    few = cohort(pictures={"image": pictures(total=353, middle=1, longest=7, ordered=0.0)})
    assert values(few, machine())["model.inputs.image.select"]["components"] == 70
    fewer = values(cohort(pictures={"image": pictures(total=60)}), machine())
    assert "model.inputs.image.select" not in fewer
    assert fewer["model.inputs.image.encoder"]["norm"] is True


def test_a_trained_encoder_reads_pixels_that_are_varied() -> None:
    chosen = values(cohort(), BARE)
    assert chosen["model.inputs.image.encoder"] == {"type": "timm", "name": "test_resnet"}
    assert "flip" not in chosen["model.inputs.image.augment"]
    assert not any(key.startswith("first") for key in chosen)


def test_windows_are_those_of_the_region_and_of_bone_for_fractures() -> None:
    head = cohort(pictures={"image": pictures(unit="HU", pixels={"region": "head"})})
    chosen = values(head, BARE)
    assert chosen["model.inputs.image.view"]["windows"] == [[40, 80], [80, 200], [40, 380]]
    assert chosen["model.inputs.image.augment"]["flip"] == 0.5
    chest = pictures(unit="HU", pixels={"region": "chest"})
    broken = cohort(pictures={"image": chest}, labels={"rib fracture": label(40, 60)})
    assert values(broken, BARE)["model.inputs.image.view"]["windows"] == [[-600, 1500], [40, 400], [600, 2800]]


def test_sequences_follow_the_order_that_is_known() -> None:
    def sequence(**changes):
        value = values(cohort(pictures={"image": pictures(**changes)}), BARE)["model.inputs.image.sequence"]
        return value if isinstance(value, str) else value["type"]

    assert sequence(longest=1, middle=1, ordered=0.0) == "mean"
    assert sequence(middle=2, longest=7, ordered=0.0) == "mean"
    assert sequence(middle=30, ordered=0.0) == "attention"
    assert sequence(middle=30, ordered=0.9) == "lstm"


def test_two_modalities_of_the_same_slices_are_channels_of_one() -> None:
    windows = cohort(pictures={"brain": pictures(), "bone": pictures()}, aligned=(("brain", "bone"),))
    (item,) = image_inputs(windows)
    assert (item.name, item.parts, item.stacked) == ("stacked", ("brain", "bone"), True)
    chosen = values(windows, machine())
    assert chosen["data.stacks.stacked"] == ["brain", "bone"]
    assert chosen["first.model.inputs.stacked.view"] == {"type": "stacked", "channels": 3}
    three = cohort(pictures=dict.fromkeys(("a", "b", "c"), pictures()), aligned=(("a", "b"), ("a", "c"), ("b", "c")))
    assert input_names(three) == ["a", "b", "c"]


def test_descriptors_and_reports_are_inputs_of_their_own() -> None:
    planned = cohort(pictures={}, vectors={"tiles": vectors()}, reports={"note": reports()})
    chosen = values(planned, machine())
    assert input_names(planned) == ["tiles", "note"]
    assert chosen["model.inputs.tiles.encoder"]["type"] == "mlp"
    assert chosen["model.inputs.tiles.sequence"]["type"] == "attention"
    assert chosen["model.inputs.note.encoder"] == "bag_and_sequence"
