"""Tokens that others have signed, keys that are fetched over real connections."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from contract.identity import door
from entresol.core.decision import Deny
from entresol.identity.jwt_results import Outcome, Verified
from entresol.identity.jwt_verification import Verifier
from entresol.identity.records.issuers import Issuer

AUDIENCE = "https://gateway.example/llm"
RSA = rsa.generate_private_key(65537, 2048)
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
EC_KEYS = {name: ec.generate_private_key(curve) for name, curve in CURVES.items()}
ED = ed25519.Ed25519PrivateKey.generate()
SIGNERS: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), (RSA, "rsa")),
    "ES256": (EC_KEYS["P-256"], "P-256"),
    "ES384": (EC_KEYS["P-384"], "P-384"),
    "ES512": (EC_KEYS["P-521"], "P-521"),
    "EdDSA": (ED, "ed"),
}


def key_set() -> dict[str, Any]:
    """As another library writes it."""
    keys = [RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True) | {"kid": "rsa"}]
    keys += [ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": name} for name, key in EC_KEYS.items()]
    keys.append(OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True) | {"kid": "ed"})
    return {"keys": [{name: value for name, value in key.items() if name != "key_ops"} for key in keys]}


class Site:
    """An issuer's web site on loopback, which counts what it is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.is_up = True
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked[self.path] += 1
                page = site.pages().get(self.path) if site.is_up else None
                body = json.dumps(page).encode()
                self.send_response(200 if page is not None else 503)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.name = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def pages(self) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": {"issuer": self.name, "jwks_uri": f"{self.name}/keys"},
            "/keys": key_set(),
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


def verifier(site: Site) -> Verifier:
    record = Issuer(
        id="i", organisation="o", name="idp", issuer=site.name, audiences=(AUDIENCE,), algorithms=tuple(SIGNERS)
    )
    return door.verifier_of(record)


def signed(site: Site, algorithm: str, **changes: Any) -> bytes:
    now = int(time.time())
    claims = {"iss": site.name, "sub": "ada", "aud": AUDIENCE, "exp": now + 600, "iat": now} | changes
    key, kid = SIGNERS[algorithm]
    return jwt.encode(claims, key, algorithm, {"kid": kid}).encode()


async def outcomes(site: Site, *tokens: bytes) -> list[Outcome]:
    return await door.outcomes(verifier(site), *tokens)


@pytest.mark.anyio
async def test_tokens_of_every_algorithm_that_another_library_signs_are_taken(site: Site) -> None:
    for outcome in await outcomes(site, *(signed(site, algorithm) for algorithm in SIGNERS)):
        assert isinstance(outcome, Verified), outcome


@pytest.mark.anyio
async def test_many_at_once_make_one_fetch(site: Site) -> None:
    results = await outcomes(site, *(signed(site, "ES256", sub=f"user-{number}") for number in range(100)))
    assert all(isinstance(outcome, Verified) for outcome in results)
    assert site.asked == {"/.well-known/openid-configuration": 1, "/keys": 1}


@pytest.mark.anyio
async def test_a_flood_of_invented_keys_makes_no_more(site: Site) -> None:
    key, _ = SIGNERS["ES256"]
    claims = {"iss": site.name, "sub": "x", "aud": AUDIENCE, "exp": int(time.time()) + 600}
    flood = [jwt.encode(claims, key, "ES256", {"kid": f"k{number}"}).encode() for number in range(100)]
    results = await outcomes(site, *flood)
    assert all(isinstance(outcome, Deny) for outcome in results)
    assert site.asked["/keys"] == 1


@pytest.mark.anyio
async def test_an_issuer_that_is_down_is_503(site: Site) -> None:
    site.is_up = False
    (outcome,) = await outcomes(site, signed(site, "RS256"))
    assert isinstance(outcome, Deny)
    assert (outcome.status, outcome.code) == (503, "issuer_unavailable")


@pytest.mark.parametrize("algorithm", list(SIGNERS))
def test_another_library_refuses_and_takes_the_same(site: Site, algorithm: str) -> None:
    """The same token is genuine, expired, or for somebody else to both."""
    key = SIGNERS[algorithm][0].public_key()
    for changes in ({}, {"exp": 1}, {"aud": "x"}, {"nbf": int(time.time()) + 999}, {"iss": "https://evil.example"}):
        token = signed(site, algorithm, **changes)
        try:
            jwt.decode(token, key, [algorithm], audience=AUDIENCE, issuer=site.name)
            theirs = True
        except jwt.InvalidTokenError:
            theirs = False
        (outcome,) = asyncio.run(outcomes(site, token))
        assert isinstance(outcome, Verified) is theirs, changes
