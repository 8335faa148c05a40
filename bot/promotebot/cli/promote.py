"""`promotebot promote`: put an artifact into a stage, on the work tree."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

from promotebot.cli.again import Typed
from promotebot.cli.change import actor_of, add_change_options, apply_change, parsed_options, request_or_stop
from promotebot.cli.examiner import examiner_of
from promotebot.cli.options import stage_of
from promotebot.cli.paths import path_in
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import InvalidInput, UsageError
from promotebot.findings import Finding
from promotebot.git.checkout import Checkout
from promotebot.planning.complete import manifest_in, prepare
from promotebot.planning.decide import PromotionContext
from promotebot.planning.worktree import WorkTreePaths
from promotebot.promotion.infer import InferenceContext
from promotebot.promotion.overridable import parse_override
from promotebot.promotion.request import CommandArguments, Request
from promotebot.pulls.changeset import Changeset
from promotebot.registry.names import (
    ArtifactPath,
    parse_canary_share,
    parse_git_sha,
    parse_identifier,
    parse_model_name,
    parse_text,
)
from promotebot.remedies import Remedy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot promote`."""
    parser.add_argument("--stage", required=True, help="shadow, staging or active")
    parser.add_argument("--model", help="the model's name in the registry (default: the artifact's, or the only one)")
    parser.add_argument(
        "--artifact-dir",
        help="from the root, or from --base-dir (default: changed by the branch, or the lower stage's)",
    )
    parser.add_argument(
        "--artifact-id", help="a name that people recognise, such as regime_v2_prod (default: the directory's name)"
    )
    parser.add_argument("--dataset-id", help="the training dataset; required for active (default: the manifest's)")
    parser.add_argument(
        "--git-sha", help="the 40-digit commit of the training code; required for active (default: the manifest's)"
    )
    parser.add_argument("--reason", help="why now; required for a rollback")
    parser.add_argument("--notes")
    parser.add_argument("--lift-hold", metavar="WHY", help="why the stage accepts promotions again after a rollback")
    parser.add_argument(
        "--allow-signature-change", metavar="WHY", help="why inputs, outputs or features may differ from ACTIVE"
    )
    parser.add_argument("--override", help=argparse.SUPPRESS)  # a comment's: known here to answer with its line
    parser.add_argument("--share", metavar="PERCENT", help="for staging: how much of production it gets, such as 5%%")
    parser.add_argument("--new-model", action="store_true", help="add a model that is not in the registry yet")
    add_change_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Print the diff, or the plan as JSON, and write the registry unless it is a dry run.

    What no flag says is inferred, as a comment on a pull request infers it; the log says where each value came from.

    Returns:
        0 when it is planned, written or there already, 1 when a rule refuses it.

    Raises:
        InvalidInput: for options that do not read, all of them named, for what cannot be inferred, and as
            `promote_here` does.
    """
    repository, work_tree = work_tree_of(options)
    actor, arguments = actor_of(options, repository), _arguments(options, work_tree)

    def request(context: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        is_said = arguments.model and arguments.artifact_dir
        touched = () if is_said else _touched(repository, work_tree)
        inference = InferenceContext(context.registry, touched, partial(manifest_in, context.files), "this branch")
        return request_or_stop(
            prepare(arguments, context, inference, actor, None, "", examiner_of(options)),
            Typed(options.arguments),
        )

    return apply_change(options, repository, work_tree, request, now)


def _touched(repository: Checkout, work_tree: WorkTreePaths) -> Sequence[ArtifactPath]:
    """Return the artifacts that the commits here change, beside origin's default branch as the clone knows it."""
    base = repository.origin_head()
    if base is None:
        return ()
    head = repository.commit_id("HEAD")
    changeset = Changeset(repository, base, head, work_tree.registry_path, work_tree.policy_path, work_tree.base_dir)
    with suppress(InvalidInput):  # no common history: nothing says what is new here
        return changeset.touched_artifacts
    return ()


def _arguments(options: argparse.Namespace, work_tree: WorkTreePaths) -> CommandArguments:
    values = parsed_options(
        options,
        {
            "model": parse_model_name,
            "stage": partial(stage_of, options=options),
            "artifact_dir": partial(path_in, work_tree),
            "artifact_id": parse_identifier,
            "dataset_id": parse_identifier,
            "git_sha": parse_git_sha,
            "reason": parse_text,
            "notes": parse_text,
            "lift_hold": parse_text,
            "allow_signature_change": parse_text,
            "override": parse_override,
            "share": parse_canary_share,
        },
    )
    arguments = CommandArguments(new_model=options.new_model, dry_run=options.dry_run, **values)
    if arguments.override:
        remedy = Remedy("write this comment on the pull request: ", arguments.line({}))
        raise UsageError("an exception from a rule is only made in a comment", where="--override", remedy=remedy)
    return arguments
