"""What the top level of a request body says about the call."""

from typing import Final, Literal

import msgspec

from entresol.llm.json_fields import Fields, encode_json, read_field

Framing = Literal["sse", "json-array"]
"""How a stream's events are told apart. Only Gemini has the second: one JSON array, sent piece by piece."""

_FALSE: Final = msgspec.Raw(b"false")
_read_text: Final = msgspec.json.Decoder(str | None).decode
_read_flag: Final = msgspec.json.Decoder(bool | None).decode


class Opened:
    """A request body whose top level has been read."""

    __slots__ = ("body", "fields", "framing", "model", "stream")

    def __init__(
        self, fields: Fields, model: str | None, stream: bool, framing: Framing = "sse", body: bytes | None = None
    ) -> None:
        self.fields = fields
        self.model = model
        """None: the client named none."""
        self.stream = stream
        self.framing: Framing = framing
        self.body = body
        """What encoding `fields` gives, where that is known."""

    def put(self, name: str, value: object) -> None:
        """Change a field of the top level."""
        self.fields[name] = msgspec.Raw(encode_json(value))
        self.body = None


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
