"""`promotebot demote`: clear a stage, with an event, on the work tree."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from promotebot.cli.change import actor_of, add_change_options, apply_change, command_arguments, request_or_stop
from promotebot.cli.work_tree import work_tree_of
from promotebot.findings import Finding
from promotebot.planning.decide import PromotionContext
from promotebot.planning.rollback import NoRollbackTarget, prepare_demotion
from promotebot.promotion.request import Request
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
    repository, work_tree = work_tree_of(options)
    actor = actor_of(options, repository)

    def prepare(context: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        prepared = prepare_demotion(command_arguments(options, Action.DEMOTE), context, actor, None)
        return request_or_stop(prepared if isinstance(prepared, NoRollbackTarget) else (prepared, ()))

    return apply_change(options, repository, work_tree, prepare, now)
