from pathlib import Path

import msgspec
import pytest

from entresol.app.configuration import check_configuration, read_document
from entresol.config import ConfigurationSettings, Settings
from entresol.supervisor.loader import Document, Refused
from unit.app.free_ports import configuration, mismatched_certificate, settings_for


def test_a_document_is_json_whatever_the_file_is(tmp_path: Path) -> None:
    found = read_document(settings_for(tmp_path / "c.yaml", configuration("/a")), {})
    assert isinstance(found, tuple)
    document, read = found
    assert msgspec.json.decode(document.content)["routes"][0]["name"] == "r"
    assert document.version == read.version()


def test_the_same_content_is_the_same_version(tmp_path: Path) -> None:
    first = check_configuration(settings_for(tmp_path / "a.yaml", configuration("/a")), {})
    again = check_configuration(settings_for(tmp_path / "b.yaml", "# a comment" + configuration("/a")), {})
    other = check_configuration(settings_for(tmp_path / "c.yaml", configuration("/b")), {})
    assert isinstance(first, Document)
    assert isinstance(again, Document)
    assert isinstance(other, Document)
    assert first.version == again.version != other.version


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [", "line 2"),
        ("[1, 2]", "expected a record"),
        (configuration("/a", "1: 2"), "1: unknown field"),
        (configuration("/a", "consumers: [{on: 1, ~: 2}]"), "consumers[0].on: unknown field; consumers[0].~"),
        (configuration("/a", "consumers: [{}]"), "consumers[0]"),
    ],
)
def test_what_cannot_be_served_is_refused(tmp_path: Path, text: str, error: str) -> None:
    for look in (read_document, check_configuration):
        found = look(settings_for(tmp_path / "c.yaml", text), {})
        assert isinstance(found, Refused)
        assert error in str(found)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    found = read_document(settings_for(tmp_path / "none.yaml"), {})
    assert found == Refused((f"{tmp_path}/none.yaml: No such file or directory",))


def test_a_check_loads_certificates(tmp_path: Path) -> None:
    found = check_configuration(settings_for(tmp_path / "c.yaml", configuration("/a", mismatched_certificate())), {})
    assert isinstance(found, Refused)
    assert "does not load with its key" in str(found)


def test_references_are_answered_by_the_environment(tmp_path: Path) -> None:
    more = "consumers: [{username: c, keyauth_credentials: [{key: '{vault://env/some-key}'}]}]"
    settings = settings_for(tmp_path / "c.yaml", configuration("/a", more))
    without = check_configuration(settings, {})
    with_it = check_configuration(settings, {"SOME_KEY": "secret-value"})
    assert isinstance(without, Document)
    assert isinstance(with_it, Document)
    assert "SOME_KEY" in without.warnings[0]
    assert with_it.warnings == ()
    assert b"secret-value" not in with_it.content


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    settings = Settings(configuration=ConfigurationSettings(file="/dev/zero"))
    assert read_document(settings, {}) == Refused(("larger than 67108864 bytes",))
