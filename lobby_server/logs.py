"""Log lines on standard error or in a file, as text or as one JSON object per line."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import sys
from datetime import datetime, timezone
from enum import Enum

from lobby_server.service.watch.events import LogEvent
from lobby_server.settings import SettingsError

log = logging.getLogger("lobby.server")

NODE = "node"
"""The field that tells nodes of one lobby apart."""
_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What was given as ``extra``: ``event``, ``address``, ``session``, ``user`` and others by name. A code is told by
    its value, not with the name of its class."""
    given = {key: value for key, value in vars(record).items() if key not in _OWN_ATTRIBUTES}
    return {key: value.value if isinstance(value, Enum) else value for key, value in given.items()}


class JsonFormatter(logging.Formatter):
    """``{"ts", "level", "logger", "message"}``, the fields, and ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(fields_of(record))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """The sentence, then the fields as ``name=value``; one line, whatever a field holds."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={_plain(value)}" for name, value in fields_of(record).items())
        return f"{super().formatMessage(record)} [{fields}]" if fields else super().formatMessage(record)


def _plain(value: object) -> str:
    text = str(value)
    return text if text and text.isascii() and text.isprintable() and not set(text) & set(' "[]=') else json.dumps(text)


class LogFile(logging.handlers.WatchedFileHandler):
    """A file that can be opened again at its name, once somebody has moved it away.

    While it takes no lines, because its disk is full for instance, they are lost: that is said once on standard error,
    and in the file how many they were at most once it takes lines again. Nobody who logs ever hears of it.
    """

    _lost = 0
    """Lines, since the file took one."""

    def emit(self, record: logging.LogRecord) -> None:
        lost = self._lost
        try:
            super().emit(record)
        except OSError:  # it was moved away, and no other one can be opened
            self.handleError(record)
        if lost and self._lost == lost:
            self._lost = 0
            log.warning(
                "up to %d lines were lost while the log file took none",
                lost,
                extra={"event": LogEvent.LOG_LINES_LOST.value},
            )

    def handleError(self, record: logging.LogRecord) -> None:
        fault = sys.exc_info()[1]
        if not isinstance(fault, OSError):
            super().handleError(record)  # a line that cannot be made: a mistake of ours
            return
        self._lost += 1
        if self._lost == 1:
            sentence = f"lobby-server: {self.baseFilename} takes no lines: {fault.strerror}."
            with contextlib.suppress(OSError):
                print(sentence, file=sys.stderr, flush=True)

    def reopen(self) -> None:
        """Write to the file that has the name now. Raises `OSError` if it cannot be opened; the old one stays then."""
        with self.lock or contextlib.nullcontext():
            old, self.stream = self.stream, self._open()
            self._statstream()
            if old is not None:
                with contextlib.suppress(OSError):  # what it did not take before is lost
                    old.close()


def set_up_logging(*, level: str, log_format: str, log_file: str = "") -> LogFile | None:
    """Lines of all loggers from now on. The file, where there is one. Raises `SettingsError` if it cannot be opened."""
    handler: logging.Handler
    try:
        handler = LogFile(log_file, encoding="utf-8") if log_file else logging.StreamHandler(sys.stderr)
    except OSError as fault:
        raise SettingsError(
            f"The log file {log_file} cannot be written ({fault.strerror}): give --log-file another place, or leave it "
            "out."
        ) from None
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)  # of Python and its libraries: they would be lines of another format
    # Bad requests are the peer's fault: Tornado warns of each, which is a log that strangers can fill.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return handler if isinstance(handler, LogFile) else None


def name_node(name: str) -> None:
    """Every line from now on carries this node's name, where several of them may write into one place."""

    def add(record: logging.LogRecord) -> bool:
        setattr(record, NODE, name)
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(add)
