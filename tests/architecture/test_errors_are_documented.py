"""Every stable code that the gateway can answer has its entry, and no entry is left over."""

import ast
import re

from architecture.tree import DOCS, SOURCE, modules, parsed

FAULTS = {"GatewayError", "ClientError", "UpstreamError", "ConfigError", "InternalError"}
REFUSALS = {"Deny": 1, "Refusal": 1}


def codes_in_source() -> set[str]:
    codes = set()
    for path in modules():
        if path.is_relative_to(SOURCE / "scripted"):  # answers with the real providers' codes, not ours
            continue
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            index = 0 if node.func.id in FAULTS else REFUSALS.get(node.func.id)
            if index is None:
                continue
            argument = next((k.value for k in node.keywords if k.arg == "code"), None)
            if argument is None and len(node.args) > index:
                argument = node.args[index]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                codes.add(argument.value)
    return codes


def codes_in_docs() -> list[str]:
    return re.findall(r"^## `?([a-z0-9_]+)`?$", (DOCS / "reference" / "errors.md").read_text(encoding="utf-8"), re.M)


def test_every_code_is_a_slug() -> None:
    assert [code for code in codes_in_source() if not re.fullmatch(r"[a-z][a-z0-9_]*", code)] == []


def test_every_code_has_its_entry() -> None:
    assert sorted(codes_in_source() - set(codes_in_docs())) == []


def test_the_entries_are_sorted_and_unique() -> None:
    entries = codes_in_docs()
    assert entries == sorted(set(entries))
