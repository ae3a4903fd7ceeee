"""A plugin changes a body as it passes, holds its beginning back, and reads along in both halves of a tunnel."""

from collections.abc import Callable

import pytest

from entresol.api_floor.exchange import Exchange
from entresol.core.errors import ClientError, GatewayError
from playbooks.floor import FakeClient, Playbook
from unit.api_floor.recording import Hook, Recorder, plugin

Change = Callable[[bytes, bool], bytes]


def filtered(change: Change, **hooks: Hook) -> Playbook:
    def access(exchange: Exchange) -> None:
        exchange.filter_request = change

    return Playbook([plugin(Recorder(), "p", 1, access=access, hooks=hooks)])


def shouting(data: bytes, last: bool) -> bytes:
    return data.upper() + (b"!" if last else b"")


def upload(play: Playbook, *pieces: bytes, length: int | None = None) -> FakeClient:
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    client = play.client_starts("POST", headers=headers)
    for index, piece in enumerate(pieces):
        client.sends(piece, last=index == len(pieces) - 1)
    return client


def test_every_piece_of_a_body_goes_through_the_filter() -> None:
    play = filtered(shouting)
    client = play.client_starts("POST", headers=[(b"content-length", b"6")])
    client.sends(b"ab")
    assert play.upstream.body == b"AB"
    client.sends(b"cd")
    client.sends(b"ef", last=True)
    assert (play.upstream.body, play.upstream.is_complete) == (b"ABCDEF!", True)
    play.upstream.answers(200, b"ok")
    assert client.body == b"ok"


def test_no_length_is_announced_for_what_a_filter_may_change() -> None:
    play = filtered(shouting)
    upload(play, b"ab", b"cd", length=4)
    assert play.upstream.header("content-length") is None


def test_a_length_that_the_plugin_itself_sets_is_kept() -> None:
    def access(exchange: Exchange) -> None:
        exchange.filter_request = lambda data, last: data
        assert exchange.upstream is not None
        exchange.upstream.headers.set(b"content-length", b"4")

    play = Playbook([plugin(Recorder(), "p", 1, access=access)])
    upload(play, b"ab", b"cd", length=4)
    assert play.upstream.header("content-length") == "4"


def test_a_whole_body_goes_through_the_filter_in_one_piece() -> None:
    seen: list[tuple[bytes, bool]] = []

    def change(data: bytes, last: bool) -> bytes:
        seen.append((data, last))
        return data[::-1]

    def access(exchange: Exchange) -> None:
        exchange.filter_request = change

    play = Playbook([plugin(Recorder(), "p", 1, needs_body=True, access=access)])
    upload(play, b"ab", b"cd", b"")
    assert seen == [(b"abcd", True)]
    assert (play.upstream.body, play.upstream.is_complete) == (b"dcba", True)


def test_the_upstream_is_chosen_when_the_filter_has_seen_enough() -> None:
    held: list[bytes] = []

    def access(exchange: Exchange) -> None:
        def change(data: bytes, last: bool) -> bytes:
            held.append(data)
            if b";" not in data:
                return b""
            assert exchange.upstream is not None
            exchange.upstream.target = "/chosen"
            exchange.filter_request = shouting
            return b"".join(held)

        exchange.filter_request = change

    play = Playbook([plugin(Recorder(), "p", 1, access=access)])
    client = play.client_starts("POST")
    client.sends(b"model")
    client.sends(b"=x")
    assert play.transport.calls == []
    client.sends(b"; file")
    assert play.upstream.request.target == "/chosen"
    assert play.upstream.body == b"model=x; file"
    client.sends(b"more", last=True)
    assert play.upstream.body == b"model=x; fileMORE!"
    assert client.asked_for_body


def test_a_body_of_which_nothing_is_left_is_sent_as_an_empty_one() -> None:
    play = filtered(lambda data, last: b"")
    upload(play, b"ab", b"cd")
    assert (play.upstream.body, play.upstream.is_complete) == (b"", True)


@pytest.mark.parametrize("pieces", [(b"bad",), (b"good", b"bad"), (b"good", b"good", b"bad")])
def test_a_filter_may_refuse_at_any_piece(pieces: tuple[bytes, ...]) -> None:
    def change(data: bytes, last: bool) -> bytes:
        if data == b"bad":
            raise ClientError("bad_request", "part 2 has no name")
        return data

    play = filtered(change)
    client = play.client_starts("POST")
    for piece in pieces:
        client.sends(piece)
    assert (client.status, client.header("x-entresol-error")) == (400, "bad_request")
    assert all(call.is_cancelled for call in play.transport.calls)
    client.sends(b"late", last=True)
    assert all(b"late" not in call.body for call in play.transport.calls)


def test_what_a_request_sent_is_counted_before_the_filter() -> None:
    logged: list[int] = []
    play = filtered(lambda data, last: b"", log=lambda exchange: logged.append(exchange.request_bytes))
    upload(play, b"abc", b"de")
    play.upstream.answers(200)
    assert logged == [5]


# Tunnels.


class Session:
    """A plugin that has its say in a tunnel: both halves, and how it ends."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None

    def access(self, exchange: Exchange) -> None:
        self.exchange = exchange
        exchange.filter_request = lambda data, last: data.upper()

    def header_filter(self, exchange: Exchange) -> None:
        exchange.render_stream_error = lambda error: b"<error " + error.code.encode() + b">"
        exchange.take_leave = lambda error: b"<bye>"

    def body_filter(self, exchange: Exchange) -> Change:
        def change(data: bytes, last: bool) -> bytes:
            if data == b"too much":
                raise ClientError("session_cut", "enough", status=403)
            return b"(" + data + b")" if data else data

        return change

    def open(self) -> tuple[Playbook, FakeClient]:
        hooks = {name: getattr(self, name) for name in ("access", "header_filter", "body_filter")}
        play = Playbook([plugin(Recorder(), "p", 1, hooks=hooks)])
        client = play.client_starts(headers=[(b"upgrade", b"websocket")], upgrade=True)
        client.sends(b"")
        play.upstream.starts(101)
        return play, client


def test_an_upgrade_is_sent_before_the_client_has_said_anything() -> None:
    play, client = Session().open()
    assert play.upstream.request.upgrade == b"websocket"
    assert client.status == 101


def test_both_halves_of_a_tunnel_go_through_their_filters() -> None:
    play, client = Session().open()
    client.sends(b"hello")
    assert play.upstream.body == b"HELLO"
    play.upstream.sends(b"hi")
    assert client.body == b"(hi)"
    client.sends(b"bye", last=True)
    assert (play.upstream.body, play.upstream.is_complete) == (b"HELLOBYE", True)


def test_a_filter_that_ends_a_tunnel_tells_both_sides() -> None:
    play, client = Session().open()
    play.upstream.sends(b"too much")
    assert (client.body, client.is_finished) == (b"<error session_cut>", True)
    assert (play.upstream.body, play.upstream.is_complete, play.upstream.is_cancelled) == (b"<bye>", True, False)


def test_a_tunnel_can_be_ended_from_outside_and_only_once() -> None:
    session = Session()
    play, client = session.open()
    assert session.exchange is not None
    fail = session.exchange.fail
    assert fail is not None
    cut: GatewayError = ClientError("session_cut", "time is up", status=403)
    fail(cut)
    fail(cut)
    assert client.body == b"<error session_cut>"
    assert play.upstream.body == b"<bye>"
    assert session.exchange.fail is None
    assert session.exchange.error is cut


def test_an_upstream_that_was_taken_leave_of_has_its_last_word_but_no_more() -> None:
    play, client = Session().open()
    play.upstream.sends(b"too much")
    play.upstream.sends(b"x" * 1000)
    assert not play.upstream.is_cancelled
    play.upstream.sends(b"x" * 65536)
    assert play.upstream.is_cancelled
    assert client.body == b"<error session_cut>"


def test_an_upstream_that_closes_after_the_leave_is_let_go() -> None:
    play, client = Session().open()
    play.upstream.sends(b"too much")
    play.upstream.sends(b"bye", last=True)
    play.upstream.sends(b"x" * 70000)
    assert not play.upstream.is_cancelled
    assert client.body == b"<error session_cut>"


def test_an_upstream_that_broke_off_is_not_taken_leave_of() -> None:
    play, client = Session().open()
    play.upstream.fails(ClientError("upstream_reset", "gone"))
    assert client.body == b"<error upstream_reset>"
    assert play.upstream.body == b""


def test_nothing_of_the_filter_is_kept_after_the_request() -> None:
    play = filtered(shouting)
    client = upload(play, b"ab", b"cd")
    play.upstream.answers(200, b"ok")
    assert client.path is not None
    assert client.path.exchange.filter_request is None
    assert client.path.exchange.fail is None
