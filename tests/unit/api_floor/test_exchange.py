"""The object that travels."""

from entresol.api_floor.exchange import Exchange
from entresol.core.slots import Slot
from playbooks.floor import Playbook
from unit.api_floor.recording import Recorder, plugin

NOTE: Slot[str] = Slot("note")


def test_one_plugin_can_tell_another_through_a_slot() -> None:
    heard: list[str | None] = []

    def tell(exchange: Exchange) -> None:
        assert NOTE not in exchange
        exchange[NOTE] = "hello"

    def hear(exchange: Exchange) -> None:
        heard.append(exchange.get(NOTE))

    play = Playbook([plugin(Recorder(), "tells", 2, access=tell), plugin(Recorder(), "hears", 1, access=hear)])
    play.client_sends()
    assert heard == ["hello"]


def test_milestones_are_written_down_as_they_pass() -> None:
    seen: list[Exchange] = []
    play = Playbook([plugin(Recorder(), "p", 1, log=seen.append)])
    client = play.client_starts("POST")
    play.clock.advance(1)
    client.sends(b"12345", last=True)
    play.clock.advance(2)
    play.upstream.starts(200)
    play.clock.advance(3)
    play.upstream.sends(b"1234567", last=True)
    exchange = seen[0]
    times = exchange.times
    assert (times.upstream_sent - times.started, times.response_head - times.upstream_sent) == (1, 2)
    assert times.finished - times.response_head == 3
    assert (exchange.request_bytes, exchange.response_bytes, exchange.upstream_status) == (5, 7, 200)
    assert exchange.source == "service"
