"""Who asks, and what they may do."""

import msgspec

from entresol.admin.operation import Answer, Call, Operation
from entresol.identity.permissions import BUILT_IN, CATALOGUE
from entresol.identity.principal import Actor


class WhoAmI(msgspec.Struct, kw_only=True):
    """The principal, as the gateway knows it."""

    organisation: str
    issuer: str
    subject: str
    kind: str
    account: str
    client: str
    actors: tuple[Actor, ...]
    groups: list[str]
    teams: list[str]
    roles: list[str]
    scopes: list[str]
    permissions: list[str]
    auth_time: int | None
    acr: str
    token_id: str
    expires_at: int | None


class BuiltInRole(msgspec.Struct, kw_only=True):
    """A role that every organisation has."""

    name: str
    description: str
    permissions: list[str]


class Catalogue(msgspec.Struct, kw_only=True):
    """All that can be permitted."""

    permissions: list[str]
    roles: list[BuiltInRole]


def own_operations() -> list[Operation]:
    """All of them."""
    return [
        Operation(
            id="whoami",
            method="GET",
            path="/whoami",
            summary="Who you are here, and what you may do",
            tag="own",
            answer=WhoAmI,
            work=_whoami,
        ),
        Operation(
            id="listPermissions",
            method="GET",
            path="/permissions",
            summary="All permissions there are, and the built-in roles",
            tag="own",
            answer=Catalogue,
            work=_permissions,
        ),
    ]


def _whoami(call: Call) -> Answer:
    who = call.principal
    return Answer(
        body=WhoAmI(
            organisation=who.tenant,
            issuer=who.issuer,
            subject=who.subject,
            kind=who.kind,
            account=who.account,
            client=who.client,
            actors=who.actors,
            groups=sorted(who.groups),
            teams=sorted(who.teams),
            roles=sorted(who.roles),
            scopes=sorted(who.scopes),
            permissions=list(call.rights.permissions.names()),
            auth_time=who.auth_time,
            acr=who.acr,
            token_id=who.token_id,
            expires_at=who.expires_at,
        )
    )


def _permissions(_: Call) -> Answer:
    return Answer(
        body=Catalogue(
            permissions=[f"{resource}:{action}" for resource, actions in CATALOGUE.items() for action in actions],
            roles=[
                BuiltInRole(name=name, description=role.description, permissions=list(role.permissions))
                for name, role in BUILT_IN.items()
            ],
        )
    )
