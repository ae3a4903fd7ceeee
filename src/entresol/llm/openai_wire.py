"""What OpenAI's operations have in common on the wire: errors, usage, and the facts an answer states.

Source: OpenAI API reference, "Error codes" and the `usage` objects of chat completions, completions and embeddings;
the lenient forms are those of compatible servers (vLLM, Ollama, Mistral, OpenRouter).
"""

from collections.abc import Callable
from typing import Final

from entresol.llm.call_facts import CallFacts
from entresol.llm.events import ErrorDetail
from entresol.llm.format import Format, Framing, Opened, encode_json
from entresol.llm.openai_facts import error_in, facts_of_answer, facts_of_fragment, facts_of_stream
from entresol.llm.sse import sse_data
from entresol.llm.usage_chunk import UsageChunkFilter, asks_for_usage

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


class OpenAIFormat(Format):
    """The part of a wire format that OpenAI's operations share."""

    def stream_filter(self, opened: Opened) -> Callable[[bytes, bool], bytes] | None:
        return None if asks_for_usage(opened.get("stream_options")) else UsageChunkFilter().feed

    def response_facts(self, body: bytes) -> CallFacts:
        return facts_of_answer(body)

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        return facts_of_fragment(head, tail)

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        return facts_of_stream(head, tail)

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        return error_in(status, body)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        return encode_json({"error": _error_object(error), "message": error.message, "request_id": request_id})

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        return sse_data(self.error_body(error, request_id))


def _error_object(error: ErrorDetail) -> dict[str, object]:
    kind = _TYPES.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
    wire: dict[str, object] = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    if error.request_id is not None:
        wire["request_id"] = error.request_id
    return wire
