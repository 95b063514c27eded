"""A model as ONNX and as torch's exported program, in a folder, held against mmdx before it is there."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.export.checks import exported_inputs
from mmdx.engine.export.feeds import Feed, feeds_of
from mmdx.engine.export.lone import LoneStudy
from mmdx.engine.export.manifest import TOKENIZERS, manifest
from mmdx.engine.export.parity import MOST, Runtime, largest_difference
from mmdx.engine.processes import ready_cpu
from mmdx.engine.runs.folder import model_folder
from mmdx.errors import DataError, UsageError, reason
from mmdx.extras import needed_by
from mmdx.files import PARTIAL, RunLayout, write_json
from mmdx.kinds import KINDS
from mmdx.models.packing import one_study
from mmdx.stats.cohort.choices import thresholds_for

ONNX, PROGRAM, MANIFEST = "model.onnx", "model.pt2", "manifest.json"
_EXAMPLES = 5
"""Items of the study by which it is traced; not 1, which would be taken for a size that never changes."""


@dataclass(frozen=True)
class Exported:
    """What was exported: the folder, its files with their bytes, the inputs that are fed and those that never are, and
    the largest difference to the probabilities of mmdx that was found."""

    folder: Path
    files: dict[str, int]
    inputs: tuple[str, ...]
    absent: tuple[str, ...]
    difference: float


def export(run: Path, out: Path, *, image_only: bool = False) -> Exported:
    """Exports the model in a run or model folder into the folder `out`; with `image_only`, all else is always absent.

    Raises `UsageError` where something lies there, a package is missing, or the model cannot be exported, and
    `DataError` where what was exported answers otherwise than mmdx; then nothing is left.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: holds something already; choose another folder")
    ready_cpu()
    saved = load_model(model_folder(run))
    inputs = exported_inputs(saved, image_only=image_only)
    partial = out.with_name(f"{out.name}{PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        difference = _export_into(partial, run, saved, inputs)
        if out.exists():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    files = {path.relative_to(out).as_posix(): path.stat().st_size for path in sorted(out.rglob("*")) if path.is_file()}
    absent = tuple(name for name in saved.facts.inputs if name not in inputs)
    return Exported(out, files, tuple(inputs), absent, difference)


def _export_into(folder: Path, run: Path, saved: SavedModel, inputs: Sequence[str]) -> float:
    feeds = feeds_of(saved, inputs)
    lone = LoneStudy(saved, feeds).eval()
    folder.mkdir(parents=True)
    with _quiet():
        program = _program(lone, feeds)
        opset = _write_onnx(program, lone, feeds, folder / ONNX)
        torch.export.save(program, folder / PROGRAM)
    for name in (name for name in inputs if KINDS[saved.facts.inputs[name].kind].worded):
        saved.tokenizers[name].save(folder / TOKENIZERS / name)
    difference = largest_difference(saved, feeds, Runtime(folder / ONNX))
    if not difference <= MOST:
        raise DataError(
            f"{run}: what was exported answers otherwise than mmdx, by up to {difference:.2g}, and more than {MOST:g} "
            "is not let pass; nothing was left; predict with mmdx itself"
        )
    told = manifest(saved, feeds, _thresholds(run, saved, inputs), opset)
    write_json(folder / MANIFEST, {**told, "largest_difference_to_mmdx": difference})
    return difference


def _program(lone: LoneStudy, feeds: Sequence[Feed]) -> torch.export.ExportedProgram:
    """The model as torch exports it, of any number of items. Raises `UsageError` where torch cannot."""
    examples = tuple(feed.example(min(_EXAMPLES, feed.most or _EXAMPLES)) for feed in feeds)
    try:
        with one_study(), torch.no_grad():
            program = torch.export.export(lone, examples, dynamic_shapes=_dynamic(feeds), strict=False)
    except Exception as error:  # torch refuses a part in a dozen unrelated types
        raise UsageError(
            f"the model cannot be exported: torch cannot trace one of its parts ({reason(error)})"
        ) from error
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)  # files of this machine
    return program


def _dynamic(feeds: Sequence[Feed]) -> dict[str, Any]:
    most = {feed.dimension: feed.most for feed in reversed(feeds) if feed.dimension is not None}
    sizes = {name: torch.export.Dim(_plain(name), min=1, max=count) for name, count in most.items()}
    return {"tensors": tuple({0: sizes[feed.dimension]} if feed.dimension else None for feed in feeds)}


def _plain(name: str) -> str:
    """A name of a dimension as torch takes it."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in f"n_{name}")


def _write_onnx(program: torch.export.ExportedProgram, lone: LoneStudy, feeds: Sequence[Feed], path: Path) -> int:
    """Writes the program as ONNX; its version of operators."""
    with needed_by("mmdx export", "onnx with onnxscript", "export"):
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    try:
        written: Any = torch.onnx.export(
            program,
            dynamo=True,
            input_names=[feed.name for feed in feeds],
            output_names=lone.outputs,
            dynamic_shapes=_dynamic(feeds),
            verbose=False,
        )
    except Exception as error:  # of as many types as there are operators
        raise UsageError(
            f"the model cannot be exported: ONNX does not know one of its parts ({reason(error)})"
        ) from error
    model = written.model
    for graph in (model.graph, *(function.graph for function in model.functions.values())):
        for node in graph.all_nodes():
            node.metadata_props.clear()  # lines of code and files of this machine
    written.save(path, external_data=False)
    return int(model.graph.opset_imports[""])


def _thresholds(run: Path, saved: SavedModel, inputs: Sequence[str]) -> dict[str, dict[str, float]]:
    """The thresholds that validation studies choose, where all that is fed is shown, and where its images are alone."""
    path = RunLayout(run).scores("val")
    pictured = [name for name in inputs if KINDS[saved.facts.inputs[name].kind].pictured]
    showings = dict.fromkeys("+".join(names) for names in (inputs, pictured) if names)
    if not path.is_file():
        return {}
    found = {shown: thresholds_for(path, shown, saved.facts.findings) for shown in showings}
    return {shown: values for shown, values in found.items() if values}


@contextmanager
def _quiet() -> Iterator[None]:
    """torch without what it says of each dimension that it names otherwise."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
