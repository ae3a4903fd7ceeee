"""Wire format `ollama-generate`: `POST /api/generate`.

Source: Ollama API reference, "Generate a completion"; `GenerateRequest` and `GenerateResponse` of `api/types.go`. It is
a chat with one turn: the prompt goes through the model's template. What goes around that (`raw`, `template`, `context`,
`suffix`) or draws a picture has no counterpart elsewhere.
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
from entresol.llm.ollama_messages import read_image, read_thinking, read_words, write_messages
from entresol.llm.ollama_settings import SETTING_NAMES, SETTINGS, read_settings, write_extra, write_settings
from entresol.llm.ollama_stream import OllamaStreamDecoder, OllamaStreamEncoder
from entresol.llm.ollama_wire import OllamaFormat
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, ChatResponse, JsonObject, Message, Part, Text

_CLAIMED: Final = SETTINGS | {"model", "tool_choice"}
_BINDING: Final = ("raw", "template", "context", "suffix", "width", "height", "steps")
"""Fields that decide what the answer is, unless they are empty."""


class OllamaGenerate(OllamaFormat, ChatFormat):
    """Ollama's completions."""

    name = "ollama-generate"
    prompt_field = "prompt"
    wire_names = SETTING_NAMES | {
        "messages": "prompt",
        "messages[]": "prompt",
        "messages[].content": "prompt",
        "messages[].content[]": "prompt",
        "messages[].position": "prompt",
    }

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=[])
        request.model = reader.string("model") or ""
        system = reader.string("system")
        if system:
            request.messages.append(Message(role="system", parts=[Text(text=system)]))
        request.messages.append(Message(role="user", parts=[*read_words(reader, "prompt")]))
        read_settings(reader, request)
        for name, value in reader.rest().items():
            if value not in (None, False, "", []) or (value is not None and name not in _BINDING):
                request.extra[name] = value
        request.binding = [name for name in _BINDING if name in request.extra]
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        wire: JsonObject = {"model": request.model}
        _write_prompt(request, wire, losses)
        write_settings(request, wire, losses)
        write_extra(losses.own(request.extra), wire)
        return Encoded(encode_json(wire), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        if not isinstance(reader.peek("response"), str):
            raise bad_field("response", "is required")
        parts: list[Part] = [*read_thinking(reader), *read_words(reader, "response")]
        image = reader.string("image")
        if image:
            parts.append(read_image(image))
        return read_answer(self.name, reader, parts, {})

    def encode_response(self, response: ChatResponse) -> Encoded:
        dropped: list[str] = []
        return Encoded(encode_json(write_answer(response, self.name, "generate", dropped)), dropped)

    def stream_decoder(self) -> StreamDecoder:
        return OllamaStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return OllamaStreamEncoder(shape, self, "generate")


def _write_prompt(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """`system`, `prompt` and `images`. Raises ClientError `unsupported_by_provider` for more than one turn."""
    why = "a completion takes one prompt; /api/chat takes conversations"
    if request.tools:
        raise losses.refuse("tools", why)
    systems = [message for message in request.messages if message.role in ("system", "developer")]
    turns = [message for message in request.messages if message.role not in ("system", "developer")]
    if len(turns) > 1 or (turns and turns[0].role != "user"):
        raise losses.refuse("messages", why)
    if turns and turns[0] is not request.messages[-1]:
        losses.drop("messages[].position")
    if not turns:
        turns, systems = systems, []
    written = write_messages(systems, losses) if systems else []
    if any("images" in message for message in written):
        raise losses.refuse("messages[].content[]", "a system message holds only text")
    if written:
        wire["system"] = "\n".join(str(message["content"]) for message in written)
    prompts = write_messages(turns, losses)
    if len(prompts) > 1:
        losses.drop("messages[].position")  # that images stood between words
    wire["prompt"] = "\n".join(str(prompt["content"]) for prompt in prompts if prompt["content"])
    images = [image for prompt in prompts for image in _images(prompt)]
    if images:
        wire["images"] = images


def _images(message: JsonObject) -> list[object]:
    images = message.get("images")
    return images if isinstance(images, list) else []
