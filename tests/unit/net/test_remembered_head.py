"""A head that comes again is recognised, and nothing else is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.http import Connection, RequestHead
from entresol.net.limits import Limits
from entresol.net.refusals import Refusal
from entresol.net.remembered_head import RememberedHead
from entresol.net.request_machine import BodyPart, RequestMachine

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n"
PAIRS = [(b"host", b"a"), (b"content-length", b"2"), (b"x-a", b"1")]
CONNECTION = Connection("127.0.0.1", 1, "127.0.0.1", 2)


def test_the_same_head_has_the_same_fields() -> None:
    assert RememberedHead(HEAD, PAIRS).pairs_of(HEAD) == PAIRS


def test_only_the_digits_may_differ() -> None:
    remembered = RememberedHead(HEAD, PAIRS)
    pairs = remembered.pairs_of(HEAD.replace(b": 2\r\n", b": 12345\r\n"))
    assert pairs == [(b"host", b"a"), (b"content-length", b"12345"), (b"x-a", b"1")]
    assert remembered.length_of(pairs) == 12345


@pytest.mark.parametrize(
    "other",
    [
        HEAD.replace(b"/x", b"/y"),
        HEAD.replace(b"X-A: 1", b"X-A: 2"),
        HEAD.replace(b"Length: 2", b"Length: 2, 2"),
        HEAD.replace(b"Length: 2", b"Length: +2"),
        HEAD.replace(b"Length: 2", b"Length: -2"),
        HEAD.replace(b"Length: 2", b"Length: 0x2"),
        HEAD.replace(b"Length: 2", b"Length: "),
        HEAD.replace(b"Length: 2", b"Length: 2\r\nContent-Length: 3"),
        HEAD.replace(b"Length: 2", b"Length: 2\r\nTransfer-Encoding: chunked"),
        HEAD.replace(b"Length: 2", b"Length: " + b"9" * 16),
        HEAD[:-2] + b"X-B: 1\r\n\r\n",
        HEAD.replace(b"Length: 2", "Length: \uff12".encode()),
    ],
)
def test_any_other_head_is_another(other: bytes) -> None:
    assert RememberedHead(HEAD, PAIRS).pairs_of(other) is None


def test_a_head_without_length_must_be_equal() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    remembered = RememberedHead(head, [(b"host", b"a")])
    assert remembered.pairs_of(head) == [(b"host", b"a")]
    assert remembered.pairs_of(head + b"X: 1\r\n\r\n") is None
    assert remembered.pairs_of(head[:-2] + b"Content-Length: 1\r\n\r\n") is None


def test_what_a_request_does_to_its_fields_does_not_reach_the_next() -> None:
    remembered = RememberedHead(HEAD, PAIRS)
    first = remembered.pairs_of(HEAD)
    assert first is not None
    first.append((b"x-consumer-id", b"admin"))
    assert remembered.pairs_of(HEAD) == PAIRS


def events(machine: RequestMachine, data: bytes) -> list[object]:
    machine.receive(data)
    found: list[object] = []
    while (event := machine.next_event()) is not None:
        found.append(event)
        if isinstance(event, Refusal):
            break
    return found


def shape(event: object) -> object:
    if isinstance(event, RequestHead):
        return event.method, event.path, event.query, event.headers.pairs, event.version, event.upgrade
    return (event.data, event.last) if isinstance(event, BodyPart) else event


LENGTHS = st.one_of(
    st.integers(0, 40).map(lambda n: str(n).encode()), st.sampled_from([b"00", b"+1", b"1,1", b"", b"x"])
)
HEADS = st.tuples(
    st.sampled_from([b"POST /a HTTP/1.1", b"POST /a HTTP/1.0", b"PUT http://b/a HTTP/1.1"]),
    st.lists(
        st.sampled_from(
            [b"Host: a", b"content-Length: %b", b"Expect: 100-continue", b"Connection: close", b"X: 1",
             b"Transfer-Encoding: chunked", b"Authorization: k", b"Connection: keep-alive", b"Content-Length:%b"]
        ),
        max_size=5,
    ),
    LENGTHS,
)  # fmt: skip


@given(st.lists(HEADS, min_size=1, max_size=4))
def test_a_machine_that_remembers_gives_what_a_fresh_one_gives(heads: list[tuple[bytes, list[bytes], bytes]]) -> None:
    machine = RequestMachine(Limits(), CONNECTION)
    for line, fields, length in [heads[0], *heads, heads[-1]]:
        text = b"\r\n".join([line, *(f.replace(b"%b", length) for f in fields), b"", b""])
        size = int(length) if length.isdigit() and any(b"%b" in f for f in fields) else 0
        message = text + (b"0\r\n\r\n" if b"chunked" in text else b"x" * size)
        fresh = RequestMachine(Limits(), CONNECTION)
        expected, found = events(fresh, message), events(machine, message)
        assert [shape(e) for e in found] == [shape(e) for e in expected]
        if any(isinstance(e, Refusal) for e in expected):
            return
        assert machine.keep_alive == fresh.keep_alive
        assert machine.expects_continue == fresh.expects_continue
        if machine.unread or fresh.unread:
            return
