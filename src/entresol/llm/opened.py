"""What the top level of a request body says about the call."""

from typing import Final, Literal

import msgspec

from entresol.llm.chat_body import ChatBody
from entresol.llm.json_fields import Fields, encode_json, read_field, read_fields

Framing = Literal["sse", "json-array", "ndjson", "aws"]
"""How a stream's events are told apart: server-sent events; one JSON array, sent piece by piece (Gemini); a JSON
object a line (Ollama); AWS's binary event stream (Bedrock)."""

_FALSE: Final = msgspec.Raw(b"false")
_read_text: Final = msgspec.json.Decoder(str | None).decode
_read_flag: Final = msgspec.json.Decoder(bool | None).decode


class Opened:
    """A request body whose top level has been read."""

    __slots__ = ("_chat", "_fields", "body", "framing", "model", "stream")

    def __init__(
        self,
        fields: Fields | None,
        model: str | None,
        stream: bool,
        framing: Framing = "sse",
        body: bytes | None = None,
        chat: ChatBody | None = None,
    ) -> None:
        self._fields = fields
        self.model = model
        """None: the client named none."""
        self.stream = stream
        self.framing: Framing = framing
        self.body = body
        """What encoding `fields` gives, where that is known."""
        self._chat = chat

    @property
    def fields(self) -> Fields:
        """The top level, to be read and changed: then `body` has to be None."""
        fields = self._fields
        if fields is None:
            fields = self._fields = {} if self.body is None else read_fields(self.body)
            self._chat = None
        return fields

    def get(self, name: str) -> msgspec.Raw | None:
        """A field other than the prompt, the model and `stream`."""
        return self.fields.get(name) if self._chat is None else self._chat.get(name)

    def put(self, name: str, value: object) -> None:
        """Change a field of the top level."""
        encoded = encode_json(value)
        chat = self._chat
        if chat is not None and chat.put(name, encoded):
            self.body = chat.body
        else:
            self.fields[name] = msgspec.Raw(encoded)
            self.body = None


def opened_chat(chat: ChatBody) -> Opened:
    """A plain chat request."""
    return Opened(None, chat.model, chat.stream, "sse", chat.body, chat)


def opened_fields(fields: Fields) -> Opened:
    """A body whose fields `model` and `stream` are what nearly all formats have. Raises ClientError `bad_request`."""
    model, stream = fields.get("model"), fields.get("stream")
    try:
        return Opened(
            fields,
            None if model is None else _read_text(model),
            False if stream is None or stream == _FALSE else _read_flag(stream) or False,
        )
    except (msgspec.DecodeError, UnicodeDecodeError):
        read_field(fields, "model", str)  # says which of the two it is
        read_field(fields, "stream", bool)
        raise
