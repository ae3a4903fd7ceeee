"""Wire format `ollama-chat`: `POST /api/chat`.

Source: Ollama API reference, "Generate a chat completion"; `ChatRequest` and `ChatResponse` of `api/types.go`. A
request without `stream` asks for one.
"""

from typing import Final

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
from entresol.llm.ollama_answers import read_answer, write_answer
from entresol.llm.ollama_messages import (
    made_id,
    read_call,
    read_messages,
    read_thinking,
    read_words,
    write_messages,
)
from entresol.llm.ollama_settings import (
    SETTING_NAMES,
    SETTINGS,
    read_settings,
    read_tools,
    write_extra,
    write_settings,
    write_tools,
)
from entresol.llm.ollama_stream import OllamaStreamDecoder, OllamaStreamEncoder
from entresol.llm.ollama_wire import OllamaFormat
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, ChatResponse, JsonObject, Part

_CLAIMED: Final = SETTINGS | {"model", "tools", "tool_choice"}


class OllamaChat(OllamaFormat, ChatFormat):
    """Ollama's chat."""

    name = "ollama-chat"
    prompt_field = "messages"
    wire_names = SETTING_NAMES | {
        "messages[].content[]": "messages[].content",
        "messages[].content[].thinking": "messages[].thinking",
        "messages[].tool_results[]": "messages[]",
    }

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=read_messages(reader.readers("messages") or []))
        request.model = reader.string("model") or ""
        read_settings(reader, request)
        read_tools(reader, request)
        request.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        wire: JsonObject = {"model": request.model, "messages": write_messages(request.messages, losses)}
        write_settings(request, wire, losses)
        write_tools(request, wire, losses)
        write_extra(losses.own(request.extra), wire)
        return Encoded(encode_json(wire), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        message = reader.need("message", reader.reader("message"))
        message.take("role")
        seed = str(reader.peek("created_at") or "")
        parts: list[Part] = [*read_thinking(message), *read_words(message, "content")]
        for index, each in enumerate(message.readers("tool_calls") or []):
            call = read_call(each)
            call.id = call.id or made_id(seed, index, call.name, call.arguments)
            parts.append(call)
        return read_answer(self.name, reader, parts, message.rest())

    def encode_response(self, response: ChatResponse) -> Encoded:
        dropped: list[str] = []
        return Encoded(encode_json(write_answer(response, self.name, "chat", dropped)), dropped)

    def stream_decoder(self) -> StreamDecoder:
        return OllamaStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return OllamaStreamEncoder(shape, self, "chat")
