"""Attacks with tokens of other issuers. Each test fails without the defence that it is about."""

import hmac
import json
from itertools import count
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from entresol.core.decision import Deny
from entresol.identity.issuer_trust import issuer_faults
from entresol.identity.jit import SignedIn, sign_in
from entresol.identity.jwt_parsing import MAX_TOKEN_BYTES
from entresol.identity.jwt_results import NeedGroups, NeedKeys, Outcome, Verified
from entresol.identity.jwt_verification import Verifier
from entresol.identity.records.accounts import User
from entresol.identity.records.issuers import ClaimMapping, Issuer
from fake_records import MemoryRecords
from unit.identity.issuing import (
    AUDIENCE,
    ED25519,
    ES256,
    ISSUER,
    KEYS,
    NOW,
    RS256,
    STRANGER,
    Web,
    checked,
    claims,
    issuer,
    key_set,
    segment,
    sign,
    verifier,
    web_of,
)

EVIL = "https://evil.example"
TENANT = "11111111-2222-3333-4444-555555555555"
FOREIGN = "99999999-2222-3333-4444-555555555555"
PERSON = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
APP = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"
LOGIN = "https://login.microsoftonline.com"
EVERY_ALGORITHM = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")


def assert_refused(outcome: Outcome, why: str = "", code: str = "invalid_token") -> None:
    assert isinstance(outcome, Deny), outcome
    assert (outcome.code, why in outcome.message) == (code, True), outcome.message


def forged(header: dict[str, Any], payload: bytes, signature: bytes) -> bytes:
    return b".".join((segment(json.dumps(header).encode()), segment(payload), segment(signature)))


def signed_in(records: MemoryRecords, record: Issuer, token: bytes) -> SignedIn | Deny:
    """The user whom a token of this issuer signs in."""
    outcome = verifier(record).check(token, NOW)
    assert isinstance(outcome, Verified), outcome
    numbers = count(records.count(User))
    return sign_in(records, record, outcome.mapped, NOW, lambda: f"user-{next(numbers)}")


class TestSignatures:
    """A token is taken only if the issuer's own key made its signature, by an algorithm that the issuer uses."""

    @pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", " none", None, 0, ["none"], {"alg": "ES256"}])
    @pytest.mark.parametrize("signature", [b"", b"x"])
    def test_a_token_without_a_signature_is_refused(self, name: object, signature: bytes) -> None:
        header = {"alg": name, "typ": "at+jwt", "kid": "es-1"}
        assert_refused(verifier().check(forged(header, json.dumps(claims()).encode(), signature), NOW))

    def test_a_signature_that_was_taken_away_is_missed(self) -> None:
        assert_refused(verifier().check(sign(claims()).rpartition(b".")[0] + b".", NOW), "signature")

    @pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
    @pytest.mark.parametrize("kid", ["rs-1", "es-1"])
    def test_a_public_key_is_no_shared_secret(self, algorithm: str, kid: str) -> None:
        pem = RS256.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        der = RS256.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for secret in (pem, pem.strip(), der, key_set(RS256), json.dumps(RS256.as_dict(private=False)).encode()):
            header = json.dumps({"alg": algorithm, "typ": "at+jwt", "kid": kid}).encode()
            token = segment(header) + b"." + segment(json.dumps(claims()).encode())
            mac = hmac.digest(secret, token, f"sha{algorithm[2:]}")
            assert_refused(verifier().check(token + b"." + segment(mac), NOW), "does not sign with")

    @pytest.mark.parametrize("weak", ["HS256", "none", "HS512", "ES256K", "RSA1_5", "dir"])
    def test_an_issuer_cannot_be_configured_to_take_them(self, weak: str) -> None:
        record = issuer(algorithms=("RS256", weak))
        assert "algorithms" in [fault.field for fault in issuer_faults(record)]
        assert_refused(verifier(record).check(sign(claims(), RS256, alg="RS256"), NOW), "not trusted")

    def test_a_symmetric_key_in_a_key_set_checks_nothing(self) -> None:
        secret = OctKey.import_key("s" * 32, {"kid": "oct-1"})
        keys = json.dumps({"keys": [secret.as_dict(private=True), *json.loads(key_set(*KEYS))["keys"]]})
        token = sign(claims(), secret, alg="HS256", kid="oct-1")
        assert_refused(verifier(issuer(jwks=keys)).check(token, NOW), "does not sign with")

    def test_a_strangers_key_with_the_same_id_is_not_the_issuers(self) -> None:
        assert_refused(verifier().check(sign(claims(), STRANGER), NOW), "signature")

    def test_another_trusted_issuers_key_is_not_this_ones(self) -> None:
        other = issuer(id="iss-2", issuer="https://other.example", jwks=key_set(STRANGER).decode())
        subject = verifier(issuer(), other)
        assert isinstance(subject.check(sign(claims(iss=other.issuer), STRANGER), NOW), Verified)
        assert_refused(subject.check(sign(claims(), STRANGER), NOW), "signature")

    @pytest.mark.parametrize("signature", [b"\0" * 64, b"\0" * 63 + b"\1", b"", b"\0" * 128])
    def test_a_signature_of_nothing_signs_nothing(self, signature: bytes) -> None:
        token = sign(claims()).rpartition(b".")[0]
        assert_refused(verifier().check(token + b"." + segment(signature), NOW), "signature")

    def test_a_signature_in_another_encoding_is_another_token(self) -> None:
        token = sign(claims()).rpartition(b".")[0]
        private = ES256.private_key
        assert private is not None
        der = private.sign(token, ec.ECDSA(SHA256()))
        assert_refused(verifier().check(token + b"." + segment(der), NOW), "signature")

    def test_a_key_signs_with_its_own_algorithm_only(self) -> None:
        """One that is published for PS256 must not check RS256, whose padding is weaker."""
        published = RS256.as_dict(private=False) | {"alg": "PS256"}
        record = issuer(jwks=json.dumps({"keys": [published]}), algorithms=EVERY_ALGORITHM)
        assert isinstance(verifier(record).check(sign(claims(), RS256, alg="PS256"), NOW), Verified)
        assert_refused(verifier(record).check(sign(claims(), RS256, alg="RS256"), NOW), "no such key")

    def test_a_key_for_encryption_checks_no_signature(self) -> None:
        published = ES256.as_dict(private=False) | {"use": "enc"}
        others = json.loads(key_set(RS256, ED25519))["keys"]
        record = issuer(jwks=json.dumps({"keys": [published, *others]}))
        assert_refused(verifier(record).check(sign(claims()), NOW), "no such key")

    def test_the_halves_of_two_good_tokens_make_no_third(self) -> None:
        user, admin = sign(claims()), sign(claims(sub="root"))
        mixed = admin.rpartition(b".")[0] + b"." + user.rpartition(b".")[2]
        assert_refused(verifier().check(mixed, NOW), "signature")


class TestHeaders:
    """Nothing in a token's header says where its key is, or what may be ignored."""

    @pytest.mark.parametrize(
        "kid",
        [
            "../../../../dev/null",
            "/etc/passwd",
            "es-1\0",
            f"{EVIL}/keys",
            "' OR 1=1 --",
            "${jndi:ldap://x}",
            "ES-1",
            "es-1 ",
        ],
    )
    def test_a_key_id_is_compared_and_nothing_else(self, kid: str) -> None:
        subject, web = verifier(issuer(jwks="")), web_of()
        assert_refused(checked(subject, sign(claims(), kid=kid), web), "no such key")
        assert set(web.urls) == {f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"}

    @pytest.mark.parametrize("kid", [7, True, ["es-1"], {"es-1": 1}, "k" * 257])
    def test_a_key_id_is_a_short_text(self, kid: object) -> None:
        assert_refused(verifier().check(sign(claims(), kid=kid), NOW), "key id")

    @pytest.mark.parametrize("name", ["jku", "x5u"])
    def test_an_address_of_keys_is_neither_asked_nor_taken(self, name: str) -> None:
        subject, web = verifier(issuer(jwks="")), web_of()
        web.pages[f"{EVIL}/keys"] = key_set(STRANGER)
        assert_refused(checked(subject, sign(claims(), STRANGER, **{name: f"{EVIL}/keys"}), web), name)
        assert web.urls == []

    def test_a_key_in_the_header_is_not_taken(self) -> None:
        token = sign(claims(), STRANGER, jwk=STRANGER.as_dict(private=False))
        assert_refused(verifier().check(token, NOW), "jwk")

    def test_a_certificate_in_the_header_is_not_taken(self) -> None:
        """Some issuers send one with every token, so it is passed over."""
        assert_refused(verifier().check(sign(claims(), STRANGER, x5c=["MIIB"]), NOW), "signature")
        assert isinstance(verifier().check(sign(claims(), x5c=["MIIB"]), NOW), Verified)

    @pytest.mark.parametrize("extra", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}, {"b64": True}])
    def test_what_is_critical_and_not_understood_is_refused(self, extra: dict[str, Any]) -> None:
        assert_refused(verifier().check(sign(claims(), **extra), NOW), "header has")

    def test_a_flood_of_invented_key_ids_is_one_fetch_per_cooldown(self) -> None:
        subject, web = verifier(issuer(jwks="")), web_of()
        assert isinstance(checked(subject, sign(claims()), web), Verified)
        before = web.urls.count(f"{ISSUER}/keys")
        for second in range(60):
            for number in range(5):
                token = sign(claims(), kid=f"flood-{second}-{number}")
                assert_refused(checked(subject, token, web, NOW + second), "no such key")
            assert isinstance(subject.check(sign(claims()), NOW + second), Verified)
        assert web.urls.count(f"{ISSUER}/keys") - before == 1


class TestShapes:
    """A token can be read in one way, or is not read."""

    def test_an_encrypted_token_is_not_taken_for_a_signed_one(self) -> None:
        assert_refused(verifier().check(b".".join([sign(claims()), b"e30", b"e30"]), NOW), "three parts")

    def test_a_token_within_a_token_is_not_unwrapped(self) -> None:
        inner = sign(claims())
        assert_refused(verifier().check(sign(inner, cty="JWT"), NOW), "no JSON")
        assert_refused(verifier().check(sign(claims(), cty="JWT"), NOW), "cty")
        assert_refused(verifier().check(sign(b'"' + inner + b'"'), NOW), "no JSON object")

    def test_compressed_tokens_are_refused(self) -> None:
        assert_refused(verifier().check(sign(claims(), zip="DEF"), NOW), "zip")

    def test_enormous_tokens_are_refused_before_anything_is_read(self) -> None:
        assert_refused(verifier().check(sign(claims(pad="x" * MAX_TOKEN_BYTES)), NOW), "larger")
        assert_refused(verifier().check(b"." * 1_000_000, NOW), "larger")

    @pytest.mark.parametrize("nesting", [17, 500, 3000])
    def test_deeply_nested_claims_are_refused(self, nesting: int) -> None:
        payload = json.dumps(claims()).encode()[:-1] + b',"a":' + b"[" * nesting + b"]" * nesting + b"}"
        assert_refused(verifier().check(sign(payload), NOW))

    @pytest.mark.parametrize(
        "extra", ['"sub":"root"', '"s\\u0075b":"root"', '"aud":"x"', '"exp":9999999999', '"a":{"b":1,"b":2}']
    )
    def test_a_claim_that_occurs_twice_is_refused(self, extra: str) -> None:
        payload = json.dumps(claims()).encode()[:-1] + b"," + extra.encode() + b"}"
        assert_refused(verifier().check(sign(payload), NOW), "occurs twice")

    def test_a_header_that_occurs_twice_is_refused(self) -> None:
        header = b'{"alg":"none","typ":"at+jwt","kid":"es-1","alg":"ES256"}'
        signing_input = segment(header) + b"." + segment(json.dumps(claims()).encode())
        signature = JWSRegistry.algorithms["ES256"].sign(signing_input, ES256)
        assert_refused(verifier().check(signing_input + b"." + segment(signature), NOW), "occurs twice")

    def test_a_signature_with_other_last_letters_is_another_token(self) -> None:
        """Its bytes would be the same: whoever revokes or counts tokens by their text must not see two."""
        token = sign(claims(), RS256, alg="RS256")
        assert isinstance(verifier().check(token, NOW), Verified)
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        last = alphabet.index(token[-1:])
        assert last % 16 == 0  # two bytes remain of 256: four bits count for nothing
        assert_refused(verifier().check(token[:-1] + alphabet[last + 1 : last + 2], NOW), "count for nothing")
        assert_refused(verifier().check(token + b"=", NOW), "base64url")
        assert_refused(verifier().check(token + b"\n", NOW), "base64url")

    @pytest.mark.parametrize("subject", ["ada\u200b", "ada\x00", "ada\n", "\u202eada", " ", "a" * 513])
    def test_a_subject_that_only_looks_like_another_is_refused(self, subject: str) -> None:
        assert isinstance(verifier().check(sign(claims(sub=subject)), NOW), Deny)


class TestMeaning:
    """A genuine token counts for whom, by whom and for what it was issued."""

    @pytest.mark.parametrize(
        "audience",
        [
            None,
            "",
            "*",
            EVIL,
            f"{AUDIENCE}/sub",
            AUDIENCE[:-1],
            AUDIENCE.upper(),
            [EVIL],
            [],
            {AUDIENCE: 1},
            f"{EVIL} {AUDIENCE}",
        ],
    )
    def test_a_token_for_somebody_else_is_refused(self, audience: object) -> None:
        assert_refused(verifier().check(sign(claims(aud=audience)), NOW), "not meant")

    def test_a_token_for_somebody_else_is_refused_before_any_key_is_fetched(self) -> None:
        assert_refused(verifier(issuer(jwks="")).check(sign(claims(aud=EVIL)), NOW), "not meant")

    @pytest.mark.parametrize(
        "name", [EVIL, f"{ISSUER}/", f"{ISSUER}.evil.example", "https://IDP.example", "idp.example", ""]
    )
    def test_an_issuer_that_is_not_trusted_is_not_even_asked(self, name: str) -> None:
        assert_refused(verifier(issuer(jwks="")).check(sign(claims(iss=name)), NOW), "not trusted")

    def test_the_same_subject_of_another_issuer_is_somebody_else(self) -> None:
        other = issuer(id="iss-2", issuer="https://other.example")
        subject = verifier(issuer(), other)
        mine, theirs = subject.check(sign(claims()), NOW), subject.check(sign(claims(iss=other.issuer)), NOW)
        assert isinstance(mine, Verified)
        assert isinstance(theirs, Verified)
        assert mine.principal.key != theirs.principal.key
        assert mine.principal.subject == theirs.principal.subject

    def test_one_organisations_issuer_does_not_speak_for_another_one(self) -> None:
        """Whoever configures somebody else's issuer and audience gets neither their calls nor their rights."""
        squatter = issuer(id="iss-2", organisation="squatter", default_roles=("admin",))
        assert_refused(verifier(issuer(), squatter).check(sign(claims()), NOW), "several organisations")

    @pytest.mark.parametrize(
        "extra", [{"nonce": "n"}, {"at_hash": "h"}, {"c_hash": "h"}, {"s_hash": "h"}, {"token_use": "id"}]
    )
    def test_an_id_token_is_no_access_token(self, extra: dict[str, Any]) -> None:
        assert_refused(verifier().check(sign(claims(**extra)), NOW), "ID token")

    def test_a_token_for_the_sign_in_client_is_no_access_token(self) -> None:
        record = issuer(client_id="login-client", audiences=(AUDIENCE,))
        token = sign(claims(aud=[AUDIENCE, "login-client"], client_id=None))
        assert_refused(verifier(record).check(token, NOW), "sign-in client")

    @pytest.mark.parametrize(
        "kind",
        ["dpop+jwt", "logout+jwt", "secevent+jwt", "oauth-id-jag+jwt", "rt+jwt", "ID", "client-authentication+jwt", 1],
    )
    def test_a_token_for_another_use_is_no_access_token(self, kind: object) -> None:
        assert_refused(verifier().check(sign(claims(), typ=kind), NOW), "another type")

    @pytest.mark.parametrize("kind", ["ID", "Refresh", "Offline"])
    def test_a_realms_other_tokens_are_no_access_tokens(self, kind: str) -> None:
        record = issuer(profile="keycloak")
        assert isinstance(verifier(record).check(sign(claims(typ="Bearer"), typ="JWT"), NOW), Verified)
        assert_refused(verifier(record).check(sign(claims(typ=kind), typ="JWT"), NOW), "'typ'")

    def test_tokens_of_oktas_org_server_are_refused(self) -> None:
        org = issuer(profile="okta", issuer="https://acme.okta.com", audiences=("https://acme.okta.com",))
        token = sign(claims(iss=org.issuer, aud=org.issuer, cid="0oa1", uid="00u1"), typ="JWT")
        assert_refused(verifier(org).check(token, NOW), "org authorization server")

    def test_a_token_that_is_bound_to_a_key_is_no_bearer_token(self) -> None:
        bounds: list[object] = [{"jkt": "t"}, {"x5t#S256": "t"}, {"jwk": {}}, {}, "t"]
        for bound in bounds:
            assert_refused(verifier().check(sign(claims(cnf=bound)), NOW), "bound to a key")

    @pytest.mark.parametrize("expiry", [None, NOW - 60, 0, -1, "9999999999", True, 1e300, [NOW + 60]])
    def test_a_token_without_an_end_or_beyond_it_is_refused(self, expiry: object) -> None:
        assert isinstance(verifier().check(sign(claims(exp=expiry)), NOW), Deny)


class TestEntra:
    """One key set signs for every tenant there is."""

    TOKEN: dict[str, Any] = claims(
        iss=f"{LOGIN}/{TENANT}/v2.0", tid=TENANT, oid=PERSON, aud=APP, azp=APP, scp="llm", ver="2.0"
    )
    SINGLE = issuer(profile="entra", issuer=f"{LOGIN}/{TENANT}/v2.0", audiences=(APP,))
    OVERAGE = TOKEN | {
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://169.254.169.254/latest"}},
    }

    def many(self, admit: str | None = None) -> Issuer:
        return issuer(
            profile="entra", issuer=f"{LOGIN}/common/v2.0", audiences=(APP,), mapping=ClaimMapping(admit=admit)
        )

    @pytest.mark.parametrize(
        "changes",
        [
            {"tid": FOREIGN},
            {"iss": f"{LOGIN}/{FOREIGN}/v2.0"},
            {"iss": f"{LOGIN}/{FOREIGN}/v2.0", "tid": FOREIGN},
            {"iss": f"https://sts.windows.net/{FOREIGN}/", "tid": FOREIGN, "ver": "1.0"},
        ],
    )
    def test_another_tenants_token_is_refused(self, changes: dict[str, Any]) -> None:
        assert isinstance(verifier(self.SINGLE).check(sign(self.TOKEN, typ="JWT"), NOW), Verified)
        assert_refused(verifier(self.SINGLE).check(sign(self.TOKEN | changes, typ="JWT"), NOW), "not trusted")

    def test_with_many_tenants_the_issuer_must_be_the_tokens_own(self) -> None:
        subject = verifier(self.many("true"))
        assert isinstance(subject.check(sign(self.TOKEN, typ="JWT"), NOW), Verified)
        assert_refused(subject.check(sign(self.TOKEN | {"tid": FOREIGN}, typ="JWT"), NOW), "not trusted")

    def test_with_many_tenants_somebody_must_say_who_may_come_in(self) -> None:
        foreign = self.TOKEN | {"iss": f"{LOGIN}/{FOREIGN}/v2.0", "tid": FOREIGN}
        assert_refused(verifier(self.many()).check(sign(foreign, typ="JWT"), NOW), "no condition", "not_admitted")
        admitting = verifier(self.many(f"claims.tid == '{TENANT}'"))
        assert isinstance(admitting.check(sign(self.TOKEN, typ="JWT"), NOW), Verified)
        assert_refused(admitting.check(sign(foreign, typ="JWT"), NOW), "admit", "not_admitted")

    def test_the_same_object_id_in_another_tenant_is_somebody_else(self) -> None:
        subject = verifier(self.many("true"))
        foreign = self.TOKEN | {"iss": f"{LOGIN}/{FOREIGN}/v2.0", "tid": FOREIGN}
        mine, theirs = (subject.check(sign(token, typ="JWT"), NOW) for token in (self.TOKEN, foreign))
        assert isinstance(mine, Verified)
        assert isinstance(theirs, Verified)
        assert mine.principal.key != theirs.principal.key

    def test_an_id_token_for_the_same_application_is_no_access_token(self) -> None:
        id_token = {name: value for name, value in self.TOKEN.items() if name not in ("azp", "scp", "client_id")}
        assert_refused(verifier(self.SINGLE).check(sign(id_token, typ="JWT"), NOW), "azp")

    @pytest.mark.parametrize("admit", [None, "!('blocked' in groups)", "size(groups) == 0"])
    def test_groups_that_do_not_fit_are_not_taken_for_none(self, admit: str | None) -> None:
        record = issuer(profile="entra", issuer=self.SINGLE.issuer, audiences=(APP,), mapping=ClaimMapping(admit=admit))
        outcome = checked(verifier(record), sign(self.OVERAGE, typ="JWT"), Web({}))
        assert_refused(outcome, "too many groups", "groups_unavailable")

    def test_the_place_that_a_token_names_for_its_groups_is_never_asked(self) -> None:
        record = issuer(
            profile="entra", issuer=self.SINGLE.issuer, audiences=(APP,), client_id="cli", client_secret="s3cret"
        )
        web = Web({})
        assert_refused(checked(verifier(record), sign(self.OVERAGE, typ="JWT"), web), code="groups_unavailable")
        assert web.urls == [f"{LOGIN}/{TENANT}/oauth2/v2.0/token"]

    def test_unsigned_claims_make_nobody_ask_for_groups(self) -> None:
        record = issuer(profile="entra", issuer=self.SINGLE.issuer, audiences=(APP,), client_id="c", client_secret="s")
        outcome = verifier(record).check(sign(self.OVERAGE, STRANGER, typ="JWT"), NOW)
        assert not isinstance(outcome, NeedGroups)
        assert_refused(outcome, "signature")


class TestKeySources:
    """Where keys come from is configured, or said by the issuer itself."""

    @pytest.mark.parametrize("name", [EVIL, f"{ISSUER}/", f"{ISSUER}@evil.example", None])
    def test_metadata_of_another_issuer_brings_no_keys(self, name: str | None) -> None:
        web = web_of()
        web.pages[f"{ISSUER}/.well-known/openid-configuration"] = {"issuer": name, "jwks_uri": f"{EVIL}/keys"}
        web.pages[f"{EVIL}/keys"] = key_set(STRANGER)
        outcome = checked(verifier(issuer(jwks="")), sign(claims(), STRANGER), web)
        assert_refused(outcome, code="issuer_unavailable")
        assert f"{EVIL}/keys" not in web.urls

    @pytest.mark.parametrize(
        "url",
        ["https://10.0.0.1/keys", "http://idp.example/keys", "https://169.254.169.254/", "https://idp.example:22/"],
    )
    def test_metadata_does_not_lead_the_gateway_inside(self, url: str) -> None:
        web = Web({f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": url}})
        checked(verifier(issuer(jwks="")), sign(claims()), web)
        assert [request.origin for request in web.asked] == ["configured", "outside"]

    def test_keys_that_were_withdrawn_do_not_count_until_the_end_of_days(self) -> None:
        subject, web = verifier(issuer(jwks="")), web_of()
        assert isinstance(checked(subject, sign(claims()), web), Verified)
        later = NOW + 3600
        token = sign(claims(exp=later + 99_999, iat=None))
        web.pages[f"{ISSUER}/keys"] = key_set(RS256)
        assert_refused(checked(subject, token, web, later), "no such key")

    def test_keys_of_an_issuer_that_is_gone_do_not_count_for_ever(self) -> None:
        subject, web = verifier(issuer(jwks="")), web_of()
        checked(subject, sign(claims()), web)
        token = sign(claims(exp=NOW + 999_999))
        down = Web(dict.fromkeys(web.pages, "down"))
        assert isinstance(checked(subject, token, down, NOW + 3600), Verified)
        assert_refused(checked(subject, token, down, NOW + 3600 + 86_400), code="issuer_unavailable")

    def test_an_issuer_that_is_down_lets_nobody_in(self) -> None:
        outcome = checked(verifier(issuer(jwks="")), sign(claims()), Web({}))
        assert_refused(outcome, code="issuer_unavailable")
        assert not isinstance(outcome, NeedKeys)


class TestMappings:
    """Conditions fail closed, whatever claims are sent."""

    @pytest.mark.parametrize(
        "claim", [{}, {"blocked": "yes"}, {"blocked": [1]}, {"blocked": None}, {"blocked": {"a": 1}}]
    )
    def test_a_condition_that_cannot_be_evaluated_admits_nobody_even_if_it_is_negated(
        self, claim: dict[str, Any]
    ) -> None:
        record = issuer(
            mapping=ClaimMapping(admit="!(claims.blocked > 0)", roles=(("!(claims.blocked > 0)", "admin"),))
        )
        assert_refused(verifier(record).check(sign(claims(**claim)), NOW), "admit", "not_admitted")

    def test_an_attackers_text_is_not_run_as_a_pattern_or_an_expression(self) -> None:
        record = issuer(mapping=ClaimMapping(admit="claims.email.matches('@acme[.]org$')"))
        for text in ("x@evil.org", ".*", "') || true || ('", "x@acme.org\n@evil.org", "x@acme-org"):
            assert_refused(verifier(record).check(sign(claims(email=text)), NOW), code="not_admitted")

    def test_claims_cannot_make_a_condition_run_for_long(self) -> None:
        record = issuer(mapping=ClaimMapping(admit="groups.all(a, groups.all(b, a != b || a == b))"))
        assert isinstance(verifier(record).check(sign(claims(groups=["a", "b"])), NOW), Verified)
        many = sign(claims(groups=[str(number) for number in range(1500)]))
        assert_refused(verifier(record).check(many, NOW), "too many", "not_admitted")

    def test_everybodys_workflows_do_not_come_in_by_having_a_token(self) -> None:
        hub = "https://token.actions.githubusercontent.com"
        record = issuer(profile="github-actions", issuer=hub, default_roles=("admin",))
        token = sign(claims(iss=hub, sub="repo:evil/evil:ref:refs/heads/main"), typ="JWT")
        assert_refused(verifier(record).check(token, NOW), "no condition", "not_admitted")

    def test_what_an_issuer_calls_roles_are_no_roles_here(self) -> None:
        outcome = verifier().check(sign(claims(roles=["admin"], realm_access={"roles": ["admin"]})), NOW)
        assert isinstance(outcome, Verified)
        assert outcome.principal.roles == frozenset()


class TestAccounts:
    """An account is found by issuer and subject, and in no other way."""

    OTHER = issuer(id="iss-2", issuer="https://other.example")

    @pytest.mark.parametrize(
        "same",
        [{"email": "ceo@acme.org", "email_verified": True}, {"preferred_username": "ceo@acme.org"}, {"sub": "ada"}],
    )
    def test_nobody_takes_over_an_account_by_address_name_or_subject(self, same: dict[str, Any]) -> None:
        records = MemoryRecords()
        victim = signed_in(
            records,
            issuer(),
            sign(claims(email="ceo@acme.org", email_verified=True, preferred_username="ceo@acme.org")),
        )
        attacker = signed_in(records, self.OTHER, sign(claims(**{"sub": "evil"} | same, iss=self.OTHER.issuer)))
        assert isinstance(victim, SignedIn)
        assert isinstance(attacker, SignedIn)
        assert attacker.user.id != victim.user.id
        assert attacker.user.username != victim.user.username
        assert records.need(User, victim.user.id) == victim.user

    def test_nobody_takes_over_a_local_account_either(self) -> None:
        records = MemoryRecords()
        records.insert(User(id="root", organisation="org", username="root", email="root@acme.org"))
        token = sign(claims(preferred_username="ROOT", email="root@acme.org", email_verified=True))
        outcome = signed_in(records, issuer(), token)
        assert isinstance(outcome, SignedIn)
        assert outcome.user.id != "root"
        assert outcome.user.username != "root"

    def test_another_issuer_does_not_reach_the_directorys_users(self) -> None:
        records = MemoryRecords()
        records.insert(User(id="u1", organisation="org", username="a", source="scim", external_id="00u1"))
        outcome = signed_in(records, self.OTHER, sign(claims(sub="00u1", iss=self.OTHER.issuer)))
        assert isinstance(outcome, SignedIn)
        assert outcome.user.id != "u1"

    @pytest.mark.parametrize("how", ["deactivated", "removed"])
    def test_who_was_shut_out_does_not_come_back_with_a_good_token(self, how: str) -> None:
        records = MemoryRecords()
        before = signed_in(records, issuer(), sign(claims()))
        assert isinstance(before, SignedIn)
        if how == "removed":
            records.delete(User, before.user.id)
        else:
            records.replace(msgspec.structs.replace(before.user, is_active=False))
        after = signed_in(records, issuer(), sign(claims()))
        assert isinstance(after, Deny)
        assert after.code == "account_disabled"


def test_refusals_hold_nothing_of_the_token() -> None:
    secret = "hunter2-hunter2"
    record = issuer(mapping=ClaimMapping(admit="claims.password + 1 == 2"))
    subject: Verifier = verifier(record)
    tokens = [
        sign(claims(password=secret)),
        sign(claims(iss=secret)),
        sign(claims(aud=secret)),
        sign(claims(), kid=secret),
        sign(claims(), typ=secret),
        sign(claims(sub=secret), STRANGER),
        secret.encode(),
    ]
    for token in tokens:
        outcome = subject.check(token, NOW)
        assert isinstance(outcome, Deny)
        assert secret not in outcome.message
