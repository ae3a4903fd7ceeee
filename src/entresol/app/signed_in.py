"""Where the command line keeps what it got at `entresol login`: a file that only its owner may read."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

_NAME: Final = "login.json"


class SignedIn(msgspec.Struct, kw_only=True):
    """What was given for one gateway."""

    access_token: str
    expires_at: int
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"SignedIn(expires_at={self.expires_at})"


class LoginFile:
    """Logins by the issuer's URL."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, url: str) -> SignedIn | None:
        """What is kept for a gateway. A file that cannot be read is as good as none."""
        return self._all().get(url)

    def keep(self, url: str, login: SignedIn | None) -> None:
        """Put it in the place of the one before; None: forget it."""
        logins = self._all()
        logins.pop(url, None)
        if login is not None:
            logins[url] = login
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(logins))
        draft.replace(self.path)

    def _all(self) -> dict[str, SignedIn]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, SignedIn])
        except (OSError, msgspec.DecodeError):
            return {}


def login_file(environment: Mapping[str, str]) -> LoginFile:
    """Below XDG_CONFIG_HOME, or ~/.config."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME") or "~").expanduser() / ".config")
    return LoginFile(Path(base) / "entresol" / _NAME)
