"""`promotebot promote`: put an artifact into a stage, on the work tree."""

from __future__ import annotations

import argparse
from datetime import datetime

from promotebot.cli.change import actor_of, add_change_options, apply_change, parsed_options
from promotebot.cli.work_tree import work_tree_of
from promotebot.promotion.request import Actor, Request
from promotebot.registry.names import (
    parse_artifact_path,
    parse_git_sha,
    parse_identifier,
    parse_model_name,
    parse_stage,
    parse_text,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot promote`."""
    parser.add_argument("--model", required=True, help="the model's name in the registry")
    parser.add_argument("--stage", required=True, help="shadow, staging or active")
    parser.add_argument("--artifact-dir", required=True, help="relative to the repository root")
    parser.add_argument("--artifact-id", required=True, help="a name people recognise, such as regime_v2_prod")
    parser.add_argument("--dataset-id", help="the training dataset; required for active")
    parser.add_argument("--git-sha", help="the 40-digit commit of the training code; required for active")
    parser.add_argument("--reason", help="why now; required for a rollback")
    parser.add_argument("--notes")
    parser.add_argument("--lift-hold", metavar="WHY", help="why the stage takes promotions again after a rollback")
    parser.add_argument("--new-model", action="store_true", help="add a model that the registry does not know")
    add_change_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Print the diff, or the plan as JSON, and write the registry unless it is a dry run.

    Returns:
        0 when it is planned, written or there already, 1 when a rule refuses it.

    Raises:
        InvalidInput: for options that do not read, all of them named, and as `promote_here` does.
    """
    repository, work_tree = work_tree_of(options)
    request = _request(options, actor_of(options, repository))
    return apply_change(options, repository, work_tree, lambda _: (request, ()), now)


def _request(options: argparse.Namespace, actor: Actor) -> Request:
    values = parsed_options(
        options,
        {
            "model": parse_model_name,
            "stage": parse_stage,
            "artifact_dir": parse_artifact_path,
            "artifact_id": parse_identifier,
            "dataset_id": parse_identifier,
            "git_sha": parse_git_sha,
            "reason": parse_text,
            "notes": parse_text,
            "lift_hold": parse_text,
        },
    )
    return Request(actor=actor, new_model=options.new_model, **values)
