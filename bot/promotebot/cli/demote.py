"""`promotebot demote`: clear a stage, with an event, on the work tree."""

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

    def request(context: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        arguments, nothing = (
            command_arguments(options, Action.DEMOTE),
            InferenceContext(context.registry, (), lambda _: None),
        )
        return request_or_stop(
            prepare(arguments, context, nothing, actor, None, "", Examiner()), Typed(options.arguments)
        )

    return apply_change(options, repository, work_tree, request, now)
