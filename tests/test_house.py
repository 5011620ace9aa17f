"""The rules of the house: what may import what, how long a function is, and that the README speaks of everything."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from bottle import Bottle

from zerg import cli, config, errors
from zerg.paths import Home
from zerg.providers import PROVIDERS
from zerg.store import open_store
from zerg.web import api
from zerg.web.site import Site

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")

# From the ground up: a module imports from its own layer and from those before it. A package stands for all in it.
LAYERS = (
    ("shipper", "zerg", "zerg.errors", "zerg.events", "zerg.fold", "zerg.progress"),
    ("zerg.providers", "zerg.price", "zerg.paths", "zerg.config", "zerg.demo"),
    ("zerg.store",),
    ("zerg.summary", "zerg.archive", "zerg.derive", "zerg.ingest", "zerg.upkeep"),
    ("zerg.search", "zerg.timeline", "zerg.render", "zerg.export"),
    ("zerg.web", "zerg.console"),
    ("zerg.daemon",),
    ("zerg.cli",),
    ("zerg.__main__",),
)

# The only imports inside functions, each with its reason.
LAZY = {
    "zerg.cli": ".*",  # a command pays for what it uses, and for nothing else
    "zerg.config": "tomllib|pydantic|zoneinfo",  # needed only where somebody set something
    "zerg.web.api": "resource",  # which Windows does not have
    "zerg.web.pages": "zerg.render",  # Markdown and Pygments cost 4 MB: the first session page brings them
}

LONGEST = 60  # lines of a function


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product by its name."""
    found = {}
    for file in [*ROOT.glob("zerg/**/*.py"), *ROOT.glob("shipper/**/*.py")]:
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(file.read_text("utf-8"))
    return found


def imports(name: str, tree: ast.AST) -> Iterator[str]:
    """The modules of the product that `tree`, code of the module `name`, imports; others by their first name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} uses a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in modules() else str(node.module)


def layer(name: str) -> int:
    places = [number for number, names in enumerate(LAYERS) if {name, *ancestors(name)} & set(names) - ({"zerg"} - {name})]
    assert places, f"{name} has no place in the house: name it in LAYERS"
    return places[0]


def ancestors(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


@pytest.mark.parametrize("name", sorted(modules()))
def test_every_module_imports_and_only_downwards(name: str) -> None:
    importlib.import_module(name)
    for other in set(imports(name, modules()[name])) & set(modules()):
        assert layer(other) <= layer(name), f"{name} imports {other}, which is above it"


def test_no_modules_import_each_other() -> None:
    graph = {name: set(imports(name, tree)) & set(modules()) - {name} for name, tree in modules().items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_inside_functions_are_on_the_list(name: str) -> None:
    inside = {other for function in functions(modules()[name]) for other in imports(name, function)}
    assert not [other for other in inside if not re.match(LAZY.get(name, "$"), other)]


@pytest.mark.parametrize("name", sorted(modules()))
def test_functions_are_short(name: str) -> None:
    long = [f.name for f in functions(modules()[name]) if (f.end_lineno or 0) - f.lineno >= LONGEST]
    assert not long, f"over {LONGEST} lines: {', '.join(long)}"


def test_the_median_function_is_short() -> None:
    lengths = sorted((f.end_lineno or 0) - f.lineno + 1 for tree in modules().values() for f in functions(tree))
    assert lengths[len(lengths) // 2] <= 8


@pytest.mark.parametrize("name", sorted(modules()))
def test_every_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(modules()[name])


def test_old_interpreters_can_parse_the_line_that_refuses_them() -> None:
    for file in ("zerg/__init__.py", "zerg/__main__.py"):
        ast.parse((ROOT / file).read_text("utf-8"), feature_version=(3, 4))
    ast.parse((ROOT / "build.py").read_text("utf-8"), feature_version=(3, 6))


def test_the_shipper_stands_alone() -> None:
    """It runs without zerg, on the standard library of Python 3.9."""
    for name in (name for name in modules() if name.startswith("shipper")):
        ast.parse(Path(str(importlib.import_module(name).__file__)).read_text("utf-8"), feature_version=(3, 9))
        assert not [other for other in imports(name, modules()[name]) if other.startswith("zerg")]


@cache
def tracked() -> list[Path]:
    """The files of the repository, without those of other projects that lie about."""
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        listed = [str(file.relative_to(ROOT)) for part in ("zerg", "shipper", "tests") for file in (ROOT / part).rglob("*.*")]
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("word", ["/" + "work/", "/tmp/" + "venv", "TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_no_file_speaks_of_the_workshop(word: str) -> None:
    texts = [file for file in tracked() if file.suffix in {".py", ".md", ".toml", ".tpl", ".css", ".js", ".sql", ""}]
    assert not [file for file in texts if re.search(rf"(?<![\w-]){re.escape(word)}(?!\w)", file.read_text("utf-8", "replace"))]


def commands() -> dict[str, argparse.ArgumentParser]:
    action = next(action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize("name", sorted(commands()))
def test_the_readme_has_every_command_and_flag(name: str) -> None:
    assert f"zerg {name}" in README
    flags = {flag for action in commands()[name]._actions for flag in action.option_strings} - {"-h", "--help"}
    assert not [flag for flag in flags if not re.search(rf"{flag}(?![\w-])", README)]


@pytest.mark.parametrize("row", config.SETTINGS, ids=lambda row: row.name)
def test_the_readme_has_every_setting(row: config.Setting) -> None:
    line = next((line for line in README.splitlines() if line.startswith(f"| `{row.section}.{row.key}`")), "")
    assert line, f"no row for {row.name}"
    assert row.help in line and all(name in line for name in row.environment) and config.toml(row.default) in line


def test_the_readme_has_every_provider() -> None:
    assert not [name for name in PROVIDERS if f"`{name}`" not in README]


def test_the_readme_has_every_error() -> None:
    codes = {value.code for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.ZergError)}
    assert not [code for code in codes if f"`{code}`" not in README]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Method and path of every route below /api."""
    home, app = Home(tmp_path_factory.mktemp("home")), Bottle()
    api.mount(app, Site(config.Settings(home), open_store(str(home.database)), shipping=False))
    return [(route.method, route.rule) for route in app.routes]


def test_the_readme_has_every_route_with_an_example(routes: list[tuple[str, str]]) -> None:
    assert len(routes) > 5
    for method, rule in routes:
        line = next((line for line in README.splitlines() if line.startswith(f"| `{method} {rule}` |")), "")
        assert "curl" in line and "$Z/api" in line, f"{method} {rule}"
