"""What providers get wrong, in every wire: the client hears of it in its own, as an error, and never as success."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
import pytest

from architecture.tree import DOCS
from entresol.core.errors import GatewayError
from entresol.core.http import Headers, ResponseHead
from entresol.llm.aws_event_stream import EventStreamDecoder, encode_message
from entresol.llm.call import Ends, LLMCall
from entresol.llm.events import ChatEvent, Ended, ErrorDetail, Failed, Finished, TextDelta
from entresol.llm.format import ChatFormat, Profile, StreamShape
from entresol.llm.provider import Auth, Provider
from entresol.llm.replay import events_of
from entresol.llm.types import BUCKETS, Usage
from fidelity.classes import chat_format
from fidelity.matrix import CLIENTS, PATHS, answer, conversation, profile

CODES = set(re.findall(r"^## (\w+)$", (DOCS / "reference" / "errors.md").read_text(encoding="utf-8"), re.M))
CHATS = CLIENTS[:7]
"""Wires that are a client's and a provider's, with tools."""
PAIRS = [(client, native) for client in CHATS for native in CHATS]
SHAPE = StreamShape(model="a-model", created=1, request_id="0" * 32)


def made(client: ChatFormat, native: ChatFormat, stream: bool) -> LLMCall:
    """A call that has been sent."""

    class Somewhere(Provider):
        name: ClassVar[str] = "somewhere"
        auth = Auth(b"authorization")
        formats = {"chat": native.name}
        paths = {native.name: "/"}

        def profile(self, model: str, version: str = "") -> Profile:
            return profile(native.name)

    model = "anthropic.claude-sonnet-4-5-20250929-v1:0" if native.name == "bedrock-converse" else "a-model"
    call = LLMCall(Ends(client, Somewhere(), native), model, "0" * 32)
    path = PATHS.get(client.name, "")
    query = ""
    if stream:
        path = path.replace(":generateContent", ":streamGenerateContent").replace("/converse", "/converse-stream")
        query = "alt=sse" if client.name == "gemini" else ""
    body = client.encode_request(conversation(False), profile(client.name)).body
    call.request(client.open(body, path, query), stream, body, path, query)
    return call


def head(content_type: bytes, status: int = 200, size: int | None = None) -> ResponseHead:
    return ResponseHead(status, Headers([(b"content-type", content_type)]), size)


def answered(call: LLMCall, at: ResponseHead, body: bytes) -> bytes | GatewayError:
    """What the client gets, or the fault that becomes an error answer in its wire."""
    try:
        reading = call.answer(at)
        return reading.feed(body, True)
    except GatewayError as error:
        return error


def whole(native: ChatFormat) -> bytes:
    return native.encode_response(answer(True)).body


WRONG: dict[str, Callable[[ChatFormat], tuple[ResponseHead, bytes]]] = {
    "HTML": lambda native: (head(b"text/html"), b"<html><body>Welcome</body></html>"),
    "HTML that says it is JSON": lambda native: (head(b"application/json"), b"<html><body>Welcome</body></html>"),
    "nothing": lambda native: (head(b"application/json", size=0), b""),
    "a cut body": lambda native: (head(b"application/json"), whole(native)[:-20]),
    "a list": lambda native: (head(b"application/json"), b"[]"),
    "null": lambda native: (head(b"application/json"), b"null"),
    "an empty object": lambda native: (head(b"application/json"), b"{}"),
    "no UTF-8": lambda native: (head(b"application/json"), b'{"x":"\xff\xfe"}'),
    "too deep": lambda native: (head(b"application/json"), b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "an error with status 200": lambda native: (
        head(b"application/json"),
        native.error_body(ErrorDetail(status=500, message="it broke"), "r"),
    ),
    "a redirect": lambda native: (head(b"text/html", 302), b""),
    "a compressed body": lambda native: (
        ResponseHead(200, Headers([(b"content-type", b"application/json"), (b"content-encoding", b"br")])),
        b"\x8b\x02\x80",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_an_answer_that_makes_no_sense_is_a_fault_of_the_providers(client: str, native: str, wrong: str) -> None:
    if client == native and wrong == "a compressed body":
        return  # bytes pass
    call = made(chat_format(client), chat_format(native), False)
    found = answered(call, *WRONG[wrong](chat_format(native)))
    assert isinstance(found, GatewayError), found
    assert (found.side, found.status) == ("upstream", 502)
    assert found.code in CODES


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 529])
@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_an_error_reaches_the_client_in_its_own_wire(client: str, native: str, is_own: bool, status: int) -> None:
    source, target = chat_format(native), chat_format(client)
    body = (
        source.error_body(ErrorDetail(status=status, message="slow down"), "r") if is_own else b"<h1>Bad Gateway</h1>"
    )
    found = answered(made(target, source, False), head(b"application/json", status), body)
    assert isinstance(found, bytes)
    heard = target.decode_error(status, found)
    assert heard is not None
    assert ("slow down" in heard.message) == is_own


def pieces(native: ChatFormat) -> list[bytes]:
    """A stream, an event of ours a piece."""
    encoder = native.stream_encoder(SHAPE)
    return [encoder.encode([event]) for event in events_of(answer(False))]


def failed_midway(native: ChatFormat) -> bytes:
    encoder = native.stream_encoder(SHAPE)
    begun = encoder.encode([event for event in events_of(answer(False)) if not isinstance(event, Finished | Ended)])
    return begun + encoder.encode([Failed(ErrorDetail(status=503, message="overloaded"))])


BROKEN: dict[str, Callable[[ChatFormat], bytes]] = {
    "cut after the first words": lambda native: b"".join(pieces(native)[:2]),
    "an error after content": failed_midway,
    "an error at once": lambda native: native.stream_encoder(SHAPE).encode(
        [Failed(ErrorDetail(status=429, message="slow down"))]
    ),
    "nothing": lambda native: b"",
}


def heard(client: ChatFormat, out: bytes) -> list[ChatEvent] | GatewayError:
    """What a client makes of a stream."""
    decoder = client.stream_decoder()
    try:
        return decoder.feed(out) + decoder.finish()
    except GatewayError as error:
        return error


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_a_stream_that_breaks_ends_as_an_error_and_never_as_success(client: str, native: str, broken: str) -> None:
    source, target = chat_format(native), chat_format(client)
    call = made(target, source, True)
    found = answered(call, head(source.stream_content_type), BROKEN[broken](source))
    assert isinstance(found, bytes), found
    events = heard(target, found)
    assert isinstance(events, GatewayError) or any(isinstance(event, Failed) for event in events), events
    assert call.reading is not None
    assert call.reading.facts.error is not None


VARIANTS: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda stream: stream.replace(b"\n", b"\r\n"),
    "BOM": lambda stream: b"\xef\xbb\xbf" + stream,
    "comments": lambda stream: b": ping\n\n" + stream.replace(b"\n\n", b"\n\n: still there\n\n"),
    "CR": lambda stream: stream.replace(b"\n", b"\r"),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("client", CHATS)
@pytest.mark.parametrize(
    "native", [name for name in CHATS if chat_format(name).stream_content_type == b"text/event-stream"]
)
def test_a_stream_may_be_written_in_any_way_that_its_standard_allows(client: str, native: str, variant: str) -> None:
    source, target = chat_format(native), chat_format(client)
    stream = b"".join(pieces(source))
    call = made(target, source, True)
    found = answered(call, head(b"text/event-stream; charset=utf-8"), VARIANTS[variant](stream))
    assert isinstance(found, bytes)
    assert call.reading is not None
    assert call.reading.facts.error is None
    if client != native:  # else bytes pass
        events = heard(target, found)
        assert isinstance(events, list)
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Let me see."
        assert any(isinstance(event, Ended) for event in events)


def changed(body: bytes, name: str, value: Any) -> bytes:
    """An answer with every field of a name set to something else, or without it."""
    wire = msgspec.json.decode(body)

    def walk(each: Any) -> None:
        for inner in each.values() if isinstance(each, dict) else each if isinstance(each, list) else ():
            walk(inner)
        if isinstance(each, dict) and name in each:
            if value is ...:
                del each[name]
            else:
                each[name] = value

    walk(wire)
    return msgspec.json.encode(wire)


USAGE_FIELDS = {
    "openai-chat": "usage", "openai-responses": "usage", "anthropic-messages": "usage", "gemini": "usageMetadata",
    "bedrock-converse": "usage", "cohere-chat": "usage", "ollama-chat": "eval_count",
}  # fmt: skip


NO_USAGE: dict[str, Any] = {
    "missing": ..., "null": None, "empty": {}, "a string": "many", "a list": [1], "a number": 7.5,
}  # fmt: skip


def without_usage(native: str, body: bytes, case: str) -> bytes:
    """An answer whose usage is no usage."""
    value = "many" if native == "ollama-chat" and case in ("empty", "a list", "a number") else NO_USAGE[case]
    bare = changed(body, USAGE_FIELDS[native], value)
    return changed(bare, "prompt_eval_count", value) if native == "ollama-chat" else bare


@pytest.mark.parametrize("case", NO_USAGE)
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_an_answer_without_usage_is_an_answer_of_unknown_usage(client: str, native: str, case: str) -> None:
    call = made(chat_format(client), chat_format(native), False)
    body = without_usage(native, whole(chat_format(native)), case)
    found = answered(call, head(b"application/json"), body)
    assert isinstance(found, bytes), found
    assert b"Let me see." in found
    assert call.reading is not None
    assert call.reading.facts.usage is None


def in_each_event(native: ChatFormat, stream: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A stream with every JSON text in it changed."""
    if native.stream_content_type == b"application/vnd.amazon.eventstream":
        messages = EventStreamDecoder().feed(stream)
        return b"".join(encode_message(message.headers, change(message.payload)) for message in messages)
    return re.sub(rb"(?m)^(data: )?(\{.*\})$", lambda at: (at[1] or b"") + change(at[2]), stream)


@pytest.mark.parametrize("case", NO_USAGE)
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_a_stream_without_usage_is_an_answer_of_unknown_usage(client: str, native: str, case: str) -> None:
    source, target = chat_format(native), chat_format(client)
    call = made(target, source, True)
    stream = in_each_event(source, b"".join(pieces(source)), lambda text: without_usage(native, text, case))
    found = answered(call, head(source.stream_content_type), stream)
    assert isinstance(found, bytes)
    assert call.reading is not None
    assert call.reading.facts.error is None
    assert call.reading.facts.usage is None
    if client != native:  # else bytes pass
        events = heard(target, found)
        assert isinstance(events, list), events
        assert not [event for event in events if isinstance(event, Failed)]
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Let me see."


COUNTS = {
    "openai-chat": "completion_tokens", "openai-responses": "output_tokens", "anthropic-messages": "output_tokens",
    "gemini": "candidatesTokenCount", "bedrock-converse": "outputTokens", "cohere-chat": "output_tokens",
    "ollama-chat": "eval_count",
}  # fmt: skip


@pytest.mark.parametrize("value", [-5, 10**9, 0], ids=str)
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_usage_that_contradicts_itself_makes_no_negative_count(client: str, native: str, value: int) -> None:
    call = made(chat_format(client), chat_format(native), False)
    found = answered(call, head(b"application/json"), changed(whole(chat_format(native)), COUNTS[native], value))
    if isinstance(found, GatewayError):
        assert found.code in CODES
        return
    assert call.reading is not None
    usage = call.reading.facts.usage or Usage()
    assert min(getattr(usage, bucket) for bucket in BUCKETS) >= 0
