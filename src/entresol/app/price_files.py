"""Price tables on disk: which one holds, and how a new one gets there."""

import os
import re
import tempfile
from itertools import islice
from pathlib import Path
from typing import Final

from entresol.config import PriceSettings
from entresol.core.errors import ConfigError
from entresol.llm.price_overrides import read_overrides
from entresol.llm.price_table import PriceTable, price_table, read_table
from entresol.llm.price_table_checks import check_names, faults
from entresol.store.text_reading import UnreadableText, read_text

MAX_BYTES: Final = 64 * 1024 * 1024
_FAULTS_TOLD: Final = 10
SIGNATURE: Final = ".sig"
"""What stands after the name of a table in the name of its signature: 64 bytes, or their base64."""


def installed_prices(settings: PriceSettings) -> PriceTable:
    """The table that holds here, with the operator's own prices before it.

    Raises ConfigError `prices_unreadable`: a file that is set but cannot be used is no reason to bill other prices.
    """
    table = newest_table(settings)
    if settings.overrides_file is None:
        return table
    return table.overridden(overrides_in(settings.overrides_file))


def newest_table(settings: PriceSettings) -> PriceTable:
    """The newer one of the package's table and `table_file`, which need not be there."""
    packaged = price_table()
    if settings.table_file is None or not os.path.exists(settings.table_file):
        return packaged
    updated = table_in(read(settings.table_file), settings.table_file)
    return packaged if is_older(updated, packaged) else updated


def overrides_in(path: str) -> PriceTable:
    """The operator's own prices. Raises ConfigError with everything that is wrong with the file."""
    try:
        raw = read_text(read(path))
    except UnreadableText as error:
        raise ConfigError("prices_unreadable", f"{path}: {error}") from None
    found = read_overrides(raw)
    if isinstance(found, list):
        raise ConfigError("prices_unreadable", f"{path}: {'; '.join([str(violation) for violation in found])}")
    return found


def table_in(data: bytes, name: str) -> PriceTable:
    """A table from its file, every row of it read and checked. Raises ConfigError."""
    try:
        table = read_table(data)
        check_names(data)
        found = list(islice(faults(table), _FAULTS_TOLD + 1))
    except (ValueError, RecursionError) as error:  # msgspec's are ValueErrors
        raise ConfigError("prices_unreadable", f"{name}: {error}") from None
    if found:
        more = ["…"] if len(found) > _FAULTS_TOLD else []
        raise ConfigError("prices_unreadable", f"{name}: {'; '.join(found[:_FAULTS_TOLD] + more)}")
    return table


def is_older(table: PriceTable, other: PriceTable) -> bool:
    """Whether a table is from before another. Those of different sources have no order."""
    return table.head.source == other.head.source and _numbers(table) < _numbers(other)


def check_signature(data: bytes, path: str, key_file: str) -> None:
    """Raises ConfigError unless the table's signature (`PATH.sig`, Ed25519) is of the key."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise ConfigError("prices_unreadable", "checking signatures needs the package cryptography") from None
    try:
        key = load_pem_public_key(read(key_file))
    except ValueError:
        raise ConfigError("prices_unreadable", f"{key_file}: not a public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError("prices_unreadable", f"{key_file}: not an Ed25519 key")
    try:
        key.verify(_signature(read(path + SIGNATURE)), data)
    except InvalidSignature:
        raise ConfigError("prices_unreadable", f"{path}: the signature is not of this file and key") from None


def read(path: str) -> bytes:
    """A file's bytes. Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError("prices_unreadable", f"{path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError("prices_unreadable", f"{path}: larger than {MAX_BYTES} bytes")
    return data


def write_atomically(path: str, data: bytes) -> None:
    """Put a file in place whole, or not at all. Raises OSError."""
    folder = Path(path).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".prices-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # prices are no secret, and workers may be another user's
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _numbers(table: PriceTable) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", table.head.version))


def _signature(data: bytes) -> bytes:
    if len(data) == 64:
        return data
    import base64
    import binascii

    try:
        return base64.b64decode(data.strip(), validate=True)
    except binascii.Error:
        return b""
