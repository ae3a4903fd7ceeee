"""The authorization endpoint's decisions: what is asked, what has to happen first, and the answer.

The order of validation is what keeps it safe. Client and redirect URI come first, and what is wrong with them is said
on a page of ours: an answer is only ever sent to a redirect URI that the client has registered. Everything after is
answered there, with `state` and `iss`. Sources: RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9126, RFC 9207, RFC 9700, OAuth
2.1, OpenID Connect Core §3.1.2.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.consents import must_ask, record_consent
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.oauth.id_token_hints import hinted_user
from entresol.identity.oauth.redirects import matching_redirect, with_answer
from entresol.identity.oauth.resources import ProtectedResources
from entresol.identity.oauth.scopes import granted_scopes, parse_scope
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, AuthorizationRequest, Session

REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
PROMPTS: Final = ("none", "login", "consent", "select_account")
Parameters = Sequence[tuple[str, str]]
Step = Literal["sign-in", "consent", "grant"]
_MANY: Final = frozenset(("resource",))
_MAX_TEXT: Final = {"state": 2048, "nonce": 1024, "login_hint": 320}
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_AGE: Final = re.compile(r"[0-9]{1,9}")
_REFUSED_OBJECTS: Final = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


class PageError(OAuthError):
    """Said to the person on a page of ours: there is no address that an answer may be sent to."""


class AnswerError(OAuthError):
    """Sent to the client by its redirect URI (RFC 6749 §4.1.2.1)."""

    def __init__(self, error: str, description: str, *, client: OAuthClient, redirect_uri: str, state: str | None):
        super().__init__(error, description)
        self.client = client
        self.redirect_uri = redirect_uri
        self.state = state

    def location(self, issuer: str) -> str:
        """Where to send the browser."""
        answer = [("error", self.error), ("error_description", self.message)]
        return _answer(self.redirect_uri, answer, self.state, issuer)


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits, with its client and its handle."""

    handle: str
    request: AuthorizationRequest
    client: OAuthClient


def begin(
    records: Records, settings: OAuthSettings, resources: ProtectedResources, parameters: Parameters, now: int
) -> Pending:
    """Take a request at the authorization endpoint and remember it under a new handle.

    Raises PageError or AnswerError.
    """
    pushed = _single(parameters, "request_uri")
    if pushed is not None and pushed.startswith(REQUEST_URI_PREFIX):
        return _begin_pushed(records, settings, parameters, pushed, now)
    client = known_client(records, client_id_of(parameters))
    request = read_request(client, resources, parameters)
    if client.requires_par:
        raise _answer_error(client, request, "invalid_request", "this client has to push its requests (RFC 9126)")
    request = with_hint(records, settings, request, parameters)
    return remember(records, client, request, lifetime_s=settings.request_lifetime_s, now=now)


def read_request(client: OAuthClient, resources: ProtectedResources, parameters: Parameters) -> AuthorizationRequest:
    """The request that the parameters make, with neither id nor end. Raises PageError or AnswerError."""
    redirect_uri, is_given = _redirect_of(client, parameters)
    states = [value for name, value in parameters if name == "state" and value]
    state = states[0] if len(states) == 1 and len(states[0]) <= _MAX_TEXT["state"] else None
    try:
        return _read_rest(client, resources, parameters, redirect_uri, is_given)
    except OAuthError as error:
        raise AnswerError(error.error, error.message, client=client, redirect_uri=redirect_uri, state=state) from error


def with_hint(
    records: Records, settings: OAuthSettings, request: AuthorizationRequest, parameters: Parameters
) -> AuthorizationRequest:
    """The request with the user that its `id_token_hint` names.

    A hint that cannot be verified any more, for it may be old, says nothing; but nobody is let in silently by it.
    """
    hint = _single(parameters, "id_token_hint")
    if not hint:
        return request
    user = hinted_user(records, hint, settings.issuer, request.client)
    if user is None and request.prompt != "none":
        return request
    return msgspec.structs.replace(request, hinted_user=user or "-")


def remember(
    records: Records, client: OAuthClient, request: AuthorizationRequest, *, lifetime_s: int, now: int, prefix: str = ""
) -> Pending:
    """Keep a valid request under a new handle."""
    handle = new_handle()
    changed = msgspec.structs.replace(
        request, id=handle_digest(prefix + handle), revision=0, expires_at=now + lifetime_s, is_pushed=bool(prefix)
    )
    return Pending(handle=prefix + handle, request=records.insert(changed), client=client)


def pending(records: Records, handle: str, now: int) -> Pending:
    """The request that a handle stands for. Raises PageError when there is none, or no more."""
    request = records.get(AuthorizationRequest, handle_digest(handle))
    if request is None or request.expires_at <= now or request.is_pushed:
        raise PageError("invalid_request", "this sign-in has ended or was finished already: go back and start again")
    return Pending(handle=handle, request=request, client=known_client(records, request.client))


def next_step(records: Records, waiting: Pending, session: Session | None) -> Step:
    """What has to happen before the client gets a code. Raises AnswerError where nothing may (`prompt=none`)."""
    request, client = waiting.request, waiting.client
    silent = request.prompt == "none"
    if session is None or not _is_recent(request, session):
        if silent:
            raise _answer_error(client, request, "login_required", "the user has to sign in")
        return "sign-in"
    if request.hinted_user and request.hinted_user != session.user:
        if silent or session.auth_time >= request.created_at:
            raise _answer_error(client, request, "login_required", "somebody else than id_token_hint has signed in")
        return "sign-in"
    _check_user(records, waiting, session)
    if must_ask(records, client, request, session.user):
        if silent:
            raise _answer_error(client, request, "consent_required", "the user has to be asked")
        return "consent"
    return "grant"


def grant(records: Records, settings: OAuthSettings, waiting: Pending, session: Session, now: int) -> str:
    """Issue a code for a request for which nothing is left to ask. Returns where to send the browser.

    Raises PageError when the request is gone, AnswerError when the user may not, or something is left to ask.
    """
    if next_step(records, waiting, session) != "grant":
        raise _answer_error(waiting.client, waiting.request, "access_denied", "the user has not agreed")
    return _issue(records, settings, waiting, session, now)


def approve(records: Records, settings: OAuthSettings, waiting: Pending, session: Session, now: int) -> str:
    """The user has agreed: record it and issue a code. Returns where to send the browser.

    What was agreed to is what the kept request says, not what a form says. Raises PageError, AnswerError.
    """
    if next_step(records, waiting, session) == "sign-in":
        raise PageError("login_required", "sign in again: the client asks for a fresh sign-in")
    if not session.impersonator:  # an administrator who acts as somebody leaves no lasting consent behind
        record_consent(records, waiting.client, waiting.request, session.user)
    return _issue(records, settings, waiting, session, now)


def deny(records: Records, waiting: Pending) -> AnswerError:
    """The user has refused. Returns the answer for the client, and forgets the request."""
    records.delete(AuthorizationRequest, waiting.request.id)
    return _answer_error(waiting.client, waiting.request, "access_denied", "the user has refused")


def client_id_of(parameters: Parameters) -> str:
    """The one client_id. Raises PageError."""
    values = [value for name, value in parameters if name == "client_id"]
    if len(values) != 1 or not values[0]:
        raise PageError("invalid_request", "the request needs client_id, once")
    return values[0]


def known_client(records: Records, client_id: str) -> OAuthClient:
    """The client, unless it is unknown or disabled. Raises PageError."""
    client = records.get(OAuthClient, client_id)
    if client is None:
        raise PageError("invalid_client", "no client with this client_id is registered here")
    if not client.is_enabled:
        raise PageError("invalid_client", "an administrator has disabled this client")
    return client


def is_trusted(client: OAuthClient) -> bool:
    """Whether browsers may be sent to its redirect URI before anybody has signed in and agreed (RFC 9700 §4.11.2).

    Whoever can register a client could else use us to lead people anywhere.
    """
    return client.source == "admin"


def _begin_pushed(
    records: Records, settings: OAuthSettings, parameters: Parameters, request_uri: str, now: int
) -> Pending:
    client = known_client(records, client_id_of(parameters))
    kept = records.get(AuthorizationRequest, handle_digest(request_uri))
    if kept is None or kept.client != client.id or not kept.is_pushed or kept.expires_at <= now:
        raise PageError("invalid_request_uri", "this request_uri is unknown, used, too old, or another client's")
    if records.take(AuthorizationRequest, kept.id) is None:
        raise PageError("invalid_request_uri", "this request_uri has been used")
    return remember(records, client, kept, lifetime_s=settings.request_lifetime_s, now=now)


def _redirect_of(client: OAuthClient, parameters: Parameters) -> tuple[str, bool]:
    values = [value for name, value in parameters if name == "redirect_uri"]
    if len(values) > 1:
        raise PageError("invalid_request", "redirect_uri is there more than once")
    if not values or not values[0]:
        if len(client.redirect_uris) != 1:
            raise PageError("invalid_request", "the request needs redirect_uri")
        return client.redirect_uris[0], False
    if matching_redirect(values[0], client.redirect_uris, is_native=client.is_native) is None:
        raise PageError("invalid_request", "redirect_uri is none of those that the client has registered")
    return values[0], True


def _read_rest(
    client: OAuthClient, resources: ProtectedResources, parameters: Parameters, redirect_uri: str, is_given: bool
) -> AuthorizationRequest:
    given = _once(parameters)
    _check_kind(client, given)
    prompt = _prompt(given.get("prompt", ""))
    age = given.get("max_age")
    if age is not None and not _AGE.fullmatch(age):
        raise OAuthError("invalid_request", "max_age is no number of seconds")
    for name, limit in _MAX_TEXT.items():
        text = given.get(name, "")
        if len(text) > limit or any(c < " " or c == "\x7f" for c in text):
            raise OAuthError("invalid_request", f"{name} is longer than {limit} or holds control characters")
    thumbprint = given.get("dpop_jkt", "")
    if thumbprint and not _CHALLENGE.fullmatch(thumbprint):
        raise OAuthError("invalid_request", "dpop_jkt is no SHA-256 thumbprint in base64url")
    asked = resources.asked([value for name, value in parameters if name == "resource" and value])
    if client.audiences and not {resource.url for resource in asked} <= set(client.audiences):
        raise OAuthError("invalid_target", "the client may not ask for tokens for this resource")
    return AuthorizationRequest(
        id="",
        organisation=client.organisation,
        client=client.id,
        redirect_uri=redirect_uri,
        is_redirect_given=is_given,
        scopes=granted_scopes(parse_scope(given.get("scope", "")), client, resources.scopes_needed(asked)),
        state=given.get("state"),
        code_challenge=_challenge(given),
        resources=tuple(resource.url for resource in asked),
        nonce=given.get("nonce"),
        prompt=prompt,
        max_age=int(age) if age is not None else None,
        login_hint=given.get("login_hint", ""),
        dpop_thumbprint=thumbprint,
        expires_at=0,
    )


def _once(parameters: Parameters) -> dict[str, str]:
    """Parameters by name. Those without a value count as left out (RFC 6749 §3.1)."""
    given: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in parameters:
        if name in seen and name not in _MANY:
            raise OAuthError("invalid_request", f"{name[:40]} is there more than once")
        seen.add(name)
        if value:
            given[name] = value
    return given


def _check_kind(client: OAuthClient, given: dict[str, str]) -> None:
    for name, error in _REFUSED_OBJECTS.items():
        if name in given:
            raise OAuthError(error, f"{name} is not taken here; send plain parameters or push them (RFC 9126)")
    if "response_type" not in given:
        raise OAuthError("invalid_request", "the request needs response_type")
    if given["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "the only response_type is code")
    if given.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "the only response_mode is query")
    if "authorization_code" not in client.grant_types or "code" not in client.response_types:
        raise OAuthError("unauthorized_client", "the client is not registered for the authorization code grant")


def _challenge(given: dict[str, str]) -> str:
    challenge = given.get("code_challenge")
    if challenge is None:
        raise OAuthError("invalid_request", "the request needs code_challenge: PKCE is required (RFC 7636)")
    if given.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method has to be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "code_challenge is no SHA-256 in base64url")
    return challenge


def _prompt(text: str) -> str:
    names = [name for name in text.split(" ") if name]
    unknown = [name for name in names if name not in PROMPTS]
    if unknown or ("none" in names and len(names) > 1):
        raise OAuthError("invalid_request", f"prompt may be none, or some of {' '.join(PROMPTS[1:])}")
    return " ".join(names)


def _is_recent(request: AuthorizationRequest, session: Session) -> bool:
    """Whether the sign-in is as fresh as is asked for. A sign-in since the request began always is, and only what
    `max_age` allows of those before it."""
    if {"login", "select_account"} & set(request.prompt.split(" ")):
        return session.auth_time >= request.created_at
    return request.max_age is None or session.auth_time >= request.created_at - request.max_age


def _check_user(records: Records, waiting: Pending, session: Session) -> None:
    user = records.get(User, session.user)
    if user is None or not user.is_active:
        raise _answer_error(waiting.client, waiting.request, "access_denied", "the account is not active")
    if waiting.client.organisation and waiting.client.organisation != user.organisation:
        raise _answer_error(
            waiting.client, waiting.request, "access_denied", "the client belongs to another organisation"
        )


def _issue(records: Records, settings: OAuthSettings, waiting: Pending, session: Session, now: int) -> str:
    request = records.take(AuthorizationRequest, waiting.request.id)
    if request is None or request.expires_at <= now:
        raise PageError("invalid_request", "this sign-in has ended or was finished already: go back and start again")
    client = waiting.client
    if matching_redirect(request.redirect_uri, client.redirect_uris, is_native=client.is_native) is None:
        raise PageError("invalid_request", "the client has taken this redirect URI back")
    code = new_handle()
    user = records.need(User, session.user)
    records.insert(
        AuthorizationCode(
            id=handle_digest(code),
            organisation=user.organisation,
            client=client.id,
            user=user.id,
            redirect_uri=request.redirect_uri,
            is_redirect_given=request.is_redirect_given,
            scopes=request.scopes,
            code_challenge=request.code_challenge,
            resources=request.resources,
            nonce=request.nonce,
            auth_time=session.auth_time,
            acr=session.acr,
            groups=session.groups,
            issuer=session.issuer,
            session=session.id,
            dpop_thumbprint=request.dpop_thumbprint,
            impersonator=session.impersonator,
            expires_at=now + settings.code_lifetime_s,
        )
    )
    return _answer(request.redirect_uri, [("code", code)], request.state, settings.issuer)


def _answer(redirect_uri: str, answer: list[tuple[str, str]], state: str | None, issuer: str) -> str:
    given = [("state", state)] if state is not None else []
    return with_answer(redirect_uri, [*answer, *given, ("iss", issuer)])


def _answer_error(client: OAuthClient, request: AuthorizationRequest, error: str, description: str) -> AnswerError:
    return AnswerError(error, description, client=client, redirect_uri=request.redirect_uri, state=request.state)


def _single(parameters: Parameters, name: str) -> str | None:
    """The value of a parameter that is there once."""
    values = [value for other, value in parameters if other == name]
    return values[0] if len(values) == 1 else None
