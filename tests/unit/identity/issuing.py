"""An issuer for tests: it signs what it is told, and answers for its metadata and keys."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.identity.issuer_trust import TrustedIssuers
from entresol.identity.jwks import KeyCaches
from entresol.identity.jwt_results import NeedGroups, NeedKeys, Outcome
from entresol.identity.jwt_rules import ACCESS_TOKEN, TokenRules
from entresol.identity.jwt_verification import Verifier
from entresol.identity.profiles.entra_groups import GroupSource
from entresol.identity.records.issuers import Issuer

T = TypeVar("T")
NOW = 1_800_000_000
ISSUER = "https://idp.example"
AUDIENCE = "https://gateway.example/llm"
Key = RSAKey | ECKey | OKPKey
ES256 = ECKey.generate_key("P-256", {"kid": "es-1", "use": "sig", "alg": "ES256"})
RS256 = RSAKey.generate_key(2048, {"kid": "rs-1", "use": "sig"})
ED25519 = OKPKey.generate_key("Ed25519", {"kid": "ed-1", "use": "sig"})
STRANGER = ECKey.generate_key("P-256", {"kid": "es-1", "use": "sig", "alg": "ES256"})
KEYS: tuple[Key, ...] = (ES256, RS256, ED25519)
ALL_ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
    *("HS256", "HS384", "HS512", "none"),
]


def segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def key_set(*keys: Key) -> bytes:
    """Their public halves."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good access token; None takes one away."""
    whole = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": AUDIENCE,
        "exp": NOW + 600,
        "iat": NOW,
        "jti": "t-1",
        "client_id": "cli",
        "scope": "llm mcp",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def sign(payload: Mapping[str, Any] | bytes, key: Any = ES256, **header: Any) -> bytes:
    """A signed token. `header` adds to or replaces `alg`, `kid` and `typ`; None takes one away."""
    kid = key.as_dict().get("kid")
    fields = {"alg": "ES256", "typ": "at+jwt", "kid": kid} | header
    protected = json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signing_input = segment(protected) + b"." + segment(body)
    algorithm = jws.JWSRegistry.algorithms[fields["alg"]]
    return signing_input + b"." + segment(algorithm.sign(signing_input, key))


def issuer(**changes: Any) -> Issuer:
    """The record of an issuer whose keys are configured."""
    fields: dict[str, Any] = {
        "id": "iss-1",
        "organisation": "org",
        "name": "idp",
        "issuer": ISSUER,
        "audiences": (AUDIENCE,),
        "jwks": key_set(*KEYS).decode(),
    }
    return Issuer(**(fields | changes))


def verifier(*records: Issuer, groups: GroupSource | None = None, resources: frozenset[str] = frozenset()) -> Verifier:
    """Of these issuers, or of the usual one."""
    return Verifier(TrustedIssuers(records or (issuer(),), KeyCaches(), resources), groups)


Answers = Callable[[FetchRequest], FetchResponse]


def run(steps: Steps[T], answer: Answers) -> T:
    """Run steps; what `answer` raises as FetchFailed is thrown into them."""
    try:
        request = next(steps)
        while True:
            try:
                response = answer(request)
            except FetchFailed as fault:
                request = steps.throw(fault)
            else:
                request = steps.send(response)
    except StopIteration as end:
        value: T = end.value
        return value


class Web:
    """Pages by URL, and what was asked for. Text in the place of a page: there is no answer, and why."""

    def __init__(self, pages: Mapping[str, object]) -> None:
        self.pages = dict(pages)
        self.asked: list[FetchRequest] = []

    def __call__(self, request: FetchRequest) -> FetchResponse:
        self.asked.append(request)
        page = self.pages.get(request.url, FetchResponse(status=404))
        if isinstance(page, str):
            raise FetchFailed(request.url, page)
        if isinstance(page, FetchResponse):
            return page
        return FetchResponse(status=200, body=page if isinstance(page, bytes) else json.dumps(page).encode())

    @property
    def urls(self) -> list[str]:
        return [request.url for request in self.asked]


def web_of(name: str = ISSUER, *keys: Key) -> Web:
    """An issuer that publishes its metadata and keys."""
    base = name.rstrip("/")
    return Web(
        {
            f"{base}/.well-known/openid-configuration": {"issuer": name, "jwks_uri": f"{base}/keys"},
            f"{base}/keys": key_set(*(keys or KEYS)),
        }
    )


def checked(
    subject: Verifier, token: bytes, answer: Answers, now: int = NOW, rules: TokenRules = ACCESS_TOKEN
) -> Outcome:
    """The final answer: what is needed meanwhile is fetched."""
    for _ in range(3):
        outcome = subject.check(token, now, rules)
        if not isinstance(outcome, NeedKeys | NeedGroups):
            return outcome
        run(outcome.start(), answer)
    raise AssertionError("it never comes to an answer")
