"""Merging a pull request: merge, squash or rebase with git plumbing, and one compare-and-swap of the base."""

from __future__ import annotations

from tests.fake_github.accounts import User
from tests.fake_github.bare import WEB_FLOW, BareRepository, Commit, Person
from tests.fake_github.protection import refused_method, unmet
from tests.fake_github.pulls import mark_merged, refresh
from tests.fake_github.refusals import HttpError, malformed
from tests.fake_github.state import Pull

METHODS = ("merge", "squash", "rebase")


def merge(pull: Pull, by: User, *, method: str = "merge", sha: str | None = None, message: str = "") -> str:
    """Merge into the base and return the base's new tip.

    405 when it cannot be merged, 409 when the head or the base moved:
    https://docs.github.com/rest/pulls/pulls#merge-a-pull-request
    """
    refuse_unready(pull, method, sha)
    base_tip = pull.tested_base
    tip = build(pull, base_tip, by, method, message)
    if not pull.base.git.swap(f"refs/heads/{pull.base_ref}", tip, base_tip):
        raise HttpError(409, "Base branch was modified. Review and try the merge again.")
    mark_merged(pull, by, tip)
    refresh(pull.base, by)
    return tip


def build(pull: Pull, base_tip: str, by: User, method: str, message: str = "") -> str:
    """Write the commits of a merge onto `base_tip` and return the last; no ref moves. 405 when git cannot.

    Args:
        message: what whoever merges wrote instead of GitHub's default.
    """
    if method == "rebase":
        return _rebased(pull, base_tip, by)
    text = message or f"{_default_title(pull, method)}\n\n{_default_message(pull, method)}".strip()
    return _merged(pull, base_tip, by, squash=method == "squash", text=text)


def refuse_unready(pull: Pull, method: str, sha: str | None) -> None:
    """Raise what GitHub answers to a merge that may not happen now."""
    if method not in METHODS:
        raise malformed(f"{method} is not a member of {list(METHODS)}.")
    if pull.state != "open" or not pull.mergeable:
        raise HttpError(405, "Pull Request is not mergeable")
    if sha is not None and sha != pull.head_sha:
        raise HttpError(409, "Head branch was modified. Review and try the merge again.")
    if pull.draft:
        raise HttpError(405, "Pull Request is still a draft")
    reason = refused_method(pull, method) or unmet(pull)
    if reason:
        raise HttpError(405, reason)


def _default_title(pull: Pull, method: str) -> str:
    if method == "merge":
        return f"Merge pull request #{pull.number} from {pull.head.owner.login}/{pull.head_ref}"
    commits = _own_commits(pull)
    title = commits[0].message.partition("\n")[0] if len(commits) == 1 else pull.title
    return f"{title} (#{pull.number})"


def _default_message(pull: Pull, method: str) -> str:
    if method == "merge":
        return pull.title
    commits = _own_commits(pull)
    if len(commits) == 1:
        return commits[0].message.partition("\n")[2].strip()
    return "\n\n".join(f"* {commit.message}" for commit in commits)


def _own_commits(pull: Pull) -> list[Commit]:
    return pull.base.git.commits("--no-merges", f"{pull.tested_base}..{pull.head_sha}")


def _merged(pull: Pull, base_tip: str, by: User, *, squash: bool, text: str) -> str:
    git, now = pull.base.git, pull.base.hub.now()
    tree = git.merge_trees(base_tip, pull.head_sha)
    if tree is None:
        raise HttpError(405, "Pull Request is not mergeable")
    writer = pull.user if squash else by  # a squash is signed by who opened the pull request
    parents = [base_tip] if squash else [base_tip, pull.head_sha]
    made = git.commit_tree(tree, parents, text, Person(writer.login, writer.email, now), Person(*WEB_FLOW, now))
    pull.base.verified.add(made)
    return made


def _rebased(pull: Pull, base_tip: str, by: User) -> str:
    """Replay the pull request's commits onto the base; authors stay, who merges becomes the committer."""
    committer = Person(by.login, by.email, pull.base.hub.now())
    tip = base_tip
    for commit in _own_commits(pull):
        tree = _picked(pull.base.git, commit, tip, committer)
        if tree is None:
            raise HttpError(405, "This branch can't be rebased")
        tip = pull.base.git.commit_tree(tree, [tip], commit.message, commit.author, committer)
    return tip


def _picked(git: BareRepository, commit: Commit, onto: str, committer: Person) -> str | None:
    """Return the tree of `commit` replayed on `onto`, or None when it conflicts.

    git 2.38 cannot be told a merge base, so one is made: a commit with the tree of `onto` whose parent is the
    picked commit's parent; merging the picked commit into it is exactly the cherry-pick.
    """
    tree = git.resolve(onto, "tree")
    if tree is None or not commit.parents:
        return None
    stand_in = git.commit_tree(tree, commit.parents[:1], "stand-in", commit.author, committer)
    return git.merge_trees(stand_in, commit.sha)
