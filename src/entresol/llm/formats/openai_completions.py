"""Wire format `openai-completions`: `POST /v1/completions`, a prompt continued.

Source: OpenAI API reference, "Create completion". For models of chats elsewhere it is a chat of one turn. What goes
around the prompt (`suffix`, `echo`), and prompts that are tokens or many, have no counterpart there.
"""

from typing import Final

from entresol.llm.completion_logprobs import read_logprobs, write_logprobs
from entresol.llm.format import (
    ChatFormat,
    Encoded,
    Losses,
    Opened,
    Options,
    Profile,
    StreamDecoder,
    StreamEncoder,
    StreamShape,
    bad_request,
    decode_json,
    decode_request_as,
    encode_json,
)
from entresol.llm.openai_answers import read_answer, read_bias, read_stream_options, said, write_answer
from entresol.llm.openai_completions_stream import WIRE_REASONS, CompletionsStreamDecoder, CompletionsStreamEncoder
from entresol.llm.openai_facts import finish_reason
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.reading import ObjectReader
from entresol.llm.single_prompt import prompt_of, report_reasoning, words_of_answer
from entresol.llm.types import ChatRequest, ChatResponse, Choice, JsonObject, Message, Native, Part, Text
from entresol.llm.usage_chunk import ask_for_usage

_INTEGERS: Final = ("max_tokens", "seed", "n", "top_k")
_NUMBERS: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_SETTINGS: Final = (*_INTEGERS, *_NUMBERS, "user")
_CLAIMED: Final = frozenset(
    (
        *_SETTINGS,
        "model",
        "stop",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "tools",
        "modalities",
        "reasoning",
        "response_format",
    )
)
_BINDING: Final = ("suffix", "echo")
"""Fields that decide what the answer is."""
_PROMPTS: Final = "list of prompts or tokens"
_WHY: Final = "completions take one prompt of words: no conversations, tools and images"


class OpenAICompletions(OpenAIFormat, ChatFormat):
    """OpenAI completions."""

    name = "openai-completions"
    id_prefix = "cmpl-"
    prompt_field = "prompt"
    option_fields = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}
    wire_names = {
        "messages": "prompt",
        "messages[]": "prompt",
        "messages[].content": "prompt",
        "messages[].content[]": "prompt",
        "messages[].position": "prompt",
        "top_logprobs": "logprobs",
    }

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if stream and profile.takes_stream_options:
            ask_for_usage(opened)
        return super().close(opened, model, stream, options, profile)

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=[])
        request.model = reader.string("model") or ""
        request.stream = reader.boolean("stream") or False
        _read_prompt(reader, request)
        _read_settings(reader, request)
        for name, value in reader.rest().items():
            if value is not None and value is not False and value != "":
                request.extra[name] = value
        request.binding = [name for name in _BINDING if name in request.extra]
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        own = losses.own(request.extra)
        wire: JsonObject = {"model": request.model}
        prompts = _own_prompts(request)
        wire["prompt"] = prompt_of(request.messages, losses, _WHY) if prompts is None else prompts
        if request.stream:
            wire["stream"] = True
            if profile.takes_stream_options:
                wire["stream_options"] = {"include_usage": True}
        _refuse_impossible(request, losses)
        _write_settings(request, wire, losses)
        if request.max_tokens is None and not losses.is_own:
            wire["max_tokens"] = profile.default_max_tokens  # its own default is 16
        _write_extra(own, wire)
        return Encoded(encode_json(wire), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        return read_answer(self.name, body, _read_choice)

    def encode_response(self, response: ChatResponse) -> Encoded:
        is_own = response.origin == self.name
        dropped: list[str] = []
        choices = [_write_choice(choice, dropped, is_own) for choice in response.choices]
        encoded = write_answer(response, "text_completion", choices, is_own, dropped)
        return Encoded(encoded.body, list(dict.fromkeys(dropped)))

    def stream_decoder(self) -> StreamDecoder:
        return CompletionsStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return CompletionsStreamEncoder(shape, self)


def _read_prompt(reader: ObjectReader, request: ChatRequest) -> None:
    """One text is the user's. Many, and tokens, are kept as they are: only this format says them."""
    prompt = reader.need("prompt", reader.take("prompt"))
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str):
        prompt = prompt[0]
    parts: list[Part] = []
    if isinstance(prompt, str):
        parts += [Text(text=prompt)] if prompt else []
    elif isinstance(prompt, list):
        parts.append(Native(type=_PROMPTS, value={"prompt": prompt}))
    else:
        raise reader.wrong("prompt", "a string or a list", prompt)
    request.messages.append(Message(role="user", parts=parts))


def _read_settings(reader: ObjectReader, request: ChatRequest) -> None:
    for name in _INTEGERS:
        setattr(request, name, reader.integer(name))
    for name in _NUMBERS:
        setattr(request, name, reader.number(name))
    request.stop = reader.string_or_strings("stop") or []
    request.user = reader.string("user")
    logprobs = reader.integer("logprobs")
    if logprobs is not None:
        request.logprobs, request.top_logprobs = True, logprobs
    read_bias(reader, request)
    read_stream_options(reader, request)


def _refuse_impossible(request: ChatRequest, losses: Losses) -> None:
    if request.tools:
        raise losses.refuse("tools", _WHY)
    if any(modality != "text" for modality in request.modalities):
        raise losses.refuse("modalities", "it answers with text only")
    if request.response_format is not None and request.response_format.type != "text":
        raise losses.refuse("response_format", "completions have no form but text")
    report_reasoning(request.reasoning, losses)


def _own_prompts(request: ChatRequest) -> object:
    """Prompts that only this format says, as they came; None if there are none."""
    part = request.messages[0].parts[0] if request.messages and request.messages[0].parts else None
    return part.value["prompt"] if isinstance(part, Native) and part.type == _PROMPTS else None


def _write_settings(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    for name in (*_SETTINGS, "stop", "logit_bias"):
        value = getattr(request, name)
        if value is not None and value not in ([], {}) and losses.takes(name):
            wire[name] = value
    if request.logprobs and losses.takes("logprobs"):
        wire["logprobs"] = request.top_logprobs or 0
    elif request.top_logprobs is not None:
        losses.drop("top_logprobs")


def _write_extra(extra: JsonObject, wire: JsonObject) -> None:
    for path, value in extra.items():
        outer, _, inner = path.partition(".")
        nested = wire.setdefault(outer, {}) if inner else None
        if isinstance(nested, dict):
            nested[inner] = value
        else:
            wire[path] = value


def _read_choice(reader: ObjectReader, position: int) -> Choice:
    text, index = reader.string("text"), reader.integer("index")
    choice = Choice(index=position if index is None else index, parts=[Text(text=text)] if text else [])
    choice.finish_reason = finish_reason(reader.string("finish_reason"))
    logprobs = reader.mapping("logprobs")
    choice.logprobs = None if logprobs is None else read_logprobs(logprobs)
    choice.extra = said(reader.rest())
    return choice


def _write_choice(choice: Choice, dropped: list[str], is_own: bool) -> JsonObject:
    wire: JsonObject = {
        "text": words_of_answer(choice.parts, dropped),
        "index": choice.index,
        "logprobs": None if choice.logprobs is None else write_logprobs(choice.logprobs, dropped),
        "finish_reason": WIRE_REASONS[choice.finish_reason or "stop"],
    }
    if is_own:
        return wire | choice.extra
    dropped += [] if choice.stop_sequence is None else ["stop_sequence"]
    dropped += choice.extra
    return wire
