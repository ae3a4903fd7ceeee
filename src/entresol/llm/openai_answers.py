"""What answers of OpenAI's chats and completions have in common, and some settings of their requests.

Source: OpenAI API reference, "The chat completion object", "The completion object".
"""

from collections.abc import Callable
from typing import cast

from entresol.llm.format import Encoded, bad_field, decode_json, decode_response_as, encode_json
from entresol.llm.openai_structs import UsageWire
from entresol.llm.openai_usage import read_usage, write_usage
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, ChatResponse, Choice, JsonObject
from entresol.llm.usage_faults import convert_usage


def read_answer(name: str, body: bytes, read_choice: Callable[[ObjectReader, int], Choice]) -> ChatResponse:
    """An answer in the format of that name; what nobody reads stays in `extra`."""
    reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
    reader.take("object")
    choices = reader.need("choices", reader.readers("choices"))
    usage = convert_usage(reader.take("usage"), UsageWire)
    created = reader.number("created")  # a fraction from some servers
    response = ChatResponse(
        origin=name,
        id=reader.string("id") or "",
        model=reader.string("model") or "",
        created=None if created is None else int(created),
        choices=[read_choice(choice, index) for index, choice in enumerate(choices)],
        usage=None if usage is None else read_usage(usage),
        service_tier=reader.string("service_tier"),
    )
    response.extra = said(reader.rest())
    return response


def write_answer(
    response: ChatResponse, kind: str, choices: list[JsonObject], is_own: bool, dropped: list[str]
) -> Encoded:
    """An answer around its choices. `kind` is its `object`."""
    wire: JsonObject = {
        "id": response.id,
        "object": kind,
        "created": response.created or 0,
        "model": response.model,
        "choices": choices,
    }
    if response.usage is not None:
        wire["usage"] = write_usage(response.usage)
    if response.service_tier is not None:
        wire["service_tier"] = response.service_tier
    if is_own:
        wire.update(response.extra)
    else:
        dropped += response.extra
    return Encoded(encode_json(wire), dropped)


def said(fields: JsonObject) -> JsonObject:
    """Fields without those that say nothing, such as `annotations: []`: to leave them out is no loss."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


def read_bias(reader: ObjectReader, request: ChatRequest) -> None:
    """`logit_bias`, as it was written: 1 stays 1."""
    bias = reader.reader("logit_bias")
    if bias is not None:
        values = bias.rest().copy()
        for name in values:
            bias.need(name, bias.number(name))
        request.logit_bias = cast("dict[str, int | float]", values)


def read_stream_options(reader: ObjectReader, request: ChatRequest) -> None:
    """`stream_options`."""
    options = reader.reader("stream_options")
    if options is not None:
        request.include_usage = options.boolean("include_usage")
        for name, value in options.rest().items():
            request.extra[f"stream_options.{name}"] = value
