"""`promotebot rollback`: put a stage back to the last good pointer of its history, on the work tree."""

from __future__ import annotations

import argparse
from datetime import datetime

from promotebot.cli.change import add_change_options, apply_from_history
from promotebot.registry.model import Action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot rollback`."""
    parser.add_argument("--model", required=True)
    parser.add_argument("--stage", default="active", help="the stage to roll back (default: active)")
    parser.add_argument("--to", help="the artifact id or digest to go back to, instead of the last good one")
    parser.add_argument("--reason", required=True, help="why, such as the incident's number")
    parser.add_argument("--notes")
    add_change_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Go back to the newest pointer whose bytes still prove themselves; say which ones were passed over, and why.

    Returns:
        0 when it is planned, written or there already, 1 when a rule refuses it.

    Raises:
        InvalidInput: when no pointer can be gone back to, and as `promotebot promote` does.
    """
    return apply_from_history(options, Action.ROLLBACK, now)
