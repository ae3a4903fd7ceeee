"""What Kong's translation is known to lose or to get wrong, and that ours does not.

Each is a line of `behaviours.yaml`, with where the defect can be seen: Kong's drivers (`kong/llm/drivers/*.lua` of
Kong 3.9, the last open one) or an issue of its tracker.
"""

from typing import Any

import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.llm.answers import PassedStream, TranslatedStream
from entresol.llm.format import NO_OPTIONS, Profile, StreamShape
from fidelity.classes import OPENAI, chat_format
from fidelity.matrix import MODELS, PATHS

PNG = "iVBORw0KGgo="
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
SHAPE = StreamShape(model="a-model", created=1, request_id="0" * 32)


def call(call_id: str, city: str) -> dict[str, Any]:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": "get_weather", "arguments": f'{{"city":"{city}"}}'},
    }


TOOL_LOOP: list[dict[str, Any]] = [
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": "Let me see.", "tool_calls": [call("c1", "Paris"), call("c2", "Lima")]},
    {"role": "tool", "tool_call_id": "c1", "content": "18 degrees"},
    {"role": "tool", "tool_call_id": "c2", "content": "25 degrees"},
]


def sent(provider: str, **fields: Any) -> tuple[Any, list[str]]:
    """What a provider gets of a request of OpenAI's client, and what was reported."""
    body = {"model": "a-model", "messages": [{"role": "user", "content": "hello"}]} | fields
    request = chat_format("openai-chat").decode_request(msgspec.json.encode(body))
    request.model = MODELS.get(provider, "a-model")
    encoded = chat_format(provider).encode_request(request, Profile(provider=provider))
    return msgspec.json.decode(encoded.body), encoded.dropped


def told(provider: str, answer: object) -> Any:
    """What OpenAI's client gets of a provider's answer."""
    response = chat_format(provider).decode_response(msgspec.json.encode(answer))
    return msgspec.json.decode(chat_format("openai-chat").encode_response(response).body)


def chunks(provider: str, *pieces: bytes) -> list[Any]:
    """The chunks that OpenAI's client gets of a provider's stream, fed piece by piece."""
    client = chat_format("openai-chat")
    stream = TranslatedStream(chat_format(provider).stream_decoder(), client.stream_encoder(SHAPE), client, SHAPE)
    out = b"".join([stream.feed(piece, False) for piece in pieces]) + stream.feed(b"", True)
    assert out.endswith(b"data: [DONE]\n\n")
    return [msgspec.json.decode(each[6:]) for each in out.split(b"\n\n")[:-2]]


def sse(*events: dict[str, Any], named: bool = False) -> bytes:
    return b"".join(
        (f"event: {each['type']}\n".encode() if named else b"") + b"data: " + msgspec.json.encode(each) + b"\n\n"
        for each in events
    )


# To Anthropic.


def test_every_system_message_reaches_anthropic() -> None:
    system = [{"role": "system", "content": words} for words in ("Be brief.", "Be kind.")]
    body, _ = sent("anthropic-messages", messages=[*system, {"role": "user", "content": "hello"}])
    assert [block["text"] for block in body["system"]] == ["Be brief.", "Be kind."]


def test_words_beside_calls_reach_anthropic() -> None:
    body, _ = sent("anthropic-messages", messages=TOOL_LOOP, tools=[WEATHER])
    assert body["messages"][1]["content"][0] == {"type": "text", "text": "Let me see."}


@pytest.mark.parametrize(
    ("field", "value", "there"),
    [
        ("top_p", 0.5, ("top_p", 0.5)),
        ("top_k", 7, ("top_k", 7)),
        ("stop", ["END"], ("stop_sequences", ["END"])),
        ("user", "u-1", ("metadata", {"user_id": "u-1"})),
    ],
)
def test_settings_reach_anthropic(field: str, value: object, there: tuple[str, object]) -> None:
    body, dropped = sent("anthropic-messages", **{field: value})
    assert (body.get(there[0]), dropped) == (there[1], [])


def test_one_call_at_a_time_reaches_anthropic() -> None:
    body, _ = sent("anthropic-messages", tools=[WEATHER], parallel_tool_calls=False)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_a_schema_reaches_anthropic() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    shape = {"type": "json_schema", "json_schema": {"name": "f", "schema": schema}}
    body, _ = sent("anthropic-messages", response_format=shape)
    assert body["output_config"]["format"]["schema"] == schema


@pytest.mark.parametrize("field", ["frequency_penalty", "seed", "logit_bias"])
def test_what_anthropic_cannot_do_is_reported(field: str) -> None:
    _, dropped = sent("anthropic-messages", **{field: {"1": 2} if field == "logit_bias" else 1})
    assert dropped == [field]


PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]}]


@pytest.mark.parametrize(
    ("provider", "block"),
    [
        ("anthropic-messages", {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}),
        ("gemini", {"inlineData": {"mimeType": "image/png", "data": PNG}}),
        ("bedrock-converse", {"image": {"format": "png", "source": {"bytes": PNG}}}),
    ],
)
def test_base64_pictures_arrive(provider: str, block: object) -> None:
    body, dropped = sent(provider, messages=PICTURE)
    turn = body["contents" if provider == "gemini" else "messages"][0]
    assert (turn["parts" if provider == "gemini" else "content"], dropped) == ([block], [])


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_anthropics_reasons_to_stop_are_openais(wire: str, reason: str) -> None:
    answer = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": wire,
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip
    choice = told("anthropic-messages", answer)["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == (reason, "ab")


def test_an_answer_of_anthropics_has_an_id_and_usage_that_is_a_number_or_missing() -> None:
    answer = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "a"}],
    }  # fmt: skip
    body = told("anthropic-messages", answer)
    assert (body["id"], body["model"], body["object"]) == ("msg_1", "m", "chat.completion")
    assert not isinstance(body.get("usage"), str)


def tool_use(call_id: str, name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {}}


ANTHROPIC_CALLS: tuple[dict[str, Any], ...] = (
    {
        "type": "message_start",
        "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
            "usage": {"input_tokens": 9, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": tool_use("t1", "f")},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": tool_use("t2", "g")},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
)  # fmt: skip


def test_calls_in_a_stream_of_anthropics_arrive() -> None:
    found: dict[int, list[str]] = {}
    for chunk in chunks("anthropic-messages", sse(*ANTHROPIC_CALLS, named=True)):
        for each in (delta for choice in chunk["choices"] for delta in choice["delta"].get("tool_calls", [])):
            known = found.setdefault(each["index"], ["", "", ""])
            known[0] += each.get("id") or ""
            known[1] += each["function"].get("name") or ""
            known[2] += each["function"].get("arguments") or ""
    assert found[0] == ["t1", "f", '{"a":1}']
    assert found[1][:2] == ["t2", "g"]
    assert msgspec.json.decode(found[1][2]) == {}


def test_a_stream_of_anthropics_says_why_it_ended_and_what_it_used() -> None:
    found = chunks("anthropic-messages", sse(*ANTHROPIC_CALLS, named=True))
    reasons = [choice["finish_reason"] for chunk in found for choice in chunk["choices"] if choice["finish_reason"]]
    assert reasons == ["tool_calls"]
    usage = found[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (9, 7)


# To Gemini.


def test_system_messages_stay_apart_at_gemini() -> None:
    system = [{"role": "system", "content": words} for words in ("Be brief.", "Be kind.")]
    body, _ = sent("gemini", messages=[*system, {"role": "user", "content": "hello"}])
    assert [part["text"] for part in body["systemInstruction"]["parts"]] == ["Be brief.", "Be kind."]


def test_calls_keep_their_arguments_and_results_their_names_at_gemini() -> None:
    body, _ = sent("gemini", messages=TOOL_LOOP, tools=[WEATHER])
    calls = [part["functionCall"] for part in body["contents"][1]["parts"] if "functionCall" in part]
    results = [part["functionResponse"] for part in body["contents"][2]["parts"]]
    assert [each["args"] for each in calls] == [{"city": "Paris"}, {"city": "Lima"}]
    assert [each["name"] for each in results] == ["get_weather", "get_weather"]


def test_a_choice_of_tools_reaches_gemini() -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    body, dropped = sent("gemini", tools=[WEATHER], tool_choice=choice)
    calling = {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}
    assert (body["toolConfig"]["functionCallingConfig"], dropped) == (calling, [])


def test_the_type_of_a_picture_elsewhere_is_not_made_up() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    body, _ = sent("gemini", messages=[{"role": "user", "content": [picture]}])
    assert body["contents"][0]["parts"][0]["fileData"].get("mimeType") in (None, "image/png")


def test_files_and_sound_reach_gemini() -> None:
    content = [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
    ]
    body, _ = sent("gemini", messages=[{"role": "user", "content": content}])
    types = [part["inlineData"]["mimeType"] for part in body["contents"][0]["parts"]]
    assert types == ["application/pdf", "audio/wav"]


def gemini(reason: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {
        "responseId": "r-1",
        "modelVersion": "m",
        "candidates": [{"index": 0, "content": {"role": "model", "parts": list(parts)}, "finishReason": reason}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    }


def test_every_part_of_an_answer_of_geminis_arrives() -> None:
    calls = [{"functionCall": {"name": "f", "args": {"a": at}}} for at in (1, 2)]
    choice = told("gemini", gemini("STOP", {"text": "a"}, {"text": "b"}, *calls))["choices"][0]
    assert choice["message"]["content"] == "ab"
    found = [(each["function"]["name"], each["function"]["arguments"]) for each in choice["message"]["tool_calls"]]
    assert found == [("f", '{"a":1}'), ("f", '{"a":2}')]
    assert len({each["id"] for each in choice["message"]["tool_calls"]}) == 2
    assert choice["finish_reason"] == "tool_calls"


GEMINIS_REASONS = [
    ("STOP", "stop"),
    ("MAX_TOKENS", "length"),
    ("SAFETY", "content_filter"),
    ("PROHIBITED_CONTENT", "content_filter"),
    ("RECITATION", "content_filter"),
]


@pytest.mark.parametrize(("wire", "reason"), GEMINIS_REASONS)
def test_geminis_reasons_to_finish_are_openais(wire: str, reason: str) -> None:
    assert told("gemini", gemini(wire, {"text": "a"}))["choices"][0]["finish_reason"] == reason


@pytest.mark.parametrize(("wire", "reason"), GEMINIS_REASONS)
def test_a_stream_of_geminis_has_every_part_and_openais_reason(wire: str, reason: str) -> None:
    found = chunks("gemini", sse(gemini(wire, {"text": "a"}, {"text": "b"})))
    choices = [choice for chunk in found for choice in chunk["choices"]]
    assert "".join(each["delta"].get("content") or "" for each in choices) == "ab"
    assert [each["finish_reason"] for each in choices if each["finish_reason"]] == [reason]


def test_a_prompt_that_gemini_blocks_is_an_answer() -> None:
    answer = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
    }
    body = told("gemini", answer)
    assert (body["choices"][0]["finish_reason"], body["usage"]["prompt_tokens"]) == ("content_filter", 3)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_a_json_array_may_be_split_anywhere(size: int) -> None:
    """Kong/kong#14680."""
    array = msgspec.json.format(
        msgspec.json.encode([gemini("", {"text": 'a "[{,}]" \\'}), gemini("STOP", {"text": "é東"})]), indent=1
    ).replace(b'"finishReason": ""', b'"index": 0')
    found = chunks("gemini", *[array[at : at + size] for at in range(0, len(array), size)])
    words = "".join(choice["delta"].get("content") or "" for chunk in found for choice in chunk["choices"])
    assert words == 'a "[{,}]" \\é東'


def test_cached_content_of_gemini_passes_and_is_never_left_out_in_silence() -> None:
    """Kong/kong#14837."""
    wire = chat_format("gemini")
    body = msgspec.json.encode({"contents": [{"role": "user", "parts": [{"text": "a"}]}], "cachedContent": "caches/x"})
    opened = wire.open(body, PATHS["gemini"])
    assert b'"cachedContent":"caches/x"' in wire.close(opened, "a-model", False, NO_OPTIONS, Profile(provider="x"))
    request = wire.decode_request(body, PATHS["gemini"])
    with pytest.raises(ClientError, match="cachedContent") as refused:
        chat_format("openai-chat").encode_request(request, OPENAI)
    assert refused.value.code == "unsupported_by_provider"


# To Bedrock.


def test_every_parallel_call_reaches_bedrock_and_results_need_no_json() -> None:
    body, _ = sent("bedrock-converse", messages=TOOL_LOOP, tools=[WEATHER])
    calls = [block["toolUse"]["input"] for block in body["messages"][1]["content"] if "toolUse" in block]
    results = [block["toolResult"] for block in body["messages"][2]["content"]]
    assert calls == [{"city": "Paris"}, {"city": "Lima"}]
    assert [(each["toolUseId"], each["content"]) for each in results] == [
        ("c1", [{"text": "18 degrees"}]),
        ("c2", [{"text": "25 degrees"}]),
    ]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_bedrocks_reasons_to_stop_are_openais_and_every_block_arrives(wire: str, reason: str) -> None:
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "a"}, {"text": "b"}]}},
        "stopReason": wire,
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
    }
    choice = told("bedrock-converse", answer)["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == (reason, "ab")


# To Cohere.


def test_the_system_stays_the_system_at_cohere() -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]
    body, _ = sent("cohere-chat", messages=turns)
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("wire", "reason"), [("COMPLETE", "stop"), ("MAX_TOKENS", "length"), ("TOOL_CALL", "tool_calls")]
)
def test_coheres_reasons_to_finish_are_openais(wire: str, reason: str) -> None:
    answer = {
        "id": "c-1", "finish_reason": wire,
        "message": {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}},
    }  # fmt: skip
    assert told("cohere-chat", answer)["choices"][0]["finish_reason"] == reason


# Streams.


def test_a_stream_is_passed_on_piece_by_piece() -> None:
    """Kong/kong#12680, #14425: nothing waits for the end."""
    client = chat_format("openai-chat")
    stream = TranslatedStream(
        chat_format("anthropic-messages").stream_decoder(), client.stream_encoder(SHAPE), client, SHAPE
    )
    stream.feed(sse(ANTHROPIC_CALLS[0], named=True), False)
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    stream.feed(sse(start, named=True), False)
    for word in ("one", "two"):
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
        assert f'"content":"{word}"'.encode() in stream.feed(sse(delta, named=True), False)


def test_usage_of_streams_is_counted_without_payloads() -> None:
    """Kong/kong#14535, #14768: a stream of Responses that passes says what was used."""
    done = {
        "type": "response.completed", "sequence_number": 1,
        "response": {
            "id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [],
            "usage": {
                "input_tokens": 30, "input_tokens_details": {"cached_tokens": 10},
                "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 37,
            },
        },
    }  # fmt: skip
    wire = chat_format("openai-responses")
    stream = PassedStream(wire, None, "sse", SHAPE.request_id)
    stream.feed(sse(done, named=True), True)
    stream.settle()
    usage = stream.facts.usage
    assert usage is not None
    assert (usage.input, usage.cache_read, usage.output, usage.reasoning) == (20, 10, 5, 2)
