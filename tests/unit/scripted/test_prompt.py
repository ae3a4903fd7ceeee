"""The reply follows from the prompt."""

import pytest

from entresol.scripted.prompt import Attachment, Call, OfferedTool, Prompt, ToolOutcome, reply_to, subjects

CITY: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = OfferedTool("get_weather", CITY)
CLOCK = OfferedTool("get_time", CITY)


def test_the_last_turn_is_echoed() -> None:
    reply = reply_to(Prompt("m", "Hello there"))
    assert (reply.text, reply.stop) == ('You said: "Hello there".', "stop")


def test_attachments_are_acknowledged_with_media_type_and_size() -> None:
    reply = reply_to(Prompt("m", "Look", attachments=[Attachment("image", "image/png", 70)]))
    assert "one image (image/png, 70 bytes)" in reply.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is the weather in Paris?", ["Paris"]),
        ("What is the weather in Paris and Tokyo?", ["Paris", "Tokyo"]),
        ("weather for Paris, Tokyo, and New York. Now!", ["Paris", "Tokyo", "New York"]),
        ("Hello", ["Hello"]),
    ],
)
def test_subjects_are_what_a_sentence_is_about(text: str, found: list[str]) -> None:
    assert subjects(text) == found


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        (Prompt("m", "weather in Paris?", tools=[WEATHER, CLOCK]), [Call("get_weather", {"city": "Paris"})]),
        (Prompt("m", "please use get_time at Oslo", tools=[WEATHER, CLOCK]), [Call("get_time", {"city": "Oslo"})]),
        (
            Prompt("m", "weather in Paris and Tokyo", tools=[WEATHER]),
            [Call("get_weather", {"city": "Paris"}), Call("get_weather", {"city": "Tokyo"})],
        ),
        (
            Prompt("m", "weather in Paris and Tokyo", tools=[WEATHER], parallel=False),
            [Call("get_weather", {"city": "Paris"})],
        ),
        (Prompt("m", "Hello", tools=[WEATHER]), []),
        (Prompt("m", "get me a coffee", tools=[WEATHER]), []),
        (Prompt("m", "Hello", tools=[WEATHER], tool_choice="required"), [Call("get_weather", {"city": "Hello"})]),
        (
            Prompt("m", "weather in Rome", tools=[WEATHER, CLOCK], tool_choice="=get_time"),
            [Call("get_time", {"city": "Rome"})],
        ),
        (Prompt("m", "weather in Rome", tools=[WEATHER], tool_choice="none"), []),
        (Prompt("m", "weather in Rome", tools=[WEATHER], outcomes=[ToolOutcome("get_weather", "sun")]), []),
    ],
)
def test_tools_are_called_when_the_prompt_asks(prompt: Prompt, calls: list[Call]) -> None:
    reply = reply_to(prompt)
    assert reply.calls == calls
    assert (reply.stop == "tools") == bool(calls)


def test_a_tool_result_is_answered_with() -> None:
    reply = reply_to(Prompt("m", tools=[WEATHER], outcomes=[ToolOutcome("get_weather", "18 degrees")]))
    assert reply.text == "get_weather says: 18 degrees"


def test_the_token_limit_cuts_the_text() -> None:
    reply = reply_to(Prompt("m", "Write 100 words", max_tokens=3))
    assert (reply.stop, reply.visible_tokens) == ("length", 3)


def test_a_stop_sequence_ends_the_text_before_it() -> None:
    reply = reply_to(Prompt("m", "Write 10 words", stops=["delta", "charlie"]))
    assert (reply.text, reply.stop, reply.stop_sequence) == ("alpha bravo ", "sequence", "charlie")


def test_a_schema_is_followed() -> None:
    assert reply_to(Prompt("m", "the capital of Peru", schema=CITY)).text == '{"city":"Peru"}'
    assert reply_to(Prompt("m", "Hello", schema={})).text == '{"answer":"Hello"}'


def test_thinking_comes_on_request_and_is_counted_apart() -> None:
    reply = reply_to(Prompt("m", "Hello", thinking=True))
    assert reply.thinking
    assert reply.thinking_tokens > 0
    assert reply_to(Prompt("m", "Hello")).thinking == ""


def test_the_model_refuses_on_order() -> None:
    assert reply_to(Prompt("scripted-refusal", "Hello")).stop == "refusal"
