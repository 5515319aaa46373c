"""Which package may import which: the arrows, held for every file of the project, and no circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

GROUND = {
    *("colours", "command", "deprecation", "errors", "files", "import_hook", "outputs"),
    *("presets", "process", "version", "wilson"),
}
# Packages that each package may import, in addition to itself and the ground. Imports inside
# functions count too.
ARROWS = {
    "colours": set(),
    "command": {"errors"},
    "deprecation": set(),
    "errors": set(),
    "files": {"errors"},
    "import_hook": set(),
    "outputs": set(),
    "presets": {"errors"},
    "process": {"errors"},
    "version": set(),
    "wilson": set(),
    "images": set(),
    # A result writes itself as a row of a table, and draws itself (`plots` is imported only then).
    "edge": {"images", "plots", "tables"},
    "samples": set(),
    "tables": {"images"},
    "recalibration": {"images", "edge", "tables"},
    "survey": {"images", "edge", "tables", "datasets"},  # sources to inject
    "fetch": {"images", "tables"},
    "serve": {"edge", "tables", "recalibration", "report"},
    "cli": {
        *("images", "edge", "evaluation", "samples", "tables", "recalibration", "survey"),
        *("fetch", "plots", "report", "serve"),
    },
    "layers": {"images"},
    "models": {"images", "layers"},
    "callbacks": {"images", "layers", "models", "plots", "report"},
    "datasets": {"images"},
    "evaluation": {"images", "layers", "models"},
    "plots": {"images"},
    "report": {"images"},
    "train": {
        *("images", "layers", "models", "edge", "callbacks", "datasets", "evaluation"),
        *("plots", "report", "tables", "recalibration", "survey"),
    },
    "export": {
        *("images", "layers", "models", "edge", "datasets", "evaluation", "samples", "train"),
        *("plots", "report", "tables"),  # the browser page and the model cards
    },
    "benchmarks": {
        *("images", "layers", "models", "edge", "callbacks", "datasets", "evaluation"),
        *("plots", "report", "tables", "recalibration", "survey", "cli", "train", "export"),
    },
}
ROOMS = {"keras_astroattn", "train", "export", "benchmarks"}


def room(module: str) -> str | None:
    """The room of a dotted name; None for another library's."""
    first, *rest = module.split(".")
    if first == "keras_astroattn":
        return rest[0] if rest and not rest[0].startswith("_") else None
    return first if first in ROOMS else None


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, anywhere in it."""
    package = path.relative_to(REPOSITORY).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def files() -> list[Path]:
    return sorted(path for name in ROOMS for path in (REPOSITORY / name).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


def modules() -> dict[str, set[str]]:
    """By module, the modules of this project that it imports; a package is a module too."""
    paths = {name_of(path).removesuffix(".__init__"): path for path in files()}
    return {
        name: {found for there in imported(path) if (found := _module(there, paths))} - {name}
        for name, path in paths.items()
    }


def _module(name: str, paths: dict[str, Path]) -> str | None:
    """Return the module that holds a dotted name; None for another library's."""
    while name and name not in paths:
        name = name.rpartition(".")[0]
    return name or None


def arrows() -> dict[str, dict[str, set[str]]]:
    """By room, what it imports of other rooms, with the files that do."""
    found: dict[str, dict[str, set[str]]] = {}
    for path in files():
        here = room(name_of(path))
        if here is None or here == "__init__":
            continue
        for there in map(room, imported(path)):
            if there is not None and there != here:
                found.setdefault(here, {}).setdefault(there, set()).add(name_of(path))
    return found


FOUND = arrows()


def test_every_room_has_its_arrows():
    rooms = {room(name_of(path)) for path in files()} - {None, "__init__"}
    assert rooms == set(ARROWS)


@pytest.mark.parametrize("name", ARROWS)
def test_a_room_imports_only_what_it_stands_on(name):
    allowed = ARROWS[name] | (set() if name in GROUND else GROUND)
    above = {there: by for there, by in FOUND.get(name, {}).items() if there not in allowed}
    assert above == {}


def test_there_are_at_most_eight_floors():
    floors: dict[str, int] = {}
    for name in TopologicalSorter({name: FOUND.get(name, {}) for name in ARROWS}).static_order():
        floors[name] = 1 + max((floors[there] for there in FOUND.get(name, {})), default=0)
    assert max(floors.values()) <= 8, floors


def test_no_module_imports_itself_through_others():
    TopologicalSorter(modules()).prepare()  # raises CycleError, which names the circle


def test_a_circle_inside_a_package_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.REPOSITORY", tmp_path)
    package = tmp_path / "train" / "paper"
    package.mkdir(parents=True)
    package.joinpath("__init__.py").touch()
    package.joinpath("one.py").write_text("from train.paper import two\n")
    package.joinpath("two.py").write_text("def f():\n    from .one import x\n")
    with pytest.raises(CycleError, match=r"train\.paper\.one"):
        TopologicalSorter(modules()).prepare()


def test_imports_are_read_in_all_their_forms(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.REPOSITORY", tmp_path)
    path = tmp_path / "keras_astroattn" / "models" / "one.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import train.run\n"
        "from keras_astroattn import survey\n"
        "from ..layers.base import register\n"
        "from .gated import x\n"
        "def f():\n    from export import run\n"
    )
    assert set(map(room, imported(path))) == {"train", "survey", "layers", "models", "export"}
