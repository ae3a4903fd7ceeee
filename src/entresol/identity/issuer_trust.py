"""Issuers as their records say, ready to check tokens with.

Sources: RFC 8725 §3.1 (algorithms per issuer), §3.8 (the issuer's keys, and no others, check what it says).
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from entresol.identity.cel_source import CelFault
from entresol.identity.claims import ClaimReader, MappingFault, mapping_faults
from entresol.identity.jwks import KeyCaches, KeySource
from entresol.identity.jwks_keys import ASYMMETRIC, UnusableKeySet, read_key_set
from entresol.identity.profiles.all import PROFILES
from entresol.identity.records.issuers import Issuer

MAX_SKEW_S: Final = 60
_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TEMPLATE: Final = "{tenantid}"


class TrustedIssuer:
    """One issuer. Raises CelFault or UnusableKeySet for a record that `issuer_faults` finds faults with."""

    def __init__(self, record: Issuer, caches: KeyCaches, resources: frozenset[str]) -> None:
        self.record = record
        self.profile = PROFILES[record.profile]
        self.reader = ClaimReader(record)
        self.source = key_source(record)
        self.keys = caches.of(self.source)
        self.algorithms = frozenset(record.algorithms) & ASYMMETRIC
        self.audiences = self.profile.audiences(frozenset(record.audiences)) or resources
        self.skew_s = max(0, min(record.clock_skew_s, MAX_SKEW_S))
        self.login_client = "" if record.client_id in record.audiences else record.client_id
        """An ID token's audience. Where it is an API's, too, the profile has to tell them apart."""
        self.needs_admission = self.profile.is_shared(record) and not self.reader.admits_by_condition
        self.vouches_for_tokens = record.purpose != "sign-in" and record.protocol == "oidc"


class TrustedIssuers:
    """All that are configured and enabled, found by what a token says it is from."""

    def __init__(self, records: Iterable[Issuer], caches: KeyCaches, resources: frozenset[str] = frozenset()) -> None:
        self.faults: dict[str, str] = {}
        """By id, why an issuer is left out: a mistake in one must not close the door to the others."""
        self.by_id: dict[str, TrustedIssuer] = {}
        self._by_name: dict[str, list[TrustedIssuer]] = {}
        for record in records:
            if record.is_enabled and record.protocol == "oidc":
                self._add(record, caches, resources)
        self._has_templates = any(_TEMPLATE in name for name in self._by_name)

    def _add(self, record: Issuer, caches: KeyCaches, resources: frozenset[str]) -> None:
        faults = issuer_faults(record)
        if faults:
            self.faults[record.id] = f"{faults[0].field}: {faults[0].message}"
            return
        issuer = TrustedIssuer(record, caches, resources)
        self.by_id[record.id] = issuer
        for name in issuer.profile.issuer_names(record):
            self._by_name.setdefault(name, []).append(issuer)

    def named(self, name: str) -> list[TrustedIssuer]:
        """Those whose tokens may say that they are from there."""
        found = self._by_name.get(name, [])
        if not self._has_templates:
            return found
        return [*found, *self._by_name.get(_GUID.sub(_TEMPLATE, name, count=1), [])]


def key_source(record: Issuer) -> KeySource:
    """Where its keys come from."""
    profile = PROFILES[record.profile]
    return KeySource(
        issuer=profile.metadata_url(record),
        names_itself=profile.metadata_issuer(record),
        jwks_uri=record.jwks_uri,
        jwks=record.jwks,
    )


def issuer_faults(record: Issuer) -> tuple[MappingFault, ...]:
    """Every mistake in the record of an issuer, for whoever saves it."""
    if record.protocol != "oidc":
        return mapping_faults(record)
    faults = list(_address_faults(record))
    weak = sorted(set(record.algorithms) - ASYMMETRIC)
    if weak:
        known = ", ".join(sorted(ASYMMETRIC))
        faults.append(MappingFault(field="algorithms", message=f"{', '.join(weak)}: only {known} are taken"))
    if not record.algorithms:
        faults.append(MappingFault(field="algorithms", message="without any, no token can be checked"))
    if not 0 <= record.clock_skew_s <= MAX_SKEW_S:
        faults.append(MappingFault(field="clock_skew_s", message=f"must be from 0 to {MAX_SKEW_S}"))
    faults += [MappingFault(field="issuer", message=fault) for fault in PROFILES[record.profile].faults(record)]
    return (*faults, *_key_faults(record), *mapping_faults(record))


def issuer_warnings(record: Issuer) -> tuple[str, ...]:
    """What is allowed and deserves a look, for `doctor` and whoever saves it."""
    warnings = []
    for name, url in (("issuer", record.issuer), ("jwks_uri", record.jwks_uri)):
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            warnings.append(f"{name}: over plain http, whoever is on the way can replace the issuer's keys")
    if record.purpose == "sign-in":
        return tuple(warnings)
    if PROFILES[record.profile].is_shared(record) and record.mapping.admit is None:
        warnings.append("mapping.admit: everybody can have an account at this issuer; only named workloads come in")
    if record.client_id in record.audiences and record.profile != "entra":
        warnings.append("audiences: the sign-in client is the audience of ID tokens; give the API one of its own")
    if not record.audiences:
        warnings.append("audiences: without any, only tokens for this gateway's own resources are taken")
    return tuple(warnings)


def _address_faults(record: Issuer) -> Iterable[MappingFault]:
    for field, url in (("issuer", record.issuer), ("jwks_uri", record.jwks_uri)):
        if not url and field != "issuer":
            continue
        try:
            parts = urlsplit(url)
            is_usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None
        except ValueError:
            is_usable = False
        if not is_usable or any(character in url for character in "|#\\") or not url.isprintable() or " " in url:
            yield MappingFault(field=field, message="must be an https URL without user, fragment, space or '|'")


def _key_faults(record: Issuer) -> Iterable[MappingFault]:
    if record.jwks:
        try:
            read_key_set(record.jwks)
        except UnusableKeySet as fault:
            yield MappingFault(field="jwks", message=str(fault))


__all__ = ["CelFault", "TrustedIssuer", "TrustedIssuers", "issuer_faults", "issuer_warnings", "key_source"]
