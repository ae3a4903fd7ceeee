"""Virtual keys. A key is shown once: when it is made, and when it is rotated."""

from typing import Any, Final

import msgspec

from entresol.admin.collection import Change, Collection, answer_of, found_for, in_organisation, operations
from entresol.admin.operation import Answer, Call, Operation
from entresol.core.errors import ClientError
from entresol.identity.oauth.scopes import SCOPES, with_included
from entresol.identity.permissions import Permissions
from entresol.identity.principal import Principal
from entresol.identity.records.accounts import ServiceAccount, Team, User
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.rights import permissions_of_account, permissions_of_team
from entresol.identity.virtual_keys import NewKey, Wanted, check_wanted, create, revoke, rotate

MAX_OVERLAP_S: Final = 30 * 86_400
_ADMIN: Final = "admin:"
_CLASSES: Final[tuple[type[User] | type[ServiceAccount] | type[Team], ...]] = (User, ServiceAccount, Team)


def _is_own(key: VirtualKey, principal: Principal) -> bool:
    return bool(principal.account) and key.owner == principal.account


def _scopes_for(change: Change, owner: User | ServiceAccount | Team) -> frozenset[str]:
    """The scopes that the caller may put into a key of this owner.

    Those of the Admin API only where all that the owner could do by them is the caller's to do; and nobody puts more
    into their own key than what they come with.
    """
    plain = frozenset(name for name in SCOPES if not name.startswith(_ADMIN))
    if _is_own_account(change, owner):
        return (plain | with_included(change.principal.scopes)) & SCOPES.keys()
    can = _permissions_of(change, owner)
    return frozenset(SCOPES) if not change.rights.permissions.lacks(can) else plain


def _is_own_account(change: Change, owner: User | ServiceAccount | Team) -> bool:
    return bool(change.principal.account) and owner.id == change.principal.account


def _permissions_of(change: Change, owner: User | ServiceAccount | Team) -> Permissions:
    if isinstance(owner, Team):
        return permissions_of_team(change.records, owner)
    return permissions_of_account(change.records, owner)


def _admit_key(change: Change) -> VirtualKey:
    key: VirtualKey = change.after
    _check_unbounded(change.principal)
    owner = _owner(change, key)
    check_wanted(_wanted(key), _scopes_for(change, owner), change.now)
    return key


def _check_unbounded(principal: Principal) -> None:
    """A credential that is narrowed makes none that is not, and widens none, itself included."""
    if (principal.bounds.models, principal.bounds.tools, principal.bounds.addresses) != (None, None, None):
        raise ClientError(
            "privilege_escalation", "a key that is bound to models, tools or addresses makes no keys", status=403
        )


def _owner(change: Change, key: VirtualKey) -> User | ServiceAccount | Team:
    for cls in _CLASSES:
        found = change.records.get(cls, key.owner)
        if found is not None and found.organisation == key.organisation:
            return found
    owner: User = in_organisation(change.records, User, key.owner, key.organisation, "owner")
    return owner


def _wanted(key: Any) -> Wanted:
    return Wanted(**{name: getattr(key, name) for name in Wanted.__struct_fields__})


KEYS: Final = Collection(
    name="keys",
    one="key",
    record=VirtualKey,
    prefix="vk",
    writable=("name", "owner", "scopes", "models", "tools", "addresses", "expires_at", "labels"),
    fixed=("owner",),
    hidden=("digest", "previous_digest"),
    filters=("owner",),
    admit=_admit_key,
    is_own=_is_own,
)


class NewKeyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A key that is wanted. Without an owner it is the caller's."""

    name: str
    owner: str = ""
    scopes: tuple[str, ...] = ("llm",)
    models: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    addresses: tuple[str, ...] | None = None
    expires_at: int | None = None
    labels: dict[str, str] = {}


class KeyRotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the text before goes."""

    overlap_s: int = 86_400
    """How long it stays good."""


def key_operations() -> list[Operation]:
    """All of them."""
    shown_once = msgspec.defstruct("KeyShownOnce", [("key", str)], bases=(KEYS.view_type,), kw_only=True)
    return [
        Operation(
            id="createKey",
            method="POST",
            path="/keys",
            summary="Make a key, shown once",
            tag="keys",
            permission="keys:create",
            body=NewKeyBody,
            answer=shown_once,
            status=201,
            work=_create,
        ),
        *operations(KEYS, but=("create", "delete")),
        Operation(
            id="rotateKey",
            method="POST",
            path="/keys/{id}/rotate",
            summary="Another text for the same key, shown once; the one before stays good for a while",
            tag="keys",
            permission="keys:update",
            body=KeyRotation,
            answer=shown_once,
            work=_rotate,
        ),
        Operation(
            id="revokeKey",
            method="DELETE",
            path="/keys/{id}",
            summary="Revoke a key, for good",
            tag="keys",
            permission="keys:delete",
            status=204,
            work=_revoke,
        ),
    ]


def _create(call: Call) -> Answer:
    _check_unbounded(call.principal)
    owner_id = call.body.owner or call.principal.account
    if not owner_id:
        raise ClientError("bad_request", "owner: say whose key it is to be", status=422)
    if owner_id != call.principal.account:
        call.rights.need("keys", "create")
    change = Change(records=call.records, principal=call.principal, rights=call.rights, now=call.now)
    draft = VirtualKey(id="", organisation=call.tenant, name="", owner=owner_id, digest="", hint="")
    owner = _owner(change, draft)
    by = call.principal.account or call.principal.subject
    new = create(call.records, owner, _wanted(call.body), by, _scopes_for(change, owner), call.now)
    return _shown(new, 201)


def _rotate(call: Call) -> Answer:
    """The text that comes of it is as good as a new key of the owner's: it takes what making one takes."""
    _check_unbounded(call.principal)
    key: VirtualKey = found_for(KEYS, call, "update")
    if not 0 <= call.body.overlap_s <= MAX_OVERLAP_S:
        raise ClientError("bad_request", f"overlap_s: expected 0 to {MAX_OVERLAP_S}", status=422)
    change = Change(
        records=call.records, principal=call.principal, rights=call.rights, now=call.now, before=key, after=key
    )
    beyond = set(key.scopes) - _scopes_for(change, _owner(change, key))
    if beyond:
        raise ClientError(
            "privilege_escalation", f"the key has scopes that you cannot give: {', '.join(sorted(beyond))}", status=403
        )
    return _shown(rotate(call.records, key.id, call.now, call.body.overlap_s))


def _revoke(call: Call) -> Answer:
    key: VirtualKey = found_for(KEYS, call, "delete")
    call.check_match(key)
    revoke(call.records, key.id, call.now)
    return Answer(status=204)


def _shown(new: NewKey, status: int = 200) -> Answer:
    return answer_of(KEYS, new.record, status, key=new.key)
