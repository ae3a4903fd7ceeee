"""The endpoints around tokens."""

from entresol.auth_server.token_parts import token_parts
from unit.auth_server.token_gateway import TokenGateway


def test_every_part_offers_an_endpoint_where_it_has_a_route() -> None:
    for part in token_parts(TokenGateway().server):
        paths = {getattr(route, "path", "") for route in part.routes()}
        assert set(part.offer().endpoints.values()) == paths
