"""Secrets: values that may be used but never shown."""

from entresol.core.errors import ConfigError


class Secret:
    """A confidential text, or a reference to one that could not be resolved.

    Its repr is masked, it cannot be encoded by accident (msgspec refuses it), and `reveal` is easy to search for.
    """

    __slots__ = ("_value", "missing", "reference")

    def __init__(self, value: str | None, reference: str | None = None, missing: tuple[str, ...] = ()) -> None:
        self._value = value
        self.reference = reference
        """The text the file had instead of the value, such as `Bearer {vault://env/openai-api-key}`."""
        self.missing = missing
        """The references that have no value; never any part of a value."""

    @property
    def is_resolved(self) -> bool:
        """False when a reference has no value; `reveal` then raises."""
        return self._value is not None

    def reveal(self) -> str:
        """The value. Raises ConfigError `secret_unresolved`, which names the references."""
        if self._value is None:
            names = ", ".join(self.missing) or "a secret"
            raise ConfigError("secret_unresolved", f"no value for {names}", status=503)
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')" if self.is_resolved else f"Secret(unresolved: {', '.join(self.missing)})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._value == other._value and self.reference == other.reference

    def __hash__(self) -> int:
        return hash((self._value, self.reference))
