"""Parameters of requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.request_form import MAX_BODY, RequestForm


def test_parameters_are_decoded_and_empty_ones_left_out() -> None:
    form = RequestForm(b"a=b+c%26&e=&resource=x&resource=y&resource=")
    assert (form.get("a"), form.get("e"), form.get("z"), form.all("resource")) == ("b c&", "", "", ("x", "y"))


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"code=1&code=2", "application/x-www-form-urlencoded", 400),
        (b"code=1&c%6Fde=1", "application/x-www-form-urlencoded", 400),
        (b'{"code": "1"}', "application/json", 400),
        (b"code=1", "", 400),
        (b"code=%ff", "application/x-www-form-urlencoded", 400),
        (b"\xff=1", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"p%d=1" % n for n in range(65)), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"b" * MAX_BODY, "application/x-www-form-urlencoded", 413),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes, content_type: str, status: int) -> None:
    with pytest.raises(OAuthError) as refusal:
        RequestForm(body, content_type)
    assert (refusal.value.error, refusal.value.status) == ("invalid_request", status)


def test_a_parameter_of_the_media_type_changes_nothing() -> None:
    assert RequestForm(b"a=1", "Application/X-WWW-Form-URLencoded; charset=UTF-8").need("a") == "1"


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(OAuthError, match="parameter code is missing"):
        RequestForm(b"code=").need("code")


@given(st.binary(), st.text())
def test_whatever_is_sent_is_read_or_refused(body: bytes, content_type: str) -> None:
    for kind in (content_type, "application/x-www-form-urlencoded"):
        try:
            RequestForm(body, kind).get("a")
        except OAuthError:
            continue
