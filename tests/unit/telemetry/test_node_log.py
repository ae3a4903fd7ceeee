import io
import logging
from collections.abc import Iterator

import pytest

from entresol.telemetry.node_log import FORMAT, LineFormatter, log_to_stderr

NASTY = "\x1b[2Ja\r\n2026-01-01 INFO [1] entresol.node: all is well\u2028\x9b1m"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of its own, and what it writes."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter("%(levelname)s: %(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    yield logger, written
    handler.close()


def test_a_message_is_one_line_whatever_is_in_it(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    logger.error("  %s", NASTY)
    assert written.getvalue() == (
        r"ERROR:   \x1b[2Ja\r\n2026-01-01 INFO [1] entresol.node: all is well\u2028\x9b1m" + "\n"
    )


def test_a_traceback_has_its_lines_and_no_control_characters(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    try:
        raise ValueError(NASTY)
    except ValueError:
        logger.exception("it failed: %s", NASTY)
    lines = written.getvalue().removesuffix("\n").split("\n")
    assert lines[1] == "  Traceback (most recent call last):"
    assert len(lines) > 4
    assert all(line.isprintable() and line.startswith("  ") for line in lines[1:])


def test_it_goes_to_standard_error_from_its_level_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.RootLogger(logging.NOTSET)
    monkeypatch.setattr(logging, "root", root)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    log_to_stderr("warning")
    root.info("not said")
    root.warning("said\n")
    assert capsys.readouterr().err.endswith(" root: said\\n\n")
    assert not logging.raiseExceptions
    assert [handler.formatter._fmt for handler in root.handlers if handler.formatter is not None] == [FORMAT]


def test_libraries_that_log_credentials_are_not_let_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "root", logging.RootLogger(logging.NOTSET))
    monkeypatch.setattr(logging, "raiseExceptions", True)
    libraries = [logging.getLogger(name) for name in ("azure", "botocore", "google", "msal", "requests", "urllib3")]
    for library in libraries:
        monkeypatch.setattr(library, "level", logging.NOTSET)
    log_to_stderr("debug")
    assert [library.level for library in libraries] == [logging.WARNING] * 6
