"""The commit of the one file that a command wrote: on a branch, pushed and proposed as its options say."""

from __future__ import annotations

import argparse
import logging

from promotebot.cli.pull_request import Proposal, tell_page
from promotebot.git.checkout import Checkout
from promotebot.planning.worktree import WorkTreePaths
from promotebot.registry.names import is_git_sha
from promotebot.remedies import shell

log = logging.getLogger(__name__)


def add_commit_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options of every command that may commit what it wrote.

    Args:
        what: it commits, in words.
    """
    parser.add_argument("--commit", action="store_true", help=f"commit {what} and nothing else")
    parser.add_argument("--branch", metavar="NAME", help="commit on a new branch (implies --commit)")
    parser.add_argument("--push", action="store_true", help="push the branch to origin (implies --commit)")
    pull_request = "open a pull request, with the token in GITHUB_TOKEN or GH_TOKEN (implies --push)"
    parser.add_argument("--pr", action="store_true", help=pull_request)


def readied(
    options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths
) -> tuple[bool, Proposal | None]:
    """Return whether the change is committed, and its pull request; what would stop either is raised before a write."""
    options.push = options.push or options.pr
    if options.dry_run or not (options.commit or options.branch or options.push):
        return False, None
    repository.check_can_commit(options.branch, push=options.push)
    return True, Proposal.of(options, repository, work_tree) if options.pr else None


def commit_file(
    options: argparse.Namespace, repository: Checkout, path: str, message: str, proposal: Proposal | None
) -> None:
    """Commit one file and nothing else, on a new branch where one is named; push and propose where asked."""
    start = branch = repository.branch() or repository.commit_id("HEAD")
    commit = repository.commit_path(path, message, branch=options.branch)
    log.info("committed %s: %s", commit[:7], message.splitlines()[0])
    if options.push:
        branch = repository.push_branch()
        log.info("pushed to origin %s", branch)
        if proposal is None:
            tell_page(repository, branch)
    if options.branch:
        _leave(options, repository, start)
    if proposal:
        proposal.open(branch, message)


def _leave(options: argparse.Namespace, repository: Checkout, start: str) -> None:
    """Go back to where the person was, once the new branch is pushed; nobody looks for another registry there."""
    back = shell("git", "switch", *(["--detach"] if is_git_sha(start) else []), start)
    if not options.push:
        push = shell("git", "push", "--set-upstream", "origin", options.branch)
        log.info("You are on the branch %s now. Next: push it: %s", options.branch, push)
        log.info("To go back: %s", back)
    elif repository.switch_to(start):
        log.info("You are on %s again.", start)
    else:
        log.info("You are on the branch %s now; go back: %s", options.branch, back)
