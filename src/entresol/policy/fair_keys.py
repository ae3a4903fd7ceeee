"""Which key a full table gives up: everybody has a fair share of it.

A key's namespace is what stands before its first colon, for a limit the plugin that has it. Clients choose how many
keys a limit gets (one for each address or header value, say), so whoever fills the table must push out its own keys: a
flood against one limit must not make another forget what it counted.
"""

from collections import OrderedDict
from collections.abc import Iterator


class FairKeys:
    """The keys of a table of at most `max_keys`, oldest first in each namespace. Told only of keys that come or go."""

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._count = 0
        # An ordinary dict looks past all that were removed at its front to find its first key.
        self._spaces: dict[str, OrderedDict[str, None]] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        """True when a key has to go before another may come."""
        return self._count >= self._max_keys

    @property
    def namespaces(self) -> int:
        """How many share the table."""
        return len(self._spaces)

    def add(self, key: str) -> None:
        """A key that the table does not hold yet."""
        space = _namespace(key)
        keys = self._spaces.get(space)
        if keys is None:
            keys = self._spaces[space] = OrderedDict()
        keys[key] = None
        self._count += 1

    def discard(self, key: str) -> None:
        """A key that the table gives up, if it holds it."""
        space = _namespace(key)
        keys = self._spaces.get(space)
        if keys is None or key not in keys:
            return
        del keys[key]
        self._count -= 1
        if not keys:
            del self._spaces[space]

    def candidates(self, newcomer: str) -> Iterator[str]:
        """The keys of which one should go for `newcomer`, the best first: those of its own namespace when that has its
        share, else those of the largest."""
        keys = self._spaces.get(_namespace(newcomer))
        if keys is None or len(keys) * len(self._spaces) < self._max_keys:
            keys = max(self._spaces.values(), key=len)
        return iter(keys)


def _namespace(key: str) -> str:
    at = key.find(":")
    return key[:at] if at > 0 else ""
