"""Kong's log record: what every log plugin writes about a request, as one JSON object.

Names and units are Kong's (Gateway 3.15): latencies in whole milliseconds, `started_at` in milliseconds since the
epoch. Ours beside them: `error`, `correlation_id`, `request.version`. Values of fields that hold credentials are
`REDACTED`, wherever they would appear. See docs/reference/log-record.md.

The record is put together as text, because most of it was seen before: building objects for an encoder takes several
times as long. Whatever comes from outside goes through `log_text.escaped`.
"""

from typing import Any, Final

import msgspec

from entresol.api_floor.ai_slots import AI_META
from entresol.api_floor.entities import Credential
from entresol.api_floor.exchange import Exchange, Times
from entresol.api_floor.log_calls import call_json
from entresol.api_floor.log_entities import consumer_json, route_members
from entresol.api_floor.log_fields import REDACTED, ShownFields, shown_fields
from entresol.api_floor.log_slots import ALWAYS_SECRET, CORRELATION_ID, SECRET_NAMES
from entresol.api_floor.log_text import MAX_LENGTH, MAX_TEXTS, escaped, escaped_once
from entresol.core.errors import UpstreamError
from entresol.core.http import TlsInfo
from entresol.policy.request_fields import query_values, with_parameters_masked

SECRET_PARAMETERS: Final = ALWAYS_SECRET | {"access_token", "api_key", "key", "token"}

_encode: Final = msgspec.json.Encoder().encode
_hosts: Final[dict[bytes, str]] = {}


def log_line(exchange: Exchange) -> bytes:
    """The record as JSON on one line, without a newline at the end."""
    secrets = exchange.get(SECRET_NAMES)
    fields = shown_fields(secrets)
    response, error = exchange.response, exchange.error
    if response is not None:
        status, headers = response.status, fields.json(response.headers.pairs)
    else:  # what the fault would have been answered with (499: the client went away)
        status, headers = 0 if error is None else error.status, "{}"
    line = (
        f'{{"request":{_request(exchange, secrets, fields)},'
        f'"response":{{"status":{status},"headers":{headers},"size":{exchange.response_bytes}}},'
        f'"latencies":{_latencies(exchange.times)},"tries":[{_try(exchange)}],'
        f'"client_ip":"{escaped(exchange.client_ip)}","started_at":{int(exchange.started_at * 1000)},'
        f'"source":"{escaped(exchange.source)}","workspace_name":"default"'
        f"{_upstream(exchange, secrets)}{_entities(exchange)}{_findings(exchange)}}}"
    )
    return line.encode()


def _request(exchange: Exchange, secrets: frozenset[str] | None, fields: ShownFields) -> str:
    request = exchange.request
    connection, pairs = request.connection, request.headers.pairs
    query = request.query
    if query:
        query = masked_query(query, secrets)
        uri = escaped(f"{request.path}?{query}")
        querystring = _encode(_querystring(query)).decode()
    else:
        uri, querystring = escaped(request.path), "{}"
    host = REDACTED if fields.is_hiding_host else _base_of(request.headers.get(b"host") or b"")
    tls = "" if connection.tls is None else f',"tls":{_tls(connection.tls)}'
    return (
        f'{{"id":"{exchange.request_id}","method":"{escaped(request.method)}","uri":"{uri}",'
        f'"url":"{connection.scheme}://{host}:{connection.local_port}{uri}","querystring":{querystring},'
        f'"headers":{fields.json(pairs)},"size":{exchange.request_bytes},"version":"{escaped(request.version)}"{tls}}}'
    )


def _base_of(host: bytes) -> str:
    """The host that was asked for, without its port."""
    base = _hosts.get(host)
    if base is None:
        text = host.decode("utf-8", "backslashreplace")
        name = text if text.endswith("]") else text.rpartition(":")[0] or text  # `]`: an IPv6 address without a port
        base = escaped_once(name)
        if len(host) <= MAX_LENGTH:
            if len(_hosts) >= MAX_TEXTS:
                _hosts.clear()
            _hosts[host] = base
    return base


def masked_target(target: str, secrets: frozenset[str] | None = None) -> str:
    """Path and query, with the values of parameters that hold credentials masked."""
    if "?" not in target:
        return target
    path, _, query = target.partition("?")
    return f"{path}?{masked_query(query, secrets)}"


def masked_query(query: str, secrets: frozenset[str] | None = None) -> str:
    """A query with the values of parameters that hold credentials masked."""

    def is_secret(parameter: str) -> bool:
        name = parameter.lower()
        return name in SECRET_PARAMETERS or (secrets is not None and name in secrets)

    return with_parameters_masked(query, is_secret, REDACTED)


def _querystring(query: str) -> dict[str, Any]:
    """Parameters by name: text, a list where one is repeated, true where it has no `=`."""
    shown: dict[str, Any] = {}
    for piece in query.split("&"):
        key, mark, _ = piece.partition("=")
        if key and key not in shown:
            values: list[Any] = query_values(query, key) if mark else [True]
            shown[key] = values[0] if len(values) == 1 else values or True
    return shown


def _tls(tls: TlsInfo) -> str:
    verified = "NONE" if tls.client_certificate is None else "SUCCESS"
    version, cipher = escaped(tls.version), escaped(tls.cipher)
    return f'{{"version":"{version}","cipher":"{cipher}","client_verify":"{verified}"}}'


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
    return f'{{"request":{total},"kong":{ours},"proxy":{proxy},"receive":{receive}}}'


def _try(exchange: Exchange) -> str:
    upstream, times, error = exchange.upstream, exchange.times, exchange.error
    sent = times.upstream_sent
    if upstream is None or not sent:
        return ""
    origin = upstream.origin
    started = int((exchange.started_at + sent - times.started) * 1000)
    failure = ""
    if isinstance(error, UpstreamError) and not exchange.upstream_status:
        failure = f',"state":"failed","code":{error.status}'
    return f'{{"balancer_start":{started},"ip":"{escaped(origin.host)}","port":{origin.port}{failure}}}'


def _upstream(exchange: Exchange, secrets: frozenset[str] | None) -> str:
    upstream, status = exchange.upstream, exchange.upstream_status
    uri = "" if upstream is None else f',"upstream_uri":"{escaped(masked_target(upstream.target, secrets))}"'
    return f'{uri},"upstream_status":"{status}"' if status else uri


def _entities(exchange: Exchange) -> str:
    match, consumer, credential = exchange.match, exchange.consumer, exchange.credential
    route = "" if match is None else "," + route_members(match.route)
    who = "" if consumer is None else f',"consumer":{consumer_json(consumer)}'
    return route + who if credential is None else f"{route}{who},{_authenticated(credential)}"


def _authenticated(credential: Credential) -> str:
    return f'"authenticated_entity":{{"id":"{escaped(credential.id)}","consumer_id":"{escaped(credential.consumer)}"}}'


def _findings(exchange: Exchange) -> str:
    """What plugins and faults tell."""
    correlation_id, meta = exchange.get(CORRELATION_ID), exchange.get(AI_META)
    shown = "" if correlation_id is None else f',"correlation_id":"{escaped_once(correlation_id)}"'
    error, refusal = exchange.error, exchange.refusal_code
    if error is not None:
        shown += f',"error":{{"code":"{escaped(error.code)}","message":"{escaped_once(error.message)}"}}'
    elif refusal is not None:
        shown += f',"error":{{"code":"{escaped(refusal)}"}}'
    call = None if meta is None else call_json(exchange, meta)
    return shown if call is None else f'{shown},"ai":{call}'
