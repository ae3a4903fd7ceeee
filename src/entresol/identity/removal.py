"""Accounts that go, and all that hangs on them: nothing is left by which somebody could still come in."""

from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.login.sessions import end_sessions
from entresol.identity.oauth.clients import remove_client
from entresol.identity.oauth.families import revoke_account
from entresol.identity.records.access import ResourceGrant, RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, ServiceAccount, Team, User
from entresol.identity.records.factors import Invitation, Passkey, Password, Totp
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, Consent
from entresol.identity.records.upstreams import UserGrant
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import revoke

OWNER = "owner"


def is_last_owner(records: Records, user: User) -> bool:
    """Whether the organisation would be without an owner who is active."""
    owners = [
        each.grantee
        for each in records.find(RoleAssignment, organisation=user.organisation, role=OWNER)
        if each.grantee_kind == "user"
    ]
    others = [records.get(User, owner) for owner in owners if owner != user.id]
    return user.id in owners and not any(other is not None and other.is_active for other in others)


def check_owner_remains(records: Records, user: User) -> None:
    """Raises ClientError 409 `last_owner`."""
    if is_last_owner(records, user):
        raise ClientError(
            "last_owner", "this is the last owner of the organisation: name another one first", status=409
        )


def shut_out(records: Records, account: User | ServiceAccount, now: int) -> None:
    """Sessions and tokens end. Keys stay, and count again when the account is active again."""
    if isinstance(account, User):
        end_sessions(records, account.id, now)
    revoke_account(records, account.id, now)


def clear_user(records: Records, user: User, now: int) -> None:
    """What belongs to a user, before the user is deleted."""
    shut_out(records, user, now)
    for cls in (ExternalIdentity, Passkey, Invitation, Consent, AuthorizationCode, UserGrant):
        records.delete_where(cls, user=user.id)
    records.delete(Password, user.id)
    records.delete(Totp, user.id)
    _clear_rights(records, user.id, now)


def clear_service_account(records: Records, account: ServiceAccount, now: int) -> None:
    """What belongs to a service account, before it is deleted: its clients, too."""
    shut_out(records, account, now)
    for client in records.find(OAuthClient, service_account=account.id):
        remove_client(records, client.id, now=now)
    _clear_rights(records, account.id, now)


def clear_team(records: Records, team: Team, now: int) -> None:
    """What belongs to a team, before it is deleted. Raises ClientError 409 `in_use` while there are teams below."""
    below = records.find(Team, organisation=team.organisation, parent=team.id)
    if below:
        raise ClientError("in_use", f"{below[0].name} and {len(below) - 1} others are below this team", status=409)
    records.delete_where(Membership, team=team.id)
    _clear_rights(records, team.id, now)


def _clear_rights(records: Records, holder: str, now: int) -> None:
    for key in records.find(VirtualKey, owner=holder):
        revoke(records, key.id, now)
    records.delete_where(Membership, member=holder)
    for assignment in records.find(RoleAssignment, grantee=holder):
        records.delete(RoleAssignment, assignment.id)
    for grant in records.find(ResourceGrant, grantee=holder):
        records.delete(ResourceGrant, grant.id)
