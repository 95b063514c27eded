"""What each method by which a superior modality teaches a whole training begins from, and what it minimises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mmdx.engine.assembly.narrow import twins
from mmdx.engine.experiments.guidance.stages import BOTH_SIDES, Frozen, Stages
from mmdx.engine.experiments.guidance.studies import stage_config
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.latents import Latents, contrastive, relational, shared
from mmdx.engine.training.objective import Answers, Objective, distilled, objective
from mmdx.engine.training.start import transferred, write_start


def setting_of(stages: Stages, stage: str) -> Setting:
    """The setting of a stage that is a training of its own: one side alone, or both with modality dropout."""
    run, setting = stages.run(stage), stages.setting
    withhold = stages.options.superior if stage == "withheld" else ()
    dropout = stage in BOTH_SIDES
    config = stage_config(setting.config, stages.inputs(stage), run.folder, dropout=dropout, withhold=withhold).config
    return replace(setting, config=config, run=run)


def write_first_weights(stages: Stages, frozen: Frozen) -> None:
    """Lets `warm_start` begin from the parts of the superior model that are built alike, and says what was taken."""
    pairs, setting, own = twins(stages.setting.config), stages.setting, frozen.inferior.model
    state = transferred(frozen.superior.model, pairs, own)
    begun = ", ".join(f"{name} from {teacher}" for name, teacher in pairs.items())
    rest = " with its fusion and heads" if any(key.startswith("fusion.") for key in state) else ""
    setting.say(f"warm_start: {begun}{rest}; {len(state)} of {len(own.state_dict())} weights and statistics")
    if setting.is_main:
        write_start(stages.run("warm_start").start, state)
    setting.accelerator.wait_for_everyone()


def objective_of(stages: Stages, method: str, frozen: Frozen) -> Objective:
    """What a method minimises; the superior model answers, or encodes, the training studies that have both sides."""
    taught = _OBJECTIVES.get(method)
    return taught(stages, frozen) if taught is not None else objective


def _distilled(stages: Stages, frozen: Frozen) -> Objective:
    options = stages.options
    return distilled(_answers(stages, frozen), temperature=options.temperature, share=options.share)


def _relational(stages: Stages, frozen: Frozen) -> Objective:
    return relational(_latents(stages, frozen), weight=stages.options.weight)


def _contrastive(stages: Stages, frozen: Frozen) -> Objective:
    return contrastive(_latents(stages, frozen), weight=stages.options.weight)


def _shared(stages: Stages, frozen: Frozen) -> Objective:
    return shared(stages.options.superior, stages.options.inferior, weight=stages.options.weight)


_OBJECTIVES: Mapping[str, Callable[[Stages, Frozen], Objective]] = {
    "distilled": _distilled,
    "relational": _relational,
    "contrastive": _contrastive,
    "shared": _shared,
}


def _answers(stages: Stages, frozen: Frozen) -> Answers:
    """The superior model's logits by head and study."""
    latents, places = frozen.superior_latents, _places(stages, frozen)
    heads = set(frozen.inferior.model.heads_of("study"))
    return {
        head: {study: logits[place] for study, place in places.items()}
        for head, logits in latents.logits.items()
        if head in heads
    }


def _latents(stages: Stages, frozen: Frozen) -> Latents:
    """The superior model's fused vectors by study."""
    return {study: frozen.superior_latents.fused[place] for study, place in _places(stages, frozen).items()}


def _places(stages: Stages, frozen: Frozen) -> dict[str, int]:
    """Of each training study that has both sides, its place among the superior latents."""
    place = {row: index for index, row in enumerate(frozen.superior_latents.rows)}
    return {stages.setting.store.study_ids[row]: place[row] for row in stages.studies.both["train"]}
