"""What plugins tell the log plugins, beside what AI plugins tell (`ai_slots`)."""

from typing import Final

from entresol.core.slots import Slot

ALWAYS_SECRET: Final = frozenset(("apikey", "api-key", "x-api-key", "x-goog-api-key", "x-amz-security-token"))
"""Names that are taken for a credential's in header fields and queries, whether or not a plugin says so."""

SECRET_NAMES: Final[Slot[frozenset[str]]] = Slot("log.secret_names")
"""Lower-case names of header fields and query parameters that held a credential: their values are not logged."""

CORRELATION_ID: Final[Slot[str]] = Slot("log.correlation_id")
"""The id that the request goes on with."""
