"""
The log: one line per fact, as text or as JSON, on standard error.

Facts about mail are the journal's events: a record whose message is a list of EventRecords becomes the very lines that
``homing tail`` shows, in one write. All others concern the program itself, and name their level and the part that
speaks.
Nothing logs an error that it also raises.
"""

import json
import logging
import sys

from relay.settings import LogSettings
from relay.tail import as_json, as_line, printable
from store.event_fields import timestamp

LOGGER = "homing"


class _Text(logging.Formatter):
    """``2026-11-23T09:14:03.120Z warning homing.pixel: text``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, or one for each event; a traceback follows on lines of its own."""
        if isinstance(record.msg, list):
            return "\n".join(map(as_line, record.msg))
        line = f"{timestamp(record.created)} {record.levelname.lower()} {record.name}: {printable(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one object: an event's has ``event`` in it, all others ``level``; a traceback is one of the values."""
        if isinstance(record.msg, list):
            return "\n".join(map(as_json, record.msg))
        fields = {
            "at": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def configure(settings: LogSettings) -> logging.Logger:
    """Set the program's logger up, and give it. Libraries speak from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if settings.format == "json" else _Text())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a full log disk never hurts the mail
    # No line names the place in our code, a thread or a process: not to look for them halves what a line costs.
    logging._srcfile = None  # noqa: SLF001 - as Python's own documentation advises
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    log = logging.getLogger(LOGGER)
    log.setLevel(settings.level.upper())
    return log
