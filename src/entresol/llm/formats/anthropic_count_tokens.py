"""Wire format `anthropic-count-tokens`: `POST /v1/messages/count_tokens`, how many tokens a message would read.

Source: Anthropic API reference, "Count tokens in a Message"; its place at Vertex AI: anthropic 2.12 for Python.
"""

from typing import Final

import msgspec

from entresol.llm.anthropic_wire import AnthropicFormat
from entresol.llm.counting import COUNTED, Countable, CountFormat, countable_body
from entresol.llm.format import Encoded, Opened, Options, Profile, encode_json
from entresol.llm.formats.anthropic_messages import AnthropicMessages
from entresol.llm.types import ChatRequest

_TAKEN: Final = Countable(
    COUNTED,
    frozenset(
        (
            "anthropic_version", "cache_control", "context_management", "mcp_servers", "messages", "model",
            "output_config", "output_format", "speed", "system", "thinking", "tool_choice", "tools", "user_profile_id",
        )
    ),
)  # fmt: skip


class AnthropicCountTokens(CountFormat, AnthropicFormat):
    """Anthropic's token counting. Clients of the same route send it beside messages."""

    name = "anthropic-count-tokens"
    prompt_field = "messages"
    chat = AnthropicMessages()
    count_field = "input_tokens"

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if opened.model != model:
            opened.put("model", model)
        if profile.body_version is not None and "anthropic_version" not in opened.fields:
            opened.put("anthropic_version", profile.body_version)
        return encode_json(opened.fields) if opened.body is None else opened.body

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        request = self.chat.decode_request(body)
        request.extra.pop("anthropic_version", None)  # of the API, where it stands in the body
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        if not profile.has_model_in_body:  # in the path stands what to do, so the model is here
            profile = msgspec.structs.replace(profile, has_model_in_body=True)
        fields, dropped = countable_body(self.chat, request, profile, _TAKEN)
        return Encoded(encode_json(fields), dropped)
