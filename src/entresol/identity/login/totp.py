"""Time-based one-time passwords (RFC 6238) and recovery codes, as a second factor."""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from entresol.core.storage import Records
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.accounts import User
from entresol.identity.records.factors import Totp

STEP_S: Final = 30
DIGITS: Final = 6
WINDOW: Final = 1
"""How many steps a clock may be off, either way."""
RECOVERY_CODES: Final = 10
_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"


def begin_totp(records: Records, user: User) -> Totp:
    """A new secret, which counts once a code has confirmed it. Before that an old one that is confirmed goes on."""
    old = records.get(Totp, user.id)
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    if old is None:
        return records.insert(Totp(id=user.id, organisation=user.organisation, secret=secret))
    if old.is_confirmed:
        return old
    return records.replace(replace(old, secret=secret))


def provisioning_uri(totp: Totp, username: str, issuer: str) -> str:
    """For the authenticator (Key URI Format)."""
    label = quote(f"{issuer}:{username}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': totp.secret, 'issuer': issuer, 'digits': DIGITS})}"


def confirm_totp(records: Records, user: str, code: str, now: int) -> tuple[str, ...]:
    """The first right code switches it on. Returns the recovery codes, shown once; none for a wrong code."""
    known = records.get(Totp, user)
    if known is None or known.is_confirmed:
        return ()
    step = matching_step(known, code, now)
    if step is None:
        return ()
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    digests = tuple(handle_digest(each) for each in codes)
    records.replace(replace(known, is_confirmed=True, last_step=step, recovery_digests=digests))
    return codes


def has_totp(records: Records, user: str) -> bool:
    """Whether this user has to give a code."""
    known = records.get(Totp, user)
    return known is not None and known.is_confirmed


def take_code(records: Records, user: str, text: str, now: int) -> bool:
    """Whether this is a right code, of the authenticator or for recovery. It does not count a second time."""
    known = records.get(Totp, user)
    if known is None or not known.is_confirmed:
        return False
    step = matching_step(known, text, now)
    if step is not None:
        records.replace(replace(known, last_step=step))
        return True
    digest = handle_digest(text.strip().lower().replace("-", "").replace(" ", ""))
    left = tuple(each for each in known.recovery_digests if not hmac.compare_digest(each, digest))
    if len(left) == len(known.recovery_digests):
        return False
    records.replace(replace(known, recovery_digests=left))
    return True


def remove_totp(records: Records, user: str) -> None:
    """Codes are asked for no more."""
    records.delete(Totp, user)


def matching_step(totp: Totp, text: str, now: int) -> int | None:
    """The time step that a code is for, after the last one that was taken."""
    code = text.replace(" ", "")
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return None
    current, found = now // STEP_S, None
    for step in range(current - WINDOW, current + WINDOW + 1):
        if hmac.compare_digest(code_at(totp.secret, step), code) and step > totp.last_step:
            found = step
    return found


def code_at(secret: str, step: int) -> str:
    """RFC 4226 §5.3. Raises ValueError for a secret that is not base32."""
    try:
        key = base64.b32decode(secret)
    except binascii.Error as error:
        raise ValueError("the secret is no base32") from error
    digest = hmac.digest(key, step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def _recovery_code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(16))
