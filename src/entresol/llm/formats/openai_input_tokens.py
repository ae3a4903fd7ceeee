"""Wire format `openai-input-tokens`: `POST /v1/responses/input_tokens`, how many tokens a response would read.

Source: OpenAI API reference, "Get input token counts"; types of openai 3.54 for Python.
"""

from typing import Final

from entresol.llm.counting import COUNTED, Countable, CountFormat, countable_body
from entresol.llm.format import Encoded, Opened, Options, Profile, encode_json
from entresol.llm.formats.openai_responses import OpenAIResponses
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.types import ChatRequest

_TAKEN: Final = Countable(
    COUNTED,
    frozenset(
        (
            "conversation", "input", "instructions", "model", "parallel_tool_calls", "personality",
            "previous_response_id", "reasoning", "text", "tool_choice", "tools", "truncation",
        )
    ),
)  # fmt: skip


class OpenAIInputTokens(CountFormat, OpenAIFormat):
    """OpenAI's token counting. Clients of the same route send it beside responses."""

    name = "openai-input-tokens"
    chat = OpenAIResponses()
    count_field = "input_tokens"
    answer_marks = {"object": "response.input_tokens"}

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if opened.model != model:
            opened.put("model", model)
        return encode_json(opened.fields) if opened.body is None else opened.body

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        return self.chat.decode_request(body)

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        fields, dropped = countable_body(self.chat, request, profile, _TAKEN)
        return Encoded(encode_json(fields), dropped)
