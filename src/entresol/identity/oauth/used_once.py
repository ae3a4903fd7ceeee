"""What counts once: the `jti` of assertions and proofs."""

import hashlib

import msgspec

from entresol.core.storage import Records
from entresol.identity.records.sessions import UsedOnce


def use_once(records: Records, *what: str, until: int) -> bool:
    """Mark it as used; False if it has been used before. `until`: the second after which it is refused anyway."""
    record_id = hashlib.sha256(msgspec.json.encode(what)).hexdigest()
    if records.get(UsedOnce, record_id) is not None:
        return False
    records.insert(UsedOnce(id=record_id, expires_at=until))
    return True
