"""GraphQL's side of branches: commits made on them, refs moved by compare-and-swap, and the rules that all may see."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError

from tests.fake_github.api.call import Call
from tests.fake_github.bare import WEB_FLOW, ZERO, BareRepository, Person
from tests.fake_github.pulls import refresh
from tests.fake_github.state import RepositoryState

Node = Mapping[str, Any]
HEADS = "refs/heads/"
WORKFLOWS = ".github/workflows/"


class Refused(GraphQLError):
    """An error with GitHub's `type` beside the message: NOT_FOUND, FORBIDDEN, UNPROCESSABLE, STALE_DATA."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def commit_node(git: BareRepository, sha: str) -> Node:
    """Return a commit."""
    return {
        "__typename": "Commit",
        "oid": sha,
        "parents": lambda _, first=None: {
            "nodes": [commit_node(git, parent) for parent in git.commit(sha).parents[:first]]
        },
        "tree": {"__typename": "Tree", "oid": git.resolve(sha, "tree")},
    }


def merge_settings(repo: RepositoryState) -> Node:
    """Return which ways of merging the repository allows."""
    fields = {"merge": "mergeCommitAllowed", "squash": "squashMergeAllowed", "rebase": "rebaseMergeAllowed"}
    return {field: method in repo.merge_methods for method, field in fields.items()}


def ref(repo: RepositoryState, name: str) -> Node | None:
    """Return a ref, with what everybody may see of the older branch protection."""
    sha = repo.git.resolve(name) if name.startswith("refs/") else None
    if sha is None:
        return None
    rule = repo.protections.get(name.removeprefix(HEADS))
    shown = (
        {"requiredApprovingReviewCount": rule.required_reviews or None, "requiresLinearHistory": rule.linear_history}
        if (rule and rule.is_classic)
        else None
    )
    return {"name": name.removeprefix(HEADS), "target": commit_node(repo.git, sha), "refUpdateRule": shown}


def create_commit_on_branch(call: Call, repo: RepositoryState, wanted: Node) -> Node:
    """Commit on a branch that stands where it is expected: https://docs.github.com/graphql/reference/mutations"""
    branch, git = wanted["branch"]["branchName"], repo.git
    head = git.branch(branch)
    if head is None:
        raise Refused("NOT_FOUND", f"A ref with the name '{branch}' does not exist.")
    if head != wanted["expectedHeadOid"]:
        message = f'Expected branch to point to "{wanted["expectedHeadOid"]}" but it did not.  Pull and try again.'
        raise Refused("STALE_DATA", message)
    changes = _file_changes(git, head, wanted.get("fileChanges") or {})
    message = "\n\n".join(filter(None, [wanted["message"]["headline"], wanted["message"].get("body")]))
    now = repo.hub.now()
    author = Person(call.user.login, call.user.email, now)
    made = git.commit_tree(git.write_tree(head, changes), [head], message, author, Person(*WEB_FLOW, now))
    repo.verified.add(made)
    _move(call, repo, branch, head, made)
    refresh(repo, call.user)
    return {"commit": commit_node(git, made), "ref": ref(repo, HEADS + branch)}


def _file_changes(git: BareRepository, head: str, wanted: Node) -> list[tuple[str, str, str | None]]:
    there = dict(line.split("\t")[::-1] for line in git.run("ls-tree", "-r", head).splitlines())
    changes: list[tuple[str, str, str | None]] = []
    for addition in wanted.get("additions") or []:
        try:
            data = base64.b64decode(addition["contents"], validate=True)
        except binascii.Error:
            raise Refused("UNPROCESSABLE", "The contents are not valid base64.") from None
        changes.append((addition["path"], there.get(addition["path"], "100644")[:6], git.write_blob(data)))
    for deletion in wanted.get("deletions") or []:
        if deletion["path"] not in there:
            message = f"A path was requested for deletion which does not exist as of commit oid `{head}`"
            raise Refused("UNPROCESSABLE", message)
        changes.append((deletion["path"], "100644", None))
    return changes


def update_refs(call: Call, repo: RepositoryState, wanted: Node) -> Node:
    """Move refs from where they are expected; zeros before make a branch. GitHub documents no `type` of its errors."""
    for update in wanted["refUpdates"]:
        name, after = update["name"], update["afterOid"]
        branch, head = name.removeprefix(HEADS), repo.git.resolve(name) or ZERO
        if not name.startswith(HEADS) or repo.git.resolve(after) is None:
            raise Refused("UNPROCESSABLE", f"{after} is no commit that {name} could point to")
        if update.get("beforeOid") not in (None, head):
            raise Refused("STALE_DATA", f"Expected {name} to point to {update['beforeOid']}")
        if head != ZERO and not update.get("force") and not repo.git.is_ancestor(head, after):
            raise Refused("UNPROCESSABLE", f"{name} cannot be updated: the update is not a fast forward")
        _move(call, repo, branch, head, after)
    refresh(repo, call.user)
    return {}


def _move(call: Call, repo: RepositoryState, branch: str, old: str, new: str) -> None:
    """Move a branch as its rules allow: https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository"""
    if branch in repo.protections:
        raise Refused("UNPROCESSABLE", "Changes must be made through a pull request.")
    credential = call.credential
    assert credential is not None
    if credential.app and not credential.grants("workflows", "write"):
        commits = ("log", "--first-parent", "-m", "--format=", "--name-only", new, "--not", "--all", "--")
        span = ("diff-tree", "-r", "--name-only", old, new, "--")
        changed = repo.git.run(*(commits if old == ZERO else span), WORKFLOWS).split()
        if changed:
            what = f"create or update workflow `{changed[0]}` without `workflows` permission"
            raise Refused("FORBIDDEN", f"refusing to allow a GitHub App to {what}")
    if not repo.git.swap(HEADS + branch, new, old):
        raise Refused("STALE_DATA", f"Expected branch to point to {old}")
