"""Optional libraries."""

import sys

import pytest

from entresol.cloud.extras import need
from entresol.core.errors import ConfigError


def test_what_is_installed_is_found_without_being_imported() -> None:
    before = set(sys.modules)
    need("wave", "aws", "a test")
    assert "wave" not in set(sys.modules) - before


@pytest.mark.parametrize("library", ["not_installed_anywhere", "not_installed_anywhere.part"])
def test_what_is_missing_is_said_with_the_command_that_installs_it(library: str) -> None:
    with pytest.raises(ConfigError) as caught:
        need(library, "aws", "bedrock without AWS keys")
    assert caught.value.code == "extra_missing"
    assert caught.value.message == (
        f"bedrock without AWS keys needs the package {library}: pip install 'entresol[aws]'"
    )
