"""api_floor.plan"""

from typing import Any, cast

from entresol.api_floor.entities import Consumer, Route
from entresol.api_floor.plan import Chain, CompiledRoute, Plan, Router, Step
from unit.api_floor.recording import Recorder, plugin

ROUTE = CompiledRoute(entity=Route(id="r"), service=None)
KNOWN = Consumer(id="known", username="known")
OTHERS = [Consumer(id=f"other-{index}", username=f"other-{index}") for index in range(3)]


class CountingSource:
    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def __call__(self, route: CompiledRoute, consumer: Consumer | None) -> Chain:
        self.asked.append(None if consumer is None else consumer.id)
        return Chain()


def plan(source: CountingSource) -> Plan:
    nothing = cast("Any", None)
    return Plan(
        version="1",
        router=Router(),
        consumers=nothing,
        consumers_with_plugins=frozenset({"known"}),
        certificates=(),
        global_chain=Chain(),
        chain_source=source,
    )


def test_a_chain_says_how_many_steps_come_before_a_lower_priority() -> None:
    steps = tuple(Step(plugin(Recorder(), f"p{priority}", priority), priority) for priority in (30, 20, 10))
    chain = Chain(access=steps)
    assert [chain.steps_down_to(priority) for priority in (40, 30, 25, 10, 0)] == [0, 1, 1, 3, 3]


def test_a_chain_is_selected_once_for_a_pair() -> None:
    source = CountingSource()
    one = plan(source)
    assert one.chain(ROUTE, KNOWN) is one.chain(ROUTE, KNOWN)
    assert source.asked == ["known"]


def test_consumers_without_plugins_share_the_chain_of_strangers() -> None:
    source = CountingSource()
    one = plan(source)
    chains = {id(one.chain(ROUTE, consumer)) for consumer in (None, *OTHERS)}
    assert len(chains) == 1
    assert source.asked == [None]
