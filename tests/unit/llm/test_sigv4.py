"""Against the signatures that AWS publishes, and against botocore's."""

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.http import HeaderPairs
from entresol.llm.sigv4 import AwsKeys, AwsSignature, canonical_path

KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
    "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAk"
    "iY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
FORM = "application/x-www-form-urlencoded"

# "AWS Signature Version 4 test suite" (aws-sig-v4-test-suite, today in awslabs/aws-c-auth): name, method, target,
# Content-Type, body, signature. The suite encodes each path once, so its targets stand here as they were before that.
SUITE = [
    ("get-vanilla", "GET", "/", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("post-vanilla", "POST", "/", "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "get-vanilla-empty-query-key",
        "GET",
        "/?Param1=value1",
        "",
        "",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    (
        "get-vanilla-query-order-key-case",
        "GET",
        "/?Param2=value2&Param1=value1",
        "",
        "",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-vanilla-query-order-encoded",
        "GET",
        "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        "",
        "",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
    (
        "get-unreserved",
        "GET",
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "",
        "",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    ("get-utf8", "GET", "/\u1234", "", "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    (
        "get-space-normalized",
        "GET",
        "/example space/",
        "",
        "",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    (
        "get-slashes-normalized",
        "GET",
        "//example//",
        "",
        "",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    ("get-slash-dot-slash", "GET", "/./", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    (
        "get-relative-normalized",
        "GET",
        "/example/..",
        "",
        "",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "post-x-www-form-urlencoded",
        "POST",
        "/",
        FORM,
        "Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
]


def signed(
    method: str, target: str, pairs: HeaderPairs, body: bytes = b"", keys: AwsKeys = KEYS, now: float = NOW
) -> dict[bytes, bytes]:
    signature = AwsSignature(keys, "us-east-1", "service")
    return dict(signature.apply(method, "example.amazonaws.com", target, pairs, body, now))


@pytest.mark.parametrize(
    ("method", "target", "kind", "body", "expected"), [c[1:] for c in SUITE], ids=[c[0] for c in SUITE]
)
def test_signatures_are_those_of_the_test_suite(method: str, target: str, kind: str, body: str, expected: str) -> None:
    pairs = [(b"content-type", kind.encode())] if kind else []
    fields = signed(method, target, pairs, body.encode())
    names = "content-type;host;x-amz-date" if kind else "host;x-amz-date"
    assert fields[b"x-amz-date"] == b"20150830T123600Z"
    assert fields[b"authorization"].decode() == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={expected}"
    )


def test_a_session_token_is_sent_and_signed() -> None:
    # post-sts-header-before of the same suite
    fields = signed("POST", "/", [], keys=AwsKeys(KEYS.access_key_id, KEYS.secret_access_key, TOKEN))
    assert fields[b"x-amz-security-token"] == TOKEN.encode()
    assert fields[b"authorization"].endswith(
        b"SignedHeaders=host;x-amz-date;x-amz-security-token, "
        b"Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )


def by_botocore(method: str, host: str, target: str, pairs: HeaderPairs, body: bytes, keys: AwsKeys, now: float) -> str:
    request = AWSRequest(method=method, url=f"https://{host}{target}", data=body)
    for name, value in pairs:
        request.headers.add_header(name.decode(), value.decode("latin-1"))
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    with patch("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(now, UTC)):
        SigV4Auth(credentials, "bedrock", "eu-central-1").add_auth(request)
    return str(request.headers["Authorization"])


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~", min_size=1, max_size=12)
models = st.lists(names, min_size=1, max_size=3).map(lambda parts: "%3A".join(parts).replace("~", "%2F"))
paths = st.lists(models, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
queries = st.lists(st.tuples(names, names), max_size=4).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs))
fields = st.lists(
    st.tuples(
        st.sampled_from([b"content-type", b"x-amz-meta", b"x-amz-bedrock-kb"]),
        st.text(" abc;=/\t", max_size=12).map(lambda text: text.strip().encode()),
    ),
    max_size=3,
    unique_by=lambda pair: pair[0],
)


@given(
    st.sampled_from(["GET", "POST"]),
    paths,
    queries,
    fields,
    st.binary(max_size=40),
    st.one_of(st.none(), st.text("abcXYZ/+=", min_size=1)),
    st.integers(0, 4_000_000_000),
)
def test_signatures_are_those_of_botocore(
    method: str, path: str, query: str, pairs: HeaderPairs, body: bytes, token: str | None, now: int
) -> None:
    keys = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token)
    host, target = "bedrock-runtime.eu-central-1.amazonaws.com", f"{path}?{query}" if query else path
    fields = dict(AwsSignature(keys, "eu-central-1", "bedrock").apply(method, host, target, pairs, body, now))
    expected = by_botocore(method, host, target, pairs, body, keys, now)
    assert fields[b"authorization"].decode() == expected


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("", "/"),
        ("/model/claude-v1%3A0/converse", "/model/claude-v1%253A0/converse"),
        ("/model/arn%3Aaws%3Abedrock%3Aprompt%2Fx/invoke", "/model/arn%253Aaws%253Abedrock%253Aprompt%252Fx/invoke"),
        ("/model/us.amazon.nova:0/converse", "/model/us.amazon.nova%3A0/converse"),
        ("/a/../../b/./c/", "/b/c/"),
    ],
)
def test_a_path_is_encoded_once_more_than_it_is_sent(sent: str, canonical: str) -> None:
    assert canonical_path(sent) == canonical


def test_what_another_signed_before_is_taken_away() -> None:
    pairs = [
        (b"authorization", b"AWS4-HMAC-SHA256 Credential=GATEWAYKEY/20150830/eu-west-1/bedrock/aws4_request"),
        (b"x-amz-date", b"20140101T000000Z"),
        (b"x-amz-security-token", b"the client's"),
        (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),
        (b"x-api-key", b"the gateway's"),
        (b"accept", b"*/*"),
    ]
    signature = AwsSignature(KEYS, "us-east-1", "service")
    result = signature.apply("POST", "example.amazonaws.com", "/", pairs, b"", NOW)
    assert [name for name, _ in result] == [b"accept", b"x-amz-date", b"authorization"]
    assert result[-1][1].endswith(b"Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")
    assert len(pairs) == 6  # the caller's own stay


def test_the_key_is_derived_anew_for_every_day() -> None:
    signature = AwsSignature(KEYS, "us-east-1", "service")
    for now in (NOW, NOW + 86_400, NOW):
        again = dict(signature.apply("GET", "example.amazonaws.com", "/", [], b"", now))
        assert again == signed("GET", "/", [], now=now)


def test_remembering_paths_has_a_bound() -> None:
    signature = AwsSignature(KEYS, "us-east-1", "service")
    for number in range(600):
        signature.apply("GET", "example.amazonaws.com", f"/model/{number}", [], b"", NOW)
    assert len(signature._paths) <= 256


def test_secrets_are_named_so_that_they_can_be_hidden_and_do_not_show() -> None:
    keys = AwsKeys("AKIDEXAMPLE", "the-secret", "the-token")
    signature = AwsSignature(keys, "us-east-1", "bedrock")
    assert signature.secrets == (b"the-secret", b"the-token")
    assert AwsSignature(KEYS, "us-east-1", "bedrock").secrets == (KEYS.secret_access_key.encode(),)
    for shown in (repr(keys), str(keys), repr(signature)):
        assert "AKIDEXAMPLE" in shown
        assert "the-secret" not in shown
        assert "the-token" not in shown


def test_keys_are_equal_by_value() -> None:
    assert AwsKeys("a", "b") == AwsKeys("a", "b") != AwsKeys("a", "b", "c")
    assert len({AwsKeys("a", "b"), AwsKeys("a", "b")}) == 1
