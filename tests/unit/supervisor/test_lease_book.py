from contract.counters_contract import START
from entresol.supervisor.lease_book import KEEP_AFTER_END_S, RECALL_PATIENCE_S, LeaseBook
from entresol.supervisor.messages import (
    Ask,
    FromSupervisor,
    GiveBack,
    Grant,
    Holding,
    Recall,
    Report,
    Share,
    Standing,
    Standings,
    WindowAsk,
)

MINUTE = 1_700_000_040


def ask(number: int, limit: int, need: int = 1, want: int | None = None, start: int = MINUTE, key: str = "k") -> Ask:
    return Ask(number, key, (WindowAsk("minute", start, 60, limit, need, need if want is None else want),))


class Sent:
    """What a book sent, oldest first; reading takes it out."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, FromSupervisor]] = []

    def __call__(self, worker: int, message: FromSupervisor) -> None:
        self.messages.append((worker, message))

    def taken(self) -> list[tuple[int, FromSupervisor]]:
        messages, self.messages = self.messages, []
        return messages


def granted(number: int, amount: int, others: int, is_spent: bool = False) -> Grant:
    return Grant(number, True, (Share(MINUTE, amount, others, is_spent),))


def refused(number: int, others: int = 0, is_spent: bool = True) -> Grant:
    return Grant(number, False, (Share(MINUTE, 0, others, is_spent),))


def test_leases_shrink_with_what_is_free_and_add_up_to_the_limit() -> None:
    sent = Sent()
    book = LeaseBook(4, sent)
    amounts: list[int] = []
    number = 0
    while sum(amounts) < 100:
        number += 1
        book.ask(0, ask(number, 100), 0.0)
        [(_, grant)] = sent.taken()
        assert isinstance(grant, Grant)
        amounts.append(grant.shares[0].amount)
    assert sum(amounts) == 100
    assert (amounts[0], amounts[-1]) == (6, 1)
    assert amounts == sorted(amounts, reverse=True)


def test_a_single_worker_that_is_out_is_refused_for_good() -> None:
    sent = Sent()
    book = LeaseBook(1, sent)
    book.ask(0, ask(1, 1), 0.0)
    book.ask(0, ask(2, 1), 0.0)
    assert sent.taken() == [(0, granted(1, 1, 0, is_spent=True)), (0, refused(2))]


def test_before_anybody_is_refused_the_others_are_asked_for_what_they_have_left() -> None:
    sent = Sent()
    book = LeaseBook(2, sent)
    book.ask(0, ask(1, 10, want=10), 0.0)
    book.ask(1, ask(2, 10), 0.0)
    assert sent.taken() == [(0, granted(1, 10, 0, is_spent=True)), (0, Recall("k", "minute", MINUTE))]
    book.give_back(0, GiveBack("k", "minute", MINUTE, 3, answers_recall=True), 0.0)
    assert sent.taken() == [(1, granted(2, 1, 2))]


def test_asks_that_wait_are_answered_in_order_until_nothing_is_left() -> None:
    sent = Sent()
    book = LeaseBook(2, sent)
    book.ask(0, ask(1, 10, want=10), 0.0)
    book.ask(1, ask(2, 10), 0.0)
    book.ask(1, ask(3, 10), 0.0)
    sent.taken()
    book.give_back(0, GiveBack("k", "minute", MINUTE, 1, answers_recall=True), 0.0)
    assert sent.taken() == [(1, granted(2, 1, 0, is_spent=True)), (1, refused(3))]


def test_a_top_up_takes_nothing_that_somebody_waits_for() -> None:
    sent = Sent()
    book = LeaseBook(3, sent)
    book.ask(0, ask(1, 10, want=8), 0.0)
    book.ask(1, ask(2, 10, need=5), 0.0)
    sent.taken()
    book.ask(2, ask(3, 10, need=0, want=1), 0.0)
    assert sent.taken() == [(2, refused(3, others=2, is_spent=False))]


def test_all_windows_are_leased_or_none() -> None:
    sent = Sent()
    book = LeaseBook(1, sent)
    windows = (WindowAsk("minute", MINUTE, 60, 5, 1, 1), WindowAsk("hour", MINUTE, 3600, 0, 1, 1))
    book.ask(0, Ask(1, "k", windows), 0.0)
    [(_, grant)] = sent.taken()
    assert isinstance(grant, Grant)
    assert not grant.allowed
    assert [share.amount for share in grant.shares] == [0, 0]


def test_a_worker_that_dies_keeps_nobody_waiting_and_its_lease_stays_spent() -> None:
    sent = Sent()
    book = LeaseBook(2, sent)
    book.ask(0, ask(1, 10, want=10), 0.0)
    book.ask(1, ask(2, 10), 0.0)
    sent.taken()
    book.worker_gone(0, 0.0)
    assert sent.taken() == [(1, refused(2))]


def test_the_asks_of_a_worker_that_died_are_void() -> None:
    sent = Sent()
    book = LeaseBook(2, sent)
    book.ask(0, ask(1, 10, want=10), 0.0)
    book.ask(1, ask(2, 10), 0.0)
    book.worker_gone(1, 0.0)
    sent.taken()
    book.give_back(0, GiveBack("k", "minute", MINUTE, 3, answers_recall=True), 0.0)
    assert sent.taken() == []
    book.ask(0, ask(3, 10, need=3), 0.0)
    assert sent.taken() == [(0, granted(3, 3, 0, is_spent=True))]


def test_a_worker_that_does_not_answer_a_recall_is_not_waited_for_forever() -> None:
    sent = Sent()
    book = LeaseBook(2, sent)
    book.ask(0, ask(1, 10, want=10), 0.0)
    book.ask(1, ask(2, 10), 0.0)
    sent.taken()
    book.sweep(MINUTE, RECALL_PATIENCE_S / 2)
    assert sent.taken() == []
    book.sweep(MINUTE, RECALL_PATIENCE_S)
    assert sent.taken() == [(1, refused(2))]


def test_a_newer_window_starts_afresh_and_answers_who_waited_for_the_older() -> None:
    sent = Sent()
    book = LeaseBook(2, sent)
    book.ask(0, ask(1, 4, want=4), 0.0)
    book.ask(1, ask(2, 4), 0.0)
    sent.taken()
    book.ask(1, ask(3, 4, start=MINUTE + 60), 0.0)
    grants = [message for _, message in sent.taken() if isinstance(message, Grant)]
    assert [(grant.number, grant.shares[0].start, grant.shares[0].amount) for grant in grants] == [
        (2, MINUTE + 60, 1),
        (3, MINUTE + 60, 1),
    ]
    book.give_back(0, GiveBack("k", "minute", MINUTE, 4, answers_recall=True), 0.0)
    book.ask(0, ask(4, 4, need=3, start=MINUTE + 60), 0.0)
    assert (0, Recall("k", "minute", MINUTE + 60)) not in sent.messages  # the asker is not asked


def test_an_ask_for_an_older_window_counts_in_the_newer() -> None:
    sent = Sent()
    book = LeaseBook(1, sent)
    book.ask(0, ask(1, 1, start=MINUTE + 60), 0.0)
    book.ask(0, ask(2, 1, start=MINUTE), 0.0)
    answers = [message.allowed for _, message in sent.taken() if isinstance(message, Grant)]
    assert answers == [True, False]


def test_a_report_brings_back_what_is_left_besides() -> None:
    sent = Sent()
    book = LeaseBook(2, sent)
    book.ask(0, ask(1, 100, want=20), 0.0)
    book.ask(1, ask(2, 100, want=30), 0.0)
    book.report(0, Report((Holding("k", "minute", MINUTE, 15),)))
    sent.taken()
    book.report(1, Report((Holding("k", "minute", MINUTE, 30), Holding("gone", "minute", MINUTE, 1))))
    assert sent.taken() == [(1, Standings((Standing("k", "minute", MINUTE, 65),)))]


def test_windows_that_are_over_are_dropped_but_not_at_once() -> None:
    sent = Sent()
    book = LeaseBook(1, sent)
    book.ask(0, ask(1, 5), 0.0)
    book.sweep(MINUTE + 60, 0.0)
    assert len(book) == 1
    book.sweep(MINUTE + 60 + KEEP_AFTER_END_S, 0.0)
    assert len(book) == 0


def test_memory_is_bounded_and_evictions_are_counted() -> None:
    book = LeaseBook(1, Sent(), max_keys=10)
    for number in range(15):
        book.ask(0, ask(number + 1, 5, key=str(number)), 0.0)
    assert (len(book), book.evicted) == (10, 5)


def test_a_flood_of_keys_in_one_limit_makes_no_other_limit_forget() -> None:
    sent = Sent()
    book = LeaseBook(1, sent, max_keys=10)
    book.ask(0, ask(1, 1, key="logins:203.0.113.7"), 0.0)
    for number in range(2, 50):
        book.ask(0, ask(number, 5, key=f"search:{number}"), 0.0)
    sent.taken()
    book.ask(0, ask(50, 1, key="logins:203.0.113.7"), 0.0)
    assert sent.taken() == [(0, refused(50))]
    assert (len(book), book.evicted) == (10, 39)


def test_a_key_that_somebody_waits_for_is_not_given_up() -> None:
    sent = Sent()
    book = LeaseBook(2, sent, max_keys=2)
    book.ask(0, ask(1, 1, want=1, key="a:1"), 0.0)
    book.ask(1, ask(1, 1, key="a:1"), 0.0)
    for number in range(2, 5):
        book.ask(0, ask(number, 5, key=f"a:{number}"), 0.0)
    sent.taken()
    book.give_back(0, GiveBack("a:1", "minute", MINUTE, 1, True), 0.0)
    assert sent.taken() == [(1, granted(1, 1, 0, is_spent=True))]
    assert (len(book), book.evicted) == (2, 2)


def test_time_in_the_tests_is_inside_the_window() -> None:
    assert MINUTE <= START + 60 < MINUTE + 60
