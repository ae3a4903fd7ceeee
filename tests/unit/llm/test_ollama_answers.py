from typing import Any

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.format import bad_field
from entresol.llm.ollama_answers import read_answer, write_answer
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Audio,
    ChatResponse,
    Choice,
    Image,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Usage,
)


def read(wire: dict[str, Any], *parts: Part) -> ChatResponse:
    return read_answer("ollama-chat", ObjectReader(wire, "", bad_field), [*parts], {"role2": 1, "none": None})


def written(kind: Any, *parts: Part, **choice: Any) -> tuple[dict[str, Any], list[str]]:
    response = ChatResponse(origin="openai-chat", model="m", created=0, choices=[Choice(parts=[*parts], **choice)])
    dropped: list[str] = []
    return write_answer(response, f"ollama-{kind}", kind, dropped), dropped


def test_everything_around_the_words_is_read() -> None:
    response = read(
        {
            "model": "m",
            "created_at": "1970-01-01T00:00:05Z",
            "done": True,
            "done_reason": "length",
            "prompt_eval_count": 3,
            "eval_count": 4,
            "logprobs": [{"token": "a", "logprob": -1}],
            "total_duration": 9,
        },
        Text(text="a"),
    )
    assert (response.model, response.created, response.usage) == ("m", 5, Usage(input=3, output=4))
    assert (response.extra, response.choices[0].extra) == ({"total_duration": 9}, {"role2": 1})
    assert response.choices[0].finish_reason == "length"
    assert response.choices[0].logprobs is not None


def test_an_answer_that_is_not_done_has_no_reason() -> None:
    assert read({"done": False, "done_reason": "stop"}).choices[0].finish_reason is None
    assert read({"done": True}, ToolCall(id="c", name="f")).choices[0].finish_reason == "tool_calls"


def test_a_chat_is_written_with_all_it_says() -> None:
    parts = (Thinking(text="hm"), Text(text="a"), Refusal(text="b"), ToolCall(id="c", name="f"))
    assert written("chat", *parts, finish_reason="tool_calls") == (
        {
            "model": "m",
            "created_at": "1970-01-01T00:00:00Z",
            "message": {
                "role": "assistant",
                "content": "ab",
                "thinking": "hm",
                "tool_calls": [{"id": "c", "function": {"index": 0, "name": "f", "arguments": {}}}],
            },
            "done": True,
            "done_reason": "stop",
        },
        [],
    )


def test_a_completion_is_written_at_the_top() -> None:
    wire, dropped = written("generate", Text(text="a"), Image(data="A"), ToolCall(id="c", name="f"))
    assert (wire["response"], wire["image"], "message" in wire) == ("a", "A", False)
    assert dropped == ["toolcall"]


def test_log_probabilities_are_written() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []}]}
    assert written("chat", Text(text="a"), logprobs=logprobs)[0]["logprobs"] == logprobs["content"]


def test_an_answer_of_its_own_that_is_not_done_stays_so() -> None:
    response = ChatResponse(origin="ollama-chat", choices=[Choice(parts=[Text(text="a")])])
    wire = write_answer(response, "ollama-chat", "chat", [])
    assert (wire["done"], "done_reason" in wire) == (False, False)
    assert written("chat", Text(text="a"))[0]["done_reason"] == "stop"


def test_a_refusal_is_the_reason() -> None:
    assert written("chat", Refusal(text="no"), finish_reason="stop")[0]["done_reason"] == "refusal"
    assert written("chat", Refusal(text="no"), finish_reason="length")[0]["done_reason"] == "length"


def test_what_cannot_be_said_is_dropped_by_name_once() -> None:
    parts = (
        Thinking(redacted="x"),
        Text(text="a", signature="s", extra={"citations": []}),
        Image(data="A"),
        Audio(data="A"),
        Native(type="server_tool_use", value={}),
    )
    _, dropped = written("chat", *parts, stop_sequence="END", finish_reason="stop_sequence", extra={"x": 1})
    assert dropped == ["signature", "citations", "image", "audio", "server_tool_use", "stop_sequence", "x"]


def test_only_the_first_choice_is_written() -> None:
    response = ChatResponse(origin="openai-chat", choices=[Choice(), Choice(index=1)], service_tier="flex")
    dropped: list[str] = []
    write_answer(response, "ollama-chat", "chat", dropped)
    assert dropped == ["choices[1:]", "service_tier"]
    with pytest.raises(UpstreamError, match="no answer"):
        write_answer(ChatResponse(origin="openai-chat"), "ollama-chat", "chat", dropped)
