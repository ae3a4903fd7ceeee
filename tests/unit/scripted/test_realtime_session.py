"""A session answers as the real one: its events are those that the openai client reads, its usage adds up."""

import base64
from typing import Any

import msgspec
import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from entresol.scripted.realtime_session import Event, RealtimeSession

READ: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
SOUND = base64.b64encode(bytes(9_600)).decode()


def tell(session: RealtimeSession, event: object) -> list[Event]:
    events = session.receive(msgspec.json.encode(event))
    for each in events:
        READ.validate_python(each)
    return events


def say(session: RealtimeSession, text: str) -> list[Event]:
    content = [{"type": "input_text", "text": text}]
    return tell(
        session, {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}
    )


def respond(session: RealtimeSession, *modes: str) -> list[Event]:
    return tell(session, {"type": "response.create", "response": {"output_modalities": list(modes)}})


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def test_a_session_opens_with_what_it_is() -> None:
    (event,) = RealtimeSession("gpt-realtime", b"s").opened()
    assert (event["type"], event["session"]["model"]) == ("session.created", "gpt-realtime")


def test_a_turn_of_text_is_answered_in_deltas_and_counted() -> None:
    session = RealtimeSession("gpt-realtime", b"s")
    assert kinds(say(session, "Hello there")) == ["conversation.item.added", "conversation.item.done"]
    events = respond(session, "text")
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    response = events[-1]["response"]
    assert events[-1]["type"] == "response.done"
    assert response["output"][0]["content"] == [{"type": "output_text", "text": "".join(deltas)}]
    usage = response["usage"]
    assert usage["input_tokens"] == 6
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    say(session, "More")
    second = respond(session, "text")[-1]["response"]["usage"]
    assert second["input_token_details"]["cached_tokens"] == 6


def test_a_spoken_answer_has_sound_and_its_transcript() -> None:
    session = RealtimeSession("gpt-realtime", b"s")
    say(session, "Hello")
    events = respond(session, "audio")
    assert "response.output_audio.delta" in kinds(events)
    details = events[-1]["response"]["usage"]["output_token_details"]
    assert details["audio_tokens"] == 4 * details["text_tokens"] > 0


@pytest.mark.parametrize(("model", "kind"), [("whisper-1", "duration"), ("gpt-4o-transcribe", "tokens")])
def test_sound_that_is_committed_is_transcribed_where_that_was_asked_for(model: str, kind: str) -> None:
    session = RealtimeSession("gpt-realtime", b"s")
    audio = {"input": {"transcription": {"model": model}}}
    tell(session, {"type": "session.update", "session": {"type": "realtime", "audio": audio}})
    assert tell(session, {"type": "input_audio_buffer.append", "audio": SOUND}) == []
    events = tell(session, {"type": "input_audio_buffer.commit"})
    assert kinds(events)[0] == "input_audio_buffer.committed"
    assert events[-1]["usage"]["type"] == kind


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "input_audio_buffer.commit", "event_id": "e"}, "input_audio_buffer_commit_empty"),
        ({"type": "input_audio_buffer.append", "audio": "###", "event_id": "e"}, "invalid_value"),
        ({"type": "response.create", "event_id": "e"}, "conversation_empty"),
        ({"type": "response.cancel", "event_id": "e"}, "response_cancel_not_active"),
        (
            {"type": "session.update", "session": {"type": "realtime", "model": "other"}, "event_id": "e"},
            "cannot_update_model",
        ),
        ({"type": "conversation.item.delete", "item_id": "i", "event_id": "e"}, "item_delete_invalid_item_id"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_the_session_goes_on(event: object, code: str) -> None:
    session = RealtimeSession("gpt-realtime", b"s")
    (error,) = tell(session, event)
    assert (error["type"], error["error"]["code"], error["error"]["event_id"]) == ("error", code, "e")
    assert say(session, "Hello")


def test_what_is_no_json_is_an_error() -> None:
    (error,) = RealtimeSession("gpt-realtime", b"s").receive(b"{")
    assert error["error"]["code"] == "invalid_json"


def test_a_cleared_buffer_is_empty() -> None:
    session = RealtimeSession("gpt-realtime", b"s")
    tell(session, {"type": "input_audio_buffer.append", "audio": SOUND})
    assert kinds(tell(session, {"type": "input_audio_buffer.clear"})) == ["input_audio_buffer.cleared"]
    assert kinds(tell(session, {"type": "input_audio_buffer.commit"})) == ["error"]
