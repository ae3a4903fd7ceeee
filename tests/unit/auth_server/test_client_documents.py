"""Metadata documents of clients, read when they are needed."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest

from entresol.auth_server.client_documents import FAILURE_S, MAX_FETCHES, ClientDocuments
from entresol.core.fetching import FetchFailed, FetchResponse
from entresol.core.storage import StoreDown
from entresol.identity.oauth.authorize import PageError
from entresol.identity.records.oauth_clients import OAuthClient
from fake_records import MemoryRecords, MemoryStore
from unit.auth_server.gateway import Gateway
from unit.identity.oauth.authorization import SETTINGS, WEB

URL = "https://tool.example/client.json"
T = TypeVar("T")


def document(url: str = URL, **members: object) -> FetchResponse:
    body = {"client_id": url, "client_name": "Tool", "redirect_uris": ["http://127.0.0.1/cb"], **members}
    headers = {"content-type": "application/json", "cache-control": "max-age=600"}
    return FetchResponse(status=200, headers=headers, body=json.dumps(body).encode())


def load(gateway: Gateway, *urls: str) -> list[BaseException | None]:
    documents = gateway.documents

    async def all_of_them() -> list[BaseException | None]:
        return await asyncio.gather(*(documents.load(url, "192.0.2.1") for url in urls), return_exceptions=True)

    return asyncio.run(all_of_them())


def gateway_with(answer: FetchResponse | FetchFailed | None = None) -> Gateway:
    gateway = Gateway()
    if answer is not None:
        gateway.web[URL] = answer
    return gateway


def test_a_document_is_read_once_while_it_is_fresh_however_many_ask() -> None:
    gateway = gateway_with(document())
    assert load(gateway, *[URL] * 5) == [None] * 5
    assert load(gateway, URL) == [None]
    assert len(gateway.fetched) == 1
    assert gateway.records.need(OAuthClient, URL).name == "Tool"
    gateway.now += 600
    gateway.web[URL] = document(client_name="New")
    load(gateway, URL)
    assert gateway.records.need(OAuthClient, URL).name == "New"


def test_what_is_no_document_is_not_fetched() -> None:
    gateway = Gateway(clients=[msgspec.structs.replace(WEB, id=URL)])
    assert load(gateway, URL, "web", "http://tool.example/c", "https://10.0.0.1/c", "") == [None] * 5
    assert gateway.fetched == []


def test_a_domain_that_is_denied_is_not_fetched_either() -> None:
    gateway = Gateway(settings=msgspec.structs.replace(SETTINGS, metadata_client_domains={"tool.example": "deny"}))
    [error] = load(gateway, URL)
    assert isinstance(error, PageError)
    assert gateway.fetched == []


@pytest.mark.parametrize(
    "answer", [None, FetchResponse(status=404), document(client_id="https://other.example/c")], ids=str
)
def test_a_failure_is_remembered_for_a_while(answer: FetchResponse | None) -> None:
    gateway = gateway_with(answer)
    for _ in range(3):
        [error] = load(gateway, URL)
        assert isinstance(error, PageError)
    assert len(gateway.fetched) == 1
    gateway.now += FAILURE_S
    gateway.web[URL] = document()
    assert load(gateway, URL) == [None]


def test_a_document_that_cannot_be_reached_counts_as_last_read_for_a_day_but_a_bad_one_does_not() -> None:
    gateway = gateway_with(document())
    load(gateway, URL)
    gateway.web[URL] = FetchFailed(URL, "no route")
    gateway.now += 3600
    assert load(gateway, URL) == [None]
    gateway.now += 86_400
    assert isinstance(load(gateway, URL)[0], PageError)
    gateway.web[URL] = document()
    gateway.now += FAILURE_S
    assert load(gateway, URL) == [None]
    gateway.web[URL] = FetchResponse(status=404)
    gateway.now += 3600
    assert isinstance(load(gateway, URL)[0], PageError)


class UnsteadyStore(MemoryStore):
    """A store that cannot be written to while it is down."""

    is_down = True

    async def write(self, work: Callable[[MemoryRecords], T]) -> T:
        if self.is_down:
            raise StoreDown("somewhere")
        return await super().write(work)


def test_a_store_that_is_down_is_not_the_clients_failure() -> None:
    gateway = gateway_with(document())
    store = UnsteadyStore()
    gateway.documents = ClientDocuments(dataclasses.replace(gateway.server, store=store))
    [error] = load(gateway, URL)
    assert isinstance(error, PageError)
    assert error.status == 503
    store.is_down = False
    assert load(gateway, URL) == [None]


def test_only_the_last_failures_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entresol.auth_server.client_documents.MAX_FAILURES", 2)
    gateway = Gateway()
    urls = [f"https://t{n}.example/c" for n in range(3)]
    for url in urls:
        load(gateway, url)
    gateway.fetched.clear()
    for url in (urls[2], urls[1], urls[0]):
        load(gateway, url)
    assert [request.url for request in gateway.fetched] == [urls[0]]


class SharedAttempts:
    """Attempts that are counted elsewhere: others go on meanwhile."""

    async def admit(self, key: str, limit: int, window_s: int, now: int) -> int:
        await asyncio.sleep(0)
        return 0


def test_a_document_is_read_once_also_while_others_count_the_attempts() -> None:
    gateway = gateway_with(document())
    gateway.documents = ClientDocuments(dataclasses.replace(gateway.server, attempts=SharedAttempts()))
    assert load(gateway, *[URL] * 3) == [None] * 3
    assert len(gateway.fetched) == 1


def test_only_so_many_are_looked_up_at_once() -> None:
    gateway = Gateway()
    urls = [f"https://t{n}.example/c" for n in range(MAX_FETCHES + 1)]
    gateway.web.update({url: document(url) for url in urls})
    results = load(gateway, *urls)
    assert results[:-1] == [None] * MAX_FETCHES
    last = results[-1]
    assert isinstance(last, PageError)
    assert last.status == 503


def test_nobody_makes_us_call_other_servers_without_end() -> None:
    few = msgspec.structs.replace(SETTINGS, documents_per_minute=2)
    gateway = Gateway(settings=few)
    urls = [f"https://t{n}.example/c" for n in range(3)]
    gateway.web.update({url: document(url) for url in urls})
    results = load(gateway, *urls)
    assert results[:2] == [None, None]
    refused = results[2]
    assert isinstance(refused, PageError)
    assert (refused.status, dict(refused.headers)[b"retry-after"]) == (429, b"60")
    assert load(gateway, *urls[:2]) == [None, None]
    gateway.now += 60
    assert load(gateway, urls[2]) == [None]


def test_somebody_who_goes_away_does_not_take_the_others_answer_along() -> None:
    gateway = gateway_with(document())
    documents = ClientDocuments(gateway.server)

    async def two() -> None:
        first = asyncio.create_task(documents.load(URL, "192.0.2.1"))
        second = asyncio.create_task(documents.load(URL, "192.0.2.1"))
        await asyncio.sleep(0)
        first.cancel()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(two())
    assert gateway.records.get(OAuthClient, URL) is not None
