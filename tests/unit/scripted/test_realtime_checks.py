"""The handshake of realtime, and the events it knows."""

import pytest

from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead
from entresol.scripted.openai_checks import check_shape
from entresol.scripted.realtime_checks import EVENTS, check_handshake, offered_protocols
from entresol.scripted.script import Refusal

GOOD: dict[bytes, bytes] = {
    b"upgrade": b"websocket",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"authorization": b"Bearer k",
}


def head(changes: dict[bytes, bytes | None]) -> RequestHead:
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    pairs: HeaderPairs = list(fields.items())
    return RequestHead(
        "GET", "/v1/realtime", "", Headers(pairs), Connection("127.0.0.1", 1, "127.0.0.1", 2), upgrade=True
    )


def test_a_good_handshake_names_its_model() -> None:
    assert check_handshake(head({}), {"model": ["gpt-realtime"]}, ("k",)) == "gpt-realtime"


def test_a_browser_brings_its_key_as_a_subprotocol() -> None:
    request = head({b"authorization": None, b"sec-websocket-protocol": b"realtime, openai-insecure-api-key.k"})
    assert offered_protocols(request) == ["realtime", "openai-insecure-api-key.k"]
    assert check_handshake(request, {"model": ["gpt-realtime"]}, ("k",)) == "gpt-realtime"


@pytest.mark.parametrize(
    ("changes", "model", "status"),
    [
        ({b"upgrade": None}, "gpt-realtime", 426),
        ({b"sec-websocket-version": b"8"}, "gpt-realtime", 426),
        ({b"sec-websocket-key": b"short"}, "gpt-realtime", 400),
        ({b"authorization": None}, "gpt-realtime", 401),
        ({b"authorization": b"Bearer other"}, "gpt-realtime", 401),
        ({b"sec-websocket-protocol": b"openai-insecure-api-key.k"}, "gpt-realtime", 400),
        ({}, "", 400),
        ({}, "gpt-4", 404),
        ({}, "scripted-429", 429),
    ],
)
def test_a_handshake_that_the_api_does_not_take(changes: dict[bytes, bytes | None], model: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        check_handshake(head(changes), {"model": [model]} if model else {}, ("k",))
    assert refused.value.status == status


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
        {"type": "response.create", "response": {"output_modalities": ["text"]}, "event_id": "e"},
        {"type": "input_audio_buffer.commit"},
    ],
)
def test_events_of_the_reference_are_known(event: dict[str, object]) -> None:
    assert check_shape(event, EVENTS) == event


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"type": "session.update", "session": {"output_modalities": ["text"]}}, "session.type"),
        ({"type": "response.create", "response": {"modalities": ["text"]}}, "response.modalities"),
        ({"type": "odd"}, "type"),
        ({}, "type"),
        (
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}},
            "item.content",
        ),
    ],
)
def test_events_that_the_api_does_not_take_are_refused_by_field(event: object, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_shape(event, EVENTS)
    assert refused.value.param == param
