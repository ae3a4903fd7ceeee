"""How clients prove to be who they are."""

import base64
import hmac
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.oauth.client_authentication import (
    ASSERTION_TYPE,
    ClientCredentials,
    authenticate_client,
    read_credentials,
    secret_digest,
)
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.records.oauth_clients import ClientAuthentication, OAuthClient
from fake_records import MemoryRecords
from unit.identity.oauth.keys import EC, OTHER_EC, RSA, jwks, signed

NOW = 1_700_000_000
ISSUER = "https://gw.example/auth"
AUDIENCES = (ISSUER, f"{ISSUER}/token")
SUBJECT = "CN=app,O=Example"
CLAIMS = {"iss": "app", "sub": "app", "aud": ISSUER, "jti": "1", "iat": NOW, "exp": NOW + 60}


def stored(authentication: ClientAuthentication, **fields: Any) -> MemoryRecords:
    records = MemoryRecords()
    records.insert(OAuthClient(id="app", name="App", authentication=authentication, **fields))
    return records


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()


def read(authorization: tuple[str, ...] = (), **parameters: str) -> ClientCredentials:
    return read_credentials(RequestForm(urlencode(parameters).encode()), authorization)


def asserted(token: str) -> ClientCredentials:
    return read(client_assertion_type=ASSERTION_TYPE, client_assertion=token)


def accepted(records: MemoryRecords, credentials: ClientCredentials, now: int = NOW) -> bool:
    try:
        return authenticate_client(records, credentials, AUDIENCES, now).record.id == "app"
    except OAuthError as refusal:
        return (refusal.error, refusal.status) != ("invalid_client", 401)


def test_a_secret_is_taken_from_the_header_or_the_body() -> None:
    records = stored("client_secret_basic", secret_digests=(secret_digest("s:% é"),))
    assert accepted(records, read((basic("app", "s:% é"),)))
    assert accepted(records, read((basic("app", "s:% é"),), client_id="app"))
    assert accepted(records, read(client_id="app", client_secret="s:% é"))
    assert not accepted(records, read((basic("app", "wrong"),)))
    assert not accepted(records, read((basic("other", "s:% é"),)))
    assert not accepted(records, read(client_id="app"))
    assert not accepted(records, read())


def test_secrets_overlap_while_one_is_replaced() -> None:
    records = stored(
        "client_secret_post", secret_digests=(secret_digest("new"), secret_digest("old")), secret_until=NOW + 10
    )
    assert accepted(records, read(client_id="app", client_secret="new"))
    assert accepted(records, read(client_id="app", client_secret="old"))
    assert not accepted(records, read(client_id="app", client_secret="old"), NOW + 10)
    assert accepted(records, read(client_id="app", client_secret="new"), NOW + 10)


@pytest.mark.parametrize("client_id", ["app", "nobody"])
def test_as_much_is_compared_whether_the_client_exists_or_not(client_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []
    real = hmac.compare_digest

    def counted(a: str, b: str) -> bool:
        compared.append((a, b))
        return real(a, b)

    records = stored("client_secret_basic", secret_digests=(secret_digest("s"),))
    monkeypatch.setattr(hmac, "compare_digest", counted)
    assert not accepted(records, read((basic(client_id, "wrong"),)))
    assert [(len(a), len(b)) for a, b in compared] == [(64, 64), (64, 64)]


def test_a_client_without_credentials_has_no_secret_that_fits() -> None:
    records = stored("none")
    assert accepted(records, read(client_id="app"))
    assert not accepted(records, read(client_id="app", client_secret="no client has this secret"))
    assert not accepted(records, read((basic("app", ""),)))


def test_a_client_with_credentials_has_to_show_them() -> None:
    for method in ("client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"):
        assert not accepted(stored(method, certificate_subject=SUBJECT), read(client_id="app"))


def test_a_disabled_client_is_nobody() -> None:
    assert not accepted(stored("none", is_enabled=False), read(client_id="app"))


@pytest.mark.parametrize(
    ("authorization", "parameters"),
    [
        ((basic("app", "s"),), {"client_secret": "s"}),
        ((basic("app", "s"),), {"client_assertion": "a", "client_assertion_type": ASSERTION_TYPE}),
        ((), {"client_secret": "s", "client_assertion": "a", "client_assertion_type": ASSERTION_TYPE}),
        ((basic("app", "s"), basic("app", "s")), {}),
        ((basic("app", "s"),), {"client_id": "other"}),
        ((), {"client_assertion": "a", "client_assertion_type": "urn:other"}),
        ((), {"client_assertion_type": ASSERTION_TYPE}),
    ],
)
def test_two_mechanisms_at_once_are_refused(authorization: tuple[str, ...], parameters: dict[str, str]) -> None:
    with pytest.raises(OAuthError) as refusal:
        read(authorization, **parameters)
    assert refusal.value.error == "invalid_request"


@pytest.mark.parametrize("value", ["Bearer x", "Basic", "Basic !", "Basic YQ==", "Basic OnM=", "Basic //8="])
def test_a_header_that_is_no_name_and_secret_is_challenged(value: str) -> None:
    with pytest.raises(OAuthError) as refusal:
        read((value,))
    assert refusal.value.status == 401
    assert dict(refusal.value.headers)[b"www-authenticate"].startswith(b"Basic ")


def test_only_who_used_the_header_is_challenged() -> None:
    records = stored("client_secret_basic", secret_digests=(secret_digest("s"),))
    for credentials, count in ((read((basic("app", "x"),)), 1), (read(client_id="app", client_secret="x"), 0)):
        with pytest.raises(OAuthError) as refusal:
            authenticate_client(records, credentials, AUDIENCES, NOW)
        assert len(refusal.value.headers) == count


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (RSA, "PS256"), (RSA, "RS256")])
def test_an_assertion_counts_once(key: Any, alg: str) -> None:
    records = stored("private_key_jwt", jwks=jwks(EC, RSA))
    token = signed(CLAIMS, key, alg)
    assert accepted(records, asserted(token))
    assert not accepted(records, asserted(token))
    assert accepted(records, asserted(signed(CLAIMS | {"jti": "2", "aud": [AUDIENCES[1]]}, key, alg)))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other"},
        {"sub": "app", "iss": None},
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": None},
        {"jti": None},
        {"jti": ""},
        {"exp": None},
        {"exp": NOW - 60},
        {"exp": NOW + 3_661},
        {"exp": "soon"},
        {"iat": NOW + 61},
        {"iat": NOW - 3_661},
        {"nbf": NOW + 61},
    ],
)
def test_an_assertion_for_something_else_is_refused(changed: dict[str, Any]) -> None:
    assert not accepted(stored("private_key_jwt", jwks=jwks(EC)), asserted(signed(CLAIMS | changed)))


def test_an_assertion_needs_the_client_s_own_key_and_method() -> None:
    good = signed(CLAIMS)
    assert not accepted(stored("private_key_jwt", jwks=jwks(OTHER_EC)), asserted(good))
    assert not accepted(stored("private_key_jwt"), asserted(good))
    assert not accepted(stored("private_key_jwt", jwks="{"), asserted(good))
    assert not accepted(stored("none", jwks=jwks(EC)), asserted(good))
    assert not accepted(stored("private_key_jwt", jwks=jwks(EC)), asserted(signed(CLAIMS, typ="at+jwt")))
    assert not accepted(stored("private_key_jwt", jwks=jwks(EC)), asserted(signed(CLAIMS | {"sub": "other"})))
    with pytest.raises(OAuthError) as refusal:
        asserted("opaque")
    assert refusal.value.error == "invalid_client"


def test_the_client_id_beside_an_assertion_is_its_subject() -> None:
    with pytest.raises(OAuthError) as refusal:
        read(client_id="other", client_assertion_type=ASSERTION_TYPE, client_assertion=signed(CLAIMS))
    assert refusal.value.error == "invalid_client"


def test_a_certificate_is_the_one_that_is_registered() -> None:
    records = stored("tls_client_auth", certificate_subject=SUBJECT)
    form = RequestForm(b"client_id=app")
    credentials = read_credentials(form, (), certificate_subject=SUBJECT, certificate_thumbprint="t")
    assert authenticate_client(records, credentials, AUDIENCES, NOW).certificate_thumbprint == "t"
    for subject in ("", "CN=app", "CN=APP,O=Example", "CN=app,O=Example,OU=x"):
        assert not accepted(records, msgspec.structs.replace(credentials, certificate_subject=subject))
    nameless = stored("tls_client_auth")
    assert not accepted(nameless, msgspec.structs.replace(credentials, certificate_subject=""))


def test_a_certificate_that_is_not_asked_for_binds_nothing() -> None:
    credentials = read_credentials(RequestForm(b"client_id=app"), (), certificate_thumbprint="t")
    client = authenticate_client(stored("none"), credentials, AUDIENCES, NOW)
    assert (client.certificate_thumbprint, client.is_public) == ("", True)


def test_credentials_do_not_show_their_secrets() -> None:
    assert "hunter2" not in repr(read(client_id="app", client_secret="hunter2"))


@given(st.text() | st.binary().map(lambda raw: "Basic " + base64.b64encode(raw).decode()), st.text())
def test_whatever_is_shown_is_read_or_refused(header: str, client_id: str) -> None:
    records = stored("client_secret_basic", secret_digests=(secret_digest("s"),))
    try:
        authenticate_client(records, read((header,), client_id=client_id), AUDIENCES, NOW)
    except OAuthError:
        return
    raise AssertionError("nobody knows the secret")
