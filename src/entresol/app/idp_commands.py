"""`entresol idp list` and `idp test`: whether an issuer can be reached, and what its claims would mean here."""

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from entresol.app.store_commands import in_store
from entresol.config import Settings
from entresol.core.errors import ClientError, ConfigError
from entresol.core.fetching import FetchFailed, FetchRequest, Steps
from entresol.core.storage import Records
from entresol.identity.claims import explain, mapping_faults
from entresol.identity.issuer_metadata import discover, origin_of
from entresol.identity.jwks_keys import UnusableKeySet, read_key_set
from entresol.identity.records.issuers import Issuer
from entresol.net.clock import SystemClock
from entresol.net.fetcher import Fetcher


def idp_list(settings: Settings) -> Iterator[str]:
    """All issuers."""
    for each in in_store(settings, lambda records: records.find(Issuer)):
        state = "" if each.is_enabled else "  disabled"
        yield f"{each.id}  {each.name:<20} {each.protocol:<5} {each.purpose:<8} {each.profile:<14} {each.issuer}{state}"


def idp_test(settings: Settings, name: str, claims_file: str | None) -> Iterator[str]:
    """Ask the issuer for its metadata and keys; with claims, show what each step of the mapping makes of them."""
    issuer = in_store(settings, partial(_named, name=name))
    if issuer.protocol == "oidc":
        yield from asyncio.run(_reached(issuer))
    for fault in mapping_faults(issuer):
        yield f"wrong  {fault.field}: {fault.message}"
    if claims_file is not None:
        yield from _explained(issuer, _claims(claims_file))


def reach(issuer: Issuer) -> Steps[list[str]]:
    """What its metadata and keys say, a line each."""
    lines: list[str] = []
    jwks_uri = issuer.jwks_uri
    try:
        if not jwks_uri:
            found = yield from discover(issuer.issuer)
            jwks_uri = found.jwks_uri
            lines.append(f"good   metadata of {found.issuer}")
        if not jwks_uri and not issuer.jwks:
            return [*lines, "wrong  there is no jwks_uri"]
        lines.append((yield from _keys_at(issuer, jwks_uri)))
    except FetchFailed as failure:
        lines.append(f"wrong  {failure.message}")
    return lines


def _keys_at(issuer: Issuer, url: str) -> Steps[str]:
    answer = yield FetchRequest(url=url, origin="configured" if issuer.jwks_uri else origin_of(url, issuer.issuer))
    if answer.status != 200:
        raise FetchFailed(url, f"answered {answer.status}")
    try:
        keys = read_key_set(answer.body)
    except UnusableKeySet as fault:
        raise FetchFailed(url, str(fault)) from None
    return f"good   {len(keys.keys)} keys at {url}"


async def _reached(issuer: Issuer) -> list[str]:
    fetcher = Fetcher(SystemClock())
    try:
        return await fetcher.run(reach(issuer))
    finally:
        fetcher.close()


def _explained(issuer: Issuer, claims: dict[str, Any]) -> Iterator[str]:
    findings = explain(issuer, claims)
    for each in findings:
        value = each.fault or msgspec.json.encode(each.value, enc_hook=str).decode()
        state = "good " if not each.fault else "wrong" if each.weight == "refuses" else "empty"
        yield f"{state}  {each.step:<16} {value}  ({each.source})"
    is_in = not any(each.fault and each.weight == "refuses" for each in findings)
    yield "they would come in" if is_in else "they would be refused"


def _claims(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return msgspec.json.decode(text, type=dict[str, Any])
    except OSError as error:
        raise ConfigError("claims_unreadable", f"{file}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigError("claims_unreadable", f"{file}: expected a JSON object of claims: {error}") from None


def _named(records: Records, name: str) -> Issuer:
    found = [each for each in records.find(Issuer) if name in (each.id, each.name)]
    if len(found) != 1:
        raise ClientError("not_found", f"there are {len(found)} issuers named {name}", status=404)
    return found[0]
