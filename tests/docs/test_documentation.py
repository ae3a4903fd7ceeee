"""What the documentation shows is true: its files load, its links lead somewhere, its first request runs."""

import re
from pathlib import Path

import pytest

from architecture.tree import DOCS, ROOT, shown
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.registry import PluginRegistry
from entresol.store import declarative

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), ROOT / "bench" / "README.md"]
ENVIRONMENT = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


FILES = [
    pytest.param(block, id=f"{shown(page)}#{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "yaml"))
    if block.lstrip().startswith("_format_version")
]


@pytest.mark.parametrize("text", FILES)
def test_a_declarative_file_that_is_shown_loads(text: str) -> None:
    loaded = declarative.load(text, ENVIRONMENT, PluginRegistry.installed())
    assert isinstance(loaded, Configuration), loaded


def test_the_readme_shows_a_policy() -> None:
    assert blocks(ROOT / "README.md", "yaml")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.yaml")))
def test_every_example_loads(name: str) -> None:
    text = (ROOT / "examples" / name).read_text(encoding="utf-8")
    loaded = declarative.load(text, ENVIRONMENT, PluginRegistry.installed())
    assert isinstance(loaded, Configuration), loaded


def test_the_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make ([\w-]+)$", readme, re.M))
    assert targets == {"demo", "test"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
