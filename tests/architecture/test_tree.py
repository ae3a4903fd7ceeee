"""Where files stand, what they are called and how large they may be."""

import ast
from pathlib import Path

import pytest

from architecture.tree import ROOT, SOURCE, TESTS, functions, lines, modules, parsed, shown

FORBIDDEN_NAMES = {"utils", "helpers", "common", "shared", "misc", "base2", "util", "helper", "manager"}
FORBIDDEN_CLASS_SUFFIXES = ("Manager", "Helper", "Util", "Impl")
PURE_RINGS = ("core", "llm", "policy")
MIGRATIONS = SOURCE / "store" / "sql" / "migrations"
"""What Alembic runs is tested as a whole: tests/contract/store/test_migrations.py."""


def test_every_source_file_has_its_test_at_the_mirrored_path() -> None:
    missing = [
        shown(path)
        for path in modules()
        if path != MIGRATIONS / "env.py"
        and path.parent != MIGRATIONS / "versions"
        and not (TESTS / "unit" / path.parent.relative_to(SOURCE) / f"test_{path.stem.strip('_')}.py").exists()
    ]
    assert missing == []


def test_every_unit_test_mirrors_a_source_file() -> None:
    strays = []
    for path in sorted((TESTS / "unit").rglob("test_*.py")):
        folder = SOURCE / path.parent.relative_to(TESTS / "unit")
        stem = path.stem.removeprefix("test_")
        if not (folder / f"{stem}.py").exists() and not (folder / f"__{stem}__.py").exists():
            strays.append(shown(path))
    assert strays == []


def budget(path: Path) -> int:
    if path.name == "pipeline.py":
        return 200
    if path.parent.name == "plugins" or path.parent.name == "providers":
        return 300
    if path.parent.name == "formats":
        return 600
    return 800


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_a_source_file_stays_within_its_budget(path: Path) -> None:
    assert lines(path) <= budget(path)


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=shown)
def test_a_test_file_stays_within_its_budget(path: Path) -> None:
    assert lines(path) <= 1000


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_no_function_is_longer_than_a_hundred_lines(path: Path) -> None:
    long = [f.name for f in functions(parsed(path)) if (f.end_lineno or f.lineno) - f.lineno >= 100]
    assert long == []


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_names_say_what_a_thing_is(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    classes = [node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if name.endswith(FORBIDDEN_CLASS_SUFFIXES)] == []


@pytest.mark.parametrize("path", [p for ring in PURE_RINGS for p in modules(SOURCE / ring)], ids=shown)
def test_a_pure_ring_has_no_coroutine(path: Path) -> None:
    assert [f.name for f in functions(parsed(path)) if isinstance(f, ast.AsyncFunctionDef)] == []


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_no_shell_eval_or_pickle(path: Path) -> None:
    calls = {
        node.func.id
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    imports = {
        alias.name.split(".")[0]
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert calls & {"eval", "exec", "compile"} == set()
    assert imports & {"pickle", "marshal", "shelve"} == set()


def test_nothing_in_the_project_names_a_package_registry() -> None:
    hosts = ("py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs")
    suspects = [
        *ROOT.glob("*.toml"),
        *ROOT.glob("*.md"),
        *(ROOT / "requirements").glob("*"),
        *(ROOT / "docs").rglob("*.md"),
    ]
    assert [shown(p) for p in suspects if any(host in p.read_text(encoding="utf-8") for host in hosts)] == []
