"""Wire format `openai-responses`: `POST /v1/responses`.

Source: OpenAI API reference, "Create a model response", "The response object", "Streaming events".

A provider of another format keeps nothing: what asks for a state there (`previous_response_id`, `conversation`,
`prompt`, `background`) is refused, and `store: false`, which is what it gets, is met. Written for OpenAI on behalf of a
client of another format, a request says `store: false`, as such a client expects.
"""

import re
from typing import Final

from entresol.core.errors import ClientError
from entresol.llm.call_facts import CallFacts
from entresol.llm.events import ErrorDetail
from entresol.llm.format import (
    ChatFormat,
    Encoded,
    Fields,
    Framing,
    Losses,
    Opened,
    Profile,
    StreamDecoder,
    StreamEncoder,
    StreamShape,
    bad_field,
    bad_request,
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
)
from entresol.llm.openai_responses_content import write_input
from entresol.llm.openai_responses_facts import (
    CALLS,
    facts_of_answer,
    facts_of_fragment,
    facts_of_stream,
    failure_of,
    finish_reason,
    read_usage,
)
from entresol.llm.openai_responses_items import read_items, write_items
from entresol.llm.openai_responses_output import finish, read_output, response_object, write_output
from entresol.llm.openai_responses_settings import read_settings, write_settings
from entresol.llm.openai_responses_stream import ResponsesStreamDecoder
from entresol.llm.openai_responses_stream_encoder import ResponsesStreamEncoder, error_event
from entresol.llm.openai_responses_structs import decode_response
from entresol.llm.openai_responses_tools import read_choice, read_tool, write_tools
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, ChatResponse, Choice, JsonObject, Message, Text

CLAIMED: Final = frozenset(
    (
        "model",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "max_tokens",
        "temperature",
        "top_p",
        "logprobs",
        "top_logprobs",
        "reasoning",
        "service_tier",
        "user",
        "metadata",
        "n",
        "stop",
        "modalities",
    )
)
ECHOES: Final = frozenset(
    (
        "object", "access_programs", "background", "completed_at", "conversation", "image", "instructions",
        "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "previous_response_id", "prompt",
        "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier", "store",
        "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user", "billing",
        "frequency_penalty", "presence_penalty",
    )
)  # fmt: skip
"""Fields of an answer that repeat the request or tell of the provider's own state: nothing is lost with them."""


class OpenAIResponses(OpenAIFormat, ChatFormat):
    """OpenAI Responses."""

    name = "openai-responses"
    id_prefix = "resp_"
    prompt_field = "input"
    option_fields = {"max_tokens": "max_output_tokens", "temperature": "temperature", "top_p": "top_p"}
    wire_names = {
        "messages": "input",
        "messages[]": "input[]",
        "messages[].content[]": "input[].content[]",
        "messages[].content[].thinking": "input[].summary",
        "messages[].content[].signature": "input[].encrypted_content",
        "messages[].content[].cache_control": "input[].content[].prompt_cache_breakpoint",
        "messages[].tool_results[].content[].cache_control": "input[].output[].prompt_cache_breakpoint",
        "messages[].content[].title": "input[].content[].filename",
        "messages[].content[].image_url.detail": "input[].content[].detail",
        "messages[].tool_calls[]": "input[]",
        "messages[].tool_call_id": "input[].call_id",
        "messages[].tool_results[]": "input[]",
        "messages[].tool_results[].content[]": "input[].output[]",
        "max_tokens": "max_output_tokens",
        "response_format": "text.format",
        "response_format.json_schema": "text.format",
        "reasoning.include_thoughts": "reasoning.summary",
        "logprobs": "include",
    }

    # Bytes that pass.

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        other = _BELOW.search(path)
        if other is not None:  # a route for responses takes what lies below them, too
            raise ClientError("bad_request", f"{other[1]} is not supported: responses can only be created")
        return super().inspect(fields, path, query)

    def stream_filter(self, opened: Opened) -> None:
        return None

    def response_facts(self, body: bytes) -> CallFacts:
        return facts_of_answer(body)

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        return facts_of_fragment(head, tail)

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        return facts_of_stream(head, tail)

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        return error_event(error, request_id, 0)

    # Requests.

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=[])
        instructions = reader.string("instructions")
        if instructions:
            request.messages.append(Message(role="system", parts=[Text(text=instructions)]))
        request.tools = [read_tool(tool) for tool in reader.readers("tools") or []]
        if isinstance(reader.peek("input"), str):
            text = reader.string("input")
            request.messages.append(Message(role="user", parts=[Text(text=text)] if text else []))
        else:
            read_items(reader.readers("input") or [], request)
        request.model = reader.string("model") or ""
        request.stream = reader.boolean("stream") or False
        read_choice(reader, request)
        read_settings(reader, request)
        if not request.messages and not request.binding:
            raise reader.invalid("input", "is required")
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, CLAIMED, profile)
        wire: JsonObject = {"model": request.model}
        messages = request.messages
        first = messages[0] if messages else None
        if first is not None and first.role == "system" and len(messages) > 1 and not losses.own(first.extra):
            instructions = write_input(first.parts, losses)
            if isinstance(instructions, str) and first.name is None:
                wire["instructions"] = instructions
                for name in first.extra:
                    losses.drop(f"messages[].{name}")
                messages = messages[1:]
        wire["input"] = write_items(messages, losses)
        if request.stream:
            wire["stream"] = True
        write_tools(request, wire, losses)
        write_settings(request, wire, losses)
        if not losses.is_own:
            wire["store"] = False
            if _may_reason(request):
                include = wire.setdefault("include", [])
                assert isinstance(include, list)
                include.append("reasoning.encrypted_content")
        return Encoded(encode_json(wire), losses.finish())

    # Answers.

    def decode_response(self, body: bytes) -> ChatResponse:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        facts = decode_response_as(decode_response, body)
        if facts.error is not None or facts.status == "failed":
            raise bad_response(failure_of(facts.error).message)
        items = reader.need("output", reader.readers("output"))
        choice = Choice()
        read_output(items, choice)
        incomplete = facts.incomplete_details
        calls_tools = any(item.type in CALLS for item in facts.output or ())
        reason = finish_reason(facts.status, None if incomplete is None else incomplete.reason, calls_tools)
        if reason is None or reason == "error":
            raise bad_field("status", f"the answer is not there: it is {facts.status}")
        choice.finish_reason = reason
        response = ChatResponse(origin=self.name, id=facts.id or "", model=facts.model or "", choices=[choice])
        response.created = None if facts.created_at is None else int(facts.created_at)
        response.service_tier = facts.service_tier
        response.usage = None if facts.usage is None else read_usage(facts.usage)
        for name in ("id", "model", "created_at", "status", "service_tier", "usage", "incomplete_details", "error"):
            reader.take(name)
        response.extra = {
            name: value for name, value in reader.rest().items() if name not in ECHOES and value is not None
        }
        return response

    def encode_response(self, response: ChatResponse) -> Encoded:
        is_own = response.origin == self.name
        if not response.choices:
            raise bad_field("choices", "the provider gave no answer")
        choice = response.choices[0]
        dropped = [] if len(response.choices) == 1 else ["choices[1:]"]
        output = write_output(choice, response.id, is_own, dropped)
        wire = response_object(
            response.id, response.model, response.created or 0, response.service_tier, output, "completed"
        )
        finish(wire, choice.finish_reason or "stop", response.usage)
        if choice.stop_sequence is not None:
            dropped.append("stop_sequence")
        for extra in (choice.extra, response.extra):
            if not is_own:
                dropped += extra
        if is_own:
            wire.update(response.extra)
        return Encoded(encode_json(wire), list(dict.fromkeys(dropped)))

    def stream_decoder(self) -> StreamDecoder:
        return ResponsesStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return ResponsesStreamEncoder(shape, self)


_BELOW: Final = re.compile(r"/responses/([^/]+(?:/[^/]+)?)/?\Z")
_REASONING_MODEL: Final = re.compile(r"(?:^|[/.:-])(?:o[1-9]|gpt-[5-9](?!.*chat)|codex)")


def _may_reason(request: ChatRequest) -> bool:
    """Whether encrypted reasoning may be asked for: models that do not reason refuse to give any."""
    reasoning = request.reasoning
    if reasoning is not None:
        return reasoning.is_enabled is not False and reasoning.effort != "none"
    return _REASONING_MODEL.search(request.model) is not None
