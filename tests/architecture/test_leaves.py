"""Plugins, wire formats and providers: one file, one registration, one page, one test, golden cases.

A plugin's typed configuration is a file of its own, under `plugins/schemas`.
"""

import ast
import importlib
from importlib.metadata import entry_points as installed_entry_points
from pathlib import Path

import msgspec
import pytest

from architecture.tree import DOCS, SOURCE, TESTS, entry_points, modules, parsed, shown
from entresol.api_floor.plugin import Plugin, PluginConfig

FOLDERS = {
    "entresol.plugins": SOURCE / "plugins",
    "entresol.formats": SOURCE / "llm" / "formats",
    "entresol.providers": SOURCE / "llm" / "providers",
}
SCHEMAS = FOLDERS["entresol.plugins"] / "schemas"
PAGES = {
    "entresol.plugins": DOCS / "reference" / "plugins",
    "entresol.formats": DOCS / "reference" / "formats",
    "entresol.providers": DOCS / "reference" / "providers",
}
RUN_ORDER = [
    (100001, "correlation-id"),
    (1250, "key-auth"),
    (1240, "identity-auth"),
    (910, "rate-limiting"),
    (772, "ai-prompt-decorator"),
    (771, "ai-prompt-guard"),
    (770, "ai-proxy"),
    (13, "prometheus"),
    (9, "file-log"),
]
"""Kong's priorities (Gateway 3.15); a new plugin takes its line here."""


def plugins() -> dict[str, type[Plugin[PluginConfig]]]:
    found = {}
    for name, target in entry_points("entresol.plugins").items():
        module, _, attribute = target.partition(":")
        found[name] = getattr(importlib.import_module(module), attribute)
    return found


def leaves(folder: Path) -> list[Path]:
    """The files of a folder itself, without those of the folders in it."""
    return [path for path in modules(folder) if path.parent == folder]


@pytest.mark.parametrize("group", FOLDERS)
def test_every_leaf_has_exactly_one_entry_point(group: str) -> None:
    registered = sorted(target.split(":")[0].rpartition(".")[2] for target in entry_points(group).values())
    assert registered == sorted(path.stem for path in leaves(FOLDERS[group]) if not path.stem.startswith("_"))


@pytest.mark.parametrize("group", FOLDERS)
def test_a_leaf_is_called_as_users_call_it(group: str) -> None:
    for name, target in entry_points(group).items():
        assert target.split(":")[0].rpartition(".")[2] == name.replace("-", "_")


@pytest.mark.parametrize("group", FOLDERS)
def test_every_leaf_has_a_page(group: str) -> None:
    assert [name for name in entry_points(group) if not (PAGES[group] / f"{name}.md").exists()] == []


def test_every_plugin_has_a_schema() -> None:
    assert [path.name for path in modules(SCHEMAS)] == [path.name for path in leaves(FOLDERS["entresol.plugins"])]


@pytest.mark.parametrize("path", leaves(FOLDERS["entresol.plugins"]), ids=shown)
def test_a_plugin_has_no_schema_but_its_own(path: Path) -> None:
    package = "entresol.plugins.schemas."
    names = {node.module or "" for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom)}
    assert {name for name in names if name.startswith(package)} <= {package + path.stem}


def test_every_wire_format_has_golden_cases() -> None:
    folders = [TESTS / "golden" / name.replace("-", "_") for name in entry_points("entresol.formats")]
    assert [shown(folder) for folder in folders if not any(folder.glob("*.json"))] == []


def test_plugins_run_in_kongs_order() -> None:
    assert sorted(((p.priority, p.name) for p in plugins().values()), reverse=True) == RUN_ORDER


def test_no_two_plugins_share_a_priority() -> None:
    priorities = [plugin.priority for plugin in plugins().values()]
    assert len(set(priorities)) == len(priorities)


def test_a_plugin_is_registered_under_its_own_name() -> None:
    assert [name for name, plugin in plugins().items() if plugin.name != name] == []


def test_the_installed_entry_points_are_those_of_the_project_file() -> None:
    installed = {e.name: e.value for e in installed_entry_points(group="entresol.plugins")}
    declared = entry_points("entresol.plugins")
    assert {name: installed.get(name) for name in declared} == declared


@pytest.mark.parametrize("name", entry_points("entresol.plugins"))
def test_every_field_of_a_plugin_is_documented(name: str) -> None:
    page = (DOCS / "reference" / "plugins" / f"{name}.md").read_text(encoding="utf-8")
    fields = [field.encode_name for field in msgspec.structs.fields(plugins()[name].config_type)]
    assert [field for field in fields if f"`{field}`" not in page] == []


def test_pages_of_leaves_have_a_leaf() -> None:
    for group, folder in PAGES.items():
        strays = [page.stem for page in Path(folder).glob("*.md") if page.stem not in entry_points(group)]
        assert strays == [], group
