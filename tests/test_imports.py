"""The house plan, read from the syntax trees of mmdx: arrows between rooms, what stays free of torch, lengths."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mmdx

HALLWAY = (
    *("study", "batch", "sections", "schema", "config_file", "registry", "errors", "yaml_text"),
    *("files", "kinds", "extras", "seven_points", "templates", "strangers"),
)
ROOMS = {
    "hallway": {"hallway"},
    "data": {"data", "hallway"},
    "models": {"models", "hallway"},
    "stats": {"stats", "hallway"},
    "engine": {"engine", "data", "models", "stats", "hallway"},
    "terminal": {"terminal", "engine", "stats", "data", "hallway"},
    "api": {"api", "engine", "stats", "data", "hallway"},
    "cli": {"cli_options", "verbs", "terminal", "engine", "stats", "hallway"},
    "cli_options": set(),
    "verbs": {"verbs", "cli_options", "terminal", "api", "demo", "nodes", "engine", "stats", "hallway"},
    "__main__": {"cli"},
    "plot": {"plot", "engine", "stats", "data", "hallway"},
    "demo": {"demo", "api", "engine", "stats", "data", "hallway"},
    "nodes": {"nodes", "engine", "data", "hallway"},
}
"""What each room may import of mmdx, wherever in a file the import stands."""
FLOORS = {
    "data": (
        *(
            ("quiet", "files", "workers", "memory", "counting", "own_folder"),
            ("text", "tables", "vectors"),
            ("privacy",),
            ("order",),
            ("dicom",),
        ),
        *(("images",), ("splits", "phantom"), ("store",), ("loading", "audit", "readers"), ("cohorts",)),
    ),
    "models": (
        (
            "facts",
            "packing",
            "weights",
            "hub",
            "augment",
            "absent",
            "balance",
            "losses",
            "select",
            "vectors",
            "tabular",
        ),
        *(
            ("sequence", "image", "views", "domain"),
            ("text", "fusion"),
            ("stack", "heads"),
            ("branches",),
            ("model", "parts"),
        ),
    ),
    "stats": (
        *(("resampling",), ("metrics",), ("cohort",), ("significance",), ("comparison",), ("report",)),
        *(("sections", "texts", "doubtful"), ("evidence", "power")),
    ),
    "engine": (
        *(("processes", "passing"), ("runs",), ("assembly",), ("intake", "scoring", "sharing"), ("training",)),
        *(("inference", "reporting"), ("experiments", "export"), ("planning",)),
    ),
}
"""The packages of each room, from the ground up: one imports itself and what lies on the floors below it."""
TORCH = ("torch", "torchvision", "timm", "transformers", "accelerate", "safetensors.torch")
TORCH_FREE = ("mmdx.stats", "mmdx.data.readers", "mmdx.data.order", "mmdx.data.dicom", "mmdx.data.images")
TORCH_FREE_HALLWAY = tuple(f"mmdx.{name}" for name in HALLWAY if name != "batch")
NAMELESS = ("utils", "helpers", "common", "misc", "info", "manager")
LONGEST_FILE, LONGEST_FUNCTION, MOST_ARGUMENTS = 300, 50, 7
MOST_STATED = 9
"""Arguments of a public function, which takes what its verb takes."""
MOST_NAMES = 16
"""Modules of one folder; with more it holds two packages."""


@dataclass(frozen=True)
class Import:
    """One imported name: the module that it comes from, its line, and whether it runs when the file is imported."""

    module: str
    line: int
    at_import: bool


def sources() -> dict[str, str]:
    """The text of every module of mmdx, by dotted name."""
    root = Path(mmdx.__file__).parent
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = ("mmdx", *path.relative_to(root).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


def imports(name: str, texts: Mapping[str, str]) -> list[Import]:
    """Every import of a module, inside functions and in calls of `import_module` with a literal name, too."""
    home = name if any(other.startswith(f"{name}.") for other in texts) else name.rpartition(".")[0]
    found = []
    for node, at_import in walk(ast.parse(texts[name]), at_import=True):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, at_import) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*home.split(".")[: len(home.split(".")) + 1 - node.level], node.module or ""])
            origin = base.rstrip(".") if node.level else str(node.module)
            for alias in node.names:
                module = f"{origin}.{alias.name}" if f"{origin}.{alias.name}" in texts else origin
                found.append(Import(module, node.lineno, at_import))
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                found.append(Import(str(node.args[0].value), node.lineno, at_import))
    return found


def walk(node: ast.AST, *, at_import: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below, each with whether it runs when its file is imported (the body of a function does not)."""
    for child in ast.iter_child_nodes(node):
        yield child, at_import
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from walk(child, at_import=at_import and not function)


def room(module: str) -> str:
    """The room of a module of mmdx; `mmdx` for the package itself."""
    first = module.split(".")[1] if "." in module else "mmdx"
    return "hallway" if first in HALLWAY else first


def arrow_problems(texts: Mapping[str, str]) -> list[str]:
    """Imports between rooms that the plan does not draw."""
    problems = []
    for name in texts:
        here = room(name)
        if name != "mmdx" and here not in ROOMS:
            problems.append(f"{name}: '{here}' is no room of the plan")
        for found in imports(name, texts):
            # The package itself, which only knows its version, is open to all and imports nothing.
            if within(found.module, "mmdx") and room(found.module) not in ROOMS.get(here, set()) | {"mmdx"}:
                problems.append(f"{name}:{found.line}: {here} imports {found.module}")
    return problems


def floor_problems(texts: Mapping[str, str]) -> list[str]:
    """Imports between the packages of a room that do not lead downstairs, and packages without a floor."""
    problems = []
    for name in texts:
        floors, here = FLOORS.get(room(name), ()), package(name)
        if not floors or not here:
            continue
        level = {part: height for height, parts in enumerate(floors) for part in parts}
        if here not in level:
            problems.append(f"{name}: '{here}' has no floor in the plan of {room(name)}")
            continue
        for found in imports(name, texts):
            same_room = within(found.module, "mmdx") and room(found.module) == room(name)
            there = package(found.module) if same_room else ""
            if there and there != here and level.get(there, len(floors)) >= level[here]:
                problems.append(f"{name}:{found.line}: {here} imports {found.module}, which does not lie below it")
    return problems


def package(module: str) -> str:
    """The package, or lone module, of a room in which a module of mmdx lies; empty for the room itself."""
    return module.split(".")[2] if module.count(".") > 1 else ""


def torch_problems(texts: Mapping[str, str], free: Sequence[str]) -> list[str]:
    """Ways by which a module at or below one of `free` reaches torch, through however many modules of mmdx."""
    arrows = {name: [found.module for found in imports(name, texts)] for name in texts}
    problems = []
    for start in texts:
        if not any(within(start, top) for top in free):
            continue
        ways, seen = [[start]], {start}
        while ways:
            way = ways.pop(0)
            for module in arrows[way[-1]]:
                if any(within(module, library) for library in TORCH):
                    problems.append(" -> ".join([*way, module]))
                elif module in texts and module not in seen:
                    seen.add(module)
                    ways.append([*way, module])
    return problems


def within(module: str, top: str) -> bool:
    return module == top or module.startswith(f"{top}.")


def cycle(texts: Mapping[str, str]) -> list[str]:
    """Modules that import each other in a circle while they are being imported; empty where none do."""
    arrows = {name: {i.module for i in imports(name, texts) if i.at_import and i.module in texts} for name in texts}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def size_problems(texts: Mapping[str, str]) -> list[str]:
    """Files and functions that want another room, and modules without a name of the field."""
    problems = []
    for name, text in texts.items():
        if name.rpartition(".")[2].strip("_") in NAMELESS:
            problems.append(f"{name}: a name that says nothing")
        if len(text.splitlines()) > LONGEST_FILE:
            problems.append(f"{name}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    problems.append(f"{name}:{node.lineno}: {node.name} has {lines} lines")
        most = MOST_STATED if name.startswith("mmdx.api.") else MOST_ARGUMENTS
        crowds = [crowd for crowd in crowded(text) if crowd[2] > most]
        problems += [f"{name}:{line}: {function} has {count} arguments" for line, function, count in crowds]
    folders = Counter(name.rpartition(".")[0] for name in texts if not is_package(name, texts))
    return problems + [f"{folder}: {count} modules" for folder, count in folders.items() if count > MOST_NAMES]


def is_package(name: str, texts: Mapping[str, str]) -> bool:
    return any(other.startswith(f"{name}.") for other in texts)


def crowded(text: str) -> Iterator[tuple[int, str, int]]:
    """Line, name and count of arguments of the functions that have too many.

    Registered parts are free of that: a decorator with arguments (`@HEADS("study")`) makes a function,
    or the methods of a class, one.
    """
    for node, registered in decorated(ast.parse(text), registered=False):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not registered:
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(argument.arg not in ("self", "cls") for argument in arguments)
            if count > MOST_ARGUMENTS:
                yield node.lineno, node.name, count


def decorated(node: ast.AST, *, registered: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below, each with whether it is a registered part or a method of one."""
    for child in ast.iter_child_nodes(node):
        inside = registered
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [ast.unparse(mark.func) for mark in child.decorator_list if isinstance(mark, ast.Call)]
            inside = (registered and not isinstance(node, ast.FunctionDef)) or any(c != "dataclass" for c in calls)
        yield child, inside
        yield from decorated(child, registered=inside)


def test_rooms_import_along_the_arrows_of_the_plan() -> None:
    assert arrow_problems(sources()) == []


def test_packages_import_downstairs() -> None:
    assert floor_problems(sources()) == []


def test_readers_and_statistics_do_not_reach_torch() -> None:
    assert torch_problems(sources(), TORCH_FREE) == []


def test_of_the_hallway_only_batch_reaches_torch() -> None:
    assert torch_problems(sources(), TORCH_FREE_HALLWAY) == []
    assert torch_problems(sources(), ["mmdx.batch"]) != []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycle(sources()) == []


def test_files_and_functions_are_short_and_named() -> None:
    assert size_problems(sources()) == []


def test_all_of_mmdx_is_read() -> None:
    names = set(sources())
    assert {"mmdx", "mmdx.cli", "mmdx.data.readers.folder", "mmdx.models.model", "mmdx.engine.assembly.model"} <= names
    assert {f"mmdx.{name}" for name in HALLWAY} <= names


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("mmdx.data.x", "from mmdx.models.model import encode", "mmdx.data.x:1: data imports mmdx.models.model"),
        ("mmdx.data.x", "def f():\n    import mmdx.models.model", "mmdx.data.x:2: data imports mmdx.models.model"),
        ("mmdx.data.x", "from ..models import model", "mmdx.data.x:1: data imports mmdx.models.model"),
        ("mmdx.stats.x", "from mmdx import engine", "mmdx.stats.x:1: stats imports mmdx.engine"),
        ("mmdx.models.x", "import_module('mmdx.data.y')", "mmdx.models.x:1: models imports mmdx.data.y"),
        ("mmdx.schema", "from mmdx.data import y", "mmdx.schema:1: hallway imports mmdx.data.y"),
        ("mmdx.engine.x", "import mmdx.cli", "mmdx.engine.x:1: engine imports mmdx.cli"),
        ("mmdx.cli", "def f():\n    from mmdx.data import y", "mmdx.cli:2: cli imports mmdx.data.y"),
        ("mmdx", "import mmdx.data.y", "mmdx:1: mmdx imports mmdx.data.y"),
        ("mmdx.shared", "import json", "mmdx.shared: 'shared' is no room of the plan"),
    ],
)
def test_the_reading_sees_a_forbidden_arrow(name: str, text: str, problem: str) -> None:
    others = ("mmdx", "mmdx.data", "mmdx.data.y", "mmdx.models", "mmdx.models.model", "mmdx.engine")
    assert arrow_problems(dict.fromkeys(others, "") | {name: text}) == [problem]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "mmdx.data.order.x",
            "from mmdx.data.dicom.y import z",
            "mmdx.data.order.x:1: order imports mmdx.data.dicom.y, which does not lie below it",
        ),
        (
            "mmdx.data.audit.x",
            "from mmdx.data.loading import y",
            "mmdx.data.audit.x:1: audit imports mmdx.data.loading, which does not lie below it",
        ),
        ("mmdx.data.attic.x", "", "mmdx.data.attic.x: 'attic' has no floor in the plan of data"),
        ("mmdx.data.dicom.x", "from mmdx.data.order import y\nfrom mmdx.data.dicom.y import z", None),
    ],
)
def test_the_reading_sees_an_import_upstairs(name: str, text: str, problem: str | None) -> None:
    others = ("mmdx", "mmdx.data", "mmdx.data.dicom", "mmdx.data.dicom.y", "mmdx.data.order", "mmdx.data.loading")
    assert floor_problems(dict.fromkeys(others, "") | {name: text}) == ([problem] if problem else [])


def test_the_reading_lets_lawful_arrows_pass() -> None:
    text = "import torch\nfrom mmdx import __version__\nfrom mmdx.batch import Batch\nfrom mmdx.data.y import z"
    assert arrow_problems({"mmdx": "", "mmdx.engine.x": text, "mmdx.data.y": "", "mmdx.batch": ""}) == []


def test_the_reading_follows_torch_through_other_modules() -> None:
    texts = {"mmdx.stats.x": "from mmdx.batch import Batch", "mmdx.batch": "def f():\n    import torch.nn"}
    assert torch_problems(texts, ["mmdx.stats"]) == ["mmdx.stats.x -> mmdx.batch -> torch.nn"]
    assert torch_problems(texts, ["mmdx.data"]) == []


def test_the_reading_sees_circles_but_not_imports_inside_functions() -> None:
    here, there = "from mmdx.data import b", "from mmdx.data.a import x"
    assert {"mmdx.data.a", "mmdx.data.b"} <= set(cycle({"mmdx.data.a": here, "mmdx.data.b": there}))
    assert cycle({"mmdx.data.a": here, "mmdx.data.b": f"def f():\n    {there}"}) == []


def test_the_reading_measures_files_functions_and_names() -> None:
    long = "def f():\n" + "    x = 1\n" * 50
    assert size_problems({"mmdx.data.a": long}) == ["mmdx.data.a:1: f has 51 lines"]
    assert size_problems({"mmdx.data.a": "x = 1\n" * 301}) == ["mmdx.data.a: 301 lines"]
    many = "def f(a, b, c, *, d, e, f, g, h): ..."
    assert size_problems({"mmdx.data.a": many}) == ["mmdx.data.a:1: f has 8 arguments"]
    assert size_problems({"mmdx.data.a": f"@READERS('x')\n{many}"}) == []
    assert size_problems({f"mmdx.data.{letter}": "" for letter in "abcdefghijklmnopq"}) == ["mmdx.data: 17 modules"]
    assert size_problems({"mmdx.data.utils": ""}) == ["mmdx.data.utils: a name that says nothing"]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import mmdx", id="import"),
        pytest.param(
            "from mmdx.cli import main\ntry: main(['--help'])\nexcept SystemExit as e: assert e.code == 0", id="help"
        ),
        pytest.param(
            "import mmdx.stats.evidence\nfrom mmdx.data.readers import register_all\nregister_all()", id="rooms"
        ),
    ],
)
def test_torch_stays_out(code: str) -> None:
    command = [sys.executable, "-c", f"import sys\n{code}\nassert 'torch' not in sys.modules, 'torch was imported'"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
