"""A JSON request body that is read once, for all plugins that read or change it.

`exchange.body` stays the truth: what is known of it holds only for that very bytes object, so a plugin that assigns
`exchange.body` needs to know nothing of this.
"""

from typing import Final

from entresol.api_floor.exchange import Exchange
from entresol.core.slots import Slot
from entresol.llm.chat_body import ChatBody, read_chat
from entresol.llm.json_fields import Fields, encode_json, read_fields


class JsonBody:
    """A body and what is known of it."""

    __slots__ = ("_chat", "_fields", "_is_read", "body", "is_rewritten")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.is_rewritten = False
        """No key at the top level is repeated, and encoding `fields` again would give the same bytes."""
        self._fields: Fields | None = None
        self._chat: ChatBody | None = None
        self._is_read = False

    @property
    def fields(self) -> Fields:
        """The top level. Not to be changed but on the way to `rewrite_json_body` (or to assigning another body).

        Raises ClientError `bad_json`.
        """
        fields = self._fields
        if fields is None:
            fields = self._fields = read_fields(self.body)
        return fields

    def chat(self) -> ChatBody | None:
        """The body as a plain chat request of OpenAI's; None if it is not one, or `fields` was asked for before."""
        if not self._is_read:
            self._is_read = True
            if self._fields is None:
                self._chat = read_chat(self.body)
                self.is_rewritten = self._chat is not None
        return self._chat

    def replace(self, body: bytes, chat: ChatBody | None) -> None:
        """Another body, written without white space and repeated keys: `chat`, or else `fields` as they are now."""
        self.body = body
        self.is_rewritten = True
        self._is_read = True
        self._chat = chat
        if chat is not None:
            self._fields = None


JSON_BODY: Final[Slot[JsonBody]] = Slot("json_body")


def json_body(exchange: Exchange) -> JsonBody:
    """What is known of the exchange's body."""
    known = exchange.get(JSON_BODY)
    body = exchange.body
    if known is None or known.body is not body:
        known = exchange[JSON_BODY] = JsonBody(body)
    return known


def rewrite_json_body(exchange: Exchange, known: JsonBody) -> None:
    """Replace the exchange's body by `known.fields`, which were changed."""
    exchange.body = body = encode_json(known.fields)
    known.replace(body, None)


def rewrite_chat_body(exchange: Exchange, known: JsonBody, chat: ChatBody) -> None:
    """Replace the exchange's body by `chat`, which was changed."""
    exchange.body = chat.body
    known.replace(chat.body, chat)
