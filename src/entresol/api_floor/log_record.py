"""Kong's log record: what every log plugin writes about a request, as one JSON object.

Names and units are Kong's (Gateway 3.15): latencies in whole milliseconds, `started_at` in milliseconds since the
epoch. Ours beside them: `error`, `auth_type`, `request.version`. Values of fields that hold credentials are `REDACTED`,
wherever they would appear. `workspace` is the id that Kong without a database gives its only one. See
docs/reference/log-record.md.
"""

from entresol.api_floor.exchange import Exchange, Times
from entresol.api_floor.identity_slots import PRINCIPAL
from entresol.api_floor.log_ai import ai_member
from entresol.api_floor.log_entities import consumer_member, credential_member, principal_member, shown_route
from entresol.api_floor.log_fields import shown_fields
from entresol.api_floor.log_request import masked_target, request_json
from entresol.api_floor.log_slots import CORRELATION_ID, SECRET_NAMES
from entresol.api_floor.log_text import changing_json_text, json_text
from entresol.core.errors import UpstreamError


def log_line(exchange: Exchange) -> bytes:
    """The record as JSON on one line, without a newline at the end.

    Put together from the JSON of its parts, most of which were shown before: encoding objects takes longer.
    """
    secrets = exchange.get(SECRET_NAMES)
    fields = shown_fields(secrets)
    response, error = exchange.response, exchange.error
    if response is not None:
        status, headers = response.status, fields.json(response.headers.pairs)
    else:  # what the fault would have been answered with (499: the client went away)
        status, headers = 0 if error is None else error.status, b"{}"
    return (
        b'{"request":%b,"response":{"status":%d,"headers":%b,"size":%d},"latencies":%b,"tries":%b,"client_ip":%b,'
        b'"started_at":%d,"source":%b,"workspace":"0dc6f45b-8f8d-40d2-a504-473544ee190b","workspace_name":"default"'
        b"%b%b%b%b}"
        % (
            request_json(exchange, secrets, fields),
            status,
            headers,
            exchange.response_bytes,
            _latencies(exchange.times),
            _tries(exchange),
            json_text(exchange.client_ip),
            int(exchange.started_at * 1000),
            json_text(exchange.source),
            _upstream_members(exchange, secrets),
            _entity_members(exchange),
            _finding_members(exchange),
            ai_member(exchange),
        )
    )


def _latencies(times: Times) -> bytes:
    """Kong's split of the whole time: `proxy` waiting for the upstream's head (-1: not asked), `receive` from its
    head to the end, `kong` the rest, which is ours."""
    finished, sent, head = times.finished, times.upstream_sent, times.response_head
    total = int((finished - times.started) * 1000 + 0.5)
    proxy, receive, ours = -1, 0, total
    if sent:
        proxy = int(((head or finished) - sent) * 1000 + 0.5)
        receive = int((finished - head) * 1000 + 0.5) if head else 0
        ours = total - proxy - receive
    return b'{"request":%d,"kong":%d,"proxy":%d,"receive":%d}' % (total, ours if ours > 0 else 0, proxy, receive)


def _tries(exchange: Exchange) -> bytes:
    upstream, times = exchange.upstream, exchange.times
    sent = times.upstream_sent
    if upstream is None or not sent:
        return b"[]"
    origin, error = upstream.origin, exchange.error
    started = int((exchange.started_at + sent - times.started) * 1000)
    failed = b""
    if not exchange.upstream_status and error is not None and isinstance(error, UpstreamError):
        failed = b',"state":"failed","code":%d' % error.status
    host = json_text(origin.host)
    return b'[{"balancer_start":%d,"balancer_latency":0,"ip":%b,"port":%d%b}]' % (started, host, origin.port, failed)


def _upstream_members(exchange: Exchange, secrets: frozenset[str] | None) -> bytes:
    upstream, status = exchange.upstream, exchange.upstream_status
    uri = b"" if upstream is None else b',"upstream_uri":' + json_text(masked_target(upstream.target, secrets))
    return b'%b,"upstream_status":"%d"' % (uri, status) if status else uri


def _entity_members(exchange: Exchange) -> bytes:
    match, consumer, credential = exchange.match, exchange.consumer, exchange.credential
    shown = b"" if match is None else shown_route(match.route).members
    if consumer is not None:
        shown += consumer_member(consumer)
    if credential is not None:
        shown += credential_member(credential)
    return shown


def _finding_members(exchange: Exchange) -> bytes:
    shown = b""
    correlation_id = exchange.get(CORRELATION_ID)
    if correlation_id is not None:
        shown = b',"correlation_id":' + changing_json_text(correlation_id)
    principal = exchange.get(PRINCIPAL)
    if principal is not None:
        shown += principal_member(principal)
    error, refusal = exchange.error, exchange.refusal_code
    if error is not None:
        message = changing_json_text(error.message)
        shown += b',"error":{"code":%b,"message":%b}' % (json_text(error.code), message)
    elif refusal is not None:
        shown += b',"error":{"code":%b}' % json_text(refusal)
    return shown
