"""Sources that never have to wait: keys and tokens that were configured."""

from entresol.core.errors import ConfigError
from entresol.llm.cloud_credentials import CloudCredential


class FixedSource:
    """Always the same credential (`CredentialSource`)."""

    def __init__(self, credential: CloudCredential) -> None:
        self._credential = credential

    def current(self) -> CloudCredential | None:
        """See `CredentialSource`."""
        return self._credential

    async def fetch(self) -> CloudCredential:
        """See `CredentialSource`."""
        return self._credential


class FaultySource:
    """Never a credential, because a secret of the configuration has no value: calls say so, the gateway runs."""

    def __init__(self, fault: ConfigError) -> None:
        self._fault = fault

    def current(self) -> CloudCredential | None:
        """See `CredentialSource`."""
        return None

    async def fetch(self) -> CloudCredential:
        """Raises the ConfigError."""
        raise self._fault
