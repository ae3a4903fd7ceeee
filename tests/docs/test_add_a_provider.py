"""The walk-through of adding a provider shows what was really added."""

import re
from pathlib import Path

from architecture.tree import DOCS, SOURCE, entry_points

PAGE = (DOCS / "howto" / "add-a-provider.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_file_is_the_one_in_the_tree() -> None:
    assert block("python") == (SOURCE / "llm" / "providers" / "moonshot.py").read_text(encoding="utf-8")


def test_the_registration_is_the_one_in_the_project_file() -> None:
    name, target = block("toml").splitlines()[1].split(" = ")
    assert entry_points("entresol.providers")[name] == target.strip('"')


def test_every_file_it_names_is_there() -> None:
    root = Path(DOCS).parent
    assert [path for path in re.findall(r"`((?:src|tests|docs)/\S+)`", PAGE) if not (root / path).exists()] == []


def test_the_configuration_at_its_end_loads(tmp_path: Path) -> None:
    from entresol.cli import main

    path = tmp_path / "kimi.yaml"
    path.write_text(block("yaml"))
    assert main(["check", str(path)]) == 0
