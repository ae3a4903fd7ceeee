"""The master key: what encrypts the data keys. It is not in the store.

`file:PATH` (made at the first start, readable by its owner only), `env:NAME`, or a key that never leaves where it is:
`vault:NAME` (HashiCorp Vault, transit), `aws-kms:…`, `gcp-kms:…`, `azure-kms:…` (`master_key_remote`). A key in a file
or variable is 32 bytes, base64 or hexadecimal.
"""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from entresol.core.errors import ConfigError
from entresol.core.fetching import Steps
from entresol.store.envelope import KEY_BYTES, Envelope

_WRONG: Final = "expected 32 bytes in base64 or hexadecimal"


class MasterKey(Protocol):
    """Encrypts data keys and opens them again."""

    @property
    def id(self) -> str:
        """Tells master keys apart; gives nothing of the key away."""

    def wrap(self, data_key: bytes) -> Steps[str]:
        """A data key as it may be stored. Raises FetchFailed, ConfigError `master_key_refused`."""

    def unwrap(self, wrapped: str) -> Steps[bytes]:
        """The data key again. Raises what `wrap` raises, and InternalError `secret_unreadable`."""


class LocalMasterKey:
    """A master key that this process holds."""

    def __init__(self, key: bytes) -> None:
        self.id = f"local-{sha256(b'entresol master key id' + key).hexdigest()[:12]}"
        self._envelope = Envelope({self.id: key}, self.id)

    def __repr__(self) -> str:
        return f"LocalMasterKey({self.id})"

    def wrap(self, data_key: bytes) -> Steps[str]:
        """See MasterKey."""
        return self._envelope.seal("data_keys", "", "wrapped", data_key.hex())
        yield  # makes it a generator: nothing is asked of anybody

    def unwrap(self, wrapped: str) -> Steps[bytes]:
        """See MasterKey."""
        return bytes.fromhex(self._envelope.open("data_keys", "", "wrapped", wrapped))
        yield


def key_from_file(path: Path) -> LocalMasterKey:
    """The key in a file, which is made if it is not there. Raises ConfigError `master_key_unusable`."""
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unusable(f"file:{path}", f"cannot be read: {error.strerror}") from None
    try:
        _make(path)
        return _read(path)
    except OSError as error:
        raise _unusable(f"file:{path}", f"cannot be made: {error.strerror}") from None


def key_from_environment(name: str, environment: Mapping[str, str]) -> LocalMasterKey:
    """The key in a variable. Raises ConfigError `master_key_unusable`."""
    text = environment.get(name)
    if text is None:
        raise _unusable(f"env:{name}", "there is no such variable")
    return LocalMasterKey(_key_of(text, f"env:{name}"))


def _read(path: Path) -> LocalMasterKey:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, encoding="latin-1") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise _unusable(f"file:{path}", f"others may read it (mode {mode:o}): chmod 600 it, and change the key")
        return LocalMasterKey(_key_of(file.read(1024), f"file:{path}"))


def _make(path: Path) -> None:
    """Written whole under another name and then linked, so that of two processes that begin together one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # the other process was faster; its key counts
    finally:
        os.unlink(draft)


def _key_of(text: str, source: str) -> bytes:
    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise _unusable(source, _WRONG) from None
    if len(key) != KEY_BYTES:
        raise _unusable(source, _WRONG)
    return key


def _unusable(source: str, why: str) -> ConfigError:
    return ConfigError("master_key_unusable", f"the master key {source}: {why}")
