import msgspec
import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.counting import COUNTED, Countable, CountFormat, TokenCount, countable_body
from entresol.llm.format import Profile
from entresol.llm.formats.anthropic_messages import AnthropicMessages
from entresol.llm.registry import format_named
from entresol.llm.types import ChatRequest, Message, Reasoning, Text

PROFILE = Profile(provider="p")
NAMES = ("anthropic-count-tokens", "bedrock-count-tokens", "gemini-count-tokens", "openai-input-tokens")
FIELDS = dict(zip(NAMES, ("input_tokens", "inputTokens", "totalTokens", "input_tokens"), strict=True))

every_format = pytest.mark.parametrize("name", NAMES)


def count_format(name: str) -> CountFormat:
    found = format_named(name)
    assert isinstance(found, CountFormat)
    return found


def request_of(origin: str = "openai-chat", **fields: object) -> ChatRequest:
    messages = [Message(role="user", parts=[Text(text="hello")])]
    return msgspec.structs.replace(ChatRequest(origin=origin, model="m", messages=messages), **fields)


@every_format
@pytest.mark.parametrize("other", NAMES)
def test_a_count_is_the_same_in_every_format(name: str, other: str) -> None:
    answer = msgspec.json.encode({FIELDS[name]: 12})
    decoded = count_format(name).decode_response(answer)
    assert decoded.input_tokens == 12
    written = count_format(other).encode_response(decoded)
    assert msgspec.json.decode(written.body)[FIELDS[other]] == 12
    assert written.dropped == []


@every_format
def test_counting_uses_nothing(name: str) -> None:
    facts = count_format(name).response_facts(msgspec.json.encode({FIELDS[name]: 12}))
    assert (facts.usage, facts.is_complete, facts.error) == (None, True, None)


@every_format
@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"12", b"<html>", b'{"%b": 1', b'{"%b": -1}', b'{"%b": "12"}', b'{"%b": 1.5}', b'{"%b": null}'],
)
def test_an_answer_without_a_count_is_the_providers_fault(name: str, body: bytes) -> None:
    answer = body.replace(b"%b", FIELDS[name].encode())
    with pytest.raises(UpstreamError) as caught:
        count_format(name).response_facts(answer)
    assert caught.value.code == "provider_bad_response"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("anthropic-count-tokens", b'{"type":"error","error":{"type":"overloaded_error","message":"later"}}'),
        ("anthropic-count-tokens", b'{"input_tokens":1,"error":{"type":"overloaded_error","message":"later"}}'),
        ("bedrock-count-tokens", b'{"message":"later"}'),
        ("gemini-count-tokens", b'{"error":{"code":503,"message":"later","status":"UNAVAILABLE"}}'),
        ("openai-input-tokens", b'{"error":{"message":"later","type":"server_error"}}'),
    ],
)
def test_an_error_with_status_200_is_one(name: str, body: bytes) -> None:
    facts = count_format(name).response_facts(body)
    assert facts.error is not None
    assert facts.error.message == "later"


@every_format
def test_what_else_an_answer_says_is_kept_at_home_and_reported_elsewhere(name: str) -> None:
    made = count_format(name)
    decoded = made.decode_response(msgspec.json.encode({FIELDS[name]: 1, **made.answer_marks, "more": 2}))
    assert decoded == TokenCount(origin=name, input_tokens=1, extra={"more": 2})
    assert msgspec.json.decode(made.encode_response(decoded).body)["more"] == 2
    other = count_format(next(each for each in NAMES if each != name))
    assert other.encode_response(decoded).dropped == ["more"]


def test_what_only_decides_how_an_answer_is_made_is_left_out_and_reported() -> None:
    request = request_of(temperature=3.0, max_tokens=5, stop=["."], n=4, reasoning=Reasoning(effort="low"))
    taken = Countable(COUNTED, frozenset(("model", "messages", "thinking", "output_config")))
    fields, dropped = countable_body(AnthropicMessages(), request, PROFILE, taken)
    assert set(fields) == {"model", "messages", "thinking", "output_config"}
    assert sorted(dropped) == ["max_tokens", "n", "stop", "temperature"]
    assert request.n == 4  # the request itself stays as it was


def test_a_field_of_the_same_vendor_that_counting_does_not_take_is_reported() -> None:
    request = request_of("anthropic-messages", extra={"speed": "fast", "new": 1}, unread=["messages[].x"])
    taken = Countable(COUNTED, frozenset(("model", "messages", "speed")))
    fields, dropped = countable_body(AnthropicMessages(), request, PROFILE, taken)
    assert set(fields) == {"model", "messages", "speed"}
    assert dropped == ["messages[].x", "new"]


def test_what_binds_the_answer_is_never_left_out() -> None:
    taken = Countable(COUNTED, frozenset(("model", "messages")))
    for origin in ("anthropic-messages", "openai-chat"):
        request = request_of(origin, extra={"container": "c"}, binding=["container"])
        with pytest.raises(ClientError, match="container") as caught:
            countable_body(AnthropicMessages(), request, PROFILE, taken)
        assert caught.value.code == "unsupported_by_provider"


def test_all_of_a_request_may_be_counted() -> None:
    fields, dropped = countable_body(AnthropicMessages(), request_of(temperature=0.5, seed=1), PROFILE, None)
    assert set(fields) == {"model", "messages", "max_tokens", "temperature"}
    assert dropped == ["seed"]


@every_format
def test_losses_are_told_in_the_words_of_the_chat_format(name: str) -> None:
    made = count_format(name)
    assert made.own_path("stop") == made.chat.own_path("stop")
