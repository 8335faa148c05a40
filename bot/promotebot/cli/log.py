"""The log: lines on stderr, which no runner takes for commands."""

from __future__ import annotations

import logging
import os
import sys
from shutil import get_terminal_size

from promotebot.text import fitted, log_safe


def configured_log() -> logging.Logger:
    """Return promotebot's own log; what it and libraries say goes to stderr, theirs from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    log = logging.getLogger("promotebot")
    log.setLevel(logging.INFO)
    return log


def _formatter() -> logging.Formatter:
    if os.environ.get("GITHUB_EVENT_NAME"):
        return _RunnerFormatter()
    return _ScreenFormatter() if sys.stderr.isatty() else logging.Formatter()


class _ScreenFormatter(logging.Formatter):
    """Log lines that are broken between words where the terminal ends."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines as the terminal's width allows."""
        return fitted(super().format(record), get_terminal_size().columns)


class _RunnerFormatter(logging.Formatter):
    """Log lines that a runner cannot take for workflow commands, whatever people wrote into them.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line with what starts a workflow command made harmless."""
        return log_safe(super().format(record))
