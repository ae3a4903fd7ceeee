"""api_floor.configuration"""

import pytest

from entresol.api_floor.configuration import Configuration
from entresol.api_floor.entities import Certificate, PluginInstance, Service
from entresol.core.schema import Violation
from entresol.core.secret import Secret


def with_key(key: Secret) -> Configuration:
    return Configuration(certificates=(Certificate(id="c", cert="pem", key=key),))


def test_entities_are_found_by_kind() -> None:
    service = Service(id="s", host="h")
    assert Configuration(services=(service,)).of("services") == (service,)


def test_a_secret_that_changes_changes_the_version() -> None:
    versions = {
        with_key(Secret("a")).version(),
        with_key(Secret("b")).version(),
        with_key(Secret(None, reference="r")).version(),
    }
    assert len(versions) == 3
    assert with_key(Secret("a")).version() == with_key(Secret("a", reference="r")).version()


def test_warnings_do_not_change_the_version() -> None:
    assert Configuration(warnings=(Violation("a", "b"),)).version() == Configuration().version()


def test_what_cannot_be_written_down_is_no_configuration() -> None:
    with pytest.raises(TypeError, match="object cannot be part of a configuration"):
        Configuration(plugins=(PluginInstance(id="p", name="x", config=object()),)).version()
