"""Realtime sessions with OpenAI's client, through the gateway: used, counted, and cut in mid-session."""

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from contract.sdk.media_stand import MediaStand
from contract.sdk.stand import GATEWAY_KEY
from entresol.scripted.provider import Received

pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")
"""OpenAI's blocking client calls `websockets` in the way of before 17.1."""

ITEM: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello there"}]}


class Sessions(MediaStand):
    """Knows when a session was recorded at the provider."""

    def start(self) -> None:
        self.over = threading.Semaphore(0)
        self.provider.on_session_over = self.over.release
        super().start()

    def session(self) -> Received:
        """The next session that is over."""
        assert self.over.acquire(timeout=10)
        return self.last


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    running = Sessions(tmp_path_factory.mktemp("sessions"))
    running.start()
    yield running
    running.stop()


def openai_client(stand: Sessions, prefix: str = "one") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{stand.url}/{prefix}/v1", api_key=GATEWAY_KEY, max_retries=0)


def socket(stand: Sessions, prefix: str, query: str = "?model=gpt-realtime", **options: Any) -> ClientConnection:
    headers = options.pop("headers", {"authorization": f"Bearer {GATEWAY_KEY}"})
    url = stand.url.replace("http", "ws") + f"/{prefix}/v1/realtime{query}"
    connection: ClientConnection = connect(url, additional_headers=headers, **options)
    return connection


def tell(connection: ClientConnection, **event: Any) -> None:
    connection.send(msgspec.json.encode(event).decode())


def read_on(connection: ClientConnection, events: list[Any]) -> None:
    while True:  # the server ends it
        events.append(msgspec.json.decode(connection.recv(timeout=10)))


def events_until_closed(connection: ClientConnection) -> tuple[list[Any], ConnectionClosed]:
    events: list[Any] = []
    with pytest.raises(ConnectionClosed) as closed:
        read_on(connection, events)
    return events, closed.value


def test_openais_client_has_a_conversation(sessions: Sessions) -> None:
    with openai_client(sessions) as sdk, sdk.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(item=ITEM)
        connection.response.create()
        text, usage = "", None
        for event in connection:
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.done":
                usage = event.response.usage
                break
    assert text
    assert usage is not None
    assert usage.input_tokens == 6
    received = sessions.session()
    assert (received.status, received.model, received.close_code) == (101, "gpt-realtime", 1000)
    assert received.headers.get(b"authorization") == b"Bearer scripted-key"
    assert received.query == "model=gpt-realtime"
    assert received.headers.get(b"sec-websocket-extensions") is None
    assert GATEWAY_KEY not in str(received.headers.pairs)


def test_the_client_may_choose_the_model_where_the_route_has_none(sessions: Sessions) -> None:
    with openai_client(sessions, "open") as sdk, sdk.realtime.connect(model="gpt-realtime-mini") as connection:
        event = connection.recv()
        assert event.type == "session.created"
        assert event.session.type == "realtime"
        assert event.session.model == "gpt-realtime-mini"
    assert sessions.session().model == "gpt-realtime-mini"


def test_the_gateways_key_in_a_subprotocol_never_reaches_the_provider(sessions: Sessions) -> None:
    offered: Any = ["realtime", f"openai-insecure-api-key.{GATEWAY_KEY}"]
    with socket(sessions, "one", subprotocols=offered) as connection:
        assert connection.subprotocol == "realtime"
    received = sessions.session()
    assert received.headers.get_all(b"sec-websocket-protocol") == [b"realtime"]


def test_a_session_that_has_used_its_tokens_is_cut_after_the_response_that_did_it(sessions: Sessions) -> None:
    with socket(sessions, "brief") as connection:
        for _ in range(5):
            tell(connection, type="conversation.item.create", item=ITEM)
            tell(connection, type="response.create", response={"output_modalities": ["text"]})
        events, closed = events_until_closed(connection)
    *_, done, error = events
    assert done["type"] == "response.done"
    assert (error["type"], error["error"]["code"]) == ("error", "realtime_limit_reached")
    assert closed.rcvd is not None
    assert (closed.rcvd.code, closed.rcvd.reason) == (1008, "realtime_limit_reached")
    assert sessions.session().close_code == 1000


def test_a_session_that_has_lasted_its_time_is_cut_in_silence(sessions: Sessions) -> None:
    with socket(sessions, "short") as connection:
        events, closed = events_until_closed(connection)
    assert [event["type"] for event in events] == ["session.created", "error"]
    assert "has lasted 0.2 s" in events[1]["error"]["message"]
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1008
    assert sessions.session().close_code == 1000


def test_a_client_that_sends_garbage_frames_is_told_and_the_provider_left(sessions: Sessions) -> None:
    with socket(sessions, "one") as connection:
        connection.recv(timeout=10)
        connection.socket.sendall(b"\x81\x02hi")  # not masked
        events, closed = events_until_closed(connection)
    assert events[-1]["error"]["code"] == "bad_request"
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1002
    assert sessions.session().close_code == 1000


@pytest.mark.parametrize(
    ("prefix", "query", "status", "code"),
    [
        ("open", "", 400, b"model_missing"),
        ("one", "?model=gpt-realtime-mini", 400, b"model_not_allowed"),
        ("open", "?model=a&model=b", 400, b"bad_request"),
        ("open", "?model=scripted-429", 429, b"Scripted error 429"),
        ("open", "?model=nobody", 404, b"does not exist"),
    ],
)
def test_a_handshake_that_is_refused_is_an_answer_in_openais_words(
    sessions: Sessions, prefix: str, query: str, status: int, code: bytes
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        socket(sessions, prefix, query)
    response = refused.value.response
    assert response.status_code == status
    assert "error" in msgspec.json.decode(response.body or b"{}")
    assert code in (response.body or b"") or code.decode() == response.headers.get("x-entresol-error")
    if status in (404, 429):
        sessions.session()


def test_without_a_key_there_is_no_session(sessions: Sessions) -> None:
    with pytest.raises(InvalidStatus) as refused:
        socket(sessions, "one", headers={})
    assert refused.value.response.status_code == 401
