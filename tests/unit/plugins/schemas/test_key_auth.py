from typing import Any

import pytest

from entresol.plugins.key_auth import KeyAuth
from playbooks.harness import violations_of


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({"key_names": ["bad name"]}, "key_names[0]", "bad header name, allowed characters are A-Z, a-z, 0-9"),
        ({"key_names": []}, "key_names", "length must be at least 1"),
        ({"key_in_body": "yes"}, "key_in_body", "expected a boolean"),
        ({"max_request_body_size": -1}, "max_request_body_size", "value must be at least 0"),
        ({"principals": {"enabled": True}}, "principals.enabled", "not supported"),
        ({"identity_realms": [{"scope": "realm", "id": "x"}]}, "identity_realms[0]", "not supported"),
        ({"identity_realms": [{"scope": "elsewhere"}]}, "identity_realms[0].scope", "expected one of: cp, realm"),
        ({"key_header": "x"}, "key_header", "unknown field"),
    ],
)
def test_a_configuration_that_cannot_be_honoured_is_refused(config: dict[str, Any], path: str, message: str) -> None:
    assert violations_of(KeyAuth, config)[path].startswith(message)
