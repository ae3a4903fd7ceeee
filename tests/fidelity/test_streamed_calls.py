"""Tool calls of streams, as providers get them wrong, and what the official clients make of them."""

from typing import Any

import msgspec
import pytest

from fidelity.classes import chat_format
from fidelity.sdk_readers import READERS, Heard, heard_by
from fidelity.test_broken_streams import driven, reading

CLIENTS = [name for name in READERS if name != "openai-chat"]
OBJECTS = ("anthropic-messages", "gemini", "ollama-chat")
"""Clients that hand out arguments as objects."""


def piece(index: int | None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    wire = {"index": index, "id": call_id, "type": "function", "function": function}
    return {key: value for key, value in wire.items() if value is not None}


def stream(*chunks: list[Any], reason: str | None = "tool_calls") -> bytes:
    """A chat stream: pieces of calls, one list a chunk, and the reason."""
    deltas: list[tuple[Any, str | None]] = [({"tool_calls": chunk}, None) for chunk in chunks]
    deltas += [({}, reason)] if reason else []
    wires = [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": why}]}
        for delta, why in deltas
    ]
    return b"".join(b"data: %b\n\n" % msgspec.json.encode(wire) for wire in wires) + b"data: [DONE]\n\n"


def heard(client: str, provider: str, data: bytes) -> Heard:
    return heard_by(client, driven(reading(chat_format(provider), chat_format(client)), [data]))


def called(client: str, data: bytes, provider: str = "openai-chat") -> list[tuple[str, str, Any]]:
    """The calls of a stream that is good: arguments decoded, ids where the client has them."""
    found = heard(client, provider, data)
    assert found.error is None
    assert found.finish is not None
    return [
        (call_id, name, msgspec.json.decode(said) if isinstance(said, str) else said)
        for call_id, name, said in found.calls
    ]


ONE = [("a", "f", {"x": 1})]
TWO = [("a", "f", {"x": 1}), ("b", "g", {"y": 2})]
REPAIRED: dict[str, tuple[bytes, list[tuple[str, str, Any]]]] = {
    "parallel calls by turns": (
        stream(
            [piece(0, "a", "f", '{"x":')], [piece(1, "b", "g", '{"y":')], [piece(0, None, None, "1}")],
            [piece(1, None, None, "2}")],
        ),
        TWO,
    ),
    "indices out of order": (stream([piece(7, "a", "f", '{"x":1}')], [piece(2, "b", "g", '{"y":2}')]), TWO),
    "one index for two calls": (stream([piece(0, "a", "f", '{"x":1}')], [piece(0, "b", "g", '{"y":2}')]), TWO),
    "no index": (stream([piece(None, "a", "f", '{"x":1}'), piece(None, "b", "g", '{"y":2}')]), TWO),
    "one index and no ids": (
        stream([piece(0, None, "f", '{"x":1}')], [piece(0, None, "f", '{"x":2}')]),
        [("", "f", {"x": 1}), ("", "f", {"x": 2})],
    ),
    "one id for two calls": (
        stream([piece(0, "a", "f", '{"x":1}')], [piece(1, "a", "g", '{"y":2}')]),
        [("a", "f", {"x": 1}), ("", "g", {"y": 2})],
    ),
    "no id": (stream([piece(0, None, "f", '{"x":1}')]), [("", "f", {"x": 1})]),
    "an id that comes later": (stream([piece(0, None, "f", "")], [piece(0, "a", None, '{"x":1}')]), ONE),
    "a name that comes later": (stream([piece(0, "a", None, '{"x"')], [piece(0, None, "f", ":1}")]), ONE),
    "id and name in every piece": (stream([piece(0, "a", "f", '{"x"')], [piece(0, "a", "f", ":1}")]), ONE),
    "a name in every piece and no id": (
        stream([piece(0, None, "f", '{"x"')], [piece(0, None, "f", ":1}")]),
        [("", "f", {"x": 1})],
    ),
    "an object": (stream([piece(0, "a", "f", {"x": 1})]), ONE),
    "empty arguments": (stream([piece(0, "a", "f", "")]), [("a", "f", {})]),
    "no arguments": (stream([piece(0, "a", "f")]), [("a", "f", {})]),
    "null": (stream([piece(0, "a", "f", "null")]), [("a", "f", {})]),
    "an empty object": (stream([piece(0, "a", "f", "{}")]), [("a", "f", {})]),
    "no reason": (stream([piece(0, "a", "f")], reason=None), [("a", "f", {})]),
}  # fmt: skip


@pytest.mark.parametrize("case", REPAIRED)
@pytest.mark.parametrize("client", CLIENTS)
def test_calls_that_are_told_in_an_odd_way_arrive(client: str, case: str) -> None:
    data, expected = REPAIRED[case]
    found = called(client, data)
    assert [(name, said) for _, name, said in found] == [(name, said) for _, name, said in expected]
    if client != "ollama-chat":  # whose client hands out no ids
        ids = [call_id for call_id, _, _ in found]
        assert [known for known, (own, _, _) in zip(ids, expected, strict=True) if own and known != own] == []
        assert "" not in ids
        assert len(set(ids)) == len(ids)


CUT = ["{", '{"city":"Pa', "city=Paris", "[1]", "5", '{"a":1}{"a":2}']


@pytest.mark.parametrize("arguments", CUT)
@pytest.mark.parametrize("client", CLIENTS)
def test_arguments_that_are_no_object_are_never_taken_for_some(client: str, arguments: str) -> None:
    found = heard(client, "openai-chat", stream([piece(0, "a", "f", arguments)]))
    if client == "anthropic-messages":  # whose client reads a cut object as a smaller one
        assert found.error is not None
    elif client in OBJECTS:
        assert found.calls[0][2] == {"arguments": arguments}
    else:
        assert found.calls == [("a", "f", arguments)]


@pytest.mark.parametrize("client", CLIENTS)
def test_arguments_cut_by_the_token_limit_come_with_it(client: str) -> None:
    found = heard(client, "openai-chat", stream([piece(0, "a", "f", '{"city":"Pa')], reason="length"))
    assert found.error is None
    assert found.finish in ("incomplete", "max_tokens", "MAX_TOKENS", "length")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_that_never_gets_a_name_is_a_fault(client: str) -> None:
    found = heard(client, "openai-chat", stream([piece(0, "a", None, '{"x":1}')]))
    assert found.error is not None
    assert found.calls == []
