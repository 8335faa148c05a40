"""`promotebot rollback`: put a stage back to the last good pointer of its history, on the work tree."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from promotebot.cli.again import Typed
from promotebot.cli.change import actor_of, add_change_options, apply_change, command_arguments, request_or_stop
from promotebot.cli.work_tree import work_tree_of
from promotebot.findings import Finding
from promotebot.planning.complete import prepare
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examiner
from promotebot.promotion.infer import InferenceContext
from promotebot.promotion.request import Request
from promotebot.registry.model import Action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot rollback`."""
    parser.add_argument("--model", required=True)
    parser.add_argument("--stage", default="active", help="the stage to roll back (active)")
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
    repository, work_tree = work_tree_of(options)
    actor = actor_of(options, repository)

    def request(context: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        arguments, nothing = (
            command_arguments(options, Action.ROLLBACK),
            InferenceContext(context.registry, (), lambda _: None),
        )
        return request_or_stop(
            prepare(arguments, context, nothing, actor, None, "", Examiner()), Typed(options.arguments)
        )

    return apply_change(options, repository, work_tree, request, now)
