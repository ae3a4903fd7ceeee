"""What the provider does with one request: a response head and steps that a player carries out."""

import msgspec

from entresol.core.http import HeaderPairs


class Send(msgspec.Struct, frozen=True):
    """Send these bytes at once."""

    data: bytes


class Wait(msgspec.Struct, frozen=True):
    """Do nothing for a while."""

    seconds: float


class Break(msgspec.Struct, frozen=True):
    """Break the connection off."""


Step = Send | Wait | Break


class Script(msgspec.Struct, frozen=True):
    """A response. `streamed` ones are framed in parts and paced, the others go out in one piece with their length."""

    status: int
    headers: HeaderPairs
    steps: tuple[Step, ...]
    streamed: bool = False
    before_head: tuple[Step, ...] = ()
    """Waits (or a break) before anything is sent."""

    @property
    def body(self) -> bytes:
        """Every byte the script sends."""
        return b"".join(step.data for step in self.steps if isinstance(step, Send))


class Refusal(Exception):
    """The provider says no. `kind` is the wire's own error type, `param` the field at fault."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers


class Incoming(msgspec.Struct, frozen=True):
    """A request as a wire sees it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """Lower-case names; of repeated fields the first."""
    body: bytes


def json_script(status: int, value: object, headers: HeaderPairs | None = None) -> Script:
    """A whole JSON response."""
    pairs: HeaderPairs = [(b"content-type", b"application/json"), *(headers or [])]
    return Script(status, pairs, (Send(msgspec.json.encode(value)),))


def event_script(frames: list[bytes], headers: HeaderPairs | None = None) -> Script:
    """A response of server-sent events, one step a frame."""
    pairs: HeaderPairs = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-cache"),
        *(headers or []),
    ]
    return Script(200, pairs, tuple(Send(frame) for frame in frames), streamed=True)
