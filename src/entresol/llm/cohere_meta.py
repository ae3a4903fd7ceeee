"""What Cohere's embeddings and its rerank have in common: answers with `meta`, which says what they cost.

Source: Cohere API reference, version 2, "Embed" and "Rerank".
"""

from typing import ClassVar, Final

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.cohere_wire import CohereFormat, UsageWire, read_usage
from entresol.llm.events import ErrorDetail
from entresol.llm.format import bad_response
from entresol.llm.fragment import object_after, string_after
from entresol.llm.types import JsonObject, Usage


class Meta(UsageWire):
    """`meta`."""

    warnings: list[str] | None = None


_decode_meta: Final = msgspec.json.Decoder(Meta).decode


def write_meta(usage: Usage | None, warnings: object = None, searches: int | None = None) -> JsonObject:
    """The `meta` of an answer."""
    units: JsonObject = {}
    if usage is not None:
        units["input_tokens"] = usage.total_input
    if searches is not None:
        units["search_units"] = searches
    meta: JsonObject = {"api_version": {"version": "2"}, "billed_units": units}
    return meta | {"warnings": warnings} if warnings else meta


class CohereMetaFormat(CohereFormat):
    """The part of both that a call needs which stays in the format."""

    answer_field: ClassVar[str]
    """Where the answer stands."""

    def facts_of(self, message: object, found: object, identifier: str | None, meta: Meta | None) -> CallFacts:
        """What a whole answer says. Raises UpstreamError `provider_bad_response` if it is not one."""
        if found is None and isinstance(message, str):
            error = ErrorDetail(status=502, message=message, request_id=identifier)
            return CallFacts(error=error, is_complete=True)
        if found is None:
            raise bad_response(f"it has no {self.answer_field}")
        usage = None if meta is None else read_usage(meta)
        return CallFacts(usage=usage, response_id=identifier, is_complete=True)

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        found = object_after(tail, b'"meta"')
        try:
            usage = None if found is None else read_usage(_decode_meta(found))
        except msgspec.DecodeError:
            usage = None
        return CallFacts(usage=usage, response_id=string_after(head, b'"id"'), is_complete=True)
