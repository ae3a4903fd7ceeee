"""Random texts that stand for something kept here: codes, handles, tokens. Only their digests are kept."""

import hashlib
import hmac
import secrets


def new_handle(prefix: str = "") -> str:
    """256 random bits in base64url, behind a prefix."""
    return prefix + secrets.token_urlsafe(32)


def handle_digest(handle: str) -> str:
    """SHA-256 in hexadecimal: the id of the record that the handle stands for."""
    return hashlib.sha256(handle.encode("utf-8", "surrogatepass")).hexdigest()


def is_handle(handle: str, digest: str) -> bool:
    """Whether a handle has this digest, in constant time. No handle has an empty one."""
    return bool(digest) and hmac.compare_digest(handle_digest(handle), digest)
