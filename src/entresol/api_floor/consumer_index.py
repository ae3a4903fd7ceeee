"""The consumers of one plan, answered from memory."""

from collections.abc import Sequence

from entresol.api_floor.entities import Consumer, Credential, KeyAuthCredential
from entresol.core.ports import Clock


class ConsumerIndex:
    """Finds consumers by credential, name or id. Implements `plugin.ConsumerDirectory`."""

    def __init__(
        self, consumers: Sequence[Consumer], keyauth_credentials: Sequence[KeyAuthCredential], clock: Clock
    ) -> None:
        by_id = {consumer.id: consumer for consumer in consumers}
        self._clock = clock
        self._by_name = by_id | {consumer.username: consumer for consumer in consumers if consumer.username is not None}
        self._by_credential: dict[tuple[str, bytes], tuple[Consumer, Credential]] = {
            (KeyAuthCredential.kind, bytes.fromhex(credential.key_sha256)): (by_id[credential.consumer], credential)
            for credential in keyauth_credentials
            if credential.key_sha256 is not None
        }

    def by_credential(self, kind: str, digest: bytes) -> tuple[Consumer, Credential] | None:
        """Who holds a credential; nobody holds one that has expired."""
        found = self._by_credential.get((kind, digest))
        if found is not None:
            expires_at = found[1].expires_at
            if expires_at is not None and expires_at <= self._clock.now():
                return None
        return found

    def has_expired(self, kind: str, digest: bytes) -> bool:
        """Whether the credential exists, but its time is over."""
        found = self._by_credential.get((kind, digest))
        expires_at = None if found is None else found[1].expires_at
        return expires_at is not None and expires_at <= self._clock.now()

    def by_name(self, name_or_id: str) -> Consumer | None:
        """A consumer by username or id."""
        return self._by_name.get(name_or_id)
