"""What a request brings to say who is asking. Imports nothing heavy: doors of the data plane make it."""


class Presented:
    """What came with a request to say who is asking."""

    __slots__ = ("address", "credential", "proofs", "resource")

    def __init__(
        self, credential: bytes, address: str = "", proofs: frozenset[str] = frozenset(), resource: str = ""
    ) -> None:
        self.credential = credential
        """The key or token, without its scheme."""
        self.address = address
        """Of the client."""
        self.proofs = proofs
        """Keys that the sender has shown to hold: `jkt:…` (DPoP), `x5t#S256:…` (client certificate)."""
        self.resource = resource
        """The resource that is asked for, where tokens for others do not count; empty for the data plane's."""
