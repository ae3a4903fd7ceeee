"""What placeholders in a model's configuration stand for: `$(headers.x)`, `$(query_params.x)`, `$(uri_captures.x)`."""

from entresol.api_floor.exchange import Exchange
from entresol.policy.request_fields import query_values


def look_up(exchange: Exchange, source: str, key: str) -> str | None:
    """The value of a template's placeholder."""
    if source == "headers":
        value = exchange.request.headers.get(key.lower().encode("ascii", "replace"))
        return None if value is None else value.decode("latin-1")
    if source == "query_params":
        return next(iter(query_values(exchange.request.query, key)), None)
    return None if exchange.match is None else exchange.match.captures.get(key)
