"""What OpenAI's operations without a call of a model answer: there is no usage, only success or an error."""

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.json_fields import decode_response_as
from entresol.llm.openai_facts import error_status, read_error
from entresol.llm.openai_structs import ErrorWire
from entresol.llm.openai_wire import OpenAIFormat


class _Answer(msgspec.Struct):
    error: ErrorWire | str | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


class StoredFormat(OpenAIFormat):
    """A format of these operations."""

    prompt_field = ""

    def response_facts(self, body: bytes) -> CallFacts:
        facts = CallFacts(is_complete=True)
        error = decode_response_as(_decode_answer, body).error
        if error is not None:
            facts.error = read_error(error, 502)
            facts.error.status = error_status(facts.error)
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        return CallFacts(is_complete=True)

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        return CallFacts(is_complete=True)
