from pathlib import Path

import msgspec
import pytest

from entresol import __version__
from entresol.cli import main

GOOD = """
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:9
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "entresol.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_file_is_said_to_be_good(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out.startswith(f"{file}: ok (version ")


def test_every_error_of_a_file_is_said_with_its_path(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD + "  retries: -1\n- name: t\nplugins: [{name: nope}]\n")
    assert main(["check", str(file)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"entresol: {file}: 3 errors",
        "  services[0].retries: value should be between 0 and 32767",
        "  services[1].host: required field missing",
        "  plugins[0].name: plugin 'nope' not enabled; add it to the 'plugins' configuration property",
    ]


# Escape sequences, line ends of every kind, and what turns the direction of writing, as JSON and YAML spell them.
NASTY = r"\u001b[2Ja\r\nok\u0007\u009b1m\u2028\u202e\u0085\u007f\u0000"


@pytest.mark.parametrize(
    "entity",
    [
        '"NASTY": 1',
        '"services": [{"name": "NASTY", "host": "a"}]',
        '"services": [{"name": "a", "host": "NASTY"}]',
        '"services": [{"name": "a", "host": "a", "path": "/NASTY", "NASTY": 1, "tags": ["NASTY"]}]',
        '"services": [{"name": "a", "url": "NASTY://b/NASTY"}]',
        '"services": [{"name": "a", "host": "a", "protocol": "{vault://env/NASTY}"}]',
        '"services": [{"name": "a", "host": "a", "protocol": "{vault://NASTY/a}"}]',
        '"routes": [{"name": "r", "paths": ["NASTY", "~/NASTY("], "hosts": ["NASTY"]}]',
        '"routes": [{"name": "r", "headers": {"NASTY": ["~*NASTY("], "a": ["NASTY"]}}]',
        '"routes": [{"name": "r", "paths": ["/"], "service": {"name": "NASTY"}, "methods": ["NASTY"]}]',
        '"routes": [{"name": "r", "paths": ["/"], "service": "NASTY"}]',
        '"consumers": [{"username": "NASTY"}, {"username": "NASTY"}, {"username": "a", "id": "NASTY"}]',
        '"consumers": [{"username": "a", "keyauth_credentials": [{"NASTY": "NASTY", "key": ["NASTY"]}]}]',
        '"plugins": [{"name": "NASTY"}, {"name": "ai-prompt-guard", "config": {"deny_patterns": ["NASTY("]}}]',
        '"certificates": [{"cert": "NASTY", "key": "NASTY", "snis": ["NASTY", {"name": "NASTY"}]}]',
        '"a": 1, "a": 1, "NASTY": 1, "NASTY": 1',
    ],
)
def test_what_a_file_holds_cannot_drive_the_terminal(
    entity: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('{"_format_version": "3.0", ' + entity.replace("NASTY", NASTY) + "}")
    assert main(["check", str(file)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    first, *errors = said.err.removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in (first, *errors))
    assert f": {len(errors)} error" in first  # so each of them is one line


@pytest.mark.parametrize(
    "text", ["a: \x1b[31m", "? \x9b1m", "a: !\x1b b", "a: *\u202e", '"\u202e": 1\n"\u202e": 1', "a: \r\rb: c: d"]
)
def test_what_yaml_cannot_hold_cannot_drive_the_terminal_either(
    text: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)
    assert main(["check", str(file)]) == 1
    assert capsys.readouterr().err.replace("\n", "").isprintable()


def test_warnings_and_file_names_cannot_drive_the_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = file.with_name("\x1b[2J\n\udcff.yaml")
    odd.write_text(
        '{"_format_version": "3.0", "consumers": [{"username": "c", "keyauth_credentials": [{"key": '
        '"{vault://env/' + NASTY[:-6] + '}"}]}]}'
    )
    assert main(["check", str(odd)]) == 0
    said = capsys.readouterr()
    assert "is not set" in said.err
    assert (said.out + said.err).count("\n") == 2
    assert (said.out + said.err).replace("\n", "").isprintable()
    assert "\\x1b[2J\\n\\udcff.yaml: ok" in said.out


def test_what_a_command_line_names_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "no\x1b[2J\r\nsuch"]) == 1
    assert main(["serve", "-c", "x", "--settings", "no\x1b[2J\r\nsuch"]) == 1
    assert main(["serve", "-c", "x", "--listen", "\x1b[2J\r\n:1"]) == 1
    assert capsys.readouterr().err.replace("\n", "").isprintable()


def test_warnings_are_said_and_are_no_errors(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = "consumers: [{username: c, keyauth_credentials: [{key: '{vault://env/entresol-test-unset}'}]}]"
    file.write_text(GOOD + more)
    assert main(["check", str(file)]) == 0
    assert "ENTRESOL_TEST_UNSET is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "no/such/file"], "no/such/file: No such file or directory"),
        (["serve"], "which configuration? use -c FILE"),
        (["serve", "-c", "no/such/file"], "no/such/file: No such file or directory"),
        (["serve", "-c", "x", "--settings", "no/such/file"], "no/such/file: No such file or directory"),
        (["serve", "-c", "x", "--workers", "some"], "workers.count: expected a number from 1 to 1024, or auto"),
        (["serve", "-c", "x", "--listen", "here"], "proxy.listen[0]: expected ADDRESS:PORT or unix:PATH"),
        (["serve", "-c", "x", "--log-level", "loud"], "log.level: expected one of"),
    ],
)
def test_what_is_wrong_is_one_clear_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    errors = capsys.readouterr().err
    assert said in errors
    assert "Traceback" not in errors


def test_text_that_is_no_configuration_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("a: [", "- list", ""):
        file.write_text(text)
        assert main(["check", str(file)]) == 1
        assert f"entresol: {file}: 1 error" in capsys.readouterr().err


def test_settings_that_are_wrong_are_said_together(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = file.with_name("settings.yaml")
    settings.write_text("workers: {count: 0}\ncolour: red\n")
    assert main(["serve", "-c", str(file), "--settings", str(settings)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"entresol: {settings}: 2 errors",
        "  colour: unknown field",
        "  workers.count: expected a number from 1 to 1024, or auto",
    ]


def test_plugins_are_listed_in_the_order_they_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[1] for line in lines]
    assert names.index("key-auth") < names.index("rate-limiting") < names.index("ai-proxy") < names.index("file-log")


def test_the_schema_of_declarative_files_is_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["config", "schema"]) == 0
    schema = msgspec.json.decode(capfdbinary.readouterr().out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"entresol {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve", "--wings"], ["plugins"]])
def test_a_command_line_that_means_nothing_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_prices_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "show", "gpt-4o", "--provider", "openai"]) == 0
    assert capsys.readouterr().out.startswith("openai gpt-4o\n* openai/gpt-4o:")
    assert main(["prices", "show", "nobody-knows"]) == 1
    assert capsys.readouterr().err == "entresol: no price is known for nobody-knows\n"


def test_prices_are_updated_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, source, settings = tmp_path / "state.json", tmp_path / "new.json", tmp_path / "settings.yaml"
    settings.write_text(f"prices: {{table_file: {target}}}\n")
    source.write_text(
        '{"format":2,"source":"genai-prices","version":"99.0","licence":"MIT","providers":{"openai":{"models":'
        '[{"id":"m","rows":[{"tiers":[{"above":0,"rates":{"input":1}}]}]}]}}}'
    )
    assert main(["prices", "update", "--from", str(source), "--settings", str(settings)]) == 0
    assert "\n+ openai/m\n" in "\n" + capsys.readouterr().out
    assert target.read_text() == source.read_text()
    assert main(["prices", "update", "--from", str(tmp_path / "none"), "--settings", str(settings)]) == 1
    assert main(["prices", "check", "--settings", str(settings)]) == 0
    assert main(["prices", "check", "--settings", str(settings), "--against", str(source)]) == 0
    assert main(["prices", "check", "-c", str(tmp_path / "none")]) == 1


def test_every_price_command_complains_of_bad_settings(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("prices: {no: 1}\n")
    for command in (["update", "--from", "x"], ["show", "x"], ["check"]):
        assert main(["prices", *command, "--settings", str(path)]) == 1
