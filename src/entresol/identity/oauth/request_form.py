"""Parameters of a request, form-encoded in its body.

A parameter that comes twice is refused, for two readers could pick different ones (RFC 6749 §3.2), but for those
that may: `resource` (RFC 8707 §2) and `audience` (RFC 8693 §2.1). One without a value counts as left out.
"""

from typing import Final
from urllib.parse import parse_qsl

from entresol.identity.oauth.errors import OAuthError

MAX_BODY: Final = 65_536
MAX_PARAMETERS: Final = 64
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_REPEATABLE: Final = frozenset(("resource", "audience"))


class RequestForm:
    """The parameters of one request."""

    def __init__(self, body: bytes, content_type: str = MEDIA_TYPE) -> None:
        """Raises OAuthError `invalid_request`."""
        if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise OAuthError("invalid_request", f"the body must be {MEDIA_TYPE}")
        if len(body) > MAX_BODY:
            raise OAuthError("invalid_request", f"the body is larger than {MAX_BODY} bytes", status=413)
        try:
            pairs = parse_qsl(
                body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
            )
        except ValueError as error:
            raise OAuthError("invalid_request", "the body cannot be read as a form in UTF-8") from error
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        for name, values in self._values.items():
            if len(values) > 1 and name not in _REPEATABLE:
                raise OAuthError("invalid_request", f"the parameter {name} is there twice")

    def get(self, name: str) -> str:
        """The value; empty if there is none."""
        values = self._values.get(name)
        return values[0] if values else ""

    def need(self, name: str) -> str:
        """The value. Raises OAuthError `invalid_request`."""
        value = self.get(name)
        if not value:
            raise OAuthError("invalid_request", f"the parameter {name} is missing")
        return value

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a parameter that may be repeated."""
        return tuple(value for value in self._values.get(name, ()) if value)
