"""Kong's log record: what every log plugin writes about a request, as one JSON object.

Names and units are Kong's (Gateway 3.15): latencies in whole milliseconds, `started_at` in milliseconds since the
epoch. Ours beside them: `error`, `correlation_id`, `request.version`. Values of fields that hold credentials are
`REDACTED`, wherever they would appear. See docs/reference/log-record.md.

The record is put together as text, because most of it was seen before: building objects for an encoder takes several
times as long. Whatever comes from outside goes through `log_text.escaped` or an encoder.
"""

from entresol.api_floor.ai_slots import AI_META
from entresol.api_floor.exchange import Exchange, Times
from entresol.api_floor.log_calls import call_member
from entresol.api_floor.log_entities import consumer_member, credential_member, origin_members, route_members
from entresol.api_floor.log_fields import shown_fields
from entresol.api_floor.log_request import masked_target, request_json
from entresol.api_floor.log_slots import CORRELATION_ID, SECRET_NAMES
from entresol.api_floor.log_text import escaped, escaped_once, number
from entresol.core.errors import UpstreamError


def log_line(exchange: Exchange) -> bytes:
    """The record as JSON on one line, without a newline at the end."""
    secrets = exchange.get(SECRET_NAMES)
    fields = shown_fields(secrets)
    response, match, meta = exchange.response, exchange.match, exchange.get(AI_META)
    consumer, credential = exchange.consumer, exchange.credential
    if response is not None:
        status, headers = response.status, fields.json(response.headers.pairs)
    else:  # what the fault would have been answered with (499: the client went away)
        status, headers = 0 if exchange.error is None else exchange.error.status, "{}"
    line = (
        f'{{"request":{request_json(exchange, secrets, fields)},'
        f'"response":{{"status":{number(status)},"headers":{headers},"size":{number(exchange.response_bytes)}}},'
        f'"latencies":{_latencies(exchange.times)},"tries":[{_try(exchange)}],'
        f'"client_ip":"{escaped(exchange.client_ip)}","started_at":{int(exchange.started_at * 1000)},'
        f'"source":"{escaped(exchange.source)}","workspace_name":"default"{_upstream(exchange, secrets)}'
        f"{'' if match is None else route_members(match.route)}"
        f"{'' if consumer is None else consumer_member(consumer)}"
        f"{'' if credential is None else credential_member(credential)}"
        f"{_correlation(exchange)}{_fault(exchange)}{'' if meta is None else call_member(exchange, meta)}}}"
    )
    return line.encode()


def _latencies(times: Times) -> str:
    """Kong's split of the whole time: `proxy` waiting for the upstream's head (-1: not asked), `receive` from its
    head to the end, `kong` the rest, which is ours."""
    finished, sent, head = times.finished, times.upstream_sent, times.response_head
    total = int((finished - times.started) * 1000 + 0.5)
    if not sent:
        return f'{{"request":{total},"kong":{total},"proxy":-1,"receive":0}}'
    proxy = int(((head or finished) - sent) * 1000 + 0.5)
    receive = int((finished - head) * 1000 + 0.5) if head else 0
    ours = max(0, total - proxy - receive)
    return f'{{"request":{number(total)},"kong":{number(ours)},"proxy":{number(proxy)},"receive":{number(receive)}}}'


def _try(exchange: Exchange) -> str:
    upstream, times, error = exchange.upstream, exchange.times, exchange.error
    sent = times.upstream_sent
    if upstream is None or not sent:
        return ""
    failure = ""
    if isinstance(error, UpstreamError) and not exchange.upstream_status:
        failure = f',"state":"failed","code":{error.status}'
    started = int((exchange.started_at + sent - times.started) * 1000)
    return f'{{"balancer_start":{started},{origin_members(upstream.origin)}{failure}}}'


def _upstream(exchange: Exchange, secrets: frozenset[str] | None) -> str:
    upstream, status = exchange.upstream, exchange.upstream_status
    uri = "" if upstream is None else f',"upstream_uri":"{escaped(masked_target(upstream.target, secrets))}"'
    return f'{uri},"upstream_status":"{number(status)}"' if status else uri


def _correlation(exchange: Exchange) -> str:
    correlation_id = exchange.get(CORRELATION_ID)
    return "" if correlation_id is None else f',"correlation_id":"{escaped_once(correlation_id)}"'


def _fault(exchange: Exchange) -> str:
    error, refusal = exchange.error, exchange.refusal_code
    if error is not None:
        return f',"error":{{"code":"{escaped(error.code)}","message":"{escaped_once(error.message)}"}}'
    return "" if refusal is None else f',"error":{{"code":"{escaped(refusal)}"}}'
