import pytest

from entresol.core.http import HeaderPairs
from entresol.core.secret import Secret
from entresol.llm.credentials import Credential
from entresol.llm.model_config import AuthConfig

HEADER = AuthConfig(header_name="Authorization", header_value=Secret("Bearer sk-provider"))
QUERY = AuthConfig(param_name="api-key", param_value=Secret("k&y"), param_location="query")
BODY = AuthConfig(param_name="token", param_value=Secret("secret-token"), param_location="body")
CLIENT: HeaderPairs = [
    (b"authorization", b"Bearer gateway-key"),
    (b"x-api-key", b"gateway-key"),
    (b"cookie", b"session=1"),
    (b"content-type", b"application/json; charset=utf-8"),
    (b"accept-encoding", b"gzip"),
    (b"anthropic-beta", b"b"),
    (b"openai-organization", b"o"),
    (b"x-mine", b"1"),
]
OWN: HeaderPairs = [(b"content-type", b"application/json")]


def override(auth: AuthConfig) -> AuthConfig:
    return AuthConfig(**{name: getattr(auth, name) for name in auth.__struct_fields__} | {"allow_override": True})


def test_the_clients_own_credentials_never_reach_the_provider() -> None:
    sent = Credential(HEADER).header_fields(CLIENT, OWN, is_same_format=True)
    assert sent == [
        (b"anthropic-beta", b"b"),
        (b"openai-organization", b"o"),
        (b"x-mine", b"1"),
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer sk-provider"),
    ]


def test_a_vendors_fields_stay_away_from_another_vendor() -> None:
    sent = Credential(HEADER).header_fields(CLIENT, [], is_same_format=False)
    assert [name for name, _ in sent] == [b"x-mine", b"authorization"]


def test_what_a_client_takes_is_not_what_another_wire_gives() -> None:
    client: HeaderPairs = [
        (b"accept", b"application/vnd.amazon.eventstream"),
        (b"accept-language", b"de"),
        (b"a", b"1"),
    ]
    assert Credential(AuthConfig()).header_fields(client, [], is_same_format=True) == client
    assert Credential(AuthConfig()).header_fields(client, [], is_same_format=False) == [(b"a", b"1")]


def test_a_field_of_ours_is_not_the_clients_to_send_beside_it() -> None:
    credential = Credential(HEADER)
    client: HeaderPairs = [(b"x-a", b"theirs"), (b"x-b", b"theirs")]
    for name, other in ((b"x-a", b"x-b"), (b"x-b", b"x-a"), (b"x-a", b"x-b")):
        own: HeaderPairs = [*OWN, (b"accept-encoding", b"identity"), (name, b"ours")]
        sent = credential.header_fields(client, own, is_same_format=True)
        assert [value for each, value in sent if each == name] == [b"ours"]
        assert (other, b"theirs") in sent


SIGNED: HeaderPairs = [
    (b"authorization", b"AWS4-HMAC-SHA256 Credential=x"),
    (b"x-amz-date", b"20261123T000000Z"),
    (b"x-amz-security-token", b"session-token"),
    (b"x-amz-content-sha256", b"0"),
    (b"x-amzn-bedrock-trace", b"ENABLED"),
    (b"amz-sdk-request", b"attempt=1"),
]


def test_the_clients_own_signature_never_reaches_the_provider() -> None:
    sent = Credential(HEADER).header_fields(SIGNED, [], is_same_format=True)
    assert [name for name, _ in sent] == [b"x-amzn-bedrock-trace", b"amz-sdk-request", b"authorization"]
    sent = Credential(HEADER).header_fields(SIGNED, [], is_same_format=False)
    assert [name for name, _ in sent] == [b"authorization"]


def test_without_a_credential_the_client_brings_its_own() -> None:
    sent = dict(Credential(AuthConfig()).header_fields(CLIENT, [], is_same_format=True))
    assert sent[b"authorization"] == b"Bearer gateway-key"
    assert b"cookie" not in sent


def test_a_provider_does_not_learn_whom_we_serve() -> None:
    client = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-real-ip", b"203.0.113.7"), (b"x-forwarded-host", b"internal")]
    assert Credential(AuthConfig()).header_fields(client, OWN, is_same_format=True) == OWN


def test_with_override_the_clients_value_wins_if_there_is_one() -> None:
    credential = Credential(override(HEADER))
    assert (b"authorization", b"Bearer gateway-key") in credential.header_fields(CLIENT, [], True)
    assert credential.header_fields([], [], True) == [(b"authorization", b"Bearer sk-provider")]


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("", "api-key=k%26y"),
        ("a=1", "a=1&api-key=k%26y"),
        ("api-key=mine&a=1", "a=1&api-key=k%26y"),
        ("key=g", "api-key=k%26y"),
    ],
)
def test_a_query_parameter_is_put_in_place_of_the_clients(query: str, sent: str) -> None:
    credential = Credential(QUERY)
    assert credential.query(credential.client_query(query)) == sent


def test_with_override_the_clients_parameter_wins() -> None:
    credential = Credential(override(QUERY))
    assert credential.query(credential.client_query("api%2Dkey=mine&key=g")) == "api%2Dkey=mine"


def test_a_body_parameter_is_put_into_the_json() -> None:
    credential = Credential(BODY)
    assert credential.body(b'{"a":1.0,"token":"mine"}') == b'{"a":1.0,"token":"secret-token"}'
    assert Credential(override(BODY)).body(b'{"token":"mine"}') == b'{"token":"mine"}'
    assert credential.query("a=1") == "a=1"


def test_it_is_known_whose_credential_a_call_went_out_with() -> None:
    header, query, body = Credential(override(HEADER)), Credential(override(QUERY)), Credential(override(BODY))
    assert header.is_in(header.header_fields([], OWN, is_same_format=True), "", b"{}")
    assert not header.is_in(header.header_fields(CLIENT, OWN, is_same_format=True), "", b"{}")
    assert query.is_in([], query.query("a=1"), b"{}")
    assert not query.is_in([], query.query("api-key=mine"), b"{}")
    assert body.is_in([], "", body.body(b'{"a":1}'))
    assert not body.is_in([], "", body.body(b'{"token":"mine"}'))
    assert not Credential(AuthConfig()).is_in(CLIENT, "key=mine", b'{"token":"mine"}')


def test_a_secret_without_a_value_is_a_fault_of_the_call_not_of_the_start() -> None:
    missing = Secret(None, "Bearer {vault://env/key}", ("{vault://env/key}",))
    credential = Credential(AuthConfig(header_name="Authorization", header_value=missing))
    assert credential.fault is not None
    assert credential.fault.code == "secret_unresolved"
    assert "vault://env/key" in credential.fault.message


@pytest.mark.parametrize("rest", [b"", b" and more", b"s", b"sk-", b"sk-provide"])
def test_a_key_is_hidden_wherever_pieces_cut_it(rest: bytes) -> None:
    text = b"It is sk-provider, or sk-sk-provider" + rest
    told = b"It is ***, or sk-***" + (b"***" if rest == b"sk-provide" else rest)
    for at in range(len(text) + 1):
        hider = Credential(HEADER).hider()
        assert hider.feed(text[:at]) + hider.feed(text[at:]) + hider.rest() == told
    hider = Credential(HEADER).hider()
    assert b"".join([hider.feed(text[at : at + 1]) for at in range(len(text))]) + hider.rest() == told


def test_nothing_waits_where_nothing_is_hidden() -> None:
    hider = Credential(AuthConfig()).hider()
    assert (hider.feed(b"sk-provid"), hider.rest()) == (b"sk-provid", b"")


def test_a_provider_that_repeats_the_key_does_not_give_it_away() -> None:
    text = b'{"error":{"message":"Incorrect API key provided: sk-provider."}}'
    assert Credential(HEADER).hidden_in(text) == b'{"error":{"message":"Incorrect API key provided: ***."}}'


def test_a_key_in_the_providers_address_is_hidden_as_well() -> None:
    url = "https://llm.test/chat?api-key=secret%2Fkey1&api-version=2024-05-01&Token=short&sig=$(headers.x-sig)"
    credential = Credential(AuthConfig(), url)
    assert credential.secrets == (b"secret%2Fkey1", b"secret/key1")
    assert b"secret" not in credential.hidden_in(b'{"url":"/chat?api-key=secret%2Fkey1","key":"secret/key1"}')


@pytest.mark.parametrize(
    "name",
    [
        b"x-consumer-username", b"x-consumer-groups", b"x-credential-identifier", b"x-forwarded-user", b"forwarded",
        b"true-client-ip", b"cf-connecting-ip", b"x-client-ip", b"origin", b"referer", b"x-goog-iap-jwt-assertion",
        b"x-ms-client-principal", b"x-amzn-oidc-data", b"cf-access-jwt-assertion", b"x-auth-request-access-token",
    ],
)  # fmt: skip
def test_a_provider_does_not_learn_who_calls(name: bytes) -> None:
    assert Credential(AuthConfig()).header_fields([(name, b"alice"), (b"x-own", b"1")], [], True) == [(b"x-own", b"1")]


@pytest.mark.parametrize("query", ["KEY=mine", "Api-Key=mine", "access_token=mine", "%41PIKEY=mine"])
def test_a_clients_key_stays_here_however_it_is_written(query: str) -> None:
    assert Credential(HEADER).client_query(f"{query}&a=1") == "a=1"


def test_a_key_that_a_file_ends_with_a_line_break_is_the_key() -> None:
    auth = AuthConfig(header_name="Authorization", header_value=Secret("Bearer sk-provider\n"))
    assert Credential(auth).header_fields([], [], True) == [(b"authorization", b"Bearer sk-provider")]
    auth = AuthConfig(param_name="key", param_value=Secret("sk-provider\r\n"), param_location="query")
    assert Credential(auth).query("") == "key=sk-provider"


@pytest.mark.parametrize("value", ["Bearer sk\nx: y", "sk\x00", "sk-€", "sk\x7f"])
def test_a_key_that_no_field_can_hold_is_a_fault_of_the_call_and_not_shown(value: str) -> None:
    credential = Credential(AuthConfig(header_name="Authorization", header_value=Secret(value)))
    assert credential.fault is not None
    assert (credential.fault.code, credential.fault.status) == ("secret_unusable", 503)
    assert credential.fault.message.startswith("auth.header_value ")
    assert "sk" not in credential.fault.message
