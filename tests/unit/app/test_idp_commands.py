import io
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entresol.app.idp_commands import idp_list, idp_test, reach
from entresol.app.store_commands import in_store
from entresol.config import Settings, StoreSettings
from entresol.core.errors import ClientError, ConfigError
from entresol.core.fetching import FetchFailed, FetchResponse, Steps
from entresol.identity.records.issuers import ClaimMapping, Issuer

IDP = Issuer(id="iss_1", organisation="org", name="idp", issuer="https://idp.example", protocol="saml")


def answered(steps: Steps[list[str]], answers: dict[str, object]) -> list[str]:
    request = next(steps)
    try:
        while True:
            body = answers.get(request.url)
            if body is None:
                request = steps.throw(FetchFailed(request.url, "nobody there"))
            else:
                request = steps.send(FetchResponse(status=200, body=msgspec.json.encode(body)))
    except StopIteration as end:
        found: list[str] = end.value
        return found


KEY: dict[str, Any] = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1"}
METADATA = {"issuer": "https://idp.example", "jwks_uri": "https://idp.example/jwks"}
WELL_KNOWN = "https://idp.example/.well-known/openid-configuration"


def test_an_issuer_that_is_there_says_how_many_keys_it_has() -> None:
    lines = answered(reach(IDP), {WELL_KNOWN: METADATA, "https://idp.example/jwks": {"keys": [KEY]}})
    assert lines == ["good   metadata of https://idp.example", "good   1 keys at https://idp.example/jwks"]


def test_an_issuer_that_is_not_says_what_each_place_answered() -> None:
    [line] = answered(reach(IDP), {})
    assert line.startswith("wrong")
    assert "oauth-authorization-server" in line
    other = answered(reach(IDP), {WELL_KNOWN: METADATA | {"issuer": "https://evil.example"}})
    assert "another issuer" in other[0]
    assert "no jwks_uri" in answered(reach(IDP), {WELL_KNOWN: {"issuer": "https://idp.example"}})[-1]
    broken = answered(reach(IDP), {WELL_KNOWN: METADATA, "https://idp.example/jwks": {"keys": "none"}})
    assert broken[-1].startswith("wrong")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(store=StoreSettings(url=f"sqlite:///{tmp_path / 'store.db'}"))
    mapping = ClaimMapping(admit="claims.staff == true")
    in_store(made, lambda records: records.insert(msgspec.structs.replace(IDP, mapping=mapping)))
    return made


def test_claims_are_explained_step_by_step(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "idp" in next(idp_list(settings))
    file = tmp_path / "claims.json"
    file.write_text('{"sub": "ada", "staff": true}')
    lines = list(idp_test(settings, "idp", str(file)))
    assert lines[-1] == "they would come in"
    assert any(line.startswith("good   subject") and '"ada"' in line for line in lines)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"sub": "eve", "staff": false}')))
    assert list(idp_test(settings, "iss_1", "-"))[-1] == "they would be refused"


def test_what_cannot_be_tested_is_said(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="0 issuers"):
        list(idp_test(settings, "nobody", None))
    with pytest.raises(ConfigError, match="No such file"):
        list(idp_test(settings, "idp", str(tmp_path / "none")))
    (tmp_path / "list").write_text("[1]")
    with pytest.raises(ConfigError, match="JSON object"):
        list(idp_test(settings, "idp", str(tmp_path / "list")))
