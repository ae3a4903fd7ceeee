"""Wire format `cohere-chat`: `POST /v2/chat`.

Source: Cohere API reference, version 2, "Chat" and "Chat with Streaming"; types of cohere 7 for Python.
"""

from typing import Final

import msgspec

from entresol.llm.cohere_documents import place_documents, read_documents
from entresol.llm.cohere_messages import MessageWriter, call_object, read_assistant, read_messages
from entresol.llm.cohere_settings import (
    SETTING_NAMES,
    SETTINGS,
    can_think,
    read_settings,
    read_tools,
    write_format,
    write_settings,
    write_tools,
)
from entresol.llm.cohere_stream import CohereStreamDecoder
from entresol.llm.cohere_stream_encoder import CohereStreamEncoder
from entresol.llm.cohere_wire import (
    WIRE_REASONS,
    CohereChatFormat,
    UsageWire,
    finish_reason,
    read_logprobs,
    read_usage,
    refuse_other_words,
    write_logprobs,
    write_usage,
)
from entresol.llm.format import (
    ChatFormat,
    Encoded,
    Losses,
    Profile,
    StreamDecoder,
    StreamEncoder,
    StreamShape,
    bad_field,
    bad_request,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
)
from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    JsonObject,
    Native,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from entresol.llm.usage_faults import convert_usage

_CLAIMED: Final = SETTINGS | {"model"}
_decode_usage: Final = msgspec.json.Decoder(UsageWire).decode


class CohereChat(CohereChatFormat, ChatFormat):
    """Cohere's chat."""

    name = "cohere-chat"
    prompt_field = "messages"
    option_fields = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "p", "top_k": "k"}
    wire_names = SETTING_NAMES | {
        "messages[].content[].id": "documents[].id",
        "messages[].content[].title": "documents[].data.title",
        "messages[].tool_results[].content[].title": "messages[].content[].document.data.title",
        "messages[].tool_results[]": "messages[]",
        "messages[].tool_results[].content[]": "messages[].content[].document",
    }

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        fields = decode_request_as(decode_json, body)
        reader = ObjectReader(fields, "", bad_request)
        refuse_other_words(fields)
        messages = read_messages(reader.need("messages", reader.readers("messages")))
        request = ChatRequest(origin=self.name, messages=messages)
        request.model = reader.string("model") or ""
        request.stream = reader.boolean("stream") or False
        read_settings(reader, request)
        read_tools(reader, request)
        documents = fields.get("documents")
        if not place_documents(read_documents(reader), messages):
            request.extra["documents"] = documents
            request.binding = ["documents"]
        request.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        writer = MessageWriter(losses, can_think(request.model))
        wire: JsonObject = {"model": request.model, "messages": writer.write(request.messages)}
        if writer.documents:
            wire["documents"] = writer.documents
        if request.stream:
            wire["stream"] = True
        write_tools(request, wire, losses)
        write_settings(request, wire, losses)
        write_format(request, wire, losses)
        return Encoded(encode_json(wire | losses.own(request.extra)), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        message = reader.need("message", reader.reader("message"))
        message.take("role")
        choice = Choice(parts=read_assistant(message), finish_reason=finish_reason(reader.string("finish_reason")))
        choice.extra = {name: value for name, value in message.rest().items() if value not in (None, [])}
        logprobs = reader.take("logprobs")
        if isinstance(logprobs, list) and logprobs:
            choice.logprobs = read_logprobs([item for item in logprobs if isinstance(item, dict)])
        response = ChatResponse(origin=self.name, id=reader.string("id") or "", choices=[choice])
        usage = convert_usage(reader.take("usage"), UsageWire)
        response.usage = None if usage is None else read_usage(usage)
        response.extra = {name: value for name, value in reader.rest().items() if value is not None}
        return response

    def encode_response(self, response: ChatResponse) -> Encoded:
        if not response.choices:
            raise bad_field("choices", "the provider gave no answer")
        dropped = [] if len(response.choices) == 1 else ["choices[1:]"]
        choice = response.choices[0]
        is_own = response.origin == self.name
        reason = choice.finish_reason or "stop"
        if reason == "stop" and any(isinstance(part, Refusal) for part in choice.parts):
            reason = "refusal"
        message = {"role": "assistant"} | _write_parts(choice, dropped) | (choice.extra if is_own else {})
        wire: JsonObject = {"id": response.id, "finish_reason": WIRE_REASONS[reason], "message": message}
        wire["usage"] = write_usage(response.usage or Usage())
        if choice.logprobs is not None:
            wire["logprobs"] = write_logprobs(choice.logprobs)
        if is_own:
            return Encoded(encode_json(wire | response.extra), dropped)
        dropped += [] if choice.logprobs is None else lost_logprobs(choice.logprobs, takes_alternatives=False)
        dropped += ["stop_sequence"] if choice.stop_sequence is not None else []
        dropped += ["service_tier"] if response.service_tier not in (None, "default") else []
        return Encoded(encode_json(wire), list(dict.fromkeys([*dropped, *choice.extra, *response.extra])))

    def stream_decoder(self) -> StreamDecoder:
        return CohereStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return CohereStreamEncoder(shape, self)


def _write_parts(choice: Choice, dropped: list[str]) -> JsonObject:
    """What was said. Words before calls are their plan."""
    content: list[JsonObject] = []
    calls: list[JsonObject] = []
    for part in choice.parts:
        if (type(part) is Text or type(part) is Thinking or type(part) is ToolCall) and part.signature is not None:
            dropped.append("signature")
        if type(part) is Text or type(part) is Refusal:
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Thinking):
            dropped += ["signature"] if part.redacted is not None else []
            content += [{"type": "thinking", "thinking": part.text}] if part.text else []
        elif isinstance(part, ToolCall):
            calls.append(call_object(part, part.arguments or "{}"))
        else:
            dropped.append(part.type if isinstance(part, Native) else type(part).__name__.lower())
        if not isinstance(part, Native):
            dropped += part.extra
    wire: JsonObject = {"tool_calls": calls} if calls else {}
    plan = next((position for position, block in enumerate(content) if block["type"] == "text"), None)
    if calls and plan is not None:
        wire["tool_plan"] = content.pop(plan)["text"]
    return {"content": content} | wire if content else wire
