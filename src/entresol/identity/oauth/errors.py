"""Errors of OAuth endpoints, as RFC 6749 §5.2 has them."""

from entresol.core.errors import ClientError


class OAuthError(ClientError):
    """A refusal with one of OAuth's own codes. `headers` go out with the answer, such as WWW-Authenticate.

    The description is read by developers; RFC 6749 §5.2 allows it printable ASCII without `"` and `\\` only.
    """

    def __init__(
        self, error: str, description: str, *, status: int = 400, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        text = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in description.replace('"', "'"))
        super().__init__(error, text, status=status, headers=headers)

    @property
    def error(self) -> str:
        """OAuth's code: `invalid_request`, `invalid_client` …"""
        return self.code

    @property
    def body(self) -> dict[str, str]:
        """The members of the JSON answer."""
        return {"error": self.code, "error_description": self.message}
