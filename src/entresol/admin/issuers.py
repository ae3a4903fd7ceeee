"""Issuers that are trusted. Whoever keeps them says who vouches for everybody: it is an owner's work."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from entresol.admin.collection import Change, Collection, found_for, operations
from entresol.admin.operation import Answer, Call, Operation
from entresol.core.errors import ClientError
from entresol.identity.claims import Finding, explain, mapping_faults
from entresol.identity.permissions import Permissions
from entresol.identity.records.issuers import ClaimMapping, Issuer
from entresol.identity.rights import permissions_of_roles
from entresol.identity.role_names import role_ids

_SECRETS: Final = ("client_secret", "client_key")
_EVERYTHING: Final = Permissions(("*:*",))


class Mapping(ClaimMapping, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As the record has it; a misspelt field is refused."""


class MappingRefused(ClientError):
    """422 `mapping_refused`, with the fields at fault."""

    def __init__(self, message: str, fields: tuple[str, ...]) -> None:
        super().__init__("mapping_refused", message, status=422)
        self.fields = fields


def _admit_issuer(change: Change) -> Issuer:
    """Who vouches for people can be anybody: an owner, too."""
    change.rights.must_exceed(_EVERYTHING, "whoever an issuer vouches for")
    issuer: Issuer = change.after
    _check(issuer)
    if change.before is not None and issuer.issuer != change.before.issuer:
        kept = [
            name for name in _SECRETS if getattr(issuer, name) and getattr(issuer, name) == getattr(change.before, name)
        ]
        if kept:
            raise ClientError("secret_needed", f"another issuer does not get {kept[0]}: give it again", status=422)
    named = (*issuer.default_roles, *(role for _, role in issuer.mapping.roles))
    given = permissions_of_roles(
        change.records, issuer.organisation, role_ids(change.records, issuer.organisation, named)
    )
    change.rights.must_exceed(given, "a role that the issuer gives")
    return issuer


def _check(issuer: Issuer) -> None:
    if not issuer.name or not all(c.isascii() and (c.isalnum() or c == "-") for c in issuer.name):
        raise ClientError("bad_request", "name: letters, digits and hyphens", status=422)
    if not issuer.issuer:
        raise ClientError("bad_request", "issuer: expected exactly what `iss` says", status=422)
    if any(algorithm.lower() == "none" or algorithm.startswith("HS") for algorithm in issuer.algorithms):
        raise ClientError("bad_request", "algorithms: only asymmetric ones prove anything here", status=422)
    faults = mapping_faults(issuer)
    if faults:
        first = faults[0]
        where = f" (line {first.line}, column {first.column})" if first.line else ""
        raise MappingRefused(f"{first.field}: {first.message}{where}", tuple(each.field for each in faults))


def _remove_issuer(change: Change) -> None:
    change.rights.must_exceed(_EVERYTHING, "whoever an issuer vouches for")


ISSUERS: Final = Collection(
    name="issuers",
    one="issuer",
    record=Issuer,
    prefix="iss",
    writable=tuple(
        each.name
        for each in msgspec.structs.fields(Issuer)
        if each.name not in ("id", "organisation", "revision", "created_at", "updated_at")
    ),
    types={"mapping": Mapping},
    filters=("name",),
    admit=_admit_issuer,
    remove=_remove_issuer,
)


class ClaimsToTest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Claims as a token might have them, and perhaps another mapping to try."""

    claims: dict[str, Any]
    mapping: Mapping | None = None


class ClaimsExplained(msgspec.Struct, kw_only=True):
    """What the mapping makes of them, step by step."""

    is_admitted: bool
    findings: list[Finding]


def issuer_operations() -> list[Operation]:
    """All of them."""
    return [
        *operations(ISSUERS),
        Operation(
            id="testIssuerClaims",
            method="POST",
            path="/issuers/{id}/test",
            summary="Show what the issuer's mapping makes of claims, step by step; nothing is changed",
            tag="issuers",
            permission="issuers:read",
            body=ClaimsToTest,
            answer=ClaimsExplained,
            work=_test,
        ),
    ]


def _test(call: Call) -> Answer:
    issuer: Issuer = found_for(ISSUERS, call, "read")
    if call.body.mapping is not None:
        issuer = replace(issuer, mapping=call.body.mapping)
        _check(issuer)
    findings = explain(issuer, call.body.claims)
    admitted = not any(each.fault and each.weight == "refuses" for each in findings)
    return Answer(body={"is_admitted": admitted, "findings": list(findings)})
