import json
from typing import Any

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.core.http import Headers, ResponseHead
from entresol.llm.answers import (
    Answer,
    ErrorAnswer,
    PassedBody,
    PassedStream,
    TranslatedBody,
    TranslatedStream,
    UnreadAnswer,
)
from entresol.llm.call import CALL_FIELDS, Ends, LLMCall, failure_of, field_value, wants_stream
from entresol.llm.events import ErrorDetail
from entresol.llm.format import NO_OPTIONS, ChatFormat, Opened, Options
from entresol.llm.provider import Url, parse_url
from entresol.llm.registry import format_named, provider_named
from entresol.llm.types import Text

HELLO = [{"role": "user", "content": "hello"}]


def call(client: str, provider: str, options: Options = NO_OPTIONS) -> LLMCall:
    made, wire_format = provider_named(provider), format_named(client)
    native = format_named(made.format_name(wire_format.operation))
    return LLMCall(Ends(wire_format, made, native, options), "m", "r", 7.5)


def sent(made: LLMCall, wire: dict[str, Any], stream: bool | None = None, path: str = "", query: str = "") -> Any:
    """The body that goes to the provider."""
    body = json.dumps(wire).encode()
    opened = made.ends.client.open(body, path, query)
    return json.loads(made.request(opened, opened.stream if stream is None else stream, body, path, query))


def url(made: LLMCall, wire: dict[str, Any], stream: bool = False, path: str = "", query: str = "") -> Url:
    override = parse_url("http://mock:9") if made.ends.provider.base_url is None else None
    return made.ends.url("m", stream, made.ends.client.open(json.dumps(wire).encode(), path, query), query, override)


def test_json_without_a_schema_is_reported_by_the_field_that_asked_for_it() -> None:
    made = call("gemini", "anthropic")
    config = {"responseMimeType": "application/json"}
    wire = {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": config}
    sent(made, wire, path="/v1beta/models/x:generateContent")
    assert list(made.dropped) == ["generationConfig.responseMimeType"]


PAIRS = [
    ("openai-chat", "openai", {"messages": HELLO}, "/v1/chat/completions"),
    ("openai-chat", "anthropic", {"messages": HELLO}, "/v1/messages"),
    ("openai-chat", "gemini", {"messages": HELLO}, "/v1beta/models/m:generateContent"),
    ("anthropic-messages", "openai", {"messages": HELLO, "max_tokens": 5}, "/v1/chat/completions"),
    ("anthropic-messages", "anthropic", {"messages": HELLO, "max_tokens": 5}, "/v1/messages"),
    ("gemini", "openai-compatible", {"contents": [{"parts": [{"text": "hello"}]}]}, "/v1/chat/completions"),
    ("gemini", "gemini", {"contents": [{"parts": [{"text": "hello"}]}]}, "/v1beta/models/m:generateContent"),
]


@pytest.mark.parametrize(("client", "provider", "wire", "path"), PAIRS)
def test_every_pair_makes_a_request_that_its_provider_can_read(
    client: str, provider: str, wire: dict[str, Any], path: str
) -> None:
    made = call(client, provider)
    url_path = "/v1beta/models/x:generateContent" if client == "gemini" else ""
    body = sent(made, wire, path=url_path)
    assert (url(made, wire, path=url_path).path, made.stream, list(made.dropped)) == (path, False, [])
    assert (b"accept-encoding", b"identity") in CALL_FIELDS
    native_path = path if made.ends.native.name == "gemini" else ""
    assert isinstance(made.ends.native, ChatFormat)
    request = made.ends.native.decode_request(json.dumps(body).encode(), native_path)
    assert request.messages[0].parts == [Text(text="hello")]
    assert request.model == "m"


def test_the_same_format_keeps_what_nobody_knows() -> None:
    body = sent(call("openai-chat", "openai"), {"messages": HELLO, "x": {"y": 1}, "model": "n"})
    assert body == {"messages": HELLO, "x": {"y": 1}, "model": "m"}


@pytest.mark.parametrize(
    ("model", "options", "stream", "is_kept"),
    [("m", NO_OPTIONS, False, True), ("n", NO_OPTIONS, False, False), ("m", Options(top_p=0.5), False, False),
     ("m", NO_OPTIONS, True, False)],
)  # fmt: skip
def test_a_body_that_we_wrote_is_sent_as_it_is_unless_something_changes(
    model: str, options: Options, stream: bool, is_kept: bool
) -> None:
    made = call("openai-chat", "openai", options)
    body = b'{ "model":"%b", "messages":[1] }' % model.encode()
    opened = made.ends.client.open(body)
    opened.body = body
    assert (made.request(opened, stream, body, "", "") is body) is is_kept


def test_a_call_names_the_version_of_the_api_unless_a_native_client_does() -> None:
    theirs = Headers([(b"anthropic-version", b"2099-01-01")])
    native, foreign = call("anthropic-messages", "anthropic").ends, call("openai-chat", "anthropic").ends
    assert native.fields_beside(theirs) == CALL_FIELDS
    for ends, client in ((native, Headers()), (foreign, theirs)):
        assert ends.fields_beside(client) == (*CALL_FIELDS, (b"anthropic-version", b"2023-06-01"))


def test_losses_are_told_in_the_clients_words() -> None:
    wire = {"messages": HELLO, "seed": 5, "x_unknown": 1, "max_tokens": 5}
    made = call("openai-chat", "anthropic")
    sent(made, wire)
    assert sorted(made.dropped) == ["seed", "x_unknown"]


REFUSED = [
    (
        {"contents": [{"parts": [{"text": "a"}]}], "generationConfig": {"candidateCount": 2}},
        "generationConfig.candidateCount",
    ),
    ({"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav", "data": "AA"}}]}]}, "contents[].parts[]"),
    ({"contents": [{"parts": [{"text": "a"}]}], "cachedContent": "c"}, "cachedContent"),
]


@pytest.mark.parametrize(("wire", "path"), REFUSED)
def test_refusals_are_told_in_the_clients_words(wire: dict[str, Any], path: str) -> None:
    with pytest.raises(ClientError) as error:
        sent(call("gemini", "anthropic"), wire, path="/v1beta/models/m:generateContent")
    assert error.value.code == "unsupported_by_provider"
    assert error.value.message.startswith(f"{path} is not supported by provider anthropic: ")


def test_the_version_of_the_api_decides_what_the_provider_takes() -> None:
    client, provider, native = (
        format_named("openai-chat"), provider_named("anthropic"), format_named("anthropic-messages"),
    )  # fmt: skip
    made = LLMCall(Ends(client, provider, native, Options(top_k=3), "2026-10-21"), "m")
    body = sent(made, {"messages": HELLO, "temperature": 0.5, "top_p": 0.5, "max_tokens": 5})
    assert sorted(made.dropped) == ["temperature", "top_k", "top_p"]
    assert set(body) == {"model", "messages", "max_tokens"}


def test_the_operators_options_win_in_every_pair() -> None:
    options = Options(max_tokens=9, temperature=0.25)
    wire = {"messages": HELLO, "max_tokens": 900, "temperature": 1}
    for provider, path in (("openai", "max_completion_tokens"), ("anthropic", "max_tokens")):
        body = sent(call("openai-chat", provider, options), wire)
        assert (body[path], body["temperature"]) == (9, 0.25)


@pytest.mark.parametrize("client", ["openai-chat", "anthropic-messages"])
@pytest.mark.parametrize(("provider", "takes"), [("openai", False), ("azure", False), ("openai-compatible", True)])
def test_an_option_that_the_provider_refuses_is_left_out_and_told(client: str, provider: str, takes: bool) -> None:
    made = call(client, provider, Options(top_k=7, temperature=0.25))
    body = sent(made, {"messages": HELLO, "max_tokens": 5})
    assert (body.get("top_k"), list(made.dropped)) == ((7, []) if takes else (None, ["top_k"]))
    assert body["temperature"] == 0.25


@pytest.mark.parametrize("client", ["openai-chat", "anthropic-messages"])
def test_an_option_that_the_model_refuses_is_left_out_and_told(client: str) -> None:
    options = Options(temperature=0.25)
    made = call(client, "openai", options)
    made.model = "o3-mini"
    body = sent(made, {"messages": HELLO, "max_tokens": 5})
    assert ("temperature" in body, list(made.dropped)) == (False, ["temperature"])


def test_what_a_client_says_itself_passes_although_the_provider_may_refuse_it() -> None:
    made = call("openai-chat", "openai", Options(top_k=7))
    assert sent(made, {"messages": HELLO, "top_k": 5})["top_k"] == 5
    assert list(made.dropped) == ["top_k"]


def test_an_operation_cannot_be_translated_into_another() -> None:
    speech = format_named("openai-speech")
    made = LLMCall(Ends(speech, provider_named("anthropic"), format_named("anthropic-messages")), "m")
    with pytest.raises(ClientError, match="speech in the format openai-speech cannot be translated") as error:
        sent(made, {"input": "x", "voice": "v"})
    assert error.value.code == "unsupported_by_provider"


def test_the_clients_query_goes_along_only_to_its_own_format() -> None:
    wire = {"messages": HELLO, "max_tokens": 5}
    assert url(call("anthropic-messages", "anthropic"), wire, query="beta=true").query == "beta=true"
    assert url(call("anthropic-messages", "openai"), wire, query="beta=true").query == ""


def test_a_stream_that_only_the_operator_wants_is_asked_for_in_the_providers_way() -> None:
    wire = {"contents": [{"parts": [{"text": "x"}]}]}
    there = url(call("gemini", "gemini"), wire, stream=True, path="/v1beta/models/x:generateContent")
    assert (there.path, there.query) == ("/v1beta/models/m:streamGenerateContent", "alt=sse")


def head(
    status: int = 200, content_type: bytes | None = b"application/json", *more: tuple[bytes, bytes]
) -> ResponseHead:
    pairs = [] if content_type is None else [(b"content-type", content_type)]
    return ResponseHead(status, Headers([*pairs, *more]))


GZIP = (b"content-encoding", b"gzip")
SSE = b"text/event-stream; charset=utf-8"
KINDS: list[tuple[str, bool, ResponseHead, type[Answer]]] = [
    ("openai", False, head(), PassedBody),
    ("openai", True, head(200, SSE), PassedStream),
    ("openai", True, head(), PassedBody),
    ("anthropic", False, head(), TranslatedBody),
    ("anthropic", True, head(200, SSE), TranslatedStream),
    ("anthropic", True, head(), TranslatedBody),
    ("openai", False, head(429), ErrorAnswer),
    ("openai", True, head(500, b"text/html"), ErrorAnswer),
    ("openai", True, head(500, None), ErrorAnswer),
    ("openai", False, head(200, b"application/json", GZIP), UnreadAnswer),
    ("openai", False, head(200, b"application/json", (b"content-encoding", b"identity")), PassedBody),
]


@pytest.mark.parametrize(("provider", "stream", "response", "kind"), KINDS)
def test_the_head_says_how_the_answer_is_read(
    provider: str, stream: bool, response: ResponseHead, kind: type[Answer]
) -> None:
    made = call("openai-chat", provider)
    sent(made, {"messages": HELLO, "stream": stream})
    assert type(made.answer(response)) is kind


ARRAY_KINDS: list[tuple[str, ResponseHead, type[Answer]]] = [
    ("gemini", head(), PassedStream),
    ("openai", head(200, SSE), TranslatedStream),
    ("openai", head(), TranslatedBody),
]


@pytest.mark.parametrize(("provider", "response", "kind"), ARRAY_KINDS)
def test_a_client_that_streams_an_array_gets_one_whatever_the_provider_sends(
    provider: str, response: ResponseHead, kind: type[Answer]
) -> None:
    made = call("gemini", provider)
    sent(made, {"contents": [{"parts": [{"text": "x"}]}]}, path="/v1beta/models/x:streamGenerateContent")
    answer = made.answer(response)
    assert type(answer) is kind
    assert answer.content_type in (None, b"application/json")
    if kind is TranslatedBody:
        body = b'{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}'
        first, *_ = json.loads(answer.feed(body, True))
        assert first["candidates"][0]["content"]["parts"] == [{"text": "hi"}]


@pytest.mark.parametrize("provider", ["gemini", "openai"])
def test_html_is_no_array(provider: str) -> None:
    made = call("gemini", provider)
    sent(made, {"contents": [{"parts": [{"text": "x"}]}]}, path="/v1beta/models/x:streamGenerateContent")
    with pytest.raises(UpstreamError):
        made.answer(head(200, b"text/html"))


@pytest.mark.parametrize(
    ("provider", "response"),
    [
        ("openai", head(200, b"text/html")),
        ("openai", head(200, None)),
        ("openai", head(200, SSE)),
        ("openai", head(302, b"text/html", (b"location", b"https://other.test/"))),
        ("anthropic", head(307)),
        ("anthropic", head(200, b"text/plain")),
        ("anthropic", head(200, b"application/json", GZIP)),
    ],
)
def test_a_head_that_makes_no_sense_is_the_providers_fault(provider: str, response: ResponseHead) -> None:
    made = call("openai-chat", provider)
    sent(made, {"messages": HELLO})
    with pytest.raises(UpstreamError) as error:
        made.answer(response)
    assert (error.value.status, error.value.code) == (502, "provider_bad_response")


def test_the_head_becomes_the_clients() -> None:
    made = call("openai-chat", "anthropic")
    sent(made, {"messages": HELLO, "stream": True})
    response = head(200, SSE, (b"set-cookie", b"a=b"), (b"x-kept", b"1"), (b"content-encoding", b"identity"))
    made.answer(response)
    assert response.headers.pairs == [(b"x-kept", b"1"), (b"content-type", b"text/event-stream")]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_stream_that_fails_from_outside_ends_with_an_error_event(provider: str) -> None:
    made = call("openai-chat", provider)
    sent(made, {"messages": HELLO, "stream": True})
    made.answer(head(200, SSE))
    end = made.failure(UpstreamError("upstream_idle_timeout", "nothing came for 60 s", status=504))
    error = json.loads(end.strip().removeprefix(b"data: "))
    assert (error["error"]["code"], error["request_id"]) == ("upstream_idle_timeout", "r")


@pytest.mark.parametrize(
    ("mode", "asked", "wanted"),
    [("allow", True, True), ("allow", False, False), ("always", False, True), ("deny", False, False)],
)
def test_who_may_stream(mode: str, asked: bool, wanted: bool) -> None:
    assert wants_stream(mode, Opened({}, None, asked)) is wanted


def test_a_denied_stream_is_refused_in_kongs_words() -> None:
    with pytest.raises(ClientError, match="response streaming is not enabled for this LLM"):
        wants_stream("deny", Opened({}, None, True))


def test_text_from_outside_cannot_add_a_header() -> None:
    assert field_value("a\r\nset-cookie: x\x00\u00e9") == b"a??set-cookie: x??"
    assert len(field_value("x" * 5000)) == 2000


def test_an_error_event_is_a_fault() -> None:
    assert str(failure_of(ErrorDetail(status=500, message="m"))) == "provider_error: m"
