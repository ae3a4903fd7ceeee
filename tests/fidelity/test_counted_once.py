"""What a call used is the same whichever way its answer goes, and however it comes in pieces."""

from pathlib import Path

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.answers import PassedBody, PassedStream, TranslatedBody, TranslatedStream
from entresol.llm.format import ChatFormat, StreamShape
from entresol.llm.registry import format_named
from entresol.llm.types import BUCKETS, Usage
from fidelity.classes import chat_format

GOLDEN = Path(__file__).parents[1] / "golden"
NATIVES = (
    "openai-chat", "openai-responses", "anthropic-messages", "gemini", "bedrock-converse", "cohere-chat", "ollama-chat",
    "tgi-generate", "openai-completions",
)  # fmt: skip
ENDINGS = ("*.sse", "*.events", "*.ndjson", "*.stream.json")
SHAPE = StreamShape(model="m", request_id="r")


def files(*patterns: str) -> list[tuple[str, Path]]:
    found = [(name, path) for name in NATIVES for each in patterns for path in folder(name).glob(each)]
    return sorted((name, path) for name, path in found if "." not in path.stem.removesuffix(".response"))


def folder(name: str) -> Path:
    return GOLDEN / name.replace("-", "_")


def shown(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


def passed_body(native: ChatFormat, data: bytes) -> Usage | None:
    answer = PassedBody(native, len(data))
    answer.feed(data, True)
    return answer.facts.usage


def passed_stream(native: ChatFormat, data: bytes, step: int) -> Usage | None:
    answer = PassedStream(native, None, "sse", "r")
    for start in range(0, len(data), step):
        answer.feed(data[start : start + step], start + step >= len(data))
    return None if answer.facts.error is not None else answer.facts.usage


def translated_stream(native: ChatFormat, client: ChatFormat, data: bytes, step: int) -> Usage | None:
    answer = TranslatedStream(native.stream_decoder(), client.stream_encoder(SHAPE), client, SHAPE)
    for start in range(0, len(data), step):
        answer.feed(data[start : start + step], start + step >= len(data))
    return None if answer.facts.error is not None else answer.facts.usage


@pytest.mark.parametrize(("name", "path"), files("*.response.json"), ids=shown)
def test_a_whole_answer_is_counted_alike_passed_and_translated(name: str, path: Path) -> None:
    native, data = chat_format(name), path.read_bytes()
    try:
        expected = passed_body(native, data)
    except UpstreamError:
        return
    for client in NATIVES:
        answer = TranslatedBody(native, chat_format(client), SHAPE, None)
        try:
            answer.feed(data, True)
        except UpstreamError:
            continue
        assert answer.facts.usage == expected, client


@pytest.mark.parametrize(("name", "path"), files(*ENDINGS), ids=shown)
def test_a_stream_is_counted_alike_passed_and_translated_and_in_any_pieces(name: str, path: Path) -> None:
    native, data = chat_format(name), path.read_bytes()
    expected = passed_stream(native, data, len(data))
    if expected is None:
        return
    assert passed_stream(native, data, 7) == expected
    for client in NATIVES:
        for step in (len(data), 13):
            try:
                found = translated_stream(native, chat_format(client), data, step)
            except UpstreamError:
                continue
            assert found in (None, expected), client


def test_there_are_answers_and_streams_of_every_wire() -> None:
    assert {name for name, _ in files("*.response.json")} == set(NATIVES)
    assert {name for name, _ in files(*ENDINGS)} == set(NATIVES)


IMPOSSIBLE = (-5, 10**400)
COUNTED = {
    "ollama-chat": b'{"model":"m","message":{"role":"assistant","content":"x"},"done":true,"prompt_eval_count":%d,'
    b'"eval_count":%d}',
    "tgi-generate": b'{"generated_text":"x","details":{"finish_reason":"length","generated_tokens":%d,'
    b'"input_length":%d,"prefill":[]}}',
    "ollama-embed": b'{"embeddings":[[1.0]],"prompt_eval_count":%d,"load_duration":%d}',
    "rerank": b'{"results":[],"usage":{"total_tokens":%d,"prompt_tokens":%d}}',
    "bedrock-embeddings": b'{"embedding":[1.0],"inputTextTokenCount":%d,"x":%d}',
    "gemini-embed-content": b'{"embedding":{"values":[1.0]},"usageMetadata":{"promptTokenCount":%d,'
    b'"totalTokenCount":%d}}',
    "vertex-embeddings": b'{"predictions":[{"embeddings":{"values":[],"statistics":{"token_count":%d}}}],"x":%d}',
    "bedrock-invoke": b'{"inputTextTokenCount":%d,"results":[{"tokenCount":%d,"outputText":"x"}]}',
    "openai-chat": b'{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}',
    "openai-responses": b'{"output":[],"usage":{"input_tokens":%d,"output_tokens":%d}}',
    "openai-images": b'{"data":[],"usage":{"input_tokens":%d,"output_tokens":%d}}',
    "anthropic-messages": b'{"content":[],"usage":{"input_tokens":%d,"output_tokens":%d}}',
    "bedrock-converse": b'{"output":{},"usage":{"inputTokens":%d,"outputTokens":%d}}',
    "gemini": b'{"candidates":[{}],"usageMetadata":{"promptTokenCount":%d,"candidatesTokenCount":%d}}',
    "cohere-chat": b'{"message":{},"usage":{"billed_units":{"input_tokens":%d,"output_tokens":%d}}}',
}


@pytest.mark.parametrize("value", IMPOSSIBLE, ids=("negative", "huge"))
@pytest.mark.parametrize("name", COUNTED)
def test_a_count_that_no_call_can_have_is_none_or_bounded(name: str, value: int) -> None:
    try:
        usage = format_named(name).response_facts(COUNTED[name] % (value, value)).usage
    except UpstreamError:
        return
    if usage is not None:
        assert all(0 <= getattr(usage, bucket) <= 10**15 for bucket in BUCKETS), usage
