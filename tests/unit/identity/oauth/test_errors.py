"""Errors of OAuth."""

from entresol.core.errors import ClientError
from entresol.identity.oauth.errors import OAuthError


def test_an_error_is_what_rfc_6749_has_for_it() -> None:
    error = OAuthError("invalid_request", "state is missing")
    assert isinstance(error, ClientError)
    assert error.status == 400
    assert error.body == {"error": "invalid_request", "error_description": "state is missing"}


def test_a_description_holds_no_character_that_rfc_6749_forbids() -> None:
    assert OAuthError("invalid_scope", 'no "ü\\\r\nx"').message == "no '????x'"
