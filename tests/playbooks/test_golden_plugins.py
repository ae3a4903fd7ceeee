"""Plugins against golden cases: tests/golden/plugins/<plugin>/*.json.

A case has `plugins` (names and configurations), `calls` (each with `request` and what it must lead to) and, if needed,
`keys` (API keys of the consumer `alice`), `principals` (by what they present, the scopes that ada has by it) and
`about`. Of a reply, what the case names is compared: `status`, `headers` (null: absent), `json`; of what reached the
upstream, `sent` (null: nothing) with `target`, `headers`, `json`; of the log, `record`. Objects in a case need only be
part of what came.
"""

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from architecture.tree import entry_points
from entresol.api_floor.entities import Consumer, KeyAuthCredential
from playbooks.harness import Gateway, Reply
from unit.plugins.test_identity_auth import ADA, FakeDoor

FOLDER = Path(__file__).parents[1] / "golden" / "plugins"
CASES = sorted(FOLDER.rglob("*.json"))
ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice", custom_id="1")


def plugin_class(name: str) -> type[Any]:
    module, _, attribute = entry_points("entresol.plugins")[name].partition(":")
    found: type[Any] = getattr(importlib.import_module(module), attribute)
    return found


def gateway_of(case: dict[str, Any]) -> Gateway:
    keys = [
        KeyAuthCredential(
            id=f"00000000-0000-4000-8000-00000000c{at:03}",
            consumer=ALICE.id,
            key_sha256=hashlib.sha256(key.encode()).hexdigest(),
        )
        for at, key in enumerate(case.get("keys", []))
    ]
    plugins = [(plugin_class(plugin["name"]), plugin.get("config", {})) for plugin in case["plugins"]]
    known = {what: replace(ADA, scopes=frozenset(scopes)) for what, scopes in case.get("principals", {}).items()}
    return Gateway(*plugins, consumers=[ALICE], credentials=keys, door=FakeDoor(**known))


def send(gate: Gateway, request: dict[str, Any]) -> Reply:
    headers = [(name.encode(), value.encode()) for name, value in request.get("headers", [])]
    body = json.dumps(request["json"]).encode() if "json" in request else request.get("body", "").encode()
    gate.clock.time += request.get("after_s", 0)
    return gate.call(request.get("method", "GET"), request.get("target", "/"), headers, body)


def assert_part_of(expected: Any, found: Any, where: str) -> None:
    """Every member of an expected object is in the found one; everything else is equal."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), f"{where}: {found!r} is no object"
        for name, value in expected.items():
            if value is None:
                assert found.get(name) is None, f"{where}.{name}: {found[name]!r}"
            else:
                assert name in found, f"{where}.{name} is missing"
                assert_part_of(value, found[name], f"{where}.{name}")
    else:
        assert found == expected, f"{where}: {found!r}"


def headers_of(pairs: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in pairs}


def facts_of(reply: Reply, gate: Gateway) -> dict[str, Any]:
    facts: dict[str, Any] = {"status": reply.status, "headers": headers_of(reply.headers)}
    if reply.body:
        facts["json"] = reply.json
    if reply.sent is not None:
        facts["sent"] = {"target": reply.sent.target, "headers": headers_of(reply.sent.headers)}
        if reply.sent_body:
            facts["sent"]["body"] = reply.sent_body.decode()
            if reply.sent_body.startswith(b"{"):
                facts["sent"]["json"] = json.loads(reply.sent_body)
    if gate.lines.lines:
        facts["record"] = gate.records()[-1]
    return facts


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    gate = gateway_of(case)
    for at, call in enumerate(case["calls"]):
        facts = facts_of(send(gate, call["request"]), gate)
        assert_part_of({name: value for name, value in call.items() if name != "request"}, facts, f"calls[{at}]")


def test_every_plugin_has_golden_cases() -> None:
    assert {path.parent.name for path in CASES} == set(entry_points("entresol.plugins"))
