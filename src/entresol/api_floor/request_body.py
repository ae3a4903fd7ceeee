"""What has arrived of a request's body while the path is not ready to pass it on."""

from entresol.core.errors import ClientError
from entresol.core.http import HeaderPairs


class RequestBody:
    """Body bytes held back, in order. `is_complete` once the client has sent all of it."""

    __slots__ = ("_first", "_more", "has_begun", "is_complete", "size", "trailers")

    def __init__(self) -> None:
        self._first = b""
        self._more: list[bytes] | None = None  # a body rarely comes in more than one piece
        self.size = 0
        self.has_begun = False
        """The first read of the body, which may be empty, has been seen."""
        self.is_complete = False
        self.trailers: HeaderPairs | None = None

    def add(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        """Hold one more piece."""
        self.has_begun = True
        self.is_complete = last
        self.size += len(data)
        if not self._first:
            self._first = data
        elif data:
            if self._more is None:
                self._more = []
            self._more.append(data)
        if trailers:
            self.trailers = trailers

    def check(self, limit: int | None) -> None:
        """Raise ClientError 413 when more than `limit` bytes have arrived."""
        if limit is not None and self.size > limit:
            raise ClientError(
                "request_too_large",
                f"request body is larger than the {limit} bytes this route accepts",
                status=413,
            )

    def take(self) -> bytes:
        """All that is held, as one piece; nothing is held any more."""
        data, more = self._first, self._more
        self._first, self._more = b"", None
        return data if more is None else data + b"".join(more)

    def put_back(self, data: bytes) -> None:
        """Hold `data`, which stands for what was taken."""
        self._first = data
