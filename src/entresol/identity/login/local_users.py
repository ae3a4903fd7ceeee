"""Local users at the sign-in: who is meant by what was typed."""

import msgspec

from entresol.core.storage import Records
from entresol.identity.login.totp import has_totp
from entresol.identity.records.accounts import Organisation, User
from entresol.identity.records.factors import Password


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be signing in, before anything is proven."""

    user: User | None = None
    password_hash: str | None = None
    needs_code: bool = False

    def __repr__(self) -> str:
        return f"Candidate({self.user.id if self.user is not None else None!r})"


def candidate(records: Records, typed: str) -> Candidate:
    """`USERNAME`, or `ORGANISATION/USERNAME` where several organisations have one of that name. Nobody: empty, and
    it looks no different to whoever types."""
    user = _named(records, typed.strip().lower())
    if user is None or not user.is_active:
        return Candidate()
    password = records.get(Password, user.id)
    if password is None:
        return Candidate()
    return Candidate(user=user, password_hash=password.hash, needs_code=has_totp(records, user.id))


def _named(records: Records, typed: str) -> User | None:
    organisation, slash, username = typed.rpartition("/")
    if slash:
        found = [each for each in records.find(Organisation) if each.name.lower() == organisation]
        return records.one(User, organisation=found[0].id, username=username) if len(found) == 1 else None
    users = records.find(User, username=username)
    return users[0] if len(users) == 1 else None
