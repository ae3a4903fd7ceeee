"""Responses streams for tests: events as bytes, and back."""

from collections.abc import Iterable

import msgspec

from entresol.llm.sse import events_in


def stream(*events: dict[str, object]) -> bytes:
    """The bytes of these events, numbered in their order."""
    return b"".join(_event(number, event) for number, event in enumerate(events))


def _event(number: int, event: dict[str, object]) -> bytes:
    body = msgspec.json.encode(event | {"sequence_number": number})
    return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), body)


def read(data: bytes) -> list[dict[str, object]]:
    """The events of a stream; the name of each is its type's."""
    out: list[dict[str, object]] = []
    for event in events_in(data, from_start=True):
        decoded = msgspec.json.decode(event.data, type=dict[str, object])
        assert decoded["type"] == event.name.decode()
        out.append(decoded)
    return out


def types(events: Iterable[dict[str, object]]) -> list[str]:
    return [str(event["type"]) for event in events]


CREATED: dict[str, object] = {
    "type": "response.created",
    "response": {"id": "resp_1", "object": "response", "created_at": 5, "status": "in_progress", "model": "gpt-5"},
}


def final(status: str = "completed", **fields: object) -> dict[str, object]:
    usage = {"input_tokens": 3, "output_tokens": 2}
    response = {"id": "resp_1", "object": "response", "model": "gpt-5", "status": status, "output": [], "usage": usage}
    return {"type": f"response.{status}", "response": response | fields}
