from typing import get_args

import msgspec

from entresol.supervisor import messages
from entresol.supervisor.messages import Ask, FromSupervisor, FromWorker, WindowAsk


def test_every_message_has_a_tag_of_its_own() -> None:
    kinds = get_args(FromWorker) + get_args(FromSupervisor)
    tags = [kind.__struct_config__.tag for kind in kinds]
    assert len(set(tags)) == len(tags) == 17


def test_every_message_that_is_declared_can_be_sent() -> None:
    declared = {
        kind
        for kind in vars(messages).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag is not None
    }
    assert declared == set(get_args(FromWorker) + get_args(FromSupervisor))


def test_names_cost_nothing_on_the_wire() -> None:
    encoded = msgspec.msgpack.encode(Ask(1, "key", (WindowAsk("minute", 60, 60, 5, 1, 1),)))
    assert msgspec.msgpack.decode(encoded) == ["ask", 1, "key", [["minute", 60, 60, 5, 1, 1]]]
