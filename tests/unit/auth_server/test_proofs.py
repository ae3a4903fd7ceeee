"""Proofs at the endpoints."""

from entresol.identity.oauth.token_settings import TokenSettings
from unit.auth_server.token_gateway import BASIC, TokenGateway, error_of

OWN = "client_credentials"


def test_a_proof_binds_the_token() -> None:
    gateway = TokenGateway()
    answer = gateway.token(OWN, BASIC | gateway.dpop())
    assert answer.json()["token_type"] == "DPoP"
    assert "dpop-nonce" not in answer.headers


def test_two_proofs_are_none() -> None:
    gateway = TokenGateway()
    fields = [*BASIC.items(), *gateway.dpop().items(), *gateway.dpop().items()]
    answer = gateway.post("/token", data={"grant_type": OWN}, headers=fields)
    assert error_of(answer) == (400, "invalid_dpop_proof")


def test_where_nonces_are_asked_for_the_client_is_told_which() -> None:
    gateway = TokenGateway(TokenSettings(dpop_nonce_required=True))
    refused = gateway.token(OWN, BASIC | gateway.dpop())
    assert error_of(refused) == (400, "use_dpop_nonce")
    answer = gateway.token(OWN, BASIC | gateway.dpop(nonce=refused.headers["dpop-nonce"]))
    assert answer.status_code == 200
    assert answer.headers["dpop-nonce"] == refused.headers["dpop-nonce"]
    assert "dpop-nonce" in answer.headers["access-control-expose-headers"].lower()
    gateway.now += 600
    assert error_of(gateway.token(OWN, BASIC | gateway.dpop(nonce=answer.headers["dpop-nonce"])))[0] == 400


def test_all_workers_take_each_other_s_nonces() -> None:
    gateway = TokenGateway(TokenSettings(dpop_nonce_required=True))
    nonce = gateway.token(OWN, BASIC | gateway.dpop()).headers["dpop-nonce"]
    other = TokenGateway(TokenSettings(dpop_nonce_required=True))
    other.records.tables = gateway.records.tables
    assert other.token(OWN, BASIC | other.dpop(nonce=nonce)).status_code == 200


def test_other_faults_of_a_proof_bring_no_nonce() -> None:
    gateway = TokenGateway(TokenSettings(dpop_nonce_required=True))
    answer = gateway.token(OWN, BASIC | gateway.dpop(htm="GET"))
    assert error_of(answer) == (400, "invalid_dpop_proof")
    assert "dpop-nonce" not in answer.headers
