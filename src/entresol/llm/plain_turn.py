"""One turn of a plain chat request: a role and a text, nothing else."""

from typing import Final, Literal

import msgspec


class PlainTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What one turn says."""

    role: Literal["user", "assistant", "system", "developer", "tool"]
    content: str


decode_turns: Final = msgspec.json.Decoder(list[PlainTurn]).decode
