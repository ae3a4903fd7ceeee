"""Passwords: Argon2id (RFC 9106), and what NIST SP 800-63B asks of those who take passwords.

Hashing and checking take a quarter of a second and 64 MiB on purpose: the caller does them in a thread.
"""

import unicodedata
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec.structs import replace

from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.records.accounts import User
from entresol.identity.records.factors import Password

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
_HASHER: Final = PasswordHasher()


def check_acceptable(text: str, username: str) -> None:
    """Length counts, composition does not (SP 800-63B §3.1.1.2). Raises ClientError 422 `password_refused`."""
    if len(text) < MIN_LENGTH:
        raise _refused(f"it needs at least {MIN_LENGTH} characters")
    if len(text) > MAX_LENGTH:
        raise _refused(f"it may have at most {MAX_LENGTH} characters")
    if len(set(text)) < 5:
        raise _refused("it repeats a few characters only")
    if username and username.casefold() in text.casefold() and len(text) < len(username) + MIN_LENGTH:
        raise _refused("it is the user name with a little around it")


def hash_password(text: str) -> str:
    """In PHC notation. Slow."""
    return _HASHER.hash(_normal(text))


def is_password(text: str, known: str | None) -> bool:
    """Whether it is the password. Slow, and as slow without one, so that nobody learns who has one."""
    try:
        _HASHER.verify(known if known is not None else _nobodys(), _normal(text))
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


def is_outdated(known: str) -> bool:
    """Whether it was hashed with less effort than is usual now: hash it again when it is typed next."""
    return _HASHER.check_needs_rehash(known)


def set_password(records: Records, user: User, hashed: str, now: int) -> None:
    """It counts from now on."""
    old = records.get(Password, user.id)
    if old is None:
        records.insert(Password(id=user.id, organisation=user.organisation, hash=hashed, changed_at=now))
    else:
        records.replace(replace(old, hash=hashed, changed_at=now, must_change=False))


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _HASHER.hash("nobody has this password")


def _normal(text: str) -> bytes:
    """The same for every keyboard (SP 800-63B §3.1.1.2)."""
    return unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")[: 4 * MAX_LENGTH]


def _refused(why: str) -> ClientError:
    return ClientError("password_refused", f"This password cannot be taken: {why}.", status=422)
