"""Replies in Bedrock's words."""

from typing import Any

import msgspec
from botocore.eventstream import EventStreamBuffer

from entresol.scripted.bedrock_wire import converse_answer, converse_frames, event, invoke_frames, read_converse
from entresol.scripted.prompt import Reply, reply_to

from .asking import PIXEL, WEATHER_SCHEMA

CLAUDE = "anthropic.claude-sonnet-4-5"
SPEC = {"toolSpec": {"name": "get_weather", "inputSchema": {"json": WEATHER_SCHEMA}}}


def body(*blocks: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}], **fields}


def answer(request: dict[str, Any], model: str = CLAUDE) -> dict[str, Any]:
    prompt = read_converse(request, model)
    return converse_answer(request, prompt, reply_to(prompt), b"seed")


def messages(frames: list[bytes]) -> list[tuple[str, Any]]:
    """As AWS's own reader reads them."""
    buffer: Any = EventStreamBuffer()
    buffer.add_data(b"".join(frames))
    return [(one.headers[":event-type"], msgspec.json.decode(one.payload)) for one in buffer]


def test_words_are_answered() -> None:
    found = answer(body({"text": "Hello"}))
    assert found["output"]["message"]["content"] == [{"text": 'You said: "Hello".'}]
    assert found["stopReason"] == "end_turn"
    assert found["usage"]["totalTokens"] == found["usage"]["inputTokens"] + found["usage"]["outputTokens"]


def test_a_picture_is_seen() -> None:
    found = answer(body({"text": "Hello"}, {"image": {"format": "png", "source": {"bytes": PIXEL}}}))
    assert "one image (png, 70 bytes)" in found["output"]["message"]["content"][0]["text"]


def test_tools_are_called_in_parallel_unless_it_is_forbidden() -> None:
    request = body({"text": "weather in Paris and Rome"}, toolConfig={"tools": [SPEC]})
    calls = [block["toolUse"] for block in answer(request)["output"]["message"]["content"]]
    assert [call["input"] for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    assert len({call["toolUseId"] for call in calls}) == 2
    own = {"type": "any", "disable_parallel_tool_use": True}
    one = answer({**request, "additionalModelRequestFields": {"tool_choice": own}})
    assert len(one["output"]["message"]["content"]) == 1
    none = answer({**request, "additionalModelRequestFields": {"tool_choice": {"type": "none"}}})
    assert none["stopReason"] == "end_turn"


def test_results_are_read() -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "get_weather", "input": {}}}
    result = {"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}, {"text": "x"}]}}
    request = body({"text": "weather in Paris"}, toolConfig={"tools": [SPEC]})
    request["messages"] += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    assert answer(request)["output"]["message"]["content"] == [{"text": 'get_weather says: {"a":1}\nx'}]


def test_what_stands_before_a_cache_point_is_counted_apart() -> None:
    request = body({"text": "Hello"}, system=[{"text": "Be brief." * 9}, {"cachePoint": {"type": "default"}}])
    first, later = answer(request)["usage"], answer(request, "anthropic.claude-scripted-cached")["usage"]
    assert first["cacheWriteInputTokens"] == later["cacheReadInputTokens"] > 0
    assert first["inputTokens"] + first["cacheWriteInputTokens"] + first["outputTokens"] == first["totalTokens"]


def test_a_stream_says_the_same_as_a_whole_answer() -> None:
    request = body({"text": "weather in Paris"}, toolConfig={"tools": [SPEC]})
    request["additionalModelRequestFields"] = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    prompt = read_converse(request, CLAUDE)
    whole = converse_answer(request, prompt, reply_to(prompt), b"seed")
    events = messages(converse_frames(request, prompt, reply_to(prompt), b"seed"))
    assert [name for name, _ in events][:1] + [name for name, _ in events][-2:] == [
        "messageStart", "messageStop", "metadata"
    ]  # fmt: skip
    deltas = [value["delta"] for name, value in events if name == "contentBlockDelta"]
    thoughts = "".join(one["reasoningContent"].get("text", "") for one in deltas if "reasoningContent" in one)
    inputs = "".join(one["toolUse"]["input"] for one in deltas if "toolUse" in one)
    content = whole["output"]["message"]["content"]
    assert thoughts == content[0]["reasoningContent"]["reasoningText"]["text"]
    assert msgspec.json.decode(inputs) == content[1]["toolUse"]["input"]
    assert events[-1][1]["usage"] == whole["usage"]


def test_a_stop_string_is_told_where_it_was_asked_for() -> None:
    request = body({"text": "Hello"}, inferenceConfig={"stopSequences": ["Hello"]})
    assert "additionalModelResponseFields" not in answer(request)
    request["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    found = answer(request)
    assert found["additionalModelResponseFields"] == {"stop_sequence": "Hello"}
    assert found["stopReason"] == "stop_sequence"


def test_a_schema_is_kept_to() -> None:
    schema = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"integer"}'}}}
    found = answer(body({"text": "Hello"}, outputConfig={"textFormat": schema}))
    assert found["output"]["message"]["content"][0]["text"].isdigit()


def test_the_last_chunk_of_an_invocation_counts() -> None:
    request = body({"text": "Hello"})
    prompt = read_converse(request, CLAUDE)
    frames = invoke_frames([{"type": "message_start"}, {"type": "message_stop"}], prompt, Reply(text="x"))
    chunks = [msgspec.json.decode(_decoded(value["bytes"])) for _, value in messages(frames)]
    assert chunks[0] == {"type": "message_start"}
    assert chunks[1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 1


def _decoded(text: str) -> bytes:
    return msgspec.json.decode(msgspec.json.encode(text), type=bytes)


def test_a_message_is_one_that_awss_client_reads() -> None:
    assert messages([event("messageStart", {"role": "assistant"})]) == [("messageStart", {"role": "assistant"})]
