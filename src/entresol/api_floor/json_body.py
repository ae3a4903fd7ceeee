"""A JSON request body whose top level is decoded once, for all plugins that read or change it.

`exchange.body` stays the truth: what is known of it holds only for that very bytes object, so a plugin that assigns
`exchange.body` needs to know nothing of this.
"""

from typing import Final

from entresol.api_floor.exchange import Exchange
from entresol.core.slots import Slot
from entresol.llm.json_fields import Fields, encode_json, read_fields


class JsonBody:
    """A body and its top level."""

    __slots__ = ("body", "fields", "is_rewritten")

    def __init__(self, body: bytes, fields: Fields) -> None:
        self.body = body
        self.fields = fields
        """Not to be changed but on the way to `rewrite_json_body` (or to assigning another body)."""
        self.is_rewritten = False
        """The gateway wrote `body` from `fields`: no key at the top level is repeated, and encoding `fields` again
        would give the same bytes."""


JSON_BODY: Final[Slot[JsonBody]] = Slot("json_body")


def json_body(exchange: Exchange) -> JsonBody:
    """The exchange's body, decoded unless it was before. Raises ClientError `bad_json`."""
    known = exchange.get(JSON_BODY)
    body = exchange.body
    if known is None or known.body is not body:
        known = exchange[JSON_BODY] = JsonBody(body, read_fields(body))
    return known


def rewrite_json_body(exchange: Exchange, known: JsonBody) -> None:
    """Replace the exchange's body by `known.fields`, which were changed."""
    known.body = exchange.body = encode_json(known.fields)
    known.is_rewritten = True
