"""Mode `user_oauth`: the user connects an account of theirs at the upstream, and we keep the tokens.

The browser that began must end it, and be signed in as the same user: else somebody could have their account connected
to another one's name, or be sent the code of another authorization server. Sources: RFC 6749 §4.1, RFC 7636, RFC 9207.
"""

import base64
import secrets
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from msgspec.structs import replace

from entresol.core.errors import ClientError
from entresol.core.fetching import Steps
from entresol.core.storage import Records
from entresol.identity.outgoing.granted import Granted
from entresol.identity.outgoing.token_request import ask, needed
from entresol.identity.principal import Principal
from entresol.identity.records.upstreams import ConnectAttempt, UpstreamAuth, UserGrant

ATTEMPT_S: Final = 600


def begin(
    records: Records,
    auth: UpstreamAuth,
    principal: Principal,
    browser: str,
    redirect_uri: str,
    return_to: str,
    now: int,
) -> str:
    """Remember the attempt; returns the address to send the browser to. `browser` is what its cookie holds."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    records.insert(
        ConnectAttempt(
            id=_digest(state),
            organisation=principal.tenant,
            upstream=auth.id,
            user=principal.account,
            issuer=principal.issuer,
            subject=principal.subject,
            browser=_digest(browser),
            code_verifier=verifier,
            return_to=return_to,
            expires_at=now + ATTEMPT_S,
        )
    )
    query = [
        ("response_type", "code"),
        ("client_id", needed(auth, "client_id")),
        ("redirect_uri", redirect_uri),
        ("state", state),
        ("code_challenge", _challenge(verifier)),
        ("code_challenge_method", "S256"),
    ]
    if auth.scopes:
        query.append(("scope", " ".join(auth.scopes)))
    if auth.resource:
        query.append(("resource", auth.resource))
    taken = {name for name, _ in query}
    query += [(name, value) for name, value in auth.extra_parameters if name not in taken]
    endpoint = needed(auth, "authorization_endpoint")
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def attempt_of(records: Records, state: str, browser: str, principal: Principal, now: int) -> ConnectAttempt:
    """The attempt that a browser comes back from; it is gone then. Raises ClientError `connect_refused`."""
    attempt = records.take(ConnectAttempt, _digest(state))
    if attempt is None or attempt.expires_at <= now:
        raise _refused("this attempt is over: begin again")
    if not secrets.compare_digest(attempt.browser, _digest(browser)):
        raise _refused("it was begun in another browser")
    if (attempt.organisation, attempt.issuer, attempt.subject) != principal.key:
        raise _refused("it was begun by another user")
    return attempt


def check_issuer(auth: UpstreamAuth, issuer: str | None) -> None:
    """RFC 9207 §2.4: the answer must come from the server that was asked. Raises ClientError `connect_refused`."""
    if issuer is not None and auth.issuer and issuer != auth.issuer:
        raise _refused("the answer comes from another authorization server")


def redeem(auth: UpstreamAuth, attempt: ConnectAttempt, code: str, redirect_uri: str, now: int) -> Steps[Granted]:
    """Tokens for a code. Raises what `token_request.ask` raises."""
    form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", attempt.code_verifier),
    ]
    if auth.resource:
        form.append(("resource", auth.resource))
    return ask(auth, form, now)


def renew(auth: UpstreamAuth, grant: UserGrant, now: int) -> Steps[Granted]:
    """A new token by the refresh token.

    Raises what `token_request.ask` raises; `invalid_grant` means that the user must connect again.
    """
    form = [("grant_type", "refresh_token"), ("refresh_token", grant.refresh_token)]
    if auth.resource:
        form.append(("resource", auth.resource))
    return ask(auth, form, now)


def grant_id(upstream: str, principal: Principal) -> str:
    """Where a user's tokens for an upstream are."""
    return _digest("\0".join((upstream, *principal.key)))


def keep(records: Records, auth: UpstreamAuth, principal: Principal, granted: Granted) -> UserGrant:
    """Store tokens, in the place of those before."""
    record_id = grant_id(auth.id, principal)
    known = records.get(UserGrant, record_id)
    fresh = UserGrant(
        id=record_id,
        organisation=principal.tenant,
        upstream=auth.id,
        user=principal.account,
        issuer=principal.issuer,
        subject=principal.subject,
        access_token=granted.access_token,
        refresh_token=granted.refresh_token or (known.refresh_token if known is not None else ""),
        scopes=granted.scopes or auth.scopes,
        expires_at=granted.expires_at,
    )
    if known is None:
        return records.insert(fresh)
    return records.replace(replace(fresh, revision=known.revision, created_at=known.created_at))


def note_broken(records: Records, grant: UserGrant) -> None:
    """The upstream renews these tokens no more, unless somebody has connected again meanwhile."""
    known = records.get(UserGrant, grant.id)
    if known is not None and known.revision == grant.revision:
        records.replace(replace(known, state="broken"))


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _refused(why: str) -> ClientError:
    return ClientError("connect_refused", f"the account was not connected: {why}", status=400)
