"""Plays a realtime session over a WebSocket: the handshake, frames in, frames out, and the close."""

import base64
import hashlib
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import msgspec

from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import RequestReceiver, Responder
from entresol.llm.websocket_frames import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameFault,
    FrameReader,
    close_frame,
    pong_frame,
    text_frame,
)
from entresol.scripted.realtime_checks import check_handshake, offered_protocols
from entresol.scripted.realtime_session import Event, RealtimeSession
from entresol.scripted.script import Incoming, Refusal
from entresol.scripted.settings import Settings
from entresol.scripted.wire_errors import render

PATH: Final = "/v1/realtime"
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class RealtimePlay(RequestReceiver):
    """One session of a client. `received` are its text messages, `close_code` how it said goodbye."""

    def __init__(
        self, request: RequestHead, responder: Responder, settings: Settings, done: Callable[["RealtimePlay"], None]
    ) -> None:
        self.received: list[bytes] = []
        self.model = ""
        self.status = 101
        self._responder = responder
        self._done = done
        self._is_over = False
        self._reader = FrameReader(masked=True)
        self._session: RealtimeSession | None = None
        try:
            self.model = check_handshake(request, parse_qs(request.query), settings.keys)
        except Refusal as refusal:
            self._refuse(request, refusal)
            return
        key = request.headers.get(b"sec-websocket-key") or b""
        fields: HeaderPairs = [
            (b"sec-websocket-accept", base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()))
        ]
        if "realtime" in offered_protocols(request):
            fields.append((b"sec-websocket-protocol", b"realtime"))
        responder.start(ResponseHead(101, Headers(fields)))
        self._session = RealtimeSession(self.model, key)
        self._say(self._session.opened())

    @property
    def close_code(self) -> int | None:
        """The code of the client's close frame; None before it came."""
        return self._reader.close_code

    def _refuse(self, request: RequestHead, refusal: Refusal) -> None:
        script = render("openai", refusal, Incoming(request.method, request.path, request.query, {}, b""))
        self.status = script.status
        self._responder.start(ResponseHead(script.status, Headers(list(script.headers)), len(script.body)))
        self._finish(script.body)

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        if self._is_over or self._session is None:
            return
        try:
            frames = self._reader.feed(data)
        except FrameFault as fault:
            self._finish(close_frame(fault.code, fault.message))
            return
        for frame in frames:
            if frame.opcode == CLOSE:
                code = self._reader.close_code or 1000
                self._finish(close_frame(1000 if code == 1005 else code))
                return
            if frame.opcode == PING:
                self._responder.send(pong_frame(frame.message or b""))
            elif frame.message is not None and frame.opcode != PONG:
                if frame.kind != TEXT:
                    self._finish(close_frame(1003, "Only text messages are taken."))
                    return
                self.received.append(frame.message)
                self._say(self._session.receive(frame.message))
        if last:
            self._finish(b"")

    def on_client_gone(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._done(self)

    def on_client_blocked(self) -> None:
        """Answers are small: what was said is sent when the client reads on."""
        return

    def on_client_writable(self) -> None:
        """See `on_client_blocked`."""
        return

    def _say(self, events: list[Event]) -> None:
        self._responder.send(b"".join([text_frame(msgspec.json.encode(event)) for event in events]))

    def _finish(self, data: bytes) -> None:
        self._is_over = True
        self._responder.finish(data)
        self._done(self)
