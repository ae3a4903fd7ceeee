"""How the scripted provider behaves, and what an endpoint gives back: for endpoints of every wire."""

from typing import Final

import msgspec

from entresol.scripted.media_shelf import Shelf
from entresol.scripted.script import Script

DEFAULT_KEY: Final = "scripted-key"


class Settings(msgspec.Struct, frozen=True):
    """How the provider behaves."""

    keys: tuple[str, ...] = (DEFAULT_KEY,)
    """API keys it takes."""
    slow_s: float = 30.0
    """How long `scripted-slow` waits, in seconds."""
    shelf: Shelf = msgspec.field(default_factory=Shelf)
    """Files and batches that were uploaded."""


class Answered(msgspec.Struct, frozen=True):
    """A script and what it is about, for the record."""

    script: Script
    wire: str
    model: str = ""
