"""Anthropic's answers."""

from typing import Any

import msgspec
import pytest

from unit.scripted.asking import ANTHROPIC_WEATHER, PIXEL, ask, events, messages, said, user

MARK = {"cache_control": {"type": "ephemeral"}}


def test_an_answer_has_the_shape_of_a_message() -> None:
    value = said(messages())
    assert value["id"].startswith("msg_01")
    assert (value["type"], value["role"], value["stop_reason"]) == ("message", "assistant", "end_turn")
    assert value["content"][0]["text"] == 'You said: "Hello".'
    assert value["usage"]["input_tokens"] == 5


def test_tools_go_there_and_back() -> None:
    asked = user("weather in Paris and Oslo")
    first = said(messages(messages=[asked], tools=[ANTHROPIC_WEATHER]))
    uses = first["content"]
    assert first["stop_reason"] == "tool_use"
    assert [use["input"] for use in uses] == [{"city": "Paris"}, {"city": "Oslo"}]
    results = [{"type": "tool_result", "tool_use_id": use["id"], "content": "sun"} for use in uses]
    history = [asked, {"role": "assistant", "content": uses}, user(results)]
    second = said(messages(messages=history, tools=[ANTHROPIC_WEATHER]))
    assert second["content"][0]["text"] == "get_weather says: sun get_weather says: sun"
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(said(messages(messages=[asked], tools=[ANTHROPIC_WEATHER], tool_choice=alone))["content"]) == 1


def rebuilt(stream: list[Any]) -> list[Any]:
    """The content that the events of a stream add up to."""
    content: list[Any] = []
    inputs: dict[int, str] = {}
    for event in stream:
        if event["type"] == "content_block_start":
            content.append(event["content_block"])
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], content[event["index"]]
            if delta["type"] == "input_json_delta":
                inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
            else:
                field = delta["type"].removesuffix("_delta")
                block[field] += delta[field]
    for index, text in inputs.items():
        content[index]["input"] = msgspec.json.decode(text)
    return content


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [user("weather in Paris and Oslo")], "tools": [ANTHROPIC_WEATHER]},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    ],
)
def test_a_stream_adds_up_to_the_whole_answer(fields: dict[str, Any]) -> None:
    streamed = events(messages(stream=True, **fields))
    whole = said(messages(**fields))
    derived = {"id": "", "signature": ""}  # from the whole request, which says `stream`
    assert [block | derived for block in rebuilt(streamed)] == [block | derived for block in whole["content"]]
    assert streamed[0]["type"] == "message_start"
    assert streamed[-1] == {"type": "message_stop"}
    assert streamed[-2]["delta"]["stop_reason"] == whole["stop_reason"]
    assert streamed[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


def test_every_event_is_named_after_its_type() -> None:
    body = messages(stream=True).script.body
    for block in body.strip().split(b"\n\n"):
        name, data = block.split(b"\n")
        assert msgspec.json.decode(data[6:])["type"] == name[7:].decode()


def test_thinking_is_signed_and_counted() -> None:
    value = said(messages(thinking={"type": "enabled", "budget_tokens": 1024}))
    assert [block["type"] for block in value["content"]] == ["thinking", "text"]
    assert value["content"][0]["signature"]
    assert value["usage"]["output_tokens_details"]["thinking_tokens"] > 0


def test_cache_markers_split_the_prompt_into_disjoint_buckets() -> None:
    system = [{"type": "text", "text": "a" * 400, **MARK}]
    plain = said(messages(system="a" * 400))["usage"]["input_tokens"]
    written = said(messages(system=system))["usage"]
    read = said(messages(system=system, model="claude-scripted-cached"))["usage"]
    assert written["cache_creation_input_tokens"] == read["cache_read_input_tokens"] == 100
    assert written["input_tokens"] + 100 == read["input_tokens"] + 100 == plain
    assert written["cache_read_input_tokens"] == read["cache_creation_input_tokens"] == 0


def image(source: dict[str, str]) -> dict[str, Any]:
    return {"type": "image", "source": source}


def test_images_and_documents_are_seen() -> None:
    blocks = [
        {"type": "text", "text": "Look"},
        image({"type": "base64", "media_type": "image/png", "data": PIXEL}),
        image({"type": "url", "url": "https://example.com/a.png"}),
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}},
    ]
    text = said(messages(messages=[user(blocks)]))["content"][0]["text"]
    for seen in ("(image/png, 70 bytes)", "by reference", "(text/plain, 3 bytes)"):
        assert seen in text


@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "image/png", "data": "!"},
        {"type": "base64", "media_type": "image/jpeg", "data": PIXEL},
        {"type": "base64", "media_type": "image/bmp", "data": PIXEL},
        {"type": "url", "url": "data:image/png;base64,AAAA"},
    ],
)
def test_bad_image_data_is_refused(source: dict[str, str]) -> None:
    answered = messages(messages=[user([image(source)])])
    assert answered.script.status == 400
    assert "messages.0.content.0" in said(answered)["error"]["message"]


def test_stops_and_limits_are_named() -> None:
    stopped = said(messages(messages=[user("Write 10 words")], stop_sequences=["charlie"]))
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", "charlie")
    assert said(messages(max_tokens=1))["stop_reason"] == "max_tokens"
    assert said(messages(max_tokens=0))["content"] == []
    assert said(messages(model="scripted-refusal"))["stop_reason"] == "refusal"


def test_structured_output_follows_its_schema() -> None:
    city: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert messages(output_config={"format": {"type": "json_schema", "schema": city}}).script.status == 400
    schema = {**city, "additionalProperties": False}
    config = {"format": {"type": "json_schema", "schema": schema}}
    value = said(messages(messages=[user("capital of Peru")], output_config=config))
    assert value["content"][0]["text"] == '{"city":"Peru"}'


def test_counting_counts_what_answering_counts() -> None:
    body = {"model": "claude-sonnet-5-5", "messages": [user("Hello")], "tools": [ANTHROPIC_WEATHER]}
    counted = said(ask("/v1/messages/count_tokens", body))["input_tokens"]
    assert counted == said(messages(tools=[ANTHROPIC_WEATHER]))["usage"]["input_tokens"]
