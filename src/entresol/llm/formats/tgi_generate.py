"""Wire format `tgi-generate`: Text Generation Inference's `POST /generate`, `/generate_stream` and `/`.

Source: TGI's OpenAPI document 3.3; types of huggingface_hub 2.4. It takes one prompt, as it is: no template, no turns.
Conversations belong to the same server's `/v1/chat/completions`, which is `openai-chat`.
"""

from typing import Final

import msgspec

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
from entresol.llm.reading import ObjectReader
from entresol.llm.single_prompt import prompt_of, words_of_answer
from entresol.llm.tgi_parameters import (
    BINDING,
    PARAMETER_NAMES,
    PARAMETERS,
    read_parameters,
    write_parameters,
)
from entresol.llm.tgi_stream import TgiStreamDecoder, TgiStreamEncoder, Token, entry_with
from entresol.llm.tgi_wire import UNSAID_REASONS, WIRE_REASONS, TgiFormat, asks_for_stream, finish_reason, read_usage
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    JsonObject,
    Message,
    Part,
    Text,
    Usage,
)

_CLAIMED: Final = PARAMETERS | {"model", "tools", "n", "modalities"}
_WHY: Final = (
    "/generate takes one prompt; conversations, tools and images go to /v1/chat/completions of the same server "
    "(llm_format openai-chat)"
)


class TgiGenerate(TgiFormat, ChatFormat):
    """Hugging Face's Text Generation Inference."""

    name = "tgi-generate"
    prompt_field = "inputs"
    wire_names = PARAMETER_NAMES | {
        "messages": "inputs",
        "messages[]": "inputs",
        "messages[].content": "inputs",
        "messages[].content[]": "inputs",
    }

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        prompt = reader.need_string("inputs")
        parts: list[Part] = [Text(text=prompt)] if prompt else []
        request = ChatRequest(origin=self.name, messages=[Message(role="user", parts=parts)])
        request.stream = asks_for_stream(path, reader.boolean("stream") or False)
        request.model = reader.string("model") or ""
        read_parameters(reader.reader("parameters"), request)
        request.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        request.binding = [name for name in BINDING if name in request.extra]
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        if request.tools:
            raise losses.refuse("tools", _WHY)
        if request.n not in (None, 1):
            raise losses.refuse("n", "it gives one answer a call")
        if any(modality != "text" for modality in request.modalities):
            raise losses.refuse("modalities", "it answers with text only")
        parameters = write_parameters(request, losses)
        wire: JsonObject = {"inputs": prompt_of(request.messages, losses, _WHY)}
        for path, value in losses.own(request.extra).items():
            outer, _, inner = path.partition(".")
            if outer == "parameters" and inner:
                parameters[inner] = value
            else:
                wire[path] = value
        wire |= {"parameters": parameters, "stream": request.stream}
        return Encoded(encode_json(wire), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        decoded = decode_response_as(decode_json, body)
        reader = ObjectReader(decoded[0] if isinstance(decoded, list) and decoded else decoded, "", bad_field)
        text = reader.need_string("generated_text")
        choice = Choice(parts=[Text(text=text)] if text else [], finish_reason="stop")
        response = ChatResponse(origin=self.name, choices=[choice])
        details = reader.reader("details")
        if details is not None:
            _read_details(details, choice, response)
        response.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        return response

    def encode_response(self, response: ChatResponse) -> Encoded:
        if not response.choices:
            raise bad_field("choices", "the provider gave no answer")
        choice = response.choices[0]
        is_own = response.origin == self.name
        dropped = [] if len(response.choices) == 1 else ["choices[1:]"]
        text = words_of_answer(choice.parts, dropped)
        usage = response.usage or Usage()
        details: JsonObject = {
            "finish_reason": WIRE_REASONS[choice.finish_reason or "stop"],
            "generated_tokens": usage.total_output,
            "seed": choice.extra.get("seed") if is_own else None,
            "prefill": [],
            "tokens": [],
        }
        dropped += [] if choice.logprobs is None else ["logprobs"]
        if not is_own:
            dropped += ["finish_reason"] if choice.finish_reason in UNSAID_REASONS else []
            dropped += [] if choice.stop_sequence is None else ["stop_sequence"]
            dropped += ["service_tier"] if response.service_tier not in (None, "default") else []
            dropped += [*choice.extra, *response.extra]
        return Encoded(encode_json({"generated_text": text, "details": details}), dropped)

    def stream_decoder(self) -> StreamDecoder:
        return TgiStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return TgiStreamEncoder(shape, self)


def _read_details(details: ObjectReader, choice: Choice, response: ChatResponse) -> None:
    choice.finish_reason = finish_reason(details.string("finish_reason"))
    prefill = details.take("prefill")
    prompt = len(prefill) if isinstance(prefill, list) else None
    response.usage = read_usage(prompt, details.integer("generated_tokens"))
    tokens, others = details.take("tokens"), details.take("top_tokens")
    if others:
        choice.logprobs = _read_logprobs(tokens, others)
    choice.extra = {name: value for name, value in details.rest().items() if value is not None}


def _read_logprobs(tokens: object, others: object) -> JsonObject:
    """OpenAI's form. Every answer has its tokens; only who asked for their alternatives wants to know."""
    try:
        chosen = msgspec.convert(tokens, list[Token])
        top = msgspec.convert(others, list[list[Token]])
    except msgspec.ValidationError as error:
        raise bad_field("details.tokens", str(error)) from error
    missing: list[list[Token]] = [[] for _ in chosen[len(top) :]]
    pairs = zip(chosen, [*top, *missing], strict=False)
    return {"content": [entry_with(token, alternatives) for token, alternatives in pairs], "refusal": None}
