"""What encrypts and decrypts the sealed fields of records."""

from typing import Protocol


class Sealer(Protocol):
    """Encrypts texts, each in its place. `store.envelope.Envelope` is one."""

    def seal(self, table: str, record_id: str, field: str, text: str) -> str:
        """The text as it is kept. An empty text stays empty."""

    def open(self, table: str, record_id: str, field: str, sealed: str) -> str:
        """The text again. Raises InternalError `secret_unreadable`."""

    def is_current(self, sealed: str) -> bool:
        """False for what was sealed with a key that has been replaced."""
