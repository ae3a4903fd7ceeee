"""How long tokens live, and how far they may be handed on."""

from typing import Final

import msgspec

MAX_ACCESS_LIFETIME_S: Final = 3_600


class TokenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Set once, at the start. Lifetimes are seconds."""

    access_lifetime_s: int = 600
    """Of access tokens and ID tokens; at most an hour: so long revocations are kept."""
    refresh_lifetime_s: int = 1_209_600
    """Of a refresh token that is not used."""
    family_lifetime_s: int = 7_776_000
    """Of all refresh tokens that go back to one sign-in, however often they are refreshed."""
    refresh_grace_s: int = 10
    """So long a used refresh token gets the same successor again, if its answer was lost."""
    device_lifetime_s: int = 900
    device_interval_s: int = 5
    """How long a device waits between two polls (RFC 8628 §3.2)."""
    device_requests_per_minute: int = 10
    """From one address, and from one client at one address."""
    device_requests_per_client: int = 120
    """In a minute, from all addresses of one client."""
    max_actors: int = 4
    """How many may act for one another in a token (`act`, RFC 8693 §4.1)."""
    dpop_nonce_required: bool = False
    """Proofs must hold a nonce of ours (RFC 9449 §8)."""
    dpop_max_age_s: int = 300
    """How old a proof may be, and how far its clock ahead."""
    key_lifetime_s: int = 2_592_000
    """How long a key signs."""
    key_announcement_s: int = 86_400
    """How long a key is published before it signs."""

    def __post_init__(self) -> None:
        """Raises ValueError for settings with which revocations would be forgotten, or keys never announced."""
        if not 0 < self.access_lifetime_s <= MAX_ACCESS_LIFETIME_S:
            raise ValueError(f"access_lifetime_s must be between 1 and {MAX_ACCESS_LIFETIME_S}")
        if not 0 < self.key_announcement_s < self.key_lifetime_s:
            raise ValueError("key_announcement_s must be less than key_lifetime_s")
