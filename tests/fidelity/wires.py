"""The wires whose every field is accounted for: what official clients can send, and examples that make sense."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from fidelity.schemas import (
    Choice,
    Hints,
    Node,
    Object,
    Several,
    Specimen,
    Value,
    least,
    of_shape,
    of_type,
    one_of,
    specimens,
)

PNG = "iVBORw0KGgo="
PDF = "data:application/pdf;base64,AAAA"
ANY_OBJECT = '{"type":"object"}'
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
COMMON: Hints = {
    "url": "https://example.com/a.png",
    "image_url.url": "https://example.com/a.png",
    "image_url": "https://example.com/a.png",
    "media_type": "image/png",
    "mimeType": "image/png",
    "name": "f",
    "parameters": SCHEMA,
    "input_schema": SCHEMA,
    "schema": SCHEMA,
    "metadata": {"k": "v"},
    "arguments": "{}",
    "model": "a-model",
}


_QUESTION = {"role": "user", "content": "hello"}
_OPENING = ("user", "system", "developer")


@dataclass(frozen=True, eq=False)
class Wire:
    """A format, its request as official clients write it, and where that is documented."""

    source: str
    tree: Callable[[], Node | None]
    hints: Hints
    path: str = ""
    turns: str = "messages"
    """The field with the conversation."""

    def complete(self, body: Any) -> Any:
        """A conversation that begins with the user: some wires take no other."""
        turns = body.get(self.turns)
        if not isinstance(turns, list) or (turns and turns[0].get("role") in _OPENING and "tools" not in turns[0]):
            return body
        opening = self.hints[self.turns]
        return body | {self.turns: [*(opening if isinstance(opening, list) else [_QUESTION]), *turns]}

    @cache  # noqa: B019  # one instance a format, for the whole run
    def root(self) -> Object:
        node = self.tree()
        assert isinstance(node, Object)
        return node

    def least(self) -> Any:
        """The smallest request."""
        return least(self.root(), "", self.hints)

    def specimens(self) -> Iterator[Specimen]:
        """Requests that each say one thing more. A path that several types share comes once."""
        known: set[str] = set()
        for each in specimens(self.root(), "", self.hints):
            if each.path not in known:
                known.add(each.path)
                yield each


def _openai_chat() -> Node | None:
    from openai.types.chat.completion_create_params import CompletionCreateParamsBase

    return of_type(CompletionCreateParamsBase)


def _openai_responses() -> Node | None:
    from openai.types.responses.response_create_params import ResponseCreateParamsBase

    node = of_type(ResponseCreateParamsBase)
    assert isinstance(node, Object)
    node.required = {"model", "input"}
    return node


def _anthropic() -> Node | None:
    from anthropic.types.message_create_params import MessageCreateParamsBase

    return of_type(MessageCreateParamsBase)


def of_gemini(tp: Any) -> Node:
    """The tree of one of Gemini's types: a part is exactly one kind of data."""
    kinds = ["text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode"]
    node = one_of(
        of_type(tp), [*kinds, "codeExecutionResult", "toolCall", "toolResponse"], {"thought", "thoughtSignature"}
    )
    assert node is not None
    return node


def _gemini() -> Node | None:
    from google.genai import types

    root = Object(required={"contents"})
    for name, tp in (
        ("contents", list[types.Content]),
        ("systemInstruction", types.Content),
        ("tools", list[types.Tool]),
        ("toolConfig", types.ToolConfig),
        ("safetySettings", list[types.SafetySetting]),
        ("generationConfig", types.GenerationConfig),
    ):
        root.fields[name] = of_gemini(tp)
    root.fields["cachedContent"] = Value("cachedContents/x")
    root.fields["labels"] = Value({"k": "v"})
    root.fields["serviceTier"] = Value("flex")
    return root


def _bedrock() -> Node | None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    node = of_shape(model.operation_model("Converse").input_shape)
    assert isinstance(node, Object)
    node.fields.pop("modelId")  # stands in the path
    node.required = {"messages"}
    return node


def _cohere() -> Node | None:
    import inspect

    from cohere.v2.client import V2Client

    root = Object(required={"model", "messages"})
    for name, parameter in inspect.signature(V2Client.chat).parameters.items():
        node = of_type(parameter.annotation) if name not in ("self", "request_options") else None
        if node is not None:
            root.fields[name] = node
    return root


def _ollama() -> Node | None:
    from ollama._types import ChatRequest

    node = of_type(ChatRequest)
    assert isinstance(node, Object)
    node.required = {"model", "messages"}
    messages = node.fields["messages"]
    assert isinstance(messages, Several)
    for message in messages.item.variants if isinstance(messages.item, Choice) else [messages.item]:
        if isinstance(message, Object):
            message.fields["role"] = Value("user")  # any text, says the client
    return node


WIRES = {
    "openai-chat": Wire(
        "OpenAI API reference, Create chat completion; openai.types.chat.completion_create_params",
        _openai_chat,
        {
            **COMMON,
            "messages": [{"role": "user", "content": "hello"}],
            "input_audio.format": "wav",
            "input_audio.data": "UklGRg==",
            "content[]<file>.file": {"filename": "a.pdf", "file_data": PDF},
            "allowed_tools.tools": [{"type": "function", "function": {"name": "f"}}],
            "response_format<json_schema>.json_schema": {"name": "f", "schema": SCHEMA},
            "messages[]<tool>.tool_call_id": "c",
            "function_call": {"name": "f", "arguments": "{}"},
        },
    ),
    "openai-responses": Wire(
        "OpenAI API reference, Create a model response; openai.types.responses.response_create_params",
        _openai_responses,
        {
            **COMMON,
            "input": "hello",
            "model": "a-model",
            "input[]<additional_tools>": {"type": "additional_tools", "role": "developer", "tools": []},
            "input[]<function_call_output>": {"type": "function_call_output", "call_id": "c", "output": "x"},
            "<input_file>": {
                "type": "input_file",
                "filename": "a.pdf",
                "file_data": PDF,
            },
            "<input_image>": {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
        },
        turns="input",
    ),
    "anthropic-messages": Wire(
        "Anthropic API reference, Create a Message; anthropic.types.message_create_params",
        _anthropic,
        {
            **COMMON,
            "messages": [{"role": "user", "content": "hello"}],
            "source<base64>.data": PNG,
            "tools[]<custom>.name": "f",
        },
    ),
    "gemini": Wire(
        "Gemini API reference (v1beta), models.generateContent; google.genai.types",
        _gemini,
        {
            **COMMON,
            "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
            "data": PNG,
            "fileUri": "https://example.com/a.png",
            "topK": 3,
            "functionDeclarations[]": {"name": "f"},
            "functionCall": {"name": "f", "args": {"a": "b"}},
            "functionResponse": {"name": "f", "response": {"a": "b"}},
            "inlineData": {"mimeType": "image/png", "data": PNG},
            "fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"},
            "role": "user",
        },
        "/v1beta/models/a-model:generateContent",
        "contents",
    ),
    "bedrock-converse": Wire(
        "Amazon Bedrock API reference, Converse; botocore's service model bedrock-runtime",
        _bedrock,
        {
            **COMMON,
            "messages": [{"role": "user", "content": [{"text": "hello"}]}],
            "json": SCHEMA,
            "bytes": PNG,
            "jsonSchema.schema": ANY_OBJECT,
            "outputConfig.textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}'}},
            },
            "content[]<document>": {"document": {"name": "f", "format": "pdf", "source": {"bytes": PNG}}},
            "content[]<image>": {"image": {"format": "png", "source": {"bytes": PNG}}},
            "content[]<video>": {"video": {"format": "mp4", "source": {"bytes": PNG}}},
            "content[]<document>.document": {"name": "f", "format": "pdf", "source": {"bytes": PNG}},
            "content[]<image>.image": {"format": "png", "source": {"bytes": PNG}},
            "content[]<video>.video": {"format": "mp4", "source": {"bytes": PNG}},
        },
        "/model/a-model/converse",
    ),
    "cohere-chat": Wire(
        "Cohere API reference (v2), Chat; cohere.v2.client.V2Client.chat",
        _cohere,
        {
            **COMMON,
            "messages": [{"role": "user", "content": "hello"}],
            "response_format": {"type": "json_object"},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
            "tool_calls[]": {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            "tool_calls[].function": {"name": "f", "arguments": "{}"},
            "tool_calls[].function.arguments": '{"a":1}',
        },
    ),
    "ollama-chat": Wire(
        "Ollama API reference, Generate a chat completion; ollama._types.ChatRequest",
        _ollama,
        {
            **COMMON,
            "messages": [{"role": "user", "content": "hello"}],
            "images": [PNG],
            "tools[].function": {"name": "f", "description": "x", "parameters": SCHEMA},
        },
    ),
}
"""By format."""
