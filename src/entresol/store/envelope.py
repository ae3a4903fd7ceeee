"""Secrets at rest: AES-256-GCM under data keys, which a master key encrypts in turn (envelope encryption).

A sealed text is `v1.KEY.NONCE-AND-CIPHERTEXT` (base64url). What belongs to it, the table, the record and the field, is
authenticated along with it, so that a sealed text cannot be moved to another place. Source: NIST SP 800-38D; a data
key encrypts far fewer than the 2^32 texts that random nonces allow.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entresol.core.errors import InternalError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = "v1"


class Envelope:
    """Seals and opens texts. Implements `store.sql.sealing.Sealer`."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        """`keys` by id, 32 bytes each; `current` is the one that seals."""
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.current = current

    def __repr__(self) -> str:
        return f"Envelope({sorted(self._ciphers)}, current={self.current!r})"

    def seal(self, table: str, record_id: str, field: str, text: str) -> str:
        """Encrypt. An empty text stays empty: there is nothing to hide, and whether a secret is set may be seen."""
        if not text:
            return ""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        place = _place(table, record_id, field)
        sealed = nonce + self._ciphers[self.current].encrypt(nonce, text.encode("utf-8", "surrogatepass"), place)
        return f"{_VERSION}.{self.current}.{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def open(self, table: str, record_id: str, field: str, sealed: str) -> str:
        """Decrypt. Raises InternalError `secret_unreadable`, which says where, never what."""
        if not sealed:
            return ""
        where = f"{table}/{record_id}.{field}"
        version, _, rest = sealed.partition(".")
        key_id, _, text = rest.partition(".")
        if version != _VERSION:
            raise InternalError("secret_unreadable", f"{where} is not encrypted in a way that is known")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise InternalError("secret_unreadable", f"{where} needs data key {key_id!r}, which is not here")
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            plain = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _place(table, record_id, field))
        except (InvalidTag, binascii.Error, ValueError):
            raise InternalError("secret_unreadable", f"{where} was changed, moved, or belongs to other keys") from None
        return plain.decode("utf-8", "surrogatepass")

    def is_current(self, sealed: str) -> bool:
        """False for what the next rotation has to seal anew."""
        return not sealed or sealed.startswith(f"{_VERSION}.{self.current}.")


def _place(table: str, record_id: str, field: str) -> bytes:
    return "\0".join((table, record_id, field)).encode("utf-8", "surrogatepass")
