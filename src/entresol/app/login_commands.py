"""`entresol login`, `whoami` and `logout`: a person at a gateway, from the command line (RFC 8628)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from entresol.admin.app import BASE, admin_resource
from entresol.app.signed_in import LoginFile, SignedIn
from entresol.core.errors import ClientError
from entresol.core.fetching import FetchRequest, FetchResponse, Steps
from entresol.identity.oauth.cli_client import CLI_CLIENT, CLI_SCOPES
from entresol.net.clock import SystemClock
from entresol.net.fetcher import Fetcher

T = TypeVar("T")
_DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER_S: Final = 5
"""RFC 8628 §3.5: by so much at `slow_down`."""
_EARLY_S: Final = 30


class Begun(msgspec.Struct, kw_only=True):
    """A device that waits to be let in."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: int
    interval: int = 5


def login(url: str, logins: LoginFile) -> Iterator[str]:
    """Let somebody in by their browser."""
    begun = _run(begin(url))
    yield f"open {begun.verification_uri_complete or begun.verification_uri}"
    yield f"and check that it shows the code {begun.user_code[:4]}-{begun.user_code[-4:]}"
    logins.keep(url, asyncio.run(_waited(url, begun, asyncio.sleep)))
    who = _run(whoami_steps(url, _current(url, logins)))
    yield f"signed in as {who['subject']} of {who['organisation']}"


def whoami(url: str, logins: LoginFile) -> Iterator[str]:
    """Who the login is, and what they may do."""
    who = _run(whoami_steps(url, _current(url, logins)))
    for name in ("organisation", "subject", "kind", "issuer"):
        yield f"{name:<13} {who[name]}"
    for name in ("roles", "teams", "scopes", "permissions"):
        yield f"{name:<13} {' '.join(who[name]) or 'none'}"


def logout(url: str, logins: LoginFile) -> Iterator[str]:
    """Give the login back."""
    known = logins.read(url)
    if known is not None:
        token = known.refresh_token or known.access_token
        _run(_posted(f"{url}/revoke", {"client_id": CLI_CLIENT, "token": token}))
    logins.keep(url, None)
    yield f"signed out of {url}"


def begin(url: str) -> Steps[Begun]:
    """Ask to be let in."""
    form = {"client_id": CLI_CLIENT, "scope": " ".join(CLI_SCOPES), "resource": admin_resource(url)}
    answer = yield from _posted(f"{url}/device_authorization", form)
    return msgspec.json.decode(answer.body, type=Begun)


def poll(url: str, begun: Begun, now: int) -> Steps[SignedIn | str]:
    """The login, or `authorization_pending` or `slow_down`. Raises ClientError `login_failed`."""
    form = {"client_id": CLI_CLIENT, "grant_type": _DEVICE, "device_code": begun.device_code}
    answer = yield _post(f"{url}/token", form)
    if answer.status == 200:
        return _login_of(answer, now)
    error = _error_of(answer)
    if error in ("authorization_pending", "slow_down"):
        return error
    raise _failed(f"{url}: {error}")


def refresh(url: str, known: SignedIn, now: int) -> Steps[SignedIn]:
    """A fresh access token. Raises ClientError `login_failed`."""
    form = {"client_id": CLI_CLIENT, "grant_type": "refresh_token", "refresh_token": known.refresh_token}
    answer = yield from _posted(f"{url}/token", form)
    return _login_of(answer, now)


def whoami_steps(url: str, login: SignedIn) -> Steps[dict[str, Any]]:
    """What the gateway says of the login. Raises ClientError `login_failed`."""
    answer = yield FetchRequest(
        url=f"{url}{BASE}/whoami", headers=(("authorization", f"Bearer {login.access_token}"),), origin="configured"
    )
    if answer.status != 200:
        raise _failed(f"{url} refuses the login ({answer.status}): run `entresol login`")
    return msgspec.json.decode(answer.body, type=dict[str, Any])


async def _waited(url: str, begun: Begun, pause: Callable[[float], Awaitable[None]]) -> SignedIn:
    clock = SystemClock()
    fetcher = Fetcher(clock)
    interval = begun.interval
    ends = clock.monotonic() + begun.expires_in
    try:
        while clock.monotonic() < ends:
            await pause(interval)
            found = await fetcher.run(poll(url, begun, int(clock.now())))
            if isinstance(found, SignedIn):
                return found
            interval += _SLOWER_S if found == "slow_down" else 0
        raise _failed("nobody let the command line in in time")
    finally:
        fetcher.close()


def _current(url: str, logins: LoginFile) -> SignedIn:
    """The login, refreshed if it is over."""
    known, now = logins.read(url), int(time.time())
    if known is None:
        raise _failed(f"not signed in at {url}: run `entresol login`")
    if known.expires_at - _EARLY_S > now:
        return known
    fresh = _run(refresh(url, known, now))
    logins.keep(url, fresh)
    return fresh


def _run(steps: Steps[T]) -> T:
    async def run() -> T:
        fetcher = Fetcher(SystemClock())
        try:
            return await fetcher.run(steps)
        finally:
            fetcher.close()

    return asyncio.run(run())


def _post(url: str, form: dict[str, str]) -> FetchRequest:
    return FetchRequest(
        url=url,
        method="POST",
        headers=(("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")),
        body=urlencode(form).encode(),
        origin="configured",
    )


def _posted(url: str, form: dict[str, str]) -> Steps[FetchResponse]:
    answer = yield _post(url, form)
    if answer.status != 200:
        raise _failed(f"{url}: {_error_of(answer)}")
    return answer


def _login_of(answer: FetchResponse, now: int) -> SignedIn:
    said = msgspec.json.decode(answer.body, type=dict[str, Any])
    return SignedIn(
        access_token=said["access_token"],
        refresh_token=said.get("refresh_token", ""),
        expires_at=now + said.get("expires_in", 0),
    )


def _error_of(answer: FetchResponse) -> str:
    try:
        said = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError:
        return f"status {answer.status}"
    return str(said.get("error", f"status {answer.status}"))


def _failed(why: str) -> ClientError:
    return ClientError("login_failed", why, status=401)
