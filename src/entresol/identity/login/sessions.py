"""Sessions of browsers: 256 random bits in a cookie, kept as their SHA-256.

A sign-in always makes a new session, and ends the one that the browser came with: an id that somebody slipped to the
browser beforehand is worth nothing (session fixation).
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from entresol.core.storage import Records
from entresol.identity.oauth.families import revoke_session
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.records.accounts import User
from entresol.identity.records.sessions import Session

LIFETIME_S: Final = 43_200
"""However busy it is."""
IDLE_S: Final = 7_200
TOUCHED_S: Final = 60
"""How exactly it is known when a session was used last."""
COOKIE_PREFIX: Final = "ess_"


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that has just begun. The cookie's value exists nowhere else."""

    record: Session
    cookie: str

    def __repr__(self) -> str:
        return f"NewSession({self.record.user!r})"


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody has signed in."""

    methods: tuple[str, ...]
    """`pwd`, `otp`, `hwk`, `fed` (RFC 8176)."""
    acr: str = ""
    issuer: str = ""
    groups: tuple[str, ...] = ()
    address: str = ""
    user_agent: str = ""


def begin_session(records: Records, user: User, how: SignIn, old_cookie: str, now: int) -> NewSession:
    """A new session, in the place of the one that the browser came with."""
    if old_cookie:
        records.delete(Session, handle_digest(old_cookie))
    cookie = new_handle(COOKIE_PREFIX)
    record = Session(
        id=handle_digest(cookie),
        organisation=user.organisation,
        user=user.id,
        username=user.username,
        issuer=how.issuer,
        auth_time=now,
        acr=how.acr,
        methods=how.methods,
        groups=how.groups,
        expires_at=now + LIFETIME_S,
        idle_until=now + IDLE_S,
        csrf_key=secrets.token_hex(32),
        address=how.address,
        user_agent=how.user_agent[:300],
    )
    known = records.need(User, user.id)
    records.replace(replace(known, last_seen_at=now))
    return NewSession(record=records.insert(record), cookie=cookie)


def session_of(records: Records, cookie: str, now: int) -> Session | None:
    """The session that a cookie stands for, if it still counts."""
    session = records.get(Session, handle_digest(cookie)) if cookie else None
    if session is None or session.expires_at <= now or session.idle_until <= now:
        return None
    user = records.get(User, session.user)
    return session if user is not None and user.is_active else None


def must_touch(session: Session, now: int) -> bool:
    """Whether it is time to write down that it is used."""
    return session.idle_until < now + IDLE_S - TOUCHED_S


def touch(records: Records, session: Session, now: int) -> None:
    """It is used: it stays."""
    known = records.get(Session, session.id)
    if known is not None:
        records.replace(replace(known, idle_until=now + IDLE_S))


def sessions_of(records: Records, user: str, now: int) -> Sequence[Session]:
    """A user's sessions that still count, the latest sign-in first."""
    found = [each for each in records.find(Session, user=user) if each.expires_at > now and each.idle_until > now]
    return sorted(found, key=lambda each: -each.auth_time)


def end_session(records: Records, user: str, session_id: str, now: int) -> bool:
    """End one of the user's own sessions, and all tokens that go back to it. False for what is not theirs."""
    session = records.get(Session, session_id)
    if session is None or session.user != user:
        return False
    records.delete(Session, session_id)
    revoke_session(records, user, session_id, now)
    return True


def end_sessions(records: Records, user: str, now: int, but: str = "") -> int:
    """End all of a user's sessions, except perhaps one. Returns how many."""
    others = [each.id for each in records.find(Session, user=user) if each.id != but]
    return sum(end_session(records, user, each, now) for each in others)


def form_token(session: Session) -> str:
    """What a form that was shown to this session carries (CSRF). The cookie's value cannot be found from it."""
    return hmac.digest(session.csrf_key.encode(), b"form", hashlib.sha256).hex()


def is_form_token(session: Session, token: str) -> bool:
    """Whether a form was shown to this session."""
    return bool(session.csrf_key) and hmac.compare_digest(form_token(session).encode(), token.encode())
