"""`promotebot reject`: put an artifact into the policy's quarantine, on the work tree."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.again import Typed
from promotebot.cli.commit import add_commit_options, commit_file, readied
from promotebot.cli.examiner import examiner_of
from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_format, write_document, write_file
from promotebot.cli.outputs import RejectOutput, StageOutput
from promotebot.cli.paths import path_in
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import InvalidInput, UsageError
from promotebot.files import read_given
from promotebot.git.checkout import Checkout
from promotebot.planning.complete import manifest_in
from promotebot.planning.messages import rejection_message
from promotebot.planning.reject import directories, files_of_others, holders, known_entry, reject, way_out
from promotebot.planning.worktree import WorkTreePaths, check_whole
from promotebot.promotion.diff import unified_diff
from promotebot.promotion.policy import MAX_BYTES, Policy, parse_policy
from promotebot.promotion.quarantine_edit import with_entry
from promotebot.promotion.reject import Holding, RejectedArtifact, short_reason
from promotebot.registry.names import ModelName, Stage, parse_model_name, parse_text
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Remedy, again, choices, shell

log = logging.getLogger(__name__)
MAX_CHOICES = 5
"""Lines to choose from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot reject`."""
    parser.add_argument("model", metavar="MODEL", help="the model's name in the registry")
    parser.add_argument("--artifact", metavar="DIR", help="the directory whose bytes are rejected")
    parser.add_argument("--reason", required=True, help="why, shown wherever the artifact is refused")
    parser.add_argument("--dry-run", action="store_true", help="print the diff, write nothing")
    add_commit_options(parser, "the policy")
    add_registry_options(parser)
    add_format(parser)


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Add the artifact's digest to `quarantine`, and say which stages hold it today; no stage changes by it.

    Returns:
        0 when it is written, planned or there already.

    Raises:
        InvalidInput: for an artifact whose bytes are not what its manifest lists, and where the file takes no entry.
        UsageError: where it is not said which artifact, and for what cannot be committed.
    """
    model, reason = parse_model_name(options.model), short_reason(parse_text(options.reason))
    repository, work_tree = work_tree_of(options)
    check_whole(repository, work_tree)
    registry = StoredRegistry(work_tree.registry, where=work_tree.registry_path).read(check_models=False)
    policy_file = _PolicyFile.of(repository, work_tree)
    files = WorkTree(work_tree.root, repository.tracked_paths, repository.left_out_paths, repository.held)
    if options.artifact is None:
        raise _which(model, registry)
    directory = path_in(work_tree, options.artifact)
    manifest = manifest_in(files, directory)
    if model not in registry and (manifest is None or manifest.model != model):
        look = Remedy("see which models there are: ", shell("promotebot", "status"))
        raise InvalidInput(f"Unknown model {model!r}.", remedy=look)
    terms = policy_file.policy.terms_for(model)
    examine, others = examiner_of(options), partial(files_of_others, registry, files)
    rejected = reject(model, directory, files, reason, examine=examine, terms=terms, others=others)
    held = [*holders(rejected, registry, files, policy_file.policy.quarantine)]
    known = known_entry(policy_file.policy.quarantine, rejected)
    if known:
        log.info("%s is in quarantine already: %s", directory, known.reason)
    else:
        _add(options, repository, work_tree, policy_file, rejected)
    _tell(held, rejected, Typed(options.arguments))
    if options.format == "json":
        write_document(_document(rejected, held, policy_file, is_written=not (known or options.dry_run)))
    return 0


@dataclass(frozen=True)
class _PolicyFile:
    """The policy's file in the work tree."""

    path: str
    place: Path
    data: bytes | None
    policy: Policy
    is_dirty: bool

    @classmethod
    def of(cls, repository: Checkout, work_tree: WorkTreePaths) -> _PolicyFile:
        """Return it as it is. Raises InvalidInput for one that does not read, or that is no file."""
        path, place = work_tree.policy_path, work_tree.root / work_tree.policy_path
        data = None
        if place.is_symlink() or (place.exists() and not place.is_file()):
            raise InvalidInput("is no regular file", where=path, remedy="put the policy's file there")
        if place.exists():
            data = read_given(place, max_bytes=MAX_BYTES, remedy="look at its permissions")
        above = {path, *(f"{parent}/" for parent in Path(path).parents)}  # git names a new directory as a whole
        is_dirty = data is not None and not above.isdisjoint(repository.dirty_paths())
        return cls(path, place, data, parse_policy(data, where=path), is_dirty)


def _which(model: ModelName, registry: ModelRegistry) -> UsageError:
    """Return the error for a line without --artifact: a terminal guesses no bytes to refuse."""
    known = directories(model, registry) if model in registry else []
    lines = [again(artifact=place) for place in known[:MAX_CHOICES]]
    remedy = choices("name its directory", lines) if lines else "name its directory: --artifact DIR"
    return UsageError(f"it is not said which artifact of {model}", where="--artifact", remedy=remedy)


def _add(
    options: argparse.Namespace,
    repository: Checkout,
    work_tree: WorkTreePaths,
    file: _PolicyFile,
    rejected: RejectedArtifact,
) -> None:
    """Show the diff of the policy, and write and commit it as the options say."""
    after = with_entry(file.data, rejected.entry, where=file.path)
    commits, proposal = readied(options, repository, work_tree)
    if commits and file.is_dirty:
        remedy = "commit or restore that first, or omit --commit"
        raise UsageError("it has changes that are not committed", where=file.path, remedy=remedy)
    if options.format == "text":
        sys.stdout.write(unified_diff(file.data or b"", after, file.path))
    if options.dry_run:
        log.info("dry run: %s. Nothing was written.", rejected.artifact_dir)
        return
    file.place.parent.mkdir(parents=True, exist_ok=True)
    write_file(file.place, after)
    message = rejection_message(
        f"Reject {rejected.artifact_dir}", rejected.entry.reason, [("Promotebot-Rejected", rejected.entry.digest)]
    )
    if commits:
        commit_file(options, repository, file.path, message, proposal)
    else:
        title = message.partition("\n")[0]
        line = shell("git", "add", "--", file.path).then("git", "commit", "--message", title, "--", file.path)
        log.info("rejected: %s. It counts when this is merged. Next: %s", rejected.artifact_dir, line)


def _tell(held: list[Holding], rejected: RejectedArtifact, typed: Typed) -> None:
    """Say which stages hold it: a policy changes none of them."""
    for one in held:
        does = "runs" if one.stage is Stage.ACTIVE else "holds"
        line = way_out(one.model, one.stage, rejected.entry.reason, goes_back=one.can_go_back)
        log.warning(
            "warning: %s of %s %s it (%s), and goes on doing so. Next: %s",
            *(one.stage.label, one.model, does, one.pointer.artifact_id, typed.here(Remedy(line))),
        )


def _document(rejected: RejectedArtifact, held: list[Holding], file: _PolicyFile, *, is_written: bool) -> RejectOutput:
    stages = (StageOutput(model=one.model, stage=one.stage, artifact_id=one.pointer.artifact_id) for one in held)
    return RejectOutput(
        model=rejected.model,
        artifact_dir=rejected.artifact_dir,
        file=rejected.file,
        digest=rejected.entry.digest,
        reason=rejected.entry.reason,
        policy=file.path,
        written=is_written,
        held_by=tuple(stages),
    )
