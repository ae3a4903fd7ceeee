"""Service accounts, and the OAuth clients by which programs ask for tokens."""

import re
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from entresol.admin.collection import Change, Collection, answer_of, found_for, in_organisation, operations
from entresol.admin.operation import Answer, Call, Operation
from entresol.core.errors import ClientError
from entresol.identity.oauth.clients import change_client, check_client, create_client, remove_client, rotate_secret
from entresol.identity.oauth.families import revoke_client
from entresol.identity.records.accounts import ServiceAccount
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.removal import clear_service_account, shut_out
from entresol.identity.rights import permissions_of_account

MAX_OVERLAP_S: Final = 30 * 86_400
_SUBJECT: Final = re.compile(r"(https?://[^|\s]+\|\S.{0,500}|spiffe://[^/\s]+/\S{1,500})")


def _admit_service_account(change: Change) -> ServiceAccount:
    """Whoever is one of its subjects acts as it."""
    account: ServiceAccount = replace(change.after, name=change.after.name.strip())
    if not 0 < len(account.name) <= 100:
        raise ClientError("name_refused", "a service account's name has 1 to 100 characters", status=422)
    strange = [subject for subject in account.subjects if _SUBJECT.fullmatch(subject) is None]
    if strange:
        why = f"subjects: {strange[0]!r} is neither ISSUER|SUBJECT nor spiffe://DOMAIN/PATH"
        raise ClientError("bad_request", why, status=422)
    if change.before is not None:
        change.rights.must_exceed(permissions_of_account(change.records, change.before), "the service account")
        if change.before.is_active and not account.is_active:
            shut_out(change.records, change.before, change.now)
    return account


def _remove_service_account(change: Change) -> None:
    change.rights.must_exceed(permissions_of_account(change.records, change.before), "the service account")
    clear_service_account(change.records, change.before, change.now)


SERVICE_ACCOUNTS: Final = Collection(
    name="service-accounts",
    one="service account",
    record=ServiceAccount,
    prefix="svc",
    writable=("name", "description", "is_agent", "is_active", "subjects"),
    filters=("name",),
    admit=_admit_service_account,
    remove=_remove_service_account,
)


def _check_client(change: Change) -> None:
    """Who changes a client can get its secret or put in their own key, and so act as its service account."""
    for client in (change.before, change.after):
        if client is None or client.service_account is None:
            continue
        account = in_organisation(
            change.records, ServiceAccount, client.service_account, client.organisation, "service_account"
        )
        change.rights.must_exceed(permissions_of_account(change.records, account), "the client's service account")


def _admit_client(change: Change) -> OAuthClient:
    _check_client(change)
    client: OAuthClient = change.after
    check_client(client)
    if change.before is not None and change.before.is_enabled and not client.is_enabled:
        revoke_client(change.records, client.id, change.now)
    return client


def _remove_client(change: Change) -> None:
    _check_client(change)
    remove_client(change.records, change.before.id, now=change.now)


CLIENTS: Final = Collection(
    name="oauth-clients",
    one="OAuth client",
    record=OAuthClient,
    prefix="client",
    writable=(
        "name", "authentication", "jwks", "jwks_uri", "certificate_subject", "redirect_uris", "grant_types",
        "response_types", "scopes", "service_account", "is_native", "is_enabled", "may_exchange", "audiences",
        "requires_par", "requires_dpop", "client_uri", "logo_uri", "contacts",
    ),
    hidden=("secret_digests", "registration_digest"),
    filters=("service_account", "source"),
    admit=_admit_client,
    remove=_remove_client,
)  # fmt: skip


class Rotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the secret before goes."""

    overlap_s: int = 86_400
    """How long it stays good."""


class ClientSecret(msgspec.Struct, kw_only=True):
    """A secret. It is shown this once."""

    client_id: str
    client_secret: str


def program_operations() -> list[Operation]:
    """All of them."""
    changed, made = _client_operations()
    return [
        *operations(SERVICE_ACCOUNTS),
        made,
        *operations(CLIENTS, but=("create", "update")),
        changed,
        Operation(
            id="rotateOauthClientSecret",
            method="POST",
            path="/oauth-clients/{id}/rotate-secret",
            summary="Give the client a new secret, shown once",
            tag="oauth-clients",
            permission="oauth-clients:update",
            body=Rotation,
            answer=ClientSecret,
            work=_rotate_secret,
        ),
    ]


def _client_operations() -> tuple[Operation, Operation]:
    found = {each.id: each for each in operations(CLIENTS)}
    made, changed = found["createOauthClient"], found["updateOauthClient"]
    answer = msgspec.defstruct(
        "NewOauthClientAnswer", [("client_secret", str)], bases=(CLIENTS.view_type,), kw_only=True
    )
    return (
        replace_operation(changed, work=_change_client),
        replace_operation(
            made, work=_create_client, answer=answer, summary="Make an OAuth client; a secret is shown once"
        ),
    )


def replace_operation(operation: Operation, **changes: Any) -> Operation:
    """The same but for some of it."""
    return Operation(**{name: getattr(operation, name) for name in Operation.__dataclass_fields__} | changes)


def _create_client(call: Call) -> Answer:
    call.rights.need("oauth-clients", "create")
    given = {name: getattr(call.body, name) for name in call.body.__struct_fields__}
    draft = OAuthClient(id="", organisation=call.tenant, **given)
    change = Change(records=call.records, principal=call.principal, rights=call.rights, now=call.now, after=draft)
    client, secret = create_client(call.records, _admit_client(change))
    return answer_of(CLIENTS, client, 201, client_secret=secret)


def _change_client(call: Call) -> Answer:
    before: OAuthClient = found_for(CLIENTS, call, "update")
    call.check_match(before)
    given = {
        name: value for name in call.body.__struct_fields__ if (value := getattr(call.body, name)) is not msgspec.UNSET
    }
    change = Change(
        records=call.records,
        principal=call.principal,
        rights=call.rights,
        now=call.now,
        before=before,
        after=replace(before, **given),
    )
    return answer_of(CLIENTS, change_client(call.records, _admit_client(change)))


def _rotate_secret(call: Call) -> Answer:
    client: OAuthClient = found_for(CLIENTS, call, "update")
    _check_client(
        Change(records=call.records, principal=call.principal, rights=call.rights, now=call.now, before=client)
    )
    if not 0 <= call.body.overlap_s <= MAX_OVERLAP_S:
        raise ClientError("bad_request", f"overlap_s: expected 0 to {MAX_OVERLAP_S}", status=422)
    secret = rotate_secret(call.records, client.id, overlap_s=call.body.overlap_s, now=call.now)
    return Answer(body={"client_id": client.id, "client_secret": secret})
