from typing import Any

import pytest

from entresol.core.secret import Secret
from entresol.plugins.rate_limiting import RateLimiting
from entresol.plugins.schemas.rate_limiting import RateLimitingConfig
from playbooks.harness import Gateway, violations_of

PERIODS = "'config.second', 'config.minute', 'config.hour', 'config.day', 'config.month', 'config.year'"


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({}, "", f"at least one of these fields must be non-empty: {PERIODS}"),
        ({"second": 10, "hour": 5}, "", "The limit for hour(5.0) cannot be lower than the limit for second(10.0)"),
        ({"minute": 0}, "minute", "value must be greater than 0"),
        ({"minute": "5"}, "minute", "expected a number"),
        ({"minute": 1, "error_code": 101}, "error_code", "value should be between 200 and 599"),
        ({"minute": 1, "error_code": 600}, "error_code", "value should be between 200 and 599"),
        ({"minute": 1, "redis_port": "x"}, "redis.port", "expected an integer"),
        ({"minute": 1, "redis_host": "a", "redis": {"host": "b"}}, "redis_host", "both deprecated and new field"),
        ({"minute": 1, "policy": "redis"}, "policy", "redis is not supported yet; expected one of: local"),
        ({"minute": 1, "policy": "cluster"}, "policy", "cluster is not supported yet; expected one of: local"),
        ({"minute": 1, "limit_by": "header"}, "header_name", "required field missing"),
        ({"minute": 1, "limit_by": "path"}, "path", "required field missing"),
        ({"minute": 1, "path": "x"}, "path", "should start with: / and must not have empty segments"),
        ({"minute": 1, "path": "/a//b"}, "path", "should start with: / and must not have empty segments"),
        (
            {"minute": 1, "limit_by": "moon"},
            "limit_by",
            "expected one of: consumer, consumer-group, credential, header, ip, path",
        ),
        ({"minute": 1, "header_name": "a b"}, "header_name", "bad header name"),
        ({"minute": 1, "redis": {"cloud_authentication": {}}}, "redis.cloud_authentication", "not supported yet"),
    ],
)
def test_a_configuration_that_cannot_be_honoured_is_refused(config: dict[str, Any], path: str, message: str) -> None:
    assert violations_of(RateLimiting, config)[path].startswith(message)


def test_every_field_of_kong_at_its_default_loads() -> None:
    config = {
        "second": None, "minute": 5.0, "hour": None, "day": None, "month": None, "year": None,
        "error_code": 429, "error_message": "API rate limit exceeded", "fault_tolerant": True, "header_name": None,
        "hide_client_headers": False, "limit_by": "consumer", "path": None, "policy": "local", "sync_rate": -1,
        "redis": {
            "database": 0, "host": None, "password": "secret", "port": 6379, "server_name": None, "ssl": False,
            "ssl_verify": True, "timeout": 2000, "username": None, "cloud_authentication": None,
        },
    }  # fmt: skip
    gate = Gateway((RateLimiting, config))
    assert gate.call().status == 200
    assert "secret" not in repr(gate.plugins[0].config)


def test_fields_of_older_files_stand_for_the_newer_ones() -> None:
    old = {f"redis_{name}": value for name, value in {"host": "h", "port": 1, "password": "p", "ssl": True}.items()}
    gate = Gateway((RateLimiting, {"minute": 5, **old, "redis_username": None, "redis": {"host": "h", "timeout": 3}}))
    config = gate.plugins[0].config
    assert isinstance(config, RateLimitingConfig)
    redis = config.redis
    assert (redis.host, redis.port, redis.ssl, redis.timeout, redis.username) == ("h", 1, True, 3, None)
    assert redis.password == Secret("p")
