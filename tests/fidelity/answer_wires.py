"""The answers of every wire as official clients' types have them, and what becomes of each field for other clients."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from entresol.core.errors import GatewayError
from entresol.llm.format import ChatFormat
from entresol.llm.formats.openai_responses import ECHOES
from fidelity.classes import DROPPED, INVALID, LOST, MAPPED, SAME, bare, chat_format
from fidelity.schemas import Hints, Node, Object, Specimen, Value, of_shape, of_type, specimens
from fidelity.wires import PNG, of_gemini


@dataclass(frozen=True, eq=False)
class AnswerWire:
    """A format's whole answer, and where it is documented."""

    source: str
    tree: Callable[[], Node | None]
    hints: Hints

    @cache  # noqa: B019  # one instance a format, for the whole run
    def root(self) -> Object:
        node = self.tree()
        assert isinstance(node, Object)
        return node

    def specimens(self) -> Iterator[Specimen]:
        """Answers that each say one thing more. A path that several types share comes once."""
        known: set[str] = set()
        for each in specimens(self.root(), "", self.hints):
            if each.path not in known:
                known.add(each.path)
                yield each


def _openai_chat() -> Node | None:
    from openai.types.chat import ChatCompletion

    return of_type(ChatCompletion)


def _openai_responses() -> Node | None:
    from openai.types.responses import Response

    node = of_type(Response)
    assert isinstance(node, Object)
    for name in ECHOES & node.fields.keys():  # what it says of the request, or of its own state
        del node.fields[name]
    node.required -= ECHOES
    return node


def _anthropic() -> Node | None:
    from anthropic.types import Message

    return of_type(Message)


def _gemini() -> Node | None:
    from google.genai import types

    root = Object(required={"candidates"})
    for name, tp in (
        ("candidates", list[types.Candidate]),
        ("promptFeedback", types.GenerateContentResponsePromptFeedback),
        ("usageMetadata", types.GenerateContentResponseUsageMetadata),
        ("modelStatus", types.ModelStatus),
        ("createTime", str),
        ("responseId", str),
        ("modelVersion", str),
    ):
        root.fields[name] = of_gemini(tp)
    return root


def _bedrock() -> Node | None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    return of_shape(model.operation_model("Converse").output_shape)


def _cohere() -> Node | None:
    from cohere import V2ChatResponse

    return of_type(V2ChatResponse)


def _ollama() -> Node | None:
    from ollama import ChatResponse

    node = of_type(ChatResponse)
    assert isinstance(node, Object)
    node.required |= {"model", "created_at", "done"}
    message = node.fields["message"]
    assert isinstance(message, Object)
    message.fields["role"] = Value("assistant")
    return node


ANSWERS = {
    "openai-chat": AnswerWire(
        "OpenAI API reference, The chat completion object; openai.types.chat.ChatCompletion",
        _openai_chat,
        {
            "index": 0,
            "choices[]": {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}},
            "message": {"role": "assistant", "content": "hello"},
            "arguments": "{}",
            "audio.data": "UklGRg==",
            "prompt_tokens": 40,
            "completion_tokens": 30,
            "logprobs": {"content": [{"token": "hello", "logprob": -0.5, "top_logprobs": []}]},
            "total_tokens": 70,
        },
    ),
    "openai-responses": AnswerWire(
        "OpenAI API reference, The response object; openai.types.responses.Response",
        _openai_responses,
        {
            "arguments": "{}",
            "status": "completed",
            "output[]": {
                "type": "message",
                "id": "m-1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "hello", "annotations": []}],
            },
            "output": [],
            "input_tokens": 40,
            "output_tokens": 30,
            "total_tokens": 70,
            "error": {"code": "server_error", "message": "x"},
        },
    ),
    "anthropic-messages": AnswerWire(
        "Anthropic API reference, Create a Message, answer; anthropic.types.Message",
        _anthropic,
        {"content": [{"type": "text", "text": "hello"}], "input_tokens": 40, "output_tokens": 30},
    ),
    "gemini": AnswerWire(
        "Gemini API reference (v1beta), GenerateContentResponse; google.genai.types",
        _gemini,
        {
            "candidates[]": {"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"},
            "candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
            "parts[]": {"text": "hello"},
            "index": 0,
            "role": "model",
            "createTime": "2026-01-01T00:00:00Z",
            "functionCall": {"name": "f", "args": {"a": "b"}},
            "functionResponse": {"name": "f", "response": {"a": "b"}},
            "inlineData": {"mimeType": "image/png", "data": PNG},
            "fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"},
            "usageMetadata": {"promptTokenCount": 40, "candidatesTokenCount": 30, "totalTokenCount": 70},
            "logprobsResult": {
                "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
                "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.5}]}],
            },
            "chosenCandidates[]": {"token": "a", "logProbability": -0.5},
            "topCandidates[]": {"candidates": [{"token": "a", "logProbability": -0.5}]},
            "topCandidates[].candidates[]": {"token": "a", "logProbability": -0.5},
            "promptTokenCount": 40,
            "candidatesTokenCount": 30,
            "totalTokenCount": 70,
        },
    ),
    "bedrock-converse": AnswerWire(
        "Amazon Bedrock API reference, Converse, answer; botocore's service model bedrock-runtime",
        _bedrock,
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
            "output.message": {"role": "assistant", "content": [{"text": "hello"}]},
            "role": "assistant",
            "bytes": PNG,
            "content[]<image>": {"image": {"format": "png", "source": {"bytes": PNG}}},
            "content[]<document>": {"document": {"name": "f", "format": "pdf", "source": {"bytes": PNG}}},
            "content[]<video>": {"video": {"format": "mp4", "source": {"bytes": PNG}}},
            "content[]<image>.image": {"format": "png", "source": {"bytes": PNG}},
            "content[]<document>.document": {"name": "f", "format": "pdf", "source": {"bytes": PNG}},
            "content[]<video>.video": {"format": "mp4", "source": {"bytes": PNG}},
            "additionalModelResponseFields": {"k": "v"},
            "inputTokens": 40,
            "outputTokens": 30,
            "totalTokens": 70,
        },
    ),
    "cohere-chat": AnswerWire(
        "Cohere API reference (v2), Chat, answer; cohere.V2ChatResponse",
        _cohere,
        {
            "message": {"role": "assistant", "content": [{"type": "text", "text": "hello"}]},
            "tool_calls[]": {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            "tool_calls[].function": {"name": "f", "arguments": "{}"},
            "tool_calls[].function.arguments": '{"a":1}',
            "usage": {"tokens": {"input_tokens": 40, "output_tokens": 30}},
            "logprobs[]": {"text": "hello", "token_ids": [1], "logprobs": [-0.5]},
            "tokens": {"input_tokens": 40, "output_tokens": 30},
            "tokens.input_tokens": 40,
            "tokens.output_tokens": 30,
            "billed_units": {"input_tokens": 40, "output_tokens": 30},
        },
    ),
    "ollama-chat": AnswerWire(
        "Ollama API reference, Generate a chat completion, answer; ollama.ChatResponse",
        _ollama,
        {
            "created_at": "2026-01-01T00:00:00Z",
            "done_reason": "stop",
            "message": {"role": "assistant", "content": "hello"},
            "tool_calls[].function": {"name": "f", "arguments": {"a": "b"}},
            "images": [PNG],
        },
    ),
}
"""By format."""

_EMPTY = "an object without anything in it"
_TOKENS = "counted in the whole that it is a part of, where the other wire has no such part"
_OWN = "the provider's own accounting, which says nothing about the answer"
SAME_ANSWERS: tuple[tuple[str, str], ...] = (
    (r"(.*\.)?usage(Metadata)?|candidates\[\]\.content", _EMPTY),
    (r"usage\.(\w+_details|tokens|billed_units)(\..*)?|usage\.(cached_tokens|cache_\w+)(\..*)?", _TOKENS),
    (r"usage\.(cacheReadInputTokens|cacheWriteInputTokens|cacheDetails)(\[\]\..*)?", _TOKENS),
    (r"usageMetadata\.(\w+TokensDetails(\[\]\..*)?|\w+TokenCount)", _TOKENS),
    (r"usage\.(inference_geo|server_tool_use|speed|service_tier)|usageMetadata\.trafficType", _OWN),
    (r".*\.logProbabilitySum", "the sum of what is told"),
    (r".*logprobs\.(content|refusal)\[\]\.(top_logprobs\[\]\.)?bytes|.*\.tokenId", "the token's text says it"),
    (r"stop_reason|done_reason|candidates\[\]\.(finishReason|index|content\.role)|status", "what holds without it"),
    (r"incomplete_details(\.reason)?", "why an answer is not whole; this one is"),
    (r".*source<bytes>|.*<(reasoningText|output_text)>", "the form that the answer has without it"),
    (r"output\[\]<(function_call|custom_tool_call|reasoning)>\.(id|status)", "clients answer by `call_id`"),
    (r"responseId|modelVersion", "a name of the answer, in wires that have none"),
)
"""Patterns of paths, and why their fields say nothing that the answer does not say without them."""


FAILED = "failed"
"""The answer is an error: the client gets one of its own format."""


def heard(provider: ChatFormat, client: ChatFormat, body: Any) -> tuple[Any, frozenset[str]]:
    """An answer in a client's wire, and what was dropped. Raises GatewayError."""
    encoded = client.encode_response(provider.decode_response(msgspec.json.encode(body)))
    return msgspec.json.decode(encoded.body), frozenset(encoded.dropped)


def answer_class(provider: ChatFormat, client: ChatFormat, specimen: Specimen) -> str:
    """What becomes of the one thing that a specimen says more."""
    try:
        body, dropped = heard(provider, client, specimen.instance)
    except GatewayError as error:
        return FAILED if specimen.path.split(".")[0] == "error" else f"{INVALID}: {error.message}"
    try:
        before, dropped_before = heard(provider, client, specimen.without)
    except (GatewayError, TypeError):
        return MAPPED  # without it the answer makes no sense
    if dropped - dropped_before:
        return DROPPED
    if body != before:
        return MAPPED
    if any(is_within(specimen.path, each) for each in dropped):
        return DROPPED  # with what it belongs to
    return SAME if any(re.fullmatch(pattern, specimen.path) for pattern, _ in SAME_ANSWERS) else LOST


CALLED = {"inlinedata": "image", "filedata": "image", "functionresponse": "toolresult"}
"""Kinds of parts that losses name by the hub's word, not by the wire's."""


def is_within(path: str, told: str) -> bool:
    """Whether a field is (a part of) something that was told: a kind of part, or a field."""
    kinds = {each.replace("_", "").lower() for each in re.findall(r"<(\w+)>", path)}
    kinds |= {CALLED[each] for each in kinds & CALLED.keys()}
    words = bare(path).split(".")
    return told.replace("_", "").lower() in kinds or any(
        any(word.startswith(each) for word in words) for each in bare(told).split(".")
    )


def answer_classes(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each field of a wire's answer, and what becomes of it for each other wire's client."""
    provider = chat_format(name)
    clients = {other: chat_format(other) for other in ANSWERS if other != name}
    for specimen in ANSWERS[name].specimens():
        yield specimen.path, {other: answer_class(provider, client, specimen) for other, client in clients.items()}
