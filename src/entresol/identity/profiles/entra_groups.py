"""Groups of Entra ID that do not fit into a token, from Microsoft Graph.

A token of somebody with more than 200 groups has a link instead of them. The link is not followed: it comes from a
token, and points to a retired API. Instead Graph is asked, with the client credentials that the issuer is configured
with (application permission `GroupMember.Read.All`, or `User.Read.All` with `Group.Read.All`).

Source: Microsoft, "Configure group claims … groups overage claim"; Graph, "directoryObject: getMemberObjects".
"""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.identity.jwt_parsing import MalformedToken, read_object
from entresol.identity.profiles.entra import Entra, cloud_of
from entresol.identity.profiles.reading import ClaimFault, Claims, text
from entresol.identity.records.issuers import Issuer

GRAPHS: Final = {
    "https://login.microsoftonline.com": "https://graph.microsoft.com",
    "https://login.microsoftonline.us": "https://graph.microsoft.us",
    "https://login.partner.microsoftonline.cn": "https://microsoftgraph.chinacloudapi.cn",
}
LIFE_S: Final = 300
"""How long groups count before they are asked for again. Nothing counts longer because Graph is down."""
RETRY_S: Final = 10
MAX_MEMBERS: Final = 10_000
"""How many people's groups are kept."""
MAX_TENANTS: Final = 1_000
"""How many credentials for Graph are kept."""
MAX_ANSWER_BYTES: Final = 1_048_576
_ENTRA: Final = Entra()


class MissingGroups(msgspec.Struct, frozen=True, kw_only=True):
    """They are not known. `start` fetches them; without it they cannot be had now, and `why` says so."""

    key: str
    why: str
    start: Callable[[], Steps[None]] | None = None
    retry_after_s: int = RETRY_S


class _Known(msgspec.Struct, frozen=True):
    """What was last found out."""

    groups: frozenset[str] | None
    fault: str
    until: int


class GroupSource:
    """Groups by issuer and person, kept for `LIFE_S`. No clock, no socket."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._tokens: dict[str, tuple[str, int]] = {}

    def of(self, issuer: Issuer, claims: Claims, now: int) -> frozenset[str] | MissingGroups:
        """The groups of whom the claims are about."""
        if issuer.profile != "entra":
            return MissingGroups(key="", why="the token does not carry its groups, and this issuer cannot be asked")
        try:
            person = _ENTRA.subject(claims)
        except ClaimFault as fault:
            return MissingGroups(key="", why=str(fault))
        graph = issuer.graph_uri or GRAPHS.get(cloud_of(issuer.issuer), "")
        if not graph or not issuer.client_id or not issuer.client_secret:
            why = (
                "the token has too many groups to carry them, and the issuer has no client to ask Microsoft Graph with"
            )
            return MissingGroups(key="", why=why, retry_after_s=LIFE_S)
        key = f"groups:{issuer.id}|{person}"
        known = self._known.get(key)
        if known is not None and now < known.until:
            return known.groups if known.groups is not None else MissingGroups(key=key, why=known.fault)
        is_program = _ENTRA.kind(claims, "user") == "service"
        return MissingGroups(
            key=key, why="not asked yet", start=lambda: self._fetch(key, issuer, graph, person, is_program, now)
        )

    def _fetch(self, key: str, issuer: Issuer, graph: str, person: str, is_program: bool, now: int) -> Steps[None]:
        """Raises nothing: a fault is kept for `RETRY_S`."""
        tenant, _, member = person.partition(":")
        try:
            token = yield from self._token(issuer, graph, tenant, now)
            answer = yield _members_request(graph, token, member, is_program)
            if answer.status == 401:
                self._tokens.pop(f"{issuer.id}|{tenant}", None)
            self._keep(key, _Known(_ids(answer), "", now + LIFE_S), now)
        except FetchFailed as fault:
            self._keep(key, _Known(None, f"the groups cannot be had: {fault.message}", now + RETRY_S), now)

    def _token(self, issuer: Issuer, graph: str, tenant: str, now: int) -> Steps[str]:
        place = f"{issuer.id}|{tenant}"
        kept = self._tokens.get(place)
        if kept is not None and now < kept[1]:
            return kept[0]
        answer = yield FetchRequest(
            url=f"{cloud_of(issuer.issuer)}/{tenant}/oauth2/v2.0/token",
            method="POST",
            headers=(("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")),
            body=urlencode(
                {
                    "grant_type": "client_credentials",
                    "client_id": issuer.client_id,
                    "client_secret": issuer.client_secret,
                    "scope": f"{graph}/.default",
                }
            ).encode(),
            origin="configured",
        )
        fields = _fields(answer, "the token endpoint")
        token, life = text(fields, "access_token"), fields.get("expires_in")
        if not token or not token.isascii() or not token.isprintable():
            raise FetchFailed("the token endpoint", "answered without an access token")
        if len(self._tokens) >= MAX_TENANTS:
            self._tokens.clear()
        self._tokens[place] = (token, now + (int(life) - 60 if isinstance(life, int) else LIFE_S))
        return token

    def _keep(self, key: str, known: _Known, now: int) -> None:
        if len(self._known) >= MAX_MEMBERS:
            self._known = {name: value for name, value in self._known.items() if now < value.until}
            if len(self._known) >= MAX_MEMBERS:
                self._known.clear()
        self._known[key] = known


def _members_request(graph: str, token: str, member: str, is_program: bool) -> FetchRequest:
    kind = "servicePrincipals" if is_program else "users"
    return FetchRequest(
        url=f"{graph}/v1.0/{kind}/{member}/getMemberObjects",
        method="POST",
        headers=(
            ("authorization", f"Bearer {token}"),
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ),
        body=json.dumps({"securityEnabledOnly": True}).encode(),
        origin="configured",
        max_bytes=MAX_ANSWER_BYTES,
    )


def _ids(answer: FetchResponse) -> frozenset[str]:
    """All of them or none: a part of the groups could let somebody in whom another group keeps out."""
    fields = _fields(answer, "Microsoft Graph")
    ids: Any = fields.get("value")
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids) or "@odata.nextLink" in fields:
        raise FetchFailed("Microsoft Graph", "answered without the whole list of groups")
    return frozenset(ids)


def _fields(answer: FetchResponse, whose: str) -> dict[str, Any]:
    if answer.status != 200:
        raise FetchFailed(whose, f"answered {answer.status}")
    try:
        return read_object(answer.body, "answer")
    except MalformedToken:
        raise FetchFailed(whose, "answered with no JSON object") from None
