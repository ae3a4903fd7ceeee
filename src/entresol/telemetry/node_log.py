"""The node's own log, on standard error."""

import logging
import sys
from typing import Final

from entresol.core.printable import printable

FORMAT: Final = "%(asctime)s %(levelname)s [%(process)d] %(name)s: %(message)s"

_TALKATIVE: Final = ("alembic", "azure", "botocore", "google", "msal", "requests", "urllib3")
"""Libraries whose finer words hold what they send and receive, which are credentials, or say nothing to an operator."""


class LineFormatter(logging.Formatter):
    """One line a message, whatever names and values are in it. Only a traceback has more; they are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        first, *traceback = super().format(record).split("\n")
        return "\n  ".join((first, *map(printable, traceback)))


def log_to_stderr(level: str, form: str = FORMAT) -> None:
    """Log from `level` on, such as `info`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(form))
    logging.basicConfig(level=level.upper(), handlers=(handler,))
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a log line that cannot be written must not cost a traceback
