"""Wire format `anthropic-count-tokens`: `POST /v1/messages/count_tokens`, how many tokens a message would read.

Source: Anthropic API reference, "Count tokens in a Message". It never streams and costs nothing.
"""

from typing import Final

import msgspec

from entresol.llm.anthropic_structs import ErrorWire
from entresol.llm.anthropic_wire import AnthropicFormat, read_error, stream_error_status
from entresol.llm.format import CallFacts, Fields, Opened, Options, Profile, bad_field, decode_response_as, encode_json
from entresol.llm.opened import opened_fields


class _Answer(msgspec.Struct):
    input_tokens: int | None = None
    error: ErrorWire | None = None


_decode_answer: Final = msgspec.json.Decoder(_Answer).decode


class AnthropicCountTokens(AnthropicFormat):
    """Anthropic's token counting. Clients of the same route send it beside messages."""

    name = "anthropic-count-tokens"
    operation = "count_tokens"
    prompt_field = "messages"

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        opened = opened_fields(fields)
        opened.stream = False
        return opened

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if opened.model != model:
            opened.put("model", model)
        return encode_json(opened.fields) if opened.body is None else opened.body

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.error is not None:
            error = read_error(answer.error, stream_error_status(answer.error))
            return CallFacts(error=error, is_complete=True)
        if answer.input_tokens is None:
            raise bad_field("input_tokens", "is required")
        return CallFacts(is_complete=True)
