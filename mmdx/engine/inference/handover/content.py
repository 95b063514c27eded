"""What an answer says, as the content of a structured report: template TID 1500 of DICOM PS3.16, Measurement Report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ContainerContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    ImageContentItem,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurement,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from mmdx.engine.inference.handover.author import Author
from mmdx.engine.inference.handover.boxes import box_groups
from mmdx.engine.inference.handover.coding import QUALITATIVE_EVALUATIONS, SOURCE, finding, measure
from mmdx.engine.inference.handover.sources import Instance, Sources
from mmdx.engine.inference.prediction import Prediction
from mmdx.errors import one_line
from mmdx.study import Order

USE = "Answer of a research model, not read by a person; not a medical device, and not to be relied on for a diagnosis."
CONTAINS = RelationshipTypeValues.CONTAINS


def report_content(
    prediction: Prediction, sources: Sources, author: Author, problems: Sequence[str] = ()
) -> MeasurementReport:
    """One group of measurements per finding and per box, the images that were read, and what a reader of the scores
    has to know; `problems` are further sentences beside those of the answer."""
    algorithm = AlgorithmIdentification("mmdx", author.version, parameters=[one_line(author.facts)])
    device = DeviceObserverIdentifyingAttributes(
        author.uid, name="mmdx", manufacturer_name="mmdx", model_name=author.model, serial_number=author.digest
    )
    report = MeasurementReport(
        ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, device)),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[
            *(_finding_group(prediction, name, sources, algorithm) for name in prediction.scored),
            *box_groups(prediction, sources, algorithm),
        ],
    )
    items = report[0].ContentSequence
    items.insert(len(items) - 1, _image_library(sources.instances))
    items.append(_statements(prediction, sources, problems))
    return report


def _finding_group(
    prediction: Prediction, name: str, sources: Sources, algorithm: AlgorithmIdentification
) -> MeasurementsAndQualitativeEvaluations:
    """The scores of a finding, and what they are to be read against."""
    standing, scores = prediction.standing, list(_scores(prediction, name, sources, algorithm))
    beside = {"threshold": standing.thresholds.get(name), "prevalence": standing.prevalence.get(name)}
    beside["spread"] = prediction.spread_of(name)
    others = [number(measure(code), value) for code, value in beside.items() if value is not None]
    evaluations = []
    if name in standing.thresholds:
        reached = codes.SCT.Yes if scores[0].value >= standing.thresholds[name] else codes.SCT.No
        evaluations.append(QualitativeEvaluation(measure("at-threshold"), reached))
    return MeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(identifier=one_line(name)),
        finding_type=finding(name),
        measurements=[*scores, *others],
        qualitative_evaluations=evaluations,
    )


def _scores(
    prediction: Prediction, name: str, sources: Sources, algorithm: AlgorithmIdentification
) -> Iterator[Measurement]:
    """That of the study, then that of its likeliest image, where these are scored: the first one is the answer."""
    calibrated, of_study = prediction.standing.calibrated, bool(prediction.findings)
    if of_study:
        called = measure("probability" if calibrated else "score")
        yield number(called, prediction.findings[name], algorithm_id=algorithm)
    if name in prediction.slices:
        place, highest = prediction.likeliest(name)
        called = measure("image-prob" if calibrated and not of_study else "image-score")
        image = _source_of_measurement(*sources.places[sources.sliced][place])
        yield number(called, highest, referenced_images=[image], algorithm_id=algorithm)


def number(
    name: CodedConcept,
    value: float,
    *,
    algorithm_id: AlgorithmIdentification | None = None,
    referenced_images: Sequence[SourceImageForMeasurement] | None = None,
) -> Measurement:
    """A number without a unit."""
    return Measurement(
        name,
        float(value),
        codes.UCUM.NoUnits,
        algorithm_id=algorithm_id,
        referenced_images=referenced_images,
    )


def _source_of_measurement(instance: Instance, frame: int) -> SourceImageForMeasurement:
    return SourceImageForMeasurement(
        instance.uid("SOPClassUID"), instance.uid("SOPInstanceUID"), instance.numbers([frame])
    )


def _image_library(instances: Sequence[Instance]) -> ContainerContentItem:
    """Every image that was read, by series, in the order in which it was read."""
    library, series = _container(codes.DCM.ImageLibrary), {}
    for instance in instances:
        series.setdefault(instance.uid("SeriesInstanceUID"), []).append(instance)
    for members in series.values():
        group = _container(codes.DCM.ImageLibraryGroup)
        group.ContentSequence.extend(
            ImageContentItem(
                SOURCE,
                one.uid("SOPClassUID"),
                one.uid("SOPInstanceUID"),
                referenced_frame_numbers=one.numbers(one.frames),
                relationship_type=CONTAINS,
            )
            for one in members
        )
        library.ContentSequence.append(group)
    return library


def _container(name: CodedConcept | Code) -> ContainerContentItem:
    container = ContainerContentItem(name, relationship_type=CONTAINS)
    container.ContentSequence = ContentSequence()
    return container


def _statements(prediction: Prediction, sources: Sources, problems: Sequence[str]) -> ContainerContentItem:
    """Sentences on the study, each under the concept that says what it is about."""
    container = _container(QUALITATIVE_EVALUATIONS)
    container.ContentSequence.extend(
        TextContentItem(measure(code), one_line(text), relationship_type=CONTAINS)
        for code, text in _sentences(prediction, sources, problems)
    )
    return container


def _sentences(prediction: Prediction, sources: Sources, problems: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield "use", USE
    yield from (("meaning", sentence) for sentence in prediction.standing.meaning)
    yield "shown", prediction.shown
    if prediction.missing:
        yield "absent", prediction.fallback
    for name in prediction.order_source:
        yield "order", f"{prediction.reading(name)}{order_words(sources.orders.get(name))}"
    if prediction.reports_without:
        yield "withheld", prediction.reports_without
    yield from (("problem", problem) for problem in (*prediction.problems, *problems))


def order_words(order: Order | None) -> str:
    """What a certificate says beside its source, to stand behind it: spacing, gaps, doubles, and what the other
    evidence says. Images are counted from 0, as in the problems of a study."""
    if order is None:
        return ""
    words = [f"{order.spacing_mm:.4g} mm from slice to slice"] if order.spacing_mm is not None else []
    words.append(f"missing after image {_listed(order.gaps)}" if order.gaps else "none missing")
    words += [f"at the place of the one before: image {_listed(order.duplicates)}"] if order.duplicates else []
    agreeing = {True: "the other evidence agrees", False: "the other evidence disagrees", None: "no other evidence"}
    return f"; {'; '.join([*words, agreeing[order.agrees]])} (images counted from 0)"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
