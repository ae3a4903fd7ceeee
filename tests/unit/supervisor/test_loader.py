import os
import signal

import pytest

from entresol.supervisor.loader import Document, Loader, Refused


def outcome_of(loader: Loader) -> Document | Refused:
    outcome = None
    while outcome is None:
        outcome = loader.receive()
    os.waitpid(loader.pid, 0)
    return outcome


@pytest.mark.parametrize(
    "found",
    [Document("v2", b"{}" * 500_000, ("a warning",)), Refused(("services[0].host: required field missing", "more"))],
)
def test_what_was_found_in_the_other_process_arrives(found: Document | Refused) -> None:
    assert outcome_of(Loader(lambda: found)) == found


def test_a_process_that_dies_is_a_refusal() -> None:
    def die() -> Document:
        os.kill(os.getpid(), signal.SIGKILL)
        return Document("never", b"")

    assert outcome_of(Loader(die)) == Refused(("the process that read the configuration died",))


def test_an_attempt_can_be_cancelled() -> None:
    def hang() -> Document:
        signal.pause()
        return Document("never", b"")

    loader = Loader(hang)
    loader.cancel()
    assert os.waitstatus_to_exitcode(os.waitpid(loader.pid, 0)[1]) == -signal.SIGKILL


def test_a_refusal_reads_as_one_line() -> None:
    assert str(Refused(("a: b", "c: d"))) == "a: b; c: d"
