"""A session of OpenAI's realtime API over WebSocket, sans-IO: read along in both directions, and ended in mid-stream.

Bytes pass unchanged, whole frames at a time; usage is counted as the provider tells it. Once a session has used its
tokens, or when somebody else wants it to end, `cut` says what each side is sent last.
"""

from typing import Final

from entresol.core.errors import ClientError, GatewayError, UpstreamError
from entresol.llm.realtime_events import SessionFacts, error_event
from entresol.llm.websocket_frames import (
    POLICY_VIOLATION,
    TEXT,
    FrameFault,
    FrameReader,
    close_frame,
    text_frame,
)

_NORMAL: Final = 1000
_SERVER_ERROR: Final = 1011


class RealtimeTap:
    """One session. `from_client` and `from_provider` are filters; what they raise should be given to `cut`."""

    def __init__(self, mask: bytes, session_id: str, max_tokens: int | None = None) -> None:
        """`mask`: four random bytes, for the one frame of ours that may go to the provider."""
        self.facts = SessionFacts()
        self._mask = mask
        self._session_id = session_id
        self._max_tokens = max_tokens
        self._client = FrameReader(masked=True)
        self._provider = FrameReader(masked=False)
        self._unsent = b""  # to the client: came together with what ended the session
        self._fault_code: int | None = None
        self._is_cut = False

    @property
    def _is_used_up(self) -> bool:
        return self._max_tokens is not None and self.facts.tokens >= self._max_tokens

    @property
    def held(self) -> int:
        """Bytes in here now."""
        return self._client.held + self._provider.held

    def from_client(self, data: bytes, last: bool = False) -> bytes:
        """What goes on to the provider. Raises ClientError `bad_request` when the client breaks the protocol."""
        try:
            frames = self._client.feed(data)
        except FrameFault as fault:
            self._fault_code = fault.code
            raise ClientError("bad_request", f"websocket: {fault.message}") from fault
        return b"".join([frame.raw for frame in frames])

    def from_provider(self, data: bytes, last: bool = False) -> bytes:
        """What goes on to the client.

        Raises UpstreamError `provider_bad_response` when the provider breaks the protocol, and ClientError
        `realtime_limit_reached` when the session has used its tokens.
        """
        try:
            frames = self._provider.feed(data)
        except FrameFault as fault:
            raise UpstreamError("provider_bad_response", f"websocket: {fault.message}") from fault
        for index, frame in enumerate(frames):
            if frame.kind == TEXT and frame.message is not None and self.facts.note(frame.message) and self._is_used_up:
                self._unsent = b"".join([frame.raw for frame in frames[: index + 1]])
                message = f"the session has used {self.facts.tokens} tokens, and may use {self._max_tokens}"
                raise ClientError("realtime_limit_reached", message, status=429)
        return b"".join([frame.raw for frame in frames])

    def cut(self, error: GatewayError) -> tuple[bytes, bytes]:
        """The last bytes to the client and to the provider, of a session that ends with an error. Only once."""
        if self._is_cut:
            return b"", b""
        self._is_cut = True
        to_client = self._unsent
        if self._provider.close_code is None:
            if not self._provider.is_in_message:
                kind = "server_error" if isinstance(error, UpstreamError) else "invalid_request_error"
                to_client += text_frame(error_event(kind, error.code, error.message, f"event_{self._session_id}"))
            to_client += close_frame(self._close_code(error), error.code)
        to_provider = close_frame(_NORMAL, "", self._mask) if self._client.close_code is None else b""
        return to_client, to_provider

    def _close_code(self, error: GatewayError) -> int:
        if self._fault_code is not None:
            return self._fault_code
        return POLICY_VIOLATION if error.side == "client" else _SERVER_ERROR
