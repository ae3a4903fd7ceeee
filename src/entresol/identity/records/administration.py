"""What the Admin API remembers of its own."""

from entresol.core.record import Record


class IdempotentAnswer(Record, frozen=True, kw_only=True):
    """The answer to a request that made something, for whoever sends it again. Its id is the SHA-256 of who asked and
    of the key that they chose."""

    kind = "idempotent_answers"
    ends_at = "expires_at"
    sealed = ("body",)

    request: str
    """SHA-256 of method, path and body."""
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str
    """It may hold a secret that is shown once."""
    expires_at: int
