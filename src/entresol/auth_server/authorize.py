"""The authorization endpoint, and the end of consent.

    GET or POST /authorize        takes a request, remembers it, goes on
    GET         /authorize/resume goes on after a sign-in: `?request=HANDLE`
    POST        /consent          the form of the consent page: `request`, `decision`, the CSRF field

Whoever shows pages and keeps sessions is a `Browser`; what is decided is decided in `identity.oauth.authorize`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.client_documents import ClientDocuments
from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import body_of
from entresol.core.errors import GatewayError
from entresol.identity.oauth import authorize
from entresol.identity.oauth.authorize import AnswerError, PageError, Parameters, Pending
from entresol.identity.oauth.cimd import trust_of
from entresol.identity.oauth.consent_questions import ConsentQuestion, consent_question
from entresol.identity.oauth.metadata import Offer, authorization_offer
from entresol.identity.oauth.redirects import destination
from entresol.identity.oauth.request_form import MAX_BODY, MEDIA_TYPE
from entresol.identity.records.sessions import Session

AUTHORIZE_PATH: Final = "/authorize"
RESUME_PATH: Final = "/authorize/resume"
CONSENT_PATH: Final = "/consent"
MAX_PARAMETERS: Final = 64


class Browser(Protocol):
    """Sessions and pages, as this endpoint needs them."""

    async def signed_in(self, request: Request) -> Session | None:
        """The session of the browser that asks, if it is still good."""

    def sign_in_page(self, request: Request, return_to: str, *, login_hint: str, fresh: bool) -> Response:
        """Leads to the sign-in, and from there to `return_to`, a path of ours. `fresh`: also who is signed in already
        has to prove it again."""

    def consent_page(self, request: Request, session: Session, question: ConsentQuestion) -> Response:
        """Asks. Its form posts to CONSENT_PATH below the issuer's path: `request`, `decision` (`allow` or `deny`) and a
        CSRF field of its own. Its `form-action` must name `question.to.form_target` besides 'self': browsers hold the
        redirect that answers the form against it."""

    def error_page(
        self, request: Request, *, status: int, error: str, message: str, link: str = "", link_host: str = ""
    ) -> Response:
        """Says what is wrong. `link`: where the client would be told of it, for the person to follow or not."""

    def is_own_form(self, request: Request, session: Session, form: Mapping[str, str]) -> bool:
        """Whether the form was on a page that we showed to this session (CSRF)."""


class AuthorizationEndpoint:
    """See the module."""

    def __init__(self, server: AuthServer, browser: Browser, documents: ClientDocuments) -> None:
        self._server = server
        self._store = server.store
        self._settings = server.settings
        self._browser = browser
        self._documents = documents

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (
            Route(AUTHORIZE_PATH, self.authorize, methods=["GET", "POST"]),
            Route(RESUME_PATH, self.resume, methods=["GET"]),
            Route(CONSENT_PATH, self.consent, methods=["POST"]),
        )

    def offer(self) -> Offer:
        """For the metadata."""
        return authorization_offer(self._settings)

    async def authorize(self, request: Request) -> Response:
        """Take a request (OpenID Connect Core §3.1.2.1 lets it come by POST, too)."""
        try:
            address = self._server.peer(request).address
            await self._admit(address)
            parameters = await _parameters(request)
            await self._documents.load(authorize.client_id_of(parameters), address)
            now = self._server.clock()
            waiting = await self._store.write(
                lambda records: authorize.begin(records, self._settings, self._server.resources(), parameters, now)
            )
            return await self._go_on(request, waiting)
        except GatewayError as error:
            return self._refusal(request, error)

    async def resume(self, request: Request) -> Response:
        """Go on with a request that waited for the sign-in."""
        now = self._server.clock()
        handle = request.query_params.get("request", "")
        try:
            waiting = await self._store.read(lambda records: authorize.pending(records, handle, now))
            return await self._go_on(request, waiting)
        except GatewayError as error:
            return self._refusal(request, error)

    async def consent(self, request: Request) -> Response:
        """Take the user's decision. A cookie alone decides nothing: the form must be one of ours."""
        try:
            form = dict(await _form(request))
            session = await self._browser.signed_in(request)
            if session is None or not self._browser.is_own_form(request, session, form):
                raise PageError("invalid_request", "this page is out of date: go back and start again", status=403)
            return _redirect(await self._decide(form, session))
        except AnswerError as error:  # somebody has signed in and read where it leads
            return _redirect(error.location(self._settings.issuer))
        except GatewayError as error:
            return self._refusal(request, error)

    async def _admit(self, address: str) -> None:
        """Each request is kept until somebody finishes it: nobody fills the store with them."""
        wait = await self._server.attempts.admit(
            f"authorize:{address}", self._settings.requests_per_minute, 60, self._server.clock()
        )
        if wait:
            raise PageError(
                "temporarily_unavailable",
                f"too many requests from this address: try again in {wait} s",
                status=429,
                headers=((b"retry-after", str(wait).encode()),),
            )

    async def _decide(self, form: Mapping[str, str], session: Session) -> str:
        handle, decision, now = form.get("request", ""), form.get("decision"), self._server.clock()
        if decision not in ("allow", "deny"):
            raise PageError("invalid_request", "the form has no decision")
        if decision == "allow":
            return await self._store.write(
                lambda records: authorize.approve(
                    records, self._settings, authorize.pending(records, handle, now), session, now
                )
            )
        denied = await self._store.write(
            lambda records: authorize.deny(records, authorize.pending(records, handle, now))
        )
        return denied.location(self._settings.issuer)

    async def _go_on(self, request: Request, waiting: Pending) -> Response:
        session = await self._browser.signed_in(request)
        step = await self._store.read(lambda records: authorize.next_step(records, waiting, session))
        if step == "sign-in" or session is None:
            return_to = f"{self._settings.path}{RESUME_PATH}?{urlencode({'request': waiting.handle})}"
            hint = waiting.request.login_hint
            return self._browser.sign_in_page(request, return_to, login_hint=hint, fresh=session is not None)
        if step == "consent":
            return self._browser.consent_page(request, session, self._question(waiting))
        now = self._server.clock()
        return _redirect(
            await self._store.write(lambda records: authorize.grant(records, self._settings, waiting, session, now))
        )

    def _question(self, waiting: Pending) -> ConsentQuestion:
        is_known = trust_of(self._settings, waiting.client.id) == "allow"
        return consent_question(waiting, self._server.resources(), is_known_domain=is_known)

    def _refusal(self, request: Request, error: GatewayError) -> Response:
        """To the client where that is safe, else on a page (RFC 9700 §4.11.2)."""
        if not isinstance(error, AnswerError):
            page = self._browser.error_page(request, status=error.status, error=error.code, message=error.message)
            for name, value in error.headers:
                page.headers[name.decode()] = value.decode()
            return page
        location = error.location(self._settings.issuer)
        if authorize.is_trusted(error.client) or error.error in ("login_required", "consent_required"):
            return _redirect(location)
        host = destination(error.redirect_uri).host
        return self._browser.error_page(
            request, status=400, error=error.error, message=error.message, link=location, link_host=host
        )


async def _parameters(request: Request) -> Parameters:
    """All parameters in order, repeated ones too. Raises OAuthError when there are too many."""
    pairs: list[tuple[str, str]] = list(request.query_params.multi_items())
    if request.method == "POST":
        pairs += await _form(request, repeated=True)
    if len(pairs) > MAX_PARAMETERS:
        raise PageError("invalid_request", f"the request has more than {MAX_PARAMETERS} parameters")
    return pairs


async def _form(request: Request, *, repeated: bool = False) -> list[tuple[str, str]]:
    """Fields of a form in the body. Raises OAuthError, also for fields that come twice unless they may."""
    body = await body_of(request, MAX_BODY)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise PageError("invalid_request", f"the body must be {MEDIA_TYPE}")
    try:
        text = body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise PageError("invalid_request", "the form cannot be read, or has too many fields") from error
    if not repeated and len(dict(pairs)) != len(pairs):
        raise PageError("invalid_request", "a field of the form is there twice")
    return pairs


def _redirect(location: str) -> Response:
    """303: the browser asks with GET, whatever came before (RFC 9700 §4.12)."""
    return RedirectResponse(location, status_code=303)
