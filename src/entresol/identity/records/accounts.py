"""Organisations and who belongs to them."""

from typing import Literal

from entresol.core.record import Record


class Organisation(Record, frozen=True, kw_only=True):
    """A tenant. Its `organisation` is its own id."""

    kind = "organisations"
    unique = (("name",),)

    name: str
    domains: tuple[str, ...] = ()
    """Verified domains of e-mail addresses. They route sign-in to a provider, and grant nothing."""


class Team(Record, frozen=True, kw_only=True):
    """People and service accounts that share rights, budgets and keys. What a team may, teams below it may."""

    kind = "teams"
    unique = (("organisation", "name"), ("organisation", "external_id"))
    indexed = ("parent",)

    name: str
    parent: str | None = None
    external_id: str | None = None
    """The directory's id, for SCIM."""
    source: Literal["local", "scim", "claims"] = "local"
    """Who keeps the members: administrators, a directory, or the claims at each sign-in."""


class Membership(Record, frozen=True, kw_only=True):
    """A user or service account in a team. Its id is made of the two, so that it exists once."""

    kind = "memberships"
    indexed = ("team", "member")

    team: str
    member: str
    """Id of a user or service account."""
    source: Literal["local", "scim", "claims"] = "local"


class User(Record, frozen=True, kw_only=True):
    """A person."""

    kind = "users"
    unique = (("organisation", "username"), ("organisation", "external_id"))
    indexed = ("email",)

    username: str
    """Signs in by it where there is a password. Lower case."""
    email: str = ""
    """For people to read. It identifies nobody."""
    display_name: str = ""
    given_name: str = ""
    family_name: str = ""
    is_active: bool = True
    external_id: str | None = None
    source: Literal["local", "scim", "sign-in"] = "local"
    """Who made it: an administrator, a directory, or the first sign-in."""
    last_seen_at: int | None = None


class ExternalIdentity(Record, frozen=True, kw_only=True):
    """An issuer's subject and the user it is here. Only a signed-in user, or an administrator, links another one."""

    kind = "external_identities"
    unique = (("organisation", "issuer", "subject"),)
    indexed = ("user",)

    user: str
    issuer: str
    subject: str


class ServiceAccount(Record, frozen=True, kw_only=True):
    """A program or an agent, with rights of its own."""

    kind = "service_accounts"
    unique = (("organisation", "name"),)

    name: str
    description: str = ""
    is_agent: bool = False
    is_active: bool = True
    subjects: tuple[str, ...] = ()
    """Who may act as it without a secret: `ISSUER|SUBJECT` of trusted workloads, `spiffe://…` identities."""
