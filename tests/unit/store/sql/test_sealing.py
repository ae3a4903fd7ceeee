"""What encrypts fields."""

from entresol.store.envelope import Envelope
from entresol.store.sql.sealing import Sealer


def test_the_envelope_is_one() -> None:
    sealer: Sealer = Envelope({"a": b"k" * 32}, "a")
    assert sealer.open("t", "r", "f", sealer.seal("t", "r", "f", "x")) == "x"
