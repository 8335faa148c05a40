"""`promotebot demote`: clear a stage, with an event, on the work tree."""

from __future__ import annotations

import argparse
from datetime import datetime

from promotebot.cli.change import add_change_options, apply_from_history
from promotebot.registry.model import Action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot demote`."""
    parser.add_argument("--model", required=True)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--reason", required=True)
    parser.add_argument("--notes")
    add_change_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Clear the stage that the options name.

    Returns:
        0 when it is planned or written, 1 when a rule refuses it.

    Raises:
        InvalidInput: for a stage that holds nothing, and as `promotebot promote` does.
    """
    return apply_from_history(options, Action.DEMOTE, now)
