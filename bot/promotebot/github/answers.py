"""GitHub's JSON as the bot's own values, and the one value that is written as JSON of some depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from promotebot.github.checks import MAX_SUMMARY, Annotation
from promotebot.github.git_port import BranchRules
from promotebot.github.ports import BranchPush, CheckRun, CommitStatus, Issue, IssueComment, PullRequest
from promotebot.github.rest import translated
from promotebot.text import cut

GHOST = "ghost"
"""The login under which GitHub shows an account that was deleted."""


def read_pull(answer: Mapping[str, Any]) -> PullRequest:
    """Return a pull request, as lists have it or alone; one whose fork was deleted counts as from a fork."""
    head, base, merged_at = answer["head"], answer["base"], answer["merged_at"]
    return PullRequest(
        number=int(answer["number"]),
        title=str(answer["title"]),
        state=str(answer["state"]),
        merged=merged_at is not None,  # lists have no `merged`
        merged_at=read_time(merged_at) if merged_at else None,
        merge_commit_sha=answer["merge_commit_sha"],
        draft=bool(answer["draft"]),
        author=str(answer["user"]["login"]) if answer["user"] else GHOST,
        head_sha=str(head["sha"]),
        head_ref=str(head["ref"]),
        base_ref=str(base["ref"]),
        is_fork=head["repo"] is None or head["repo"]["id"] != base["repo"]["id"],
        merged_by=str((answer.get("merged_by") or {}).get("login") or ""),  # lists have none
    )


def read_status(status: Mapping[str, Any]) -> CommitStatus:
    """Return a commit status; an account that was deleted is the ghost, which is nobody's bot."""
    creator = status["creator"]["login"] if status["creator"] else GHOST
    description, at = str(status.get("description") or ""), read_time(status["created_at"])
    return CommitStatus(str(status["context"]), str(status["state"]), str(creator), description, at)


def read_check_run(run: Mapping[str, Any]) -> CheckRun:
    """Return a check run: https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference"""
    app, conclusion = run["app"], run["conclusion"]
    return CheckRun(str(run["name"]), str(run["status"]), str(conclusion or ""), str(app["slug"]) if app else "")


def read_push(push: Mapping[str, Any]) -> BranchPush:
    """Return who moved a branch; an account that was deleted was a person's, for all that is known."""
    actor = push["actor"]
    return BranchPush(
        before=str(push["before"]),
        after=str(push["after"]),
        actor=str(actor["login"]) if actor else GHOST,
        is_person=actor is None or actor["type"] == "User",
        creates=push["activity_type"] == "branch_creation",
        id=int(push["id"]),
        at=read_time(push["timestamp"]),
    )


def read_rules(settings: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> BranchRules:
    """Return what a branch's rules say, from the repository's settings (GraphQL) and its rulesets' rules (REST).

    The older branch protection shows its linear history, and not whether it dismisses approvals.
    """
    names = {"merge": "mergeCommitAllowed", "squash": "squashMergeAllowed", "rebase": "rebaseMergeAllowed"}
    methods = {name for name, field in names.items() if settings[field]}
    protection = (settings["ref"] or {}).get("refUpdateRule") or {}
    if protection.get("requiresLinearHistory") or any(rule["type"] == "required_linear_history" for rule in rules):
        methods.discard("merge")
    reviews = [rule.get("parameters") or {} for rule in rules if rule["type"] == "pull_request"]
    for review in reviews:
        methods &= set(review.get("allowed_merge_methods") or methods)
    for queue in (rule.get("parameters") or {} for rule in rules if rule["type"] == "merge_queue"):
        methods = {str(queue["merge_method"]).lower()}  # the queue merges in its own way
    dismissals = ("dismiss_stale_reviews_on_push", "require_last_push_approval")
    dismisses = any(review.get(name) for review in reviews for name in dismissals)
    unknown = bool(protection.get("requiredApprovingReviewCount")) and not dismisses
    return BranchRules(frozenset(methods), None if unknown else dismisses)


def read_issue(answer: Mapping[str, Any]) -> Issue:
    """Return an issue of the bot's own. Raises CouldNotVerify for an answer that is none."""
    with translated("read the issue"):
        return Issue(int(answer["number"]), str(answer["body"] or ""), str(answer["html_url"]))


def read_comment(answer: Mapping[str, Any]) -> IssueComment:
    """Return a comment. Raises KeyError, TypeError or ValueError for what is none.

    An account whose name and type do not go together is nobody's.
    """
    user = answer["user"]
    author = str(user["login"]) if user and is_by(user, user["login"]) else GHOST
    pull = int(str(answer["issue_url"]).rpartition("/")[2])
    body, node_id = answer["body"] or "", str(answer.get("node_id") or "")
    return IssueComment(answer["id"], pull, body, author, answer["html_url"], node_id)


def written_annotation(annotation: Annotation) -> dict[str, Any]:
    """Return an annotation as a check run takes it: https://docs.github.com/en/rest/checks/runs#create-a-check-run"""
    return {
        "path": annotation.path,
        "start_line": annotation.line,
        "end_line": annotation.line,
        "annotation_level": annotation.level,
        "title": annotation.title[:255],
        "message": cut(annotation.message, MAX_SUMMARY),
    }


def read_time(text: str) -> datetime:
    """Return a moment as GitHub writes it. Raises ValueError for what is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def carries(deployment: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a deployment's payload, which anybody may have written, has all that is wanted."""
    payload = deployment["payload"]
    return isinstance(payload, Mapping) and all(payload.get(name) == value for name, value in wanted.items())


def is_by(user: Mapping[str, Any] | None, login: str) -> bool:
    """Tell whether an account is this one, by login and type: an App's login ends with [bot], no person's can."""
    return user is not None and user["login"] == login and (user["type"] == "Bot") == login.endswith("[bot]")
